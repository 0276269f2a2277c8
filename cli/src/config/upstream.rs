//! Where packages of other ecosystems come from, and whose word on them counts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// Where packages of other ecosystems come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// The npm registry [default: npm's own].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm: Option<Url>,
    /// The keys with which that registry attests what it took: a `keys.json` as npm's TUF
    /// repository has it [default: npm's own]. Relative to the configuration's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm_keys: Option<PathBuf>,
    /// The index of Python's packages [default: PyPI].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pypi: Option<Url>,
    /// Where that index keeps its files, if elsewhere [default: PyPI's].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pypi_files: Vec<Url>,
    /// The Sigstore that their packages are attested with: a `trusted_root.json` [default:
    /// the public one]. Relative to the configuration's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_root: Option<PathBuf>,
}

impl UpstreamConfig {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
