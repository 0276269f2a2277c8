//! Why a tar is no export.

use std::io;

use crate::{Code, Coded};

/// Why a tar cannot be read or written.
///
/// Text from the archive is escaped and cut short in every variant.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// A member's path is none that an export has.
    #[error("`{0}` is no path of an export")]
    Path(String),
    /// A header is not the one that its path and size make.
    #[error("the header at byte {0} is not as exports are written")]
    Header(u64),
    /// A member is not after the one before it.
    #[error(
        "`{path}` comes after `{previous}`, expected each path once, in the order of their bytes"
    )]
    Order {
        /// The path that comes too late, or again.
        path: String,
        /// The one before it.
        previous: String,
    },
    /// A member is longer than any may be.
    #[error("`{path}` has {size} bytes, at most {limit} are allowed")]
    TooLong {
        /// Its path.
        path: String,
        /// How long it says it is, in bytes.
        size: u64,
        /// How long it may be, in bytes.
        limit: u64,
    },
    /// The file ends before the archive does.
    #[error("the archive is cut off")]
    Cut,
    /// There is something where there have to be zeros.
    #[error("there are bytes after the end of `{0}`")]
    Padding(String),
    /// There is something after the end.
    #[error("there are bytes after the end of the archive")]
    Trailing,
    /// A file that was being packed has another length by now.
    #[error("`{0}` changed while it was packed")]
    Changed(String),
    /// The archive could not be read or written.
    #[error("could not {action} the archive")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl TarError {
    pub(super) fn reading(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Cut;
        }
        Self::Io { action: "read", source }
    }

    pub(super) fn writing(source: io::Error) -> Self {
        Self::Io { action: "write", source }
    }
}

impl Coded for TarError {
    fn code(&self) -> Code {
        match self {
            Self::Path(_) => Code::Path,
            Self::Order { .. } => Code::PathCollision,
            Self::TooLong { .. } => Code::Limit,
            Self::Header(_) | Self::Cut | Self::Padding(_) | Self::Trailing => Code::Export,
            Self::Changed(_) | Self::Io { .. } => Code::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self.code() {
            Code::Storage => None,
            _ => Some("export it again with `mcpkg-registry export`, and carry the whole file"),
        }
    }
}
