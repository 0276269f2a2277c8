//! The log, as it stands in a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use crate::log::{WitnessFile, beside, check_witnesses, origin_of};

/// How long a witness may take, in seconds, unless the file says.
const DEFAULT_WITNESS_SECONDS: u64 = 5;

/// The log of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The file of the key that signs it.
    pub key: PathBuf,
    /// The file that remembers what was signed last. No backup may hold it.
    pub guard: PathBuf,
    /// What it is called if it is begun now; by default, after its key.
    pub origin: Option<String>,
    /// Witnesses that are asked to vouch for its checkpoints.
    pub witnesses: Vec<WitnessFile>,
    /// How many of them have to.
    pub witness_quorum: usize,
    /// How long each may take, in seconds.
    pub witness_seconds: u64,
}

/// The same, as it stands in a file: `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// See [`LogConfig::key`]. Relative to the file. By default, beside the data.
    pub key: Option<PathBuf>,
    /// See [`LogConfig::guard`]. Relative to the file. By default, beside the data.
    pub guard: Option<PathBuf>,
    /// See [`LogConfig::origin`].
    pub origin: Option<String>,
    /// See [`LogConfig::witnesses`].
    #[serde(default)]
    pub witness: Vec<WitnessFile>,
    /// See [`LogConfig::witness_quorum`]. By default, all of them.
    pub witness_quorum: Option<usize>,
    /// See [`LogConfig::witness_seconds`].
    pub witness_seconds: Option<u64>,
}

impl LogFile {
    /// The log of the registry in `data`, which others reach at `public_url`.
    pub(crate) fn resolve(
        &self,
        data: &Path,
        public_url: Option<&str>,
    ) -> Result<LogConfig, ConfigError> {
        let quorum = self.witness_quorum.unwrap_or(self.witness.len());
        let seconds = self.witness_seconds.unwrap_or(DEFAULT_WITNESS_SECONDS);
        check_witnesses(&self.witness, quorum, seconds)?;
        Ok(LogConfig {
            key: self.key.clone().unwrap_or_else(|| beside(data, ".log-key")),
            guard: self.guard.clone().unwrap_or_else(|| beside(data, ".log-guard")),
            origin: self.origin.clone().or_else(|| public_url.map(origin_of)),
            witnesses: self.witness.clone(),
            witness_quorum: quorum,
            witness_seconds: seconds,
        })
    }
}
