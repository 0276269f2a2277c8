//! The `mcpkg.toml` of a source folder.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use mcpkg_core::project::{self, Project};

use crate::error::{Error, Result};

/// Reads the `mcpkg.toml` in `folder`, if there is one.
///
/// A link is not followed: in somebody else's source it could lead anywhere.
pub fn read_project(folder: &Path) -> Result<Option<Project>> {
    let path = folder.join(project::FILE);
    let failed = |source| Error::Read { path: path.clone(), source };
    let metadata = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    let mut text = String::new();
    let limit = project::MAX_BYTES as u64 + 1;
    fs::File::open(&path).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    let unusable = Error::wrap(format!("`{}` cannot be used", path.display()));
    Project::parse(&text).map(Some).map_err(unusable)
}
