//! Who may do what, as it stands in a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The policies of a registry: `[policy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyFile {
    /// Files of Cedar policies. Relative to the file that names them.
    pub files: Vec<PathBuf>,
    /// What is in force beside them.
    pub defaults: PolicyDefaults,
}

/// What is in force beside the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyDefaults {
    /// What the roles may do.
    #[default]
    Roles,
    /// Nothing: what no file permits is denied.
    None,
}

impl PolicyFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        for file in &mut self.files {
            *file = folder.join(&*file);
        }
    }
}
