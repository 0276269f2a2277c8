//! The status of a release was changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::Status;
use crate::publisher::Publisher;
use crate::{Digest, PackageName, Version};

/// A release was yanked, deprecated or restored by its publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusChange {
    /// The package, in the case that its first release used.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What it is from now on.
    pub status: Status,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who signed the statement.
    pub publisher: Publisher,
    /// The digest of its Sigstore bundle.
    pub evidence: Digest,
    /// The index of the package's entry before this one, on which the statement builds.
    pub previous: u64,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub time: Timestamp,
}
