//! What to build, and how: from what was signed.

use std::path::{Path, PathBuf};

use mcpkg_core::api::Artifact;
use mcpkg_core::archive::ArchivePath;
use mcpkg_core::evidence::{Evidence, SourceCommit};
use mcpkg_core::project::{self, Recipe};

use super::outcome::RecipeOrigin;
use crate::error::{Error, Result};
use crate::ops::release::TrustedRelease;
use crate::ops::source::{self, SourceError};

/// Where an artifact's source is, and how it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The commit.
    pub source: SourceCommit,
    /// The recipe, if one was signed.
    pub signed_recipe: Option<Recipe>,
    /// The source folder, from the root of the repository; `None` is the root.
    pub path: Option<ArchivePath>,
}

impl Plan {
    /// Reads the evidence for `artifact`, which was judged. Where several bundles
    /// attest it, the one that has a recipe is followed.
    pub fn of(release: &TrustedRelease, artifact: &Artifact) -> Result<Self, SourceError> {
        let attests = |evidence: &&Evidence| evidence.subjects.contains(&artifact.digest);
        let recipe_of = |evidence: &Evidence| evidence.statement.as_ref()?.recipe.clone();
        let about: Vec<_> = release.evidence.iter().filter(attests).collect();
        let with_recipe = about.iter().find(|evidence| recipe_of(evidence).is_some());
        let evidence = with_recipe.or(about.first()).ok_or(SourceError::Unknown)?;
        Ok(Self {
            source: evidence.source().ok_or(SourceError::Unknown)?,
            signed_recipe: recipe_of(evidence),
            path: evidence.statement.as_ref().and_then(|statement| statement.path.clone()),
        })
    }

    /// The source folder, from the root of the repository.
    pub fn folder(&self) -> PathBuf {
        self.path.as_ref().map(|path| PathBuf::from(path.as_str())).unwrap_or_default()
    }

    /// The source folder below `root`, where no link on the way leads out of it.
    fn folder_in(&self, root: &Path) -> Result<PathBuf, SourceError> {
        let missing = || SourceError::Folder(self.folder().display().to_string());
        let root = dunce::canonicalize(root).map_err(|_| missing())?;
        let folder = dunce::canonicalize(root.join(self.folder())).map_err(|_| missing())?;
        if folder.starts_with(&root) && folder.is_dir() { Ok(folder) } else { Err(missing()) }
    }

    /// The recipe: the one that was signed, whatever the source says; or else the
    /// one in the `mcpkg.toml` of the source at `root`, of which nobody has said
    /// that the release was built with it.
    ///
    /// # Errors
    ///
    /// `E_SOURCE` if there is neither, or if the source has no such folder.
    pub fn recipe(&self, root: &Path) -> Result<(Recipe, RecipeOrigin)> {
        let folder = self.folder_in(root).map_err(Error::wrap("there is nothing to build"))?;
        if let Some(recipe) = &self.signed_recipe {
            return Ok((recipe.clone(), RecipeOrigin::Signed));
        }
        let committed = source::read_project(&folder)?.and_then(|project| project.build);
        let missing = || SourceError::NoRecipe(project::FILE.to_owned());
        let recipe = committed
            .ok_or_else(missing)
            .map_err(Error::wrap("there is nothing to rebuild it with"))?;
        Ok((recipe, RecipeOrigin::Committed))
    }
}
