//! Where a rebuild happens, and of what.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::Platform;
use mcpkg_core::api::Artifact;

use crate::error::{Error, Result};
use crate::ops::release::TrustedRelease;

/// Where a rebuild happens.
pub enum Work {
    /// In a folder that stays.
    Kept(PathBuf),
    /// In one that is gone afterwards.
    Temporary(tempfile::TempDir),
}

impl Work {
    /// Makes the folder that is to be kept, or one that is not.
    ///
    /// # Errors
    ///
    /// If the one to be kept is there already: among somebody's files nothing is written.
    pub fn make(keep: Option<&Path>) -> Result<Self> {
        let Some(folder) = keep else {
            let failed = |source| Error::Write { path: std::env::temp_dir(), source };
            return tempfile::Builder::new()
                .prefix("mcpkg-rebuild-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(failed);
        };
        fs::create_dir(folder)
            .map_err(|source| Error::Write { path: folder.to_owned(), source })?;
        absolute(folder).map(Self::Kept)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// A folder that is there, wherever a build looks at it from.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    dunce::canonicalize(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// The artifact of a release for the platform that is wanted, or else for this one.
pub fn choose(release: &TrustedRelease, wanted: Option<Platform>) -> Result<&Artifact> {
    let artifacts = &release.document.artifacts;
    let found = match wanted {
        Some(wanted) => artifacts.iter().find(|artifact| artifact.platform == wanted),
        None => Platform::choose(artifacts, |artifact| artifact.platform, Platform::current()),
    };
    found.ok_or_else(|| {
        let platforms: Vec<_> =
            artifacts.iter().map(|artifact| artifact.platform.to_string()).collect();
        Error::NoArtifact {
            name: release.document.name.clone(),
            version: release.document.version.clone(),
            available: if platforms.is_empty() { "none".to_owned() } else { platforms.join(", ") },
        }
    })
}
