//! The guard: what was signed last, outside of everything that is backed up.
//!
//! A log that is restored from a backup has forgotten entries. To sign a tree
//! without them would be a second story under the same key, and everybody who
//! saw the first could prove it. So the newest signed checkpoint is also kept
//! here, and nothing is signed that does not go on from it. Putting a checkpoint
//! here is the moment at which its entries become true.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{LogError, failed_to};
use crate::{durable, failpoint};

/// A file that changes only from a known value to the next.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    path: PathBuf,
}

impl Guard {
    /// The guard in the file at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint that was signed last. Blocks.
    pub(crate) fn read(&self) -> Result<Option<String>, LogError> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed_to("read", &self.path)(error)),
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| LogError::Damaged {
                path: self.path.clone(),
                reason: "it is not text",
            }),
        }
    }

    /// Goes from `expected` to `next`, and survives a crash after it. Blocks.
    ///
    /// # Errors
    ///
    /// [`LogError::Forked`] if another value is there, or another process is at it.
    pub(crate) fn swap(&self, expected: Option<&str>, next: &str) -> Result<(), LogError> {
        let lock = self.beside(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .map_err(failed_to("write", &lock))?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Err(LogError::Forked),
            Err(TryLockError::Error(source)) => return Err(failed_to("lock", &lock)(source)),
        }
        if self.read()?.as_deref() != expected {
            return Err(LogError::Forked);
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        failpoint::around("guard", || durable::replace(folder, &self.path, next.as_bytes()))
            .map_err(failed_to("write", &self.path))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}
