//! Replacing a file in one step, if it is still what it was.
//!
//! | step                   | fails: the file is | killed after it: also there |
//! |------------------------|--------------------|-----------------------------|
//! | create the folder      | as it was          | a folder                    |
//! | write a temporary file | as it was          | the temporary file          |
//! | sync it, set its mode  | as it was          | the temporary file          |
//! | read the file again    | as it was          | the temporary file          |
//! | rename                 | as it was          | nothing                     |
//! | sync the folder        | new                | nothing                     |
//!
//! A temporary file is removed when a step fails. One that outlived its
//! process is removed by the next edit of the same file.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use super::FileError;
use super::target::Target;

/// Whether the file was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    Yes,
    /// No: it is not what it was when it was read.
    ChangedMeanwhile,
}

/// Replaces `target`, which held `old`, by `new`; `None` is no file.
///
/// To be called with the lock held.
pub(super) fn replace(
    target: &Target,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<Replaced, FileError> {
    let failed = |source| FileError::Write { path: target.path.clone(), source };
    target.check_writable()?;
    create_folder(target.folder()).map_err(failed)?;
    remove_leftovers(target).map_err(failed)?;
    let staged = new.map(|new| stage(target, new)).transpose().map_err(failed)?;
    if target.read()?.as_deref() != old {
        return Ok(Replaced::ChangedMeanwhile);
    }
    match (staged, old) {
        (Some(staged), Some(_)) => {
            staged.persist(&target.path).map_err(|error| failed(error.error))?;
        }
        // A file that appears at the last moment is its owner's: leave it.
        (Some(staged), None) => match staged.persist_noclobber(&target.path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(Replaced::ChangedMeanwhile);
            }
            Err(error) => return Err(failed(error.error)),
        },
        (None, Some(_)) => fs::remove_file(&target.path).map_err(failed)?,
        (None, None) => {}
    }
    sync_folder(target.folder()).map_err(failed)?;
    Ok(Replaced::Yes)
}

/// Creates a folder and those above it, for the user alone.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes `bytes` to a temporary file that is otherwise like `target`.
fn stage(target: &Target, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut staged = tempfile::Builder::new()
        .prefix(&staged_prefix(target))
        .rand_bytes(12)
        .tempfile_in(target.folder())?;
    staged.write_all(bytes)?;
    keep_owner_and_mode(staged.as_file(), &target.path)?;
    staged.as_file().sync_all()?;
    Ok(staged)
}

/// How the names of our temporary files for `target` start.
fn staged_prefix(target: &Target) -> String {
    let name = target.path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.mcpkg-")
}

/// Removes what processes that were killed have left. The lock is held, so no
/// process that lives is using it.
fn remove_leftovers(target: &Target) -> io::Result<()> {
    let prefix = staged_prefix(target);
    for entry in fs::read_dir(target.folder())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Gives `staged` the owner, group and mode of the file at `path`. Where there
/// is none, it stays as it was created: ours, mode 0600.
#[cfg(unix)]
fn keep_owner_and_mode(staged: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let theirs = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let ours = staged.metadata()?;
    if (ours.uid(), ours.gid()) != (theirs.uid(), theirs.gid()) {
        // Without this, `sudo mcpkg install` would lock the user out.
        fchown(staged, Some(theirs.uid()), Some(theirs.gid()))?;
    }
    // After the owner: to change that clears the set-user-id bits.
    staged.set_permissions(theirs.permissions())
}

/// Windows keeps access rights with the folder, which is the same.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the other systems")]
fn keep_owner_and_mode(_staged: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the rename itself last through a power failure.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Windows has no such operation; a rename there is journaled.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the other systems")]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
