//! Why advisories, or what is said of them, were not taken in.

use std::path::PathBuf;

use mcpkg_core::advisory::AdvisoryError;
use mcpkg_core::archive::ArchiveError;
use mcpkg_core::json::JsonError;
use mcpkg_core::publisher::{Publisher, PublisherError};
use mcpkg_core::vex::VexError;
use mcpkg_core::{Code, Coded, PackageName};
use mcpkg_verify::VerifyError;

use crate::store::StoreError;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read, or not be put in its place.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`.
        action: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The archive of a dump cannot be used.
    #[error("`{}` is no archive that can be used", path.display())]
    Archive {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// A list of advisories is no JSON.
    #[error("`{label}` is not strict JSON")]
    Json {
        /// Where it stands.
        label: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// An advisory is none.
    #[error("the advisory in `{label}` cannot be used")]
    Advisory {
        /// Where it stands.
        label: String,
        /// What is wrong with it.
        source: AdvisoryError,
    },
    /// There is no advisory at all: a dump that was cut off would be one without any.
    #[error("there is no advisory in `{}`", .0.display())]
    Empty(PathBuf),
    /// A VEX document is none.
    #[error("`{}` cannot be used", path.display())]
    Vex {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: VexError,
    },
    /// A signed VEX document cannot be believed.
    #[error("what `{}` says cannot be believed", path.display())]
    Verify {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: VerifyError,
    },
    /// Whoever signed it is nobody who publishes.
    #[error("who signed `{}` is no publisher", path.display())]
    Signer {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: PublisherError,
    },
    /// It was signed by somebody else than the name is bound to.
    #[error("`{name}` is bound to {bound}, and {signer} signed it")]
    Stranger {
        /// The package.
        name: PackageName,
        /// Whom the name is bound to.
        bound: Box<Publisher>,
        /// Who signed.
        signer: Box<Publisher>,
    },
    /// It is about no release that is here.
    #[error("`{}` is about no release that is here", .0.display())]
    Nothing(PathBuf),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StorageFailure),
}

/// A failure of the database, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageFailure(StoreError);

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Store(StorageFailure(error))
    }
}

impl Coded for ImportError {
    fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::Storage,
            Self::Archive { source, .. } => source.code(),
            Self::Json { .. } | Self::Empty(_) => Code::Request,
            Self::Advisory { source, .. } => source.code(),
            Self::Vex { source, .. } => source.code(),
            Self::Verify { source, .. } => source.code(),
            Self::Signer { .. } | Self::Stranger { .. } => Code::Publisher,
            Self::Nothing(_) => Code::NotFound,
            Self::Store(StorageFailure(error)) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive { .. } => {
                Some("unpack it and name the folder: an archive has at most 65,534 advisories here")
            }
            Self::Advisory { source, .. } => source.hint(),
            Self::Vex { source, .. } => source.hint(),
            Self::Verify { source, .. } => source.hint(),
            Self::Stranger { .. } => Some(
                "only the publisher of a package is believed; an operator may say it: `--name`",
            ),
            Self::Store(StorageFailure(error)) => error.hint(),
            _ => None,
        }
    }
}
