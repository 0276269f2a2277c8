//! Why an archive is refused.

use std::io;

use super::entry::EntryKind;
use super::flaw::{EntryFlaw, LimitError, ZipFlaw};
use super::path::PathError;
use crate::{Code, Coded};

/// Why an archive cannot be read or written.
///
/// Names from the archive are escaped and cut short in every variant.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A name is no [`ArchivePath`](super::ArchivePath).
    #[error(transparent)]
    Path(#[from] PathError),
    /// An entry is something other than a regular file.
    #[error("`{path}` is {found}, expected a regular file")]
    EntryType {
        /// The entry's name.
        path: String,
        /// What it is.
        found: EntryKind,
    },
    /// Two files, or two folders, have names that are one on some system.
    #[error("`{path}` and `{other}` are the same on some file systems")]
    Collision {
        /// The later name.
        path: String,
        /// The earlier name.
        other: String,
    },
    /// A name is both a file and a folder that holds files.
    #[error("`{path}` is both a file and a folder")]
    FileAsFolder {
        /// The name.
        path: String,
    },
    /// The file as a whole is no archive that every reader sees alike.
    #[error(transparent)]
    Zip(#[from] ZipFlaw),
    /// One entry is not what every reader sees alike.
    #[error("`{path}` {flaw}")]
    ZipEntry {
        /// The entry's name.
        path: String,
        /// What is wrong with it.
        flaw: EntryFlaw,
    },
    /// There is more of something than we accept.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The archive carries MCPB's own appended signature.
    #[error("the archive ends in a signature block (MCPB_SIG_V1)")]
    Signed,
    /// There is more than one `manifest.json`.
    #[error("the archive has two manifests, `{path}` and `{other}`")]
    TwoManifests {
        /// The later name.
        path: String,
        /// The earlier name.
        other: String,
    },
    /// Files were given to the writer out of the order of their paths.
    #[error("`{path}` was added after `{previous}`, expected the order of their bytes")]
    OutOfOrder {
        /// The name that came too late.
        path: String,
        /// The name before it.
        previous: String,
    },
    /// A file changed while it was packed.
    #[error("`{path}` changed while it was packed")]
    Changed {
        /// The file's name in the archive.
        path: String,
    },
    /// The archive could not be read.
    #[error("could not read the archive")]
    Read(#[source] io::Error),
    /// The archive could not be written.
    #[error("could not write the archive")]
    Write(#[source] io::Error),
    /// A file that was to be packed could not be read.
    #[error("could not read `{path}`")]
    Source {
        /// The file's name in the archive.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl ArchiveError {
    /// The reason behind an error of an [`EntryReader`](super::EntryReader)
    /// that went through [`io::Read`], for example in [`io::copy`].
    ///
    /// An error that did not start here is one of reading.
    pub fn from_read(err: io::Error) -> Self {
        // `downcast` hands the error back if it is another one.
        match err.downcast::<Self>() {
            Ok(inner) => inner,
            Err(other) => Self::Read(other),
        }
    }
}

impl From<ArchiveError> for io::Error {
    fn from(err: ArchiveError) -> Self {
        match err {
            ArchiveError::Read(source) => source,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl Coded for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Path(_) => Code::Path,
            Self::EntryType { .. } => Code::EntryType,
            Self::Collision { .. } | Self::FileAsFolder { .. } => Code::PathCollision,
            Self::Zip(_) | Self::ZipEntry { .. } => Code::Zip,
            Self::Limit(_) => Code::Limit,
            Self::Signed | Self::TwoManifests { .. } => Code::Manifest,
            Self::Changed { .. } | Self::Read(_) | Self::Write(_) | Self::Source { .. } => {
                Code::Storage
            }
            // The caller's defect, not the user's: it did not sort.
            Self::OutOfOrder { .. } => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Signed => Some(
                "publish the bundle as it was before `mcpb sign`; mcpkg signs it with Sigstore, \
                 beside the file",
            ),
            Self::EntryType { .. } | Self::Zip(_) | Self::ZipEntry { .. } => {
                Some("pack the folder again with `mcpkg pack`")
            }
            Self::TwoManifests { .. } => Some("keep one `manifest.json` and pack again"),
            Self::Path(_) | Self::Collision { .. } | Self::FileAsFolder { .. } => {
                Some("rename the file and pack again")
            }
            Self::Changed { .. } => Some("pack again when nothing else writes to the folder"),
            _ => None,
        }
    }
}

impl Coded for PathError {
    fn code(&self) -> Code {
        Code::Path
    }
}
