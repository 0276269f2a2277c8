//! Why a program was not started.

use std::io;
use std::path::PathBuf;

use mcpkg_core::{Code, Coded};

use super::Level;
use crate::egress::EgressError;

/// Why a program was not started, or is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// This machine has nothing to confine it with.
    #[error("nothing can be confined here: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// What it was granted cannot be enforced at the best level there is.
    #[error("{grant} cannot be enforced: the level here is {level}, because {reason}")]
    NotEnforceable {
        /// What it was granted.
        grant: String,
        /// The best level.
        level: Level,
        /// Why there is no better one.
        reason: String,
    },
    /// It was granted a place that no server gets.
    #[error("`{granted}` is in `{}`, which no server gets", denied.display())]
    Denied {
        /// What it was granted.
        granted: String,
        /// The place.
        denied: PathBuf,
    },
    /// It was granted a folder to write that has a place in it which no server gets, and
    /// which is not there yet, so that nothing can be put over it.
    #[error("`{granted}` is to be written, and `{}`, which no server gets, is not there yet", denied.display())]
    Uncoverable {
        /// What it was granted.
        granted: String,
        /// The place.
        denied: PathBuf,
    },
    /// It was granted the project that it works in, and there is none.
    #[error("`{granted}` was granted, and the folder that your agent started it in is no project")]
    NoWorkspace {
        /// What it was granted.
        granted: String,
    },
    /// The server's own folder could not be made.
    #[error("`{}` could not be made", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The hosts that it was granted cannot be offered to it.
    #[error("the hosts that it was granted cannot be offered to it")]
    Network(#[source] EgressError),
    /// The place where its sockets are handed over could not be made.
    #[error("its network could not be prepared")]
    Channel(#[source] io::Error),
    /// The program could not be started.
    #[error("the program could not be started: {reason}")]
    Program {
        /// Why.
        reason: String,
    },
    /// The program could not be waited for.
    #[error("the program could not be waited for")]
    Wait(#[source] io::Error),
}

impl SandboxError {
    /// What a stage could not do.
    #[cfg(unix)]
    pub(super) fn of(failure: super::stage::Failure) -> Self {
        let is_of_program = failure.is_of_program;
        let reason = failure.into_words();
        if is_of_program { Self::Program { reason } } else { Self::Unavailable { reason } }
    }
}

impl Coded for SandboxError {
    fn code(&self) -> Code {
        match self {
            Self::Program { .. } | Self::Wait(_) => Code::Config,
            Self::Data { .. } | Self::Channel(_) => Code::Storage,
            Self::Network(error) => error.code(),
            _ => Code::Confinement,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unavailable { .. } => {
                "`mcpkg install <name> --unconfined` lets it do what you can do"
            }
            Self::NotEnforceable { .. } => {
                "allow user namespaces for mcpkg, grant less, or let it do what you can do with \
                 `mcpkg install <name> --unconfined`"
            }
            Self::Denied { .. } => {
                "ask the author to ask for a folder of the server's own: `${data}`"
            }
            Self::Uncoverable { .. } => "grant a folder below it, or reading it alone",
            Self::Program { .. } => {
                "install the interpreter that the server needs, where your agent's PATH finds it"
            }
            Self::NoWorkspace { .. } => {
                "install it for the project, with `--scope project`, or start your agent in one"
            }
            Self::Network(error) => return error.hint(),
            Self::Data { .. } | Self::Channel(_) | Self::Wait(_) => return None,
        })
    }
}
