//! Why a source is not followed, or something of it not served.

use std::path::PathBuf;
use std::sync::Arc;

use mcpkg_core::log::{LogError as Unbelieved, Tree};
use mcpkg_core::{Code, Coded, Digest, PackageName};

use super::upstream::UpstreamError;
use crate::blobs::BlobError;
use crate::log::LogError;
use crate::store::StoreError;

/// A failure of a mirror. What it serves is never affected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The source could not be read.
    #[error("the source could not be read")]
    Upstream(#[from] UpstreamError),
    /// What the source's log says is not believed.
    #[error("the source's log is not believed")]
    Unbelieved(#[from] Unbelieved),
    /// The entries that the source sent are not those that its log signed.
    #[error("the entries {first} to {last} are not those that the source's log signed")]
    Entries {
        /// The first that was read.
        first: u64,
        /// The last that was read.
        last: u64,
    },
    /// The source does not show the checkpoints that its receipts end with.
    #[error("the source does not show the checkpoint that the receipt of entry {0} ends with")]
    Receipts(u64),
    /// The source's log tells two stories.
    #[error(
        "the source's log tells two stories: {} entries with the root {}, and {} with the root {}; \
         both signed checkpoints are in `{}`",
        seen.size, seen.root, found.size, found.root, evidence.display()
    )]
    Fork {
        /// What was seen before.
        seen: Tree,
        /// What it says now.
        found: Tree,
        /// Where both checkpoints are.
        evidence: PathBuf,
    },
    /// The source's log was forked before, and nobody has looked at it.
    #[error("the source's log has told two stories, as `{}` proves", .0.display())]
    Stopped(PathBuf),
    /// The source shows a tree that is older than one that it has shown.
    #[error(
        "the source shows a log of {found} entries, and has shown {seen}; both signed checkpoints \
         are in `{}`", evidence.display()
    )]
    Rollback {
        /// How many it had.
        seen: u64,
        /// How many it shows.
        found: u64,
        /// Where both checkpoints are.
        evidence: PathBuf,
    },
    /// The source signed an index of a package that is not what its log has.
    #[error("the source's index of `{name}` is not what its log has: {what}")]
    Index {
        /// Of which package.
        name: PackageName,
        /// What is wrong.
        what: &'static str,
        /// The stable code.
        code: Code,
    },
    /// There is no signed index of the tree that was shown.
    #[error("the index of `{name}` is not here for the log of {seen} entries that was shown")]
    Behind {
        /// Of which package.
        name: PackageName,
        /// The tree that was shown.
        seen: u64,
    },
    /// The source was never followed.
    #[error("nothing was ever read from this source")]
    Never,
    /// The source is online, and has not answered for too long.
    #[error("the source has not answered since {0}")]
    Silent(jiff::Timestamp),
    /// The source is offline, and the bytes were not imported.
    #[error("the bytes of {0} were not imported")]
    NotImported(Digest),
    /// The copy of the log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Evidence could not be kept.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What several were waiting for failed.
    #[error(transparent)]
    Shared(Arc<Self>),
}

impl MirrorError {
    /// Whether the source said something that is refused, rather than nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        match self.inner() {
            Self::Upstream(error) => !error.is_passing(),
            Self::Log(error) => error.is_fork(),
            Self::Never
            | Self::Silent(_)
            | Self::NotImported(_)
            | Self::Behind { .. }
            | Self::Store(_)
            | Self::Blob(_)
            | Self::Write { .. } => false,
            _ => true,
        }
    }

    /// The failure itself.
    pub(crate) fn inner(&self) -> &Self {
        match self {
            Self::Shared(error) => error.inner(),
            other => other,
        }
    }
}

impl Coded for MirrorError {
    fn code(&self) -> Code {
        match self {
            Self::Upstream(error) => error.code(),
            Self::Unbelieved(error) => error.code(),
            Self::Entries { .. } => Code::LogTile,
            Self::Receipts(_) => Code::LogProof,
            Self::Fork { .. } | Self::Stopped(_) => Code::LogFork,
            Self::Rollback { .. } => Code::Rollback,
            Self::Index { code, .. } => *code,
            Self::Behind { .. } => Code::Behind,
            Self::Never | Self::Silent(_) | Self::NotImported(_) => Code::Unavailable,
            Self::Log(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Write { .. } => Code::Storage,
            Self::Shared(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Fork { .. } | Self::Stopped(_) => {
                "show both to the source's operator and to others who use it: they prove it to \
                 anybody. What was served before still is; once it is explained, remove the file"
            }
            Self::Rollback { .. } => {
                "a copy of the source may be behind; it is asked again, and followed when it has \
                 caught up"
            }
            Self::Behind { .. } | Self::Silent(_) => "try again when the source answers",
            Self::Never => "wait until the source was read, or import it",
            Self::NotImported(_) => "import what is newer: `mcpkg-registry import`",
            Self::Unbelieved(error) => return error.hint(),
            Self::Log(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Blob(error) => return error.hint(),
            Self::Shared(error) => return error.hint(),
            _ => return None,
        })
    }
}
