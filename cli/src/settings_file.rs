//! Reading and writing the settings files of other programs.
//!
//! These files belong to the user and to programs that may be running, so:
//!
//! - **All or nothing.** The new text goes to a temporary file in the same
//!   folder, is synced, and takes the old one's place by a rename. A crash at
//!   any point leaves the old file or the new one, and at most a temporary
//!   file, which the next edit clears away.
//! - **Nobody's change is lost.** The file is read again just before the
//!   rename; if its owner has written it meanwhile, the edit is done again on
//!   the new text. (What remains is the moment between that read and the
//!   rename: no system call replaces a file only if it is unchanged.) Several
//!   `mcpkg` take turns by a lock, which lies in a folder of ours, not beside
//!   the settings.
//! - **The file stays what it was**: its mode and owner, its byte order mark,
//!   and its place if a symbolic link leads to it, as dotfile programs have it.
//! - **What cannot be read is not empty.** Only a file that does not exist is.
//!
//! The text itself is edited by [`crate::agents`].

mod difference;
mod error;
mod replace;
mod target;

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

pub use self::difference::unified_difference;
pub use self::error::FileError;
use self::replace::{Replaced, replace};
use self::target::Target;

/// The largest settings file we edit. Claude Code's grows to some megabytes,
/// because it keeps its history there.
pub const MAX_SIZE_BYTES: u64 = 16 * 1024 * 1024;

/// How often an edit starts again because somebody else wrote the file. Each
/// attempt takes milliseconds, so whoever wins this often is not a person.
const MAX_ATTEMPTS: usize = 5;

/// The byte order mark that some Windows programs start a file with. JSON
/// parsers refuse it (RFC 8259, section 8.1), so edits never see it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A settings file, and where the lock for it is kept.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    path: PathBuf,
    lock_folder: PathBuf,
    inside: Option<PathBuf>,
    when_blank: WhenBlank,
}

/// What to do with a file that an edit leaves blank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenBlank {
    /// Write it, as any other text.
    #[default]
    Keep,
    /// Remove it: right for a file that `mcpkg` created.
    Remove,
}

/// What an edit did to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The text was as wanted. Nothing was written: not even the time changed.
    Unchanged,
    /// The file existed, and now has the new text.
    Changed,
    /// The file did not exist, and now has the new text.
    Created {
        /// The uppermost folder that did not exist either.
        folder: Option<PathBuf>,
    },
    /// The file was blank after the edit and is gone, see [`WhenBlank::Remove`].
    Removed,
}

/// What an edit would do. Both texts are without a byte order mark.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// The file that would be written: where symbolic links lead.
    pub target: PathBuf,
    /// The text now; empty if there is no file.
    pub old: String,
    /// The text after the edit.
    pub new: String,
}

/// Leaves the texts out: other servers' secrets may be in them.
impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preview").field("target", &self.target).finish_non_exhaustive()
    }
}

impl SettingsFile {
    /// The settings at `path`. The lock is a file in `lock_folder`, which is
    /// created if it is missing.
    pub fn new(path: impl Into<PathBuf>, lock_folder: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            lock_folder: lock_folder.into(),
            inside: None,
            when_blank: WhenBlank::Keep,
        }
    }

    /// Refuses a file that symbolic links lead out of `folder`.
    ///
    /// A project's settings come with the project, and so does a link in their
    /// place: in a folder from a stranger, `.mcp.json` may point at the
    /// settings in the home directory.
    #[must_use]
    pub fn inside(self, folder: impl Into<PathBuf>) -> Self {
        Self { inside: Some(folder.into()), ..self }
    }

    /// Says what to do if an edit leaves the file blank.
    #[must_use]
    pub fn when_blank(self, when_blank: WhenBlank) -> Self {
        Self { when_blank, ..self }
    }

    /// Replaces the text by what `edit` makes of it. A missing file has an
    /// empty text, and its folder is created.
    ///
    /// `edit` is called again, up to five times in all, if the file changes
    /// while it works; it has to depend on its argument alone. Blocks while
    /// another `mcpkg` edits the same file.
    ///
    /// # Errors
    ///
    /// What `edit` returned, or a [`FileError`]. In both cases the file is as
    /// it was.
    pub fn edit<E: From<FileError>>(
        &self,
        mut edit: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Outcome, E> {
        let target = self.target()?;
        let _lock = self.lock(&target)?;
        let missing_folder = target.missing_folder();
        for _ in 0..MAX_ATTEMPTS {
            let found = target.read()?;
            let (mark, old) = decode(found.as_deref(), &target)?;
            let new = match edit(old) {
                Ok(new) if new == old => return Ok(Outcome::Unchanged),
                Ok(new) => new,
                Err(error) if target.read()? == found => return Err(error),
                // We may have read half of what the owner was writing.
                Err(_) => continue,
            };
            let bytes = if new.trim().is_empty() && self.when_blank == WhenBlank::Remove {
                None
            } else {
                Some(format!("{mark}{new}").into_bytes())
            };
            match replace(&target, found.as_deref(), bytes.as_deref())? {
                Replaced::ChangedMeanwhile => {}
                Replaced::Yes if bytes.is_none() => return Ok(Outcome::Removed),
                Replaced::Yes if found.is_some() => return Ok(Outcome::Changed),
                Replaced::Yes => return Ok(Outcome::Created { folder: missing_folder }),
            }
        }
        Err(FileError::Contended { path: target.path, attempts: MAX_ATTEMPTS }.into())
    }

    /// Says what [`SettingsFile::edit`] would do, and writes nothing: no file,
    /// no folder, no lock.
    ///
    /// # Errors
    ///
    /// As [`SettingsFile::edit`], but for those of writing.
    pub fn preview<E: From<FileError>>(
        &self,
        edit: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<Preview, E> {
        let target = self.target()?;
        let found = target.read()?;
        let (_, old) = decode(found.as_deref(), &target)?;
        let new = edit(old)?;
        if new != old {
            target.check_writable()?;
        }
        Ok(Preview { new, old: old.to_owned(), target: target.path })
    }

    fn target(&self) -> Result<Target, FileError> {
        let target = Target::of(&self.path)?;
        if let Some(folder) = &self.inside {
            target.check_inside(folder)?;
        }
        Ok(target)
    }

    /// Waits for the lock of `target`. It is released when the file is dropped.
    fn lock(&self, target: &Target) -> Result<File, FileError> {
        let name = Sha256::digest(target.path.as_os_str().as_encoded_bytes());
        let path = self.lock_folder.join(format!("{}.lock", hex::encode(name)));
        let lock = || {
            replace::create_folder(&self.lock_folder)?;
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| FileError::Lock { path: path.clone(), source })
    }
}

/// The byte order mark, if there is one, and the text after it.
fn decode<'a>(found: Option<&'a [u8]>, target: &Target) -> Result<(&'a str, &'a str), FileError> {
    let text = std::str::from_utf8(found.unwrap_or_default())
        .map_err(|source| FileError::NotUtf8 { path: target.path.clone(), source })?;
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    Ok(text.split_at(start))
}

/// Whether there is something at `path`, be it a symbolic link that leads nowhere.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
