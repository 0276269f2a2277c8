//! The key that waits to take over a log.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{LogError, failed_to};
use crate::durable;

/// Where the key waits that is to replace the one at `path`.
pub(super) fn next_path(path: &Path) -> PathBuf {
    let mut next = path.to_owned().into_os_string();
    next.push(".next");
    next.into()
}

/// Puts the key that waits in the place of the one at `path`. Blocks.
pub(super) fn install_next(path: &Path) -> Result<(), LogError> {
    let rename = || {
        fs::rename(next_path(path), path)?;
        durable::sync_folder(path.parent().unwrap_or(Path::new("")))
    };
    rename().map_err(failed_to("write", path))
}
