//! How a witness is set up: a TOML file, in which every key has to be known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcpkg_core::log::{Algorithm, SigningKey, VerifierKey};
use serde::Deserialize;

use super::WitnessError;
use crate::config::{ConfigError, read_toml};
use crate::key_file;

/// The address that is listened on unless another is named: this machine only.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8485);

/// How long a request may take to arrive unless another time is named, in seconds.
const DEFAULT_REQUEST_SECONDS: u64 = 15;

/// Everything that a witness needs to know.
#[derive(Clone, Debug)]
pub struct WitnessConfig {
    /// What it signs with, and what it is called.
    pub key: SigningKey,
    /// The folder of what it remembers. It is made if missing.
    pub state: PathBuf,
    /// The address to listen on. Port 0 is any free one.
    pub listen: SocketAddr,
    /// The keys of the logs it signs for; a log's key has the log's origin as its
    /// name. A log may have several, while it goes from one to the next.
    pub logs: Vec<VerifierKey>,
    /// How long a request may take to arrive.
    pub request: Duration,
}

/// The configuration of a witness as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfigFile {
    /// The file of its key. Relative to this one.
    pub key: PathBuf,
    /// See [`WitnessConfig::state`]. Relative to the file.
    pub state: PathBuf,
    /// See [`WitnessConfig::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`WitnessConfig::request`], in seconds.
    pub request_seconds: Option<u64>,
    /// See [`WitnessConfig::logs`].
    #[serde(default)]
    pub log: Vec<WitnessedLog>,
}

/// A key of a log that is witnessed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessedLog {
    /// Its vkey, of type 0x01.
    pub key: VerifierKey,
}

impl WitnessConfigFile {
    /// Reads the file at `path`, whose relative paths become relative to it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut file: Self = read_toml(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.key = folder.join(file.key);
        file.state = folder.join(file.state);
        Ok(file)
    }

    /// The configuration that this makes, with another address to listen on if one
    /// is named. Reads the key.
    pub fn resolve(self, listen: Option<SocketAddr>) -> Result<WitnessConfig, WitnessError> {
        let request_seconds = self.request_seconds.unwrap_or(DEFAULT_REQUEST_SECONDS);
        if request_seconds == 0 {
            return Err(bad("request_seconds", "0".to_owned(), "a positive number").into());
        }
        Ok(WitnessConfig {
            key: key_file::read(&self.key)?,
            state: self.state,
            listen: listen.or(self.listen).unwrap_or(DEFAULT_LISTEN),
            logs: check_logs(self.log)?,
            request: Duration::from_secs(request_seconds),
        })
    }
}

fn check_logs(logs: Vec<WitnessedLog>) -> Result<Vec<VerifierKey>, ConfigError> {
    if logs.is_empty() {
        return Err(bad("log", "empty".to_owned(), "the keys of the logs to sign for"));
    }
    let keys: Vec<VerifierKey> = logs.into_iter().map(|log| log.key).collect();
    match keys.iter().find(|key| key.algorithm() != Algorithm::Ed25519) {
        Some(key) => Err(bad("log.key", format!("`{key}`"), "a key of type 0x01, as logs have")),
        None => Ok(keys),
    }
}

fn bad(key: &'static str, found: String, expected: &'static str) -> ConfigError {
    ConfigError::Value { key, found, expected }
}
