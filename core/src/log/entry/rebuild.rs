//! A release was built again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::publisher::Publisher;
use crate::statement::RebuildResult;
use crate::{Digest, PackageName, Version};

/// Somebody built a release again from its source, and said what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rebuild {
    /// The package, in the case that its first release used.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What came of it.
    pub result: RebuildResult,
    /// Who signed the statement.
    pub rebuilder: Publisher,
    /// The digest of its Sigstore bundle.
    pub evidence: Digest,
    /// The index of the package's entry before this one, on which the statement builds.
    pub previous: u64,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub time: Timestamp,
}
