//! Why something could not be carried over.

use std::io;
use std::path::PathBuf;

use mcpkg_core::log::LogError as Unbelieved;
use mcpkg_core::tar::TarError;
use mcpkg_core::{Code, Coded, Digest};
use mcpkg_verify::TrustRootError;

use crate::admission::ImportError;
use crate::blobs::BlobError;
use crate::error::ApiError;
use crate::log::LogError;
use crate::mirror::{MirrorError, OpenError};
use crate::store::StoreError;

/// A failure to export or import. Nothing was changed by it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AirgapError {
    /// The file is no export, or could not be read or written.
    #[error("the export could not be used")]
    Tar(#[from] TarError),
    /// What the export says of itself makes no sense.
    #[error("`{path}` in the export {reason}")]
    Malformed {
        /// Which member.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The export is of another log than that of the source.
    #[error("the export is of the log `{found}`, expected `{expected}`")]
    OtherLog {
        /// The log of the source.
        expected: String,
        /// The log of the export.
        found: String,
    },
    /// The export begins after what is here.
    #[error("the export begins at entry {since}, and {here} are here")]
    Gap {
        /// How many entries it leaves out.
        since: u64,
        /// How many are here.
        here: u64,
    },
    /// The export lacks something of an entry.
    #[error("the export does not have all of entry {0}")]
    Incomplete(u64),
    /// The bytes of a blob are others.
    #[error("the export has {found} for {expected}")]
    Digest {
        /// Which blob it says it is.
        expected: Digest,
        /// Which it is.
        found: Digest,
    },
    /// The file is not the one that was named.
    #[error("the export is {found}, expected {expected}")]
    OtherFile {
        /// The digest that the operator named.
        expected: Digest,
        /// That of the file.
        found: Digest,
    },
    /// A trust root in the export cannot be used.
    #[error("a trust root in the export cannot be used")]
    TrustRoot(#[source] TrustRootError),
    /// The advisories in the export cannot be used.
    #[error("the advisories in the export cannot be used")]
    Advisories(#[source] Box<ImportError>),
    /// Something was verified with a trust root that is not configured here.
    #[error(
        "entry {entry} was given out where it was exported, and cannot be verified here; the trust \
         root {root} there is none of those that are configured here"
    )]
    Untrusted {
        /// The first entry that cannot be verified.
        entry: u64,
        /// The fingerprint of the trust root.
        root: Digest,
    },
    /// The checkpoint to export from is not of this log.
    #[error("the checkpoint in `{}` is not of this log", path.display())]
    Since {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Unbelieved,
    },
    /// The checkpoint to export from is of a tree that this log has not grown from.
    #[error("the checkpoint in `{}` is of a tree that this log has not grown from", .0.display())]
    Unrelated(PathBuf),
    /// The log went on while it was exported.
    #[error("the log went on while it was exported")]
    Moved,
    /// There is nothing to export.
    #[error("nothing was published or followed yet")]
    Nothing,
    /// A file could not be read or written.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What is to be exported cannot be read.
    #[error("could not read what is to be exported")]
    Read(#[source] Box<ApiError>),
    /// The source could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What the export has is not accepted.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be read or written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl AirgapError {
    /// A failure to `action` the file at `path`.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

impl From<ApiError> for AirgapError {
    fn from(error: ApiError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl Coded for AirgapError {
    fn code(&self) -> Code {
        match self {
            Self::Tar(error) => error.code(),
            Self::Malformed { .. } | Self::Gap { .. } | Self::Incomplete(_) => Code::Export,
            Self::OtherLog { .. } => Code::LogKey,
            Self::Digest { .. } | Self::OtherFile { .. } => Code::Digest,
            Self::TrustRoot(_) | Self::Untrusted { .. } => Code::TrustRoot,
            Self::Advisories(error) => error.code(),
            Self::Since { source, .. } => source.code(),
            Self::Unrelated(_) => Code::LogFork,
            Self::Moved | Self::Nothing => Code::Unavailable,
            Self::File { .. } => Code::Storage,
            Self::Read(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::Mirror(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Log(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tar(error) => error.hint(),
            Self::Malformed { .. } | Self::Digest { .. } => {
                Some("do not use it; export it again, and compare its digest on both sides")
            }
            Self::OtherFile { .. } => {
                Some("compare it with what `mcpkg-registry export` printed where it was made")
            }
            Self::TrustRoot(error) => error.hint(),
            Self::Advisories(error) => error.hint(),
            Self::Untrusted { .. } => Some(
                "it is kept in `sources/<name>/offered`: compare it with what whoever runs that \
                 Sigstore publishes, and if it is theirs name the file as a `[[source.trust_root]]`",
            ),
            Self::OtherLog { .. } => Some("name the source that the export is of, with `--source`"),
            Self::Gap { .. } => Some(
                "import the exports in between first, or export since the checkpoint of this mirror",
            ),
            Self::Incomplete(_) => Some("export it again where everything of it is"),
            Self::Since { .. } | Self::Unrelated(_) => {
                Some("take it from the mirror that will import: `/source/<name>/v1/log/checkpoint`")
            }
            Self::Moved => Some("do it again"),
            Self::Nothing => Some("follow the source first: `mcpkg-registry mirror sync`"),
            Self::File { .. } => None,
            Self::Read(error) => error.hint(),
            Self::Open(error) => error.hint(),
            Self::Mirror(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Log(error) => error.hint(),
        }
    }
}
