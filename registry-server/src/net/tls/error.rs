//! Why a certificate cannot be used.

use std::io;
use std::path::PathBuf;

use mcpkg_core::{Code, Coded};
use rustls::server::VerifierBuilderError;
use rustls_pki_types::pem;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// One is not PEM, or does not hold what it should.
    #[error("`{}` holds no {expected}", path.display())]
    Pem {
        /// Which one.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Why it does not.
        source: pem::Error,
    },
    /// The certificate is not valid at this time.
    #[error("the certificate in `{}` {what}", path.display())]
    Time {
        /// Which file.
        path: PathBuf,
        /// Whether it is over, or has not begun.
        what: &'static str,
    },
    /// The certificate is none, or the key is not its.
    #[error("the certificate in `{}` cannot be used with its key", path.display())]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// The authorities of clients cannot be used.
    #[error("the authorities in `{}` cannot be used", path.display())]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: VerifierBuilderError,
    },
}

impl Coded for TlsError {
    fn code(&self) -> Code {
        Code::Config
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Read { .. } => "let the user that the registry runs as read the file",
            Self::Pem { .. } => "the files under `[tls]` are PEM: `-----BEGIN …`",
            Self::Time { .. } => "get a new one from the authority, and check the clock",
            Self::Pair { .. } => "put the server's certificate first, and name the key made for it",
            Self::Authorities { .. } => "name the authorities that sign clients' certificates",
        })
    }
}
