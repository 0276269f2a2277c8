//! Why the server cannot be set up as asked.

use std::io;
use std::path::PathBuf;

use mcpkg_core::{Code, Coded};

use super::TrustError;
use crate::key_file::KeyFileError;

/// Why the server cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration is not TOML of the expected shape.
    #[error("`{}` is not a valid configuration", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where, and what was expected there.
        source: Box<toml::de::Error>,
    },
    /// A value is of the right type, and still makes no sense.
    #[error("`{key}` is {found}, expected {expected}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A trust root or key cannot be used.
    #[error("the trust root or key {which} cannot be used")]
    Trust {
        /// Which one: a path, a key's name, or `public good`.
        which: String,
        /// Why not.
        source: TrustError,
    },
    /// The key of a webhook cannot be used.
    #[error("the key of a webhook cannot be used")]
    WebhookKey(#[source] KeyFileError),
    /// There is no HTTP client, most likely for want of root certificates.
    #[error("the system has no HTTPS")]
    Client {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing can be made that nobody can guess.
    #[error("the system has no randomness")]
    Randomness(#[from] getrandom::Error),
}

impl Coded for ConfigError {
    fn code(&self) -> Code {
        match self {
            Self::Trust { source, .. } => source.code(),
            Self::WebhookKey(source) => source.code(),
            _ => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Trust { source, .. } => source.hint(),
            Self::WebhookKey(source) => {
                source.hint().or(Some("`mcpkg-registry webhook key --key <FILE>` makes one"))
            }
            Self::Toml { .. } | Self::Value { .. } => {
                Some("`mcpkg-registry.example.toml` shows every key and its default")
            }
            Self::Read { .. } | Self::Client { .. } | Self::Randomness(_) => None,
        }
    }
}
