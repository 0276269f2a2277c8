//! A release was published.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::Artifact;
use crate::domain::DomainProof;
use crate::publisher::Publisher;
use crate::{Digest, PackageName, Version};

/// What a release consists of, and who published it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// The package, in the case that its first release used.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// The digest of the signed `server.json`.
    pub metadata: Digest,
    /// What can be downloaded, in the order of the platforms; empty for a release
    /// of remotes only.
    pub artifacts: Vec<Artifact>,
    /// The digests of the Sigstore bundles.
    pub evidence: Vec<Digest>,
    /// Who signed it, as the evidence says.
    pub publisher: Publisher,
    /// What the domain of the namespace said of them, where that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<DomainProof>,
    /// The index of the package's entry before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub time: Timestamp,
}
