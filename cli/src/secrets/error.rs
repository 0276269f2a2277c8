//! Why a secret is not at hand.

use std::io;
use std::path::PathBuf;

use mcpkg_core::secret::{SecretReference, StoreName};
use mcpkg_core::{Code, Coded, PackageName};

use super::{NotASecret, StoreKind};

/// Why a secret is not at hand, or cannot be kept. None of these holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A server cannot start without it.
    #[error("the secret `{key}` of {server} is not at hand: {}", nothing_at(reference))]
    Missing {
        /// The server.
        server: PackageName,
        /// The setting that it is for.
        key: String,
        /// Where it was looked for.
        reference: Box<SecretReference>,
    },
    /// There is nothing where a secret should be.
    #[error("there is no secret: {}", nothing_at(.0))]
    Nothing(Box<SecretReference>),
    /// A project's lock says what the user did not approve for that project.
    #[error(
        "you have not approved {server} as the project in `{}` wants to start it",
        project.display()
    )]
    NotApproved {
        /// The server.
        server: PackageName,
        /// The project's folder.
        project: PathBuf,
    },
    /// Other programs would see it.
    #[error("{0} takes a secret as an argument, which every program on this machine can read")]
    InArguments(PackageName),
    /// There is something that cannot be read.
    #[error("could not read {what}")]
    Unreadable {
        /// What it was.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// There is something that is no secret.
    #[error("{what} cannot be used as a secret")]
    NotASecret {
        /// What it was.
        what: String,
        /// Why not.
        #[source]
        reason: NotASecret,
    },
    /// A file that others can read.
    #[error("others can read `{}`", .0.display())]
    Exposed(PathBuf),
    /// A key store that cannot be used.
    #[error("{kind} could not be used")]
    Store {
        /// Which one.
        kind: StoreKind,
        /// Why not.
        #[source]
        reason: StoreError,
    },
    /// The index of names cannot be used.
    #[error("could not use `{}`, the list of the names of secrets", path.display())]
    Index {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no secret of this name to remove.
    #[error("there is no secret called `{0}`")]
    Unknown(StoreName),
    /// The process could not be kept out of core dumps.
    #[error("could not keep this process out of core dumps")]
    Unprotected(#[source] io::Error),
}

/// What is wrong with a key store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system says no, in its own words.
    #[error("{0}")]
    System(String),
    /// The system says nothing.
    #[error("it did not answer within a minute")]
    Silent,
    /// There is nobody to ask for the passphrase.
    #[error("its passphrase is needed, and there is no terminal to ask on")]
    NoPassphrase,
    /// The configuration says to take the passphrase from where it would be needed.
    #[error("its passphrase cannot be kept in the store that it opens")]
    Circular,
    /// Another passphrase opens it.
    #[error("the passphrase is not the one that it was encrypted with")]
    WrongPassphrase,
    /// It is not what we wrote.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The file cannot be read or written.
    #[error("could not use `{}`", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The passphrase could not be read.
    #[error("could not get its passphrase")]
    Passphrase(#[source] Box<SecretError>),
}

fn nothing_at(reference: &SecretReference) -> String {
    match reference {
        SecretReference::Store(name) => format!("your key store has no `{name}`"),
        SecretReference::Environment(name) => format!("the environment has no `{name}`"),
        SecretReference::File(path) => format!("there is no file `{path}`"),
        // These fail rather than find nothing.
        SecretReference::Command(_) => "the command printed nothing".to_owned(),
        SecretReference::OnePassword(reference) => format!("there is no `{reference}`"),
    }
}

impl SecretError {
    /// What to do, with the names in it.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Missing { reference, server, key } => Some(match reference.as_ref() {
                SecretReference::Store(name) => format!("`mcpkg secret set {name}` sets it"),
                SecretReference::Environment(name) => format!(
                    "set `{name}` in the environment that your agent starts with, or keep the \
                     secret in your key store: `mcpkg secret set {server}/{key}`, and install \
                     with `--secret {key}=store:{server}/{key}`"
                ),
                _ => "put the secret there, or install with another `--secret`".to_owned(),
            }),
            Self::Nothing(reference) => match reference.as_ref() {
                SecretReference::Store(name) => Some(format!("`mcpkg secret set {name}` sets it")),
                _ => None,
            },
            Self::NotApproved { server, .. } => Some(format!(
                "`mcpkg secret approve {server}`, in that folder, shows what it would get and asks"
            )),
            Self::Exposed(path) => Some(format!("`chmod 600 {}`", path.display())),
            _ => self.hint().map(str::to_owned),
        }
    }
}

impl Coded for SecretError {
    fn code(&self) -> Code {
        match self {
            Self::Missing { .. } | Self::Nothing(_) | Self::InArguments(_) => Code::Config,
            Self::NotApproved { .. } => Code::Permission,
            Self::Unknown(_) => Code::NotFound,
            _ => Code::Secret,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::InArguments(_) => {
                "ask its author to take it from a variable: `mcp_config.env` in manifest.json"
            }
            Self::Unknown(_) => "`mcpkg secret list` shows those that there are",
            Self::Store { reason, .. } => match reason {
                StoreError::System(_) | StoreError::Silent => {
                    "unlock it; or keep secrets in an encrypted file: `store = \"file\"` under \
                     `[secrets]` in mcpkg's config.toml"
                }
                StoreError::NoPassphrase => {
                    "say where the passphrase is, under `[secrets]` in mcpkg's config.toml: \
                     `passphrase = \"cmd:…\"`, `\"file:…\"` or `\"env:…\"`"
                }
                StoreError::Circular => "use `cmd:…`, `file:…`, `env:…` or `op://…`",
                StoreError::WrongPassphrase => {
                    "try again; what cannot be opened is not written over"
                }
                StoreError::Damaged { .. } => {
                    "restore it from a backup, or remove it and set its secrets anew"
                }
                StoreError::File { .. } | StoreError::Passphrase(_) => return None,
            },
            _ => return None,
        })
    }
}
