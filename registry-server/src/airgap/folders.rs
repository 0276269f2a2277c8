//! Copying folders, and removing them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::AirgapError;

/// Removes a folder with everything in it, if there is one.
pub(super) fn clear(folder: &Path) -> Result<(), AirgapError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(AirgapError::file("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Copies a folder with everything in it; nothing if there is none.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), AirgapError> {
    copy_files(from, to, |_| true)?;
    for path in entries(from)?.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap_or_default();
        copy_folder(&path, &to.join(name))?;
    }
    Ok(())
}

/// Copies the files of a folder that are wanted.
pub(super) fn copy_files(
    from: &Path,
    to: &Path,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), AirgapError> {
    fs::create_dir_all(to).map_err(AirgapError::file("make", to))?;
    for path in entries(from)?.into_iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default();
        if is_wanted(&name.to_string_lossy()) {
            fs::copy(&path, to.join(name)).map_err(AirgapError::file("copy", &path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, AirgapError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(AirgapError::file("read", folder)),
    }
}
