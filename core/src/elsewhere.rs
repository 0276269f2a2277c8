//! Releases without an artifact: what their signed `server.json` names instead.
//!
//! | what | is pinned by | runs |
//! |---|---|---|
//! | an image ([`Image`]) | the digest of its manifest | here, in a container |
//! | a remote server ([`RemoteServer`]) | its address, to the letter | at somebody else's |
//!
//! Both are signed with the rest of `server.json`, so evidence, log, policy and lock hold
//! for them as for an artifact. Where a document names both, the image is what is
//! installed: its bytes are pinned, and a remote server is whatever answers.
//!
//! What the user fills in is asked for as MCPB's `user_config` is, so it is one thing
//! everywhere: [`ConfigKey`]s, by name. What is filled in is never parsed again, and in
//! an address it can be no more than a part of the path or the query.

mod address;
mod image;
mod remote;
mod slot;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::address::{RemoteUrl, RemoteUrlError};
pub use self::image::{ContainerLaunch, Image, steers_engine};
pub use self::remote::{RemoteServer, Request};
use crate::manifest::{ConfigKey, ConfigValue, ConfigValueError, MissingKey};
use crate::server_json::{ImageReference, RemoteKind, ServerJson};
use crate::{Code, Coded};

/// What a release without an artifact starts, or connects to.
#[derive(Clone, Debug)]
pub enum Elsewhere {
    /// An image.
    Image(Image),
    /// A server that runs elsewhere.
    Remote(RemoteServer),
}

/// What the lock pins of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Pinned {
    /// The image, by its digest.
    Image(ImageReference),
    /// The address, with `{name}` for what the user filled in.
    Remote(RemoteUrl),
}

/// The settings of a server, by their names.
pub type Settings = BTreeMap<String, ConfigKey>;

/// Why what a release names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ElsewhereError {
    /// There is neither an image nor a remote server.
    #[error("server.json names neither an image nor a remote server")]
    Nothing,
    /// Every remote server speaks a protocol that we do not.
    #[error("server.json names remote servers of the older kind `sse` alone")]
    OnlySse,
    /// The address is none that we connect to.
    #[error("the address of the remote server cannot be used")]
    Url(#[from] RemoteUrlError),
    /// A header is one that HTTP or MCP has a meaning for, or is there twice.
    #[error("the header `{}` is not one that a server may ask for: {reason}", name.escape_debug())]
    Header {
        /// The header.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A value that the user fills in has no name that could be used for it, or is not
    /// described as one that could be filled in.
    #[error("the setting `{}` cannot be used: {reason}", key.escape_debug())]
    Setting {
        /// The setting.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// Required values that nobody gave, at least one.
    #[error("the server needs {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Missing(Vec<MissingKey>),
    /// A value does not suit its setting.
    #[error("value for `{key}` cannot be used")]
    Value {
        /// The setting.
        key: String,
        /// What is wrong with the value, without the value.
        source: ConfigValueError,
    },
    /// A value would be more than its part of the text.
    #[error("value for `{key}` cannot be used: {reason}")]
    Misfit {
        /// The setting, or the header or argument that it is a part of.
        key: String,
        /// What is wrong with the value, without the value.
        reason: &'static str,
    },
}

impl Elsewhere {
    /// What a release without an artifact starts or connects to.
    ///
    /// # Errors
    ///
    /// Every variant of [`ElsewhereError`] but those about values: the document's fault,
    /// which its author can find before it is signed.
    pub fn of(server_json: &ServerJson) -> Result<Self, ElsewhereError> {
        if let Some(image) = server_json.images().first() {
            return Image::read(image).map(Self::Image);
        }
        let remotes = server_json.remotes();
        let remote = remotes.iter().find(|remote| remote.kind == RemoteKind::StreamableHttp);
        match remote {
            Some(remote) => RemoteServer::read(remote).map(Self::Remote),
            None if remotes.is_empty() => Err(ElsewhereError::Nothing),
            None => Err(ElsewhereError::OnlySse),
        }
    }

    /// What to ask the user for.
    pub fn settings(&self) -> &Settings {
        match self {
            Self::Image(image) => image.settings(),
            Self::Remote(remote) => remote.settings(),
        }
    }

    /// Whether the values that the user has given so far could be used. Secrets, and what
    /// they have not given yet, are not among them.
    ///
    /// # Errors
    ///
    /// [`ElsewhereError::Value`] and `Misfit`.
    pub fn check(&self, values: &BTreeMap<String, ConfigValue>) -> Result<(), ElsewhereError> {
        match self {
            Self::Image(image) => image.check(values),
            Self::Remote(remote) => remote.check(values),
        }
    }

    /// What the lock pins of it.
    pub fn pinned(&self) -> Pinned {
        match self {
            Self::Image(image) => Pinned::Image(image.reference().clone()),
            Self::Remote(remote) => Pinned::Remote(remote.url().clone()),
        }
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(f, "image {image}"),
            Self::Remote(url) => write!(f, "remote {url}"),
        }
    }
}

impl Coded for ElsewhereError {
    fn code(&self) -> Code {
        match self {
            Self::Nothing | Self::Setting { .. } => Code::Metadata,
            Self::OnlySse | Self::Url(_) | Self::Header { .. } => Code::Remote,
            Self::Missing(_) | Self::Value { .. } | Self::Misfit { .. } => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OnlySse => Some("ask its author for an address of the kind `streamable-http`"),
            Self::Url(error) => error.hint(),
            Self::Missing(keys) if keys.iter().any(|key| key.is_sensitive) => {
                Some("`mcpkg secret set <name>/<key>` keeps a secret in your key store")
            }
            Self::Missing(_) | Self::Value { .. } | Self::Misfit { .. } => {
                Some("install it again with another `--set`")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
