//! What a server has shown while nothing of it was pinned.
//!
//! Nobody has approved that, so it is not in the lock. It is remembered beside it all
//! the same, for one release: so that a server that was first run unpinned cannot
//! change at the next start either.

use std::fs;
use std::io;
use std::path::PathBuf;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::surface::Surface;
use mcpkg_core::{Code, Digest, PackageName};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The file that remembers it.
pub(super) struct Known {
    path: PathBuf,
    metadata: Digest,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// The release.
    metadata: Digest,
    surface: Vec<Surface>,
}

impl Known {
    pub(super) fn of(server: &LockedServer, places: &Places) -> Self {
        Self { path: places.seen_surface(&server.name), metadata: server.metadata }
    }

    pub(super) fn read(&self) -> Result<Vec<Surface>> {
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|source| Error::Read { path: self.path.clone(), source })?,
        };
        // To take a broken file for none would let the server begin anew.
        let remembered: Remembered =
            serde_json::from_slice(&bytes).map_err(|source| Error::Failed {
                context: format!("`{}` cannot be used", self.path.display()),
                code: Code::Storage,
                hint: Some("remove the file, and look at the server with `mcpkg inspect`"),
                source: Box::new(source),
            })?;
        let is_same = remembered.metadata == self.metadata;
        Ok(if is_same { remembered.surface } else { Vec::new() })
    }

    pub(super) fn write(&self, surface: &[Surface]) -> Result<()> {
        let remembered = Remembered { metadata: self.metadata, surface: surface.to_vec() };
        let bytes = serde_json::to_vec(&remembered).map_err(Error::Json)?;
        atomic::write(&self.path, &bytes)
    }
}

/// Forgets what a server has shown, because now it is pinned.
pub fn forget(places: &Places, server: &PackageName) -> Result<()> {
    let path = places.seen_surface(server);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path, source: error })
        }
        _ => Ok(()),
    }
}
