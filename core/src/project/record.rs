//! What was built, and how: how a recipe gets from packing to signing.

use serde::{Deserialize, Serialize};

use super::Recipe;
use crate::Digest;
use crate::archive::ArchivePath;

/// The recipe that artifacts were built with, as `mcpkg pack` leaves it beside
/// them for `mcpkg publish`.
///
/// A signer reads the recipe from here and not from `mcpkg.toml`, which may
/// have changed since; and an artifact that is not listed was not built with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildRecord {
    /// The recipe.
    pub recipe: Recipe,
    /// The source folder, from the root of its repository; `None` is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ArchivePath>,
    /// The artifacts, sorted.
    pub artifacts: Vec<Digest>,
}

impl BuildRecord {
    /// What the record's file is called.
    pub const FILE: &str = "recipe.json";

    /// The longest record that is read, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Adds an artifact. What was built in another way before is forgotten.
    #[must_use]
    pub fn with(
        previous: Option<Self>,
        recipe: Recipe,
        path: Option<ArchivePath>,
        artifact: Digest,
    ) -> Self {
        let mut artifacts = match previous {
            Some(previous) if previous.recipe == recipe && previous.path == path => {
                previous.artifacts
            }
            _ => Vec::new(),
        };
        artifacts.push(artifact);
        artifacts.sort_unstable();
        artifacts.dedup();
        Self { recipe, path, artifacts }
    }

    /// Whether all of `artifacts`, and at least one, were built like this.
    pub fn is_of(&self, artifacts: impl IntoIterator<Item = Digest>) -> bool {
        let mut artifacts = artifacts.into_iter().peekable();
        artifacts.peek().is_some() && artifacts.all(|digest| self.artifacts.contains(&digest))
    }
}
