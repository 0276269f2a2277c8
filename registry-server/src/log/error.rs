//! Why the log does not do what it was asked to.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::log::{EntryError, LogError as Unbelieved, Tree};
use mcpkg_core::{Code, Coded};

use super::witnesses::WitnessError;
use crate::key_file::KeyFileError;
use crate::store::StoreError;

/// A failure of the log. What it has acknowledged is never affected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
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
    /// A file of the log is not what was written.
    #[error("the log's file `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something of the log does not hold together.
    #[error("the log contradicts itself")]
    Unbelieved(#[from] Unbelieved),
    /// An entry cannot be written.
    #[error("the entry cannot be logged")]
    Entry(#[from] EntryError),
    /// The key cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// There is a log, and its key is not where it should be.
    #[error("there is no signing key at `{}`, and there is a log that needs it", .0.display())]
    NoKey(PathBuf),
    /// There is something where a new key or log should go.
    #[error("there is a log already: `{}` exists", .0.display())]
    Exists(PathBuf),
    /// There is a log, and nothing says how far it was signed.
    #[error(
        "there is a log of {size} entries, and the guard `{}` is missing", guard.display()
    )]
    NoGuard {
        /// How far the log in the data folder goes.
        size: u64,
        /// Where the guard should be.
        guard: PathBuf,
    },
    /// The guard remembers a tree that the data folder does not have.
    #[error(
        "the guard remembers a log of {} entries (root {}), and the data folder has {found}",
        guard.size, guard.root
    )]
    Behind {
        /// What the guard remembers.
        guard: Tree,
        /// What the data folder has.
        found: String,
    },
    /// The guard is older than what was published.
    #[error("the guard remembers a log of {guard} entries, and {published} are published already")]
    OldGuard {
        /// How many entries the guard remembers.
        guard: u64,
        /// How many are in the newest checkpoint.
        published: u64,
    },
    /// Somebody else has signed in the meantime.
    #[error("another process has signed this log: the guard changed under our hands")]
    Forked,
    /// The database is of another log, or newer than the log.
    #[error("the database has applied {database} entries of a log that has {log}{unlike}")]
    Database {
        /// How many the database has applied.
        database: u64,
        /// How many there are.
        log: u64,
        /// Whether they are other entries.
        unlike: &'static str,
    },
    /// The clock went back.
    #[error("the clock says {now}, and something was signed at {last}")]
    Clock {
        /// What the clock says.
        now: Timestamp,
        /// When something was signed.
        last: Timestamp,
    },
    /// Too few witnesses have signed.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The index of the log could not be brought up to date.
    #[error("the log could not be applied to the database")]
    Store(#[from] StoreError),
    /// A release of the log cannot be read from its blobs.
    #[error("entry {index} of the log cannot be applied: {reason}")]
    Apply {
        /// Which entry.
        index: u64,
        /// Why not.
        reason: String,
    },
    /// The log did not answer in time.
    #[error("the log did not answer within {0} s; what was sent may still be published")]
    Slow(u64),
    /// The log is being shut down.
    #[error("the log is stopping")]
    Stopping,
}

impl LogError {
    /// Whether the server must not sign until a person has looked at it.
    pub(crate) fn is_fork(&self) -> bool {
        matches!(
            self,
            Self::NoGuard { .. }
                | Self::Behind { .. }
                | Self::OldGuard { .. }
                | Self::Forked
                | Self::Database { .. }
        )
    }

    /// Whether there is no room left.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::File { source, .. } => crate::blobs::is_full(source),
            Self::Store(StoreError::Full(_)) => true,
            _ => false,
        }
    }
}

/// Makes the error for an `action` on `path` that failed.
pub(crate) fn failed_to(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::File { action, path, source }
}

impl Coded for LogError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::Storage,
            Self::Damaged { .. } => Code::LogTile,
            Self::Unbelieved(error) => error.code(),
            Self::Entry(error) => error.code(),
            Self::KeyFile(error) => error.code(),
            Self::NoKey(_) | Self::Exists(_) => Code::Config,
            Self::NoGuard { .. }
            | Self::Behind { .. }
            | Self::OldGuard { .. }
            | Self::Forked
            | Self::Database { .. } => Code::LogFork,
            Self::Clock { .. } => Code::Clock,
            Self::Witness(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Apply { .. } => Code::Blob,
            Self::Slow(_) | Self::Stopping => Code::Unavailable,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::File { source, .. } if crate::blobs::is_full(source) => {
                "make room on the registry's disk"
            }
            Self::File { .. } => "check that the registry may read and write its data folder",
            Self::Damaged { .. } => "run `mcpkg-registry fsck`, and restore the file from a backup",
            Self::NoKey(_) => "put the key back, or name its file as `[log] key`",
            Self::Exists(_) => {
                "`mcpkg-registry log rotate` gives a log a new key, `log succeed` a new name"
            }
            Self::NoGuard { .. } => {
                "bring the guard along with the data. If it is lost, and you are sure that nothing \
                 newer was ever signed: `mcpkg-registry log reset-guard --size <entries>`"
            }
            Self::Behind { .. } => {
                "the data are older than what was signed, as from a backup. Nothing was signed. \
                 Restore newer data, or copy the missing files of `/v1/log/` and `/v1/blobs/` \
                 from a mirror and run `mcpkg-registry fsck --rebuild`. docs/operations.md says \
                 what to do if they are lost"
            }
            Self::OldGuard { .. } => {
                "the guard must never be restored from a backup. If nothing newer was signed: \
                 `mcpkg-registry log reset-guard --size <entries>`"
            }
            Self::Forked => "stop the other registry that uses this log's key",
            Self::Database { .. } => {
                "the log decides: `mcpkg-registry fsck --rebuild` makes the database again"
            }
            Self::Clock { .. } => {
                "set the clock; reading works meanwhile, and publishing when it is right"
            }
            Self::Witness(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Unbelieved(error) => return error.hint(),
            Self::Apply { .. } => "run `mcpkg-registry fsck`, and restore the blob from a backup",
            Self::Slow(_) | Self::Stopping => "send the same again in a minute",
            Self::KeyFile(error) => return error.hint(),
            Self::Entry(_) => return None,
        })
    }
}
