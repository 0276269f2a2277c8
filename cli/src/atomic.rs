//! Writing our own files so that they are old or new, never half.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to `path`: a temporary file beside it, synced, renamed over
/// it, and the folder synced. Missing folders are made, for the user alone.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    // The lock of a project is committed, so it gets the usual mode and not a
    // temporary file's 0600.
    write_with_mode(path, bytes, 0o644)
}

/// The same, for a file that is the user's alone from its first moment.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes a file that gets `mode` if it is new, and keeps the one that it has.
#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no modes on this system"))]
fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_or(mode, |metadata| metadata.permissions().mode());
        file.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder)
}

/// Makes a folder and those above it.
pub fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })
}

/// Makes renames in `folder` survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Windows opens no folders; a rename is durable there once it returns.
    if cfg!(unix) {
        let failed = |source| Error::Write { path: folder.to_owned(), source };
        File::open(folder).map_err(failed)?.sync_all().map_err(failed)?;
    }
    Ok(())
}
