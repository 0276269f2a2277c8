//! TLS, as it stands in a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// The certificate that the server shows, and those that it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFile {
    /// The chain, PEM, the server's own certificate first. Relative to the file that
    /// names it.
    pub certificate: PathBuf,
    /// Its private key, PEM. Relative to the file that names it.
    pub key: PathBuf,
    /// The authorities of clients' certificates, PEM. Relative to the file that names
    /// it. No client is asked for one if this is absent.
    pub client_ca: Option<PathBuf>,
    /// Whether a client has to have one.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// The oldest version that is spoken.
    #[serde(default)]
    pub min_version: TlsVersion,
    /// How often the files are looked at for other content, in seconds.
    #[serde(default = "ten")]
    pub reload_seconds: u64,
}

/// Whether a client has to have a certificate, where authorities are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// No connection without one.
    #[default]
    Required,
    /// One that is shown has to be good.
    Optional,
}

/// A version of TLS. Older ones are broken (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

const fn ten() -> u64 {
    10
}

impl TlsFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        let paths = [&mut self.certificate, &mut self.key].into_iter().chain(&mut self.client_ca);
        for path in paths {
            *path = folder.join(&*path);
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.reload_seconds == 0 {
            return Err(ConfigError::Value {
                key: "tls.reload_seconds",
                found: "0".to_owned(),
                expected: "a positive number",
            });
        }
        Ok(())
    }
}
