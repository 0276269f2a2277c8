//! Why a registry does not start, or a command at its data folder does not work.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcpkg_core::{Code, Coded};

use crate::airgap::AirgapError;
use crate::blobs::BlobError;
use crate::config::ConfigError;
use crate::log::LogError;
use crate::mirror::{MirrorError, OpenError, SourceName};
use crate::net::TlsError;
use crate::policy::PolicyError;
use crate::store::StoreError;

/// Why a registry does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("could not use the data folder `{}`", path.display())]
    Data {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server uses the data folder.
    #[error("another registry uses the data folder `{}`", .0.display())]
    InUse(PathBuf),
    /// The storage in the data folder cannot be used.
    #[error("could not open the registry in `{}`", path.display())]
    Storage {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: StorageError,
    },
    /// The log's witnesses cannot be asked.
    #[error("could not set up the log's witnesses")]
    Witnesses(#[source] ConfigError),
    /// What is trusted cannot be kept current.
    #[error("could not set up what is trusted")]
    Trust(#[source] ConfigError),
    /// Nobody can be known.
    #[error("could not set up who is known")]
    Access(#[source] ConfigError),
    /// What is audited could not be passed on.
    #[error("could not set up the syslog")]
    Audit(#[source] ConfigError),
    /// A policy cannot be used.
    #[error("could not set up who may do what")]
    Policy(#[from] PolicyError),
    /// Nobody can be told what happens.
    #[error("could not set up webhooks")]
    Webhooks(#[source] ConfigError),
    /// A source cannot be opened.
    #[error("could not open the source `{name}`")]
    Source {
        /// Which one.
        name: SourceName,
        /// Why not.
        source: SourceError,
    },
    /// There is no source of that name.
    #[error("the configuration has no source `{0}`")]
    NoSource(String),
    /// A source could not be taken over.
    #[error("could not take over the source `{name}`")]
    Mirror {
        /// Which one.
        name: SourceName,
        /// Why not.
        source: MirrorFailure,
    },
    /// An export could not be written, or not taken over.
    #[error("could not carry over `{}`", path.display())]
    Airgap {
        /// The export.
        path: PathBuf,
        /// Why not.
        source: AirgapFailure,
    },
    /// TLS cannot be spoken.
    #[error("could not set up TLS")]
    Tls(#[source] TlsError),
    /// Nobody could publish through the MCP registry's API.
    #[error("could not set up publishing without a signature")]
    Official(#[source] ConfigError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Why a source cannot be opened, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SourceError(#[from] OpenError);

/// Why a source could not be taken over, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct MirrorFailure(Box<MirrorError>);

impl From<MirrorError> for MirrorFailure {
    fn from(error: MirrorError) -> Self {
        Self(Box::new(error))
    }
}

/// Why an export could not be written or taken over, whose details are in its message and
/// causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct AirgapFailure(Box<AirgapError>);

impl From<AirgapError> for AirgapFailure {
    fn from(error: AirgapError) -> Self {
        Self(Box::new(error))
    }
}

/// A failure of database or disk, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(StorageErrorKind);

#[derive(Debug, thiserror::Error)]
enum StorageErrorKind {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl<E: Into<StorageErrorKind>> From<E> for StorageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl StartError {
    /// Whether the answer was *no* rather than a failure to find out.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Mirror { source, .. } => source.0.is_refusal(),
            Self::Airgap { source, .. } => {
                !matches!(source.0.code(), Code::Storage | Code::Unavailable)
            }
            other => other.is_fork(),
        }
    }

    /// Whether the data must not be signed over until a person has looked.
    pub fn is_fork(&self) -> bool {
        match self {
            Self::Storage { source, .. } => {
                matches!(&source.0, StorageErrorKind::Log(error) if error.is_fork())
            }
            _ => false,
        }
    }
}

impl Coded for StartError {
    fn code(&self) -> Code {
        match self {
            Self::Data { .. } | Self::InUse(_) => Code::Storage,
            Self::Storage { source, .. } => source.code(),
            Self::Source { source, .. } => source.0.code(),
            Self::Mirror { source, .. } => source.0.code(),
            Self::Airgap { source, .. } => source.0.code(),
            Self::Witnesses(error)
            | Self::Trust(error)
            | Self::Webhooks(error)
            | Self::Official(error)
            | Self::Audit(error)
            | Self::Access(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Tls(error) => error.code(),
            Self::NoSource(_) | Self::Listen { .. } => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Data { .. } => Some("name a folder that this user may write, with `--data`"),
            Self::InUse(_) => Some("stop the other one, or name another folder with `--data`"),
            Self::Storage { source, .. } => source.hint(),
            Self::Source { source, .. } => source.0.hint(),
            Self::NoSource(_) => Some("name one of the `[[source]]`s of the configuration"),
            Self::Mirror { source, .. } => source.0.hint(),
            Self::Airgap { source, .. } => source.0.hint(),
            Self::Witnesses(error)
            | Self::Trust(error)
            | Self::Webhooks(error)
            | Self::Official(error)
            | Self::Audit(error)
            | Self::Access(error) => error.hint(),
            Self::Policy(error) => error.hint(),
            Self::Tls(error) => error.hint(),
            Self::Listen { .. } => Some("name another address with `--listen`"),
        }
    }
}

impl Coded for StorageError {
    fn code(&self) -> Code {
        match &self.0 {
            StorageErrorKind::Store(error) => error.code(),
            StorageErrorKind::Blob(error) => error.code(),
            StorageErrorKind::Log(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match &self.0 {
            StorageErrorKind::Store(error) => error.hint(),
            StorageErrorKind::Blob(error) => error.hint(),
            StorageErrorKind::Log(error) => error.hint(),
        }
    }
}
