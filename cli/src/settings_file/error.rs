//! Why a settings file could not be read or written.

use std::io;
use std::path::PathBuf;
use std::str::Utf8Error;

use mcpkg_core::{Code, Coded};

use super::MAX_SIZE_BYTES;

/// Why a settings file could not be read or written. It is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A folder, a device, a socket: not a file.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// Where symbolic links lead.
        path: PathBuf,
    },
    /// More than [`MAX_SIZE_BYTES`].
    #[error("`{}` is larger than {MAX_SIZE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not UTF-8.
    #[error("`{}` is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Where it stops being UTF-8.
        source: Utf8Error,
    },
    /// Symbolic links that lead in a circle, or to a folder that does not exist.
    #[error("`{}` is a symbolic link that leads nowhere", path.display())]
    LinkToNowhere {
        /// The link.
        path: PathBuf,
    },
    /// A project's settings are somewhere else.
    #[error("`{}` leads out of `{}`, to `{}`", path.display(), folder.display(), target.display())]
    Outside {
        /// The path that was asked for.
        path: PathBuf,
        /// The folder it has to stay in.
        folder: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The file or its folder is marked as not to be written.
    #[error("`{}` is read-only", path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// Another program kept writing the file while we edited it.
    #[error("`{}` was changed by another program during each of {attempts} attempts", path.display())]
    Contended {
        /// The file.
        path: PathBuf,
        /// How often we tried.
        attempts: usize,
    },
    /// The system refused to read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused to write: the disk is full, or the folder is not ours.
    #[error("could not write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The lock could not be taken.
    #[error("could not lock `{}`", path.display())]
    Lock {
        /// The lock, not the settings.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Coded for FileError {
    fn code(&self) -> Code {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Lock { .. } => Code::Storage,
            _ => Code::Settings,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotAFile { .. } | Self::TooLarge { .. } | Self::NotUtf8 { .. } => {
                "nothing was changed; move the file away if it is not the agent's settings"
            }
            Self::LinkToNowhere { .. } => "create what the link points at, or remove the link",
            Self::Outside { .. } => {
                "look at the link: settings that come with a project may not lead out of it"
            }
            Self::ReadOnly { .. } => {
                "if another program manages the file, add the entry there; \
                 otherwise make it writable"
            }
            Self::Contended { .. } => "close the agent, then try again",
            Self::Read { .. } | Self::Write { .. } | Self::Lock { .. } => {
                "nothing was changed; check the permissions and the free space, then try again"
            }
        })
    }
}
