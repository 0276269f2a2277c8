//! What of another ecosystem an artifact was made of on this machine.

use serde::{Deserialize, Serialize};

use crate::project::VersionRange;

/// A release of another ecosystem that an artifact was made of on this machine, and all
/// that went into it: enough to make the very same artifact on another one.
///
/// Then the registry is that ecosystem's, and the publisher the workflow that it attests,
/// or whoever it lets upload the package if the user took it without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedUpstream {
    /// The release, such as `npm:@acme/weather@1.2.0`.
    pub release: String,
    /// The digest of its tarball or wheel: `sha512-…` or `sha256:…`.
    pub integrity: String,
    /// The releases that its user asked for, where that was a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<VersionRange>,
    /// The versions of the interpreter that its dependencies were chosen for, where that
    /// matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Every tarball or wheel that went into it, a line of JSON for each, itself first.
    ///
    /// There may be hundreds, and a lock is read at each launch, which needs none of them:
    /// as one text they cost it nothing, and a merge still sees one line for one package.
    pub files: String,
}
