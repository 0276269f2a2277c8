//! What a witness remembers, on disk.
//!
//! ```text
//! <state>/lock                  held by the one witness that uses the folder
//! <state>/staging/              files being written; emptied at start
//! <state>/<sha256 of origin>    the checkpoint that was cosigned last
//! <state>/<sha256 of origin>.fork
//!                               two trees of one size that the log has signed
//! ```
//!
//! A file of state is the log's checkpoint, verbatim, with the log's signatures
//! and our own cosignature. So it is its own checksum: a file that we did not
//! write, or that has rotted, does not verify, and is then neither believed nor
//! overwritten. It also belongs to one key: a new witness begins with a new
//! folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::log::{Checkpoint, SignedNote, Tree, VerifierKey};
use mcpkg_core::{Code, Coded, Digest};

use crate::{durable, failpoint};

/// The folder of a witness's memories, for as long as it is ours.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    // Held for as long as the folder is ours.
    _lock: File,
}

/// What is remembered of one log.
#[derive(Debug)]
pub(super) struct Memory {
    origin: String,
    /// What the file has to be signed with: our own key.
    key: VerifierKey,
    path: PathBuf,
    staging: PathBuf,
    known: Known,
}

/// What the file has, as far as we know.
#[derive(Debug)]
enum Known {
    /// A write failed, or nothing was read: the file says what is there.
    Nothing,
    /// There is no file.
    Absent,
    /// The file is this.
    File(Latest),
}

/// A checkpoint that was cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Latest {
    /// Its tree.
    pub(super) tree: Tree,
    /// When it was cosigned, in seconds since 1970.
    pub(super) time_s: u64,
    /// With the signatures of the log and our own.
    pub(super) note: SignedNote,
}

/// Why what was signed is not known, or could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system refused.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another witness uses the folder.
    #[error("another witness uses the folder `{}`", .0.display())]
    InUse(PathBuf),
    /// The file is not what was written.
    #[error("the witness's state `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl StateFolder {
    /// The folder at `path`, which is made if missing. What an earlier run was
    /// writing is removed. Blocks.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let staging = path.join("staging");
        fs::create_dir_all(&staging).map_err(failed_to("make", &staging))?;
        let lock = lock(path)?;
        for entry in fs::read_dir(&staging).map_err(failed_to("read", &staging))? {
            let path = entry.map_err(failed_to("read", &staging))?.path();
            fs::remove_file(&path).map_err(failed_to("remove", &path))?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// What is remembered of the log `origin`, signed with our `key`. Blocks.
    pub(super) fn recall(&self, origin: &str, key: &VerifierKey) -> Result<Memory, StateError> {
        let mut memory = Memory {
            origin: origin.to_owned(),
            key: key.clone(),
            // An origin may have slashes, and be longer than a file's name.
            path: self.path.join(Digest::of(origin.as_bytes()).to_hex()),
            staging: self.path.join("staging"),
            known: Known::Nothing,
        };
        memory.latest()?;
        Ok(memory)
    }
}

fn lock(folder: &Path) -> Result<File, StateError> {
    let path = folder.join("lock");
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(failed_to("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed_to("lock", &path)(source)),
    }
}

impl Memory {
    /// What was cosigned last. Blocks.
    ///
    /// The file is read each time: one that was changed or removed under us must
    /// not be replaced by what we think is newer.
    pub(super) fn latest(&mut self) -> Result<Option<&Latest>, StateError> {
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.map_err(failed_to("read", &self.path))?),
        };
        match (&self.known, bytes) {
            (Known::Nothing, None) => self.known = Known::Absent,
            (Known::Nothing, Some(bytes)) => {
                let latest = self.read(&bytes)?;
                // It may be from a write that failed at its very end.
                self.sync()?;
                self.known = Known::File(latest);
            }
            (Known::Absent, None) => (),
            (Known::File(latest), Some(bytes)) if latest.note.to_string().as_bytes() == bytes => (),
            _ => return Err(self.damaged("it was changed by somebody else")),
        }
        Ok(match &self.known {
            Known::File(latest) => Some(latest),
            Known::Nothing | Known::Absent => None,
        })
    }

    /// Remembers a newer checkpoint, which survives a crash when this returns.
    /// Blocks.
    pub(super) fn replace(&mut self, latest: Latest) -> Result<(), StateError> {
        if matches!(&self.known, Known::File(known) if *known == latest) {
            return Ok(());
        }
        // Until it is done, either may be there.
        self.known = Known::Nothing;
        let bytes = latest.note.to_string().into_bytes();
        failpoint::around("witness-state", || durable::replace(&self.staging, &self.path, &bytes))
            .map_err(failed_to("write", &self.path))?;
        self.known = Known::File(latest);
        Ok(())
    }

    /// Keeps the proof that the log has forked: `other` is of the size that was
    /// signed last, and of another root. One proof is enough. Says where it is.
    /// Blocks.
    pub(super) fn keep_fork(&mut self, other: &SignedNote) -> Result<PathBuf, StateError> {
        let path = self.path.with_extension("fork");
        let known = self.latest()?.map(|latest| latest.note.to_string()).unwrap_or_default();
        if !path.exists() {
            let text = format!("{known}\n{other}");
            durable::replace(&self.staging, &path, text.as_bytes())
                .map_err(failed_to("write", &path))?;
        }
        Ok(path)
    }

    /// Makes what is in the file survive a crash.
    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .and_then(|()| durable::sync_folder(self.path.parent().unwrap_or(Path::new(""))))
            .map_err(failed_to("sync", &self.path))
    }

    fn read(&self, bytes: &[u8]) -> Result<Latest, StateError> {
        let note = SignedNote::parse(bytes).map_err(|_| self.damaged("it is no signed note"))?;
        let verified = note
            .verify(&[&self.key])
            .map_err(|_| self.damaged("it is not signed by this witness's key"))?;
        let time_s = verified.first().and_then(|signature| signature.time_s);
        let checkpoint =
            Checkpoint::parse(note.text()).map_err(|_| self.damaged("it is no checkpoint"))?;
        if checkpoint.origin != self.origin {
            return Err(self.damaged("it is of another log"));
        }
        // The key is one that signs with a time, so there is one.
        let time_s = time_s.ok_or_else(|| self.damaged("it has no time"))?;
        Ok(Latest { tree: checkpoint.tree, time_s, note })
    }

    fn damaged(&self, reason: &'static str) -> StateError {
        StateError::Damaged { path: self.path.clone(), reason }
    }
}

fn failed_to(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::File { action, path, source }
}

impl Coded for StateError {
    fn code(&self) -> Code {
        Code::Storage
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::File { .. } => "check that the witness may read and write its state folder",
            Self::InUse(_) => "stop the other one, or name another folder as `state`",
            Self::Damaged { .. } => {
                "a witness that has forgotten what it signed must not sign again under the same \
                 key: keep the folder, and begin anew with another key and an empty folder"
            }
        })
    }
}
