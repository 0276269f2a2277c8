//! Who may vouch for names, whichever registry serves them.

use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use serde::{Deserialize, Serialize};
use url::Url;

/// A Sigstore instance of one's own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedRoot {
    /// What the user calls it.
    pub name: String,
    /// The address of its TUF repository, with a slash at the end, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuf: Option<Url>,
    /// Its `trusted_root.json`; with a TUF repository, the `root.json` that trust
    /// in that begins with. Relative to the configuration's folder.
    pub file: PathBuf,
    /// The names it may vouch for.
    pub namespaces: Vec<NamePattern>,
}

/// A key that a company manages itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NamedKey {
    /// What the user calls it.
    pub name: String,
    /// The public key, PEM. Relative to the configuration's folder.
    pub file: PathBuf,
    /// The names it may vouch for.
    pub namespaces: Vec<NamePattern>,
    /// What was signed before this time does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// What was signed at this time or later does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}
