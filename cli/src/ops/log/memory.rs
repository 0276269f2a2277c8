//! What this machine remembers of a log, on disk.
//!
//! ```text
//! $XDG_STATE_HOME/mcpkg/
//!   logs/<fingerprint of the pinned key, 32 hex digits>.json
//!   locks/log-<the same>          held while a registry is asked
//! ```
//!
//! The file is named by the key and not by the registry, so that removing a
//! registry and adding it again under another name forgets nothing.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use mcpkg_core::Code;
use mcpkg_core::log::VerifierKey;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The format that this program writes, and the only one it reads.
const FORMAT: u32 = 1;

/// What is remembered: notes, verbatim, each checked again when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// How the log came to the key it has now, oldest first.
    pub(super) successions: Vec<String>,
    /// The newest checkpoint that was accepted.
    pub(super) checkpoint: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: u32,
    /// For people who look into the file.
    key: VerifierKey,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    successions: Vec<String>,
    checkpoint: Option<String>,
}

/// The right to change what is remembered of a log. Waits for whoever has it.
///
/// It is held from before a registry is asked until its answer was accepted:
/// two answers that are each consistent with the same older tree need not be
/// consistent with one another.
pub(super) struct Exclusive {
    _file: File,
}

impl Exclusive {
    pub(super) fn of(pin: &VerifierKey, places: &Places) -> Result<Self> {
        let folder = places.locks();
        atomic::create_folder(&folder)?;
        let path = folder.join(format!("log-{}", id(pin)));
        let failed = |source| Error::Write { path: path.clone(), source };
        let file =
            File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

impl Memory {
    /// Reads what is remembered of the log with the key `pin`.
    ///
    /// # Errors
    ///
    /// A file that cannot be understood is not taken for none: what is forgotten
    /// can be told otherwise.
    pub(super) fn read(pin: &VerifierKey, places: &Places) -> Result<Self> {
        let path = path(pin, places);
        let json = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        let broken = |source: String| Error::Failed {
            context: format!("`{}`, which remembers a registry's log, is damaged", path.display()),
            code: Code::Storage,
            hint: Some("restore it; without it, this machine takes what the registry shows as new"),
            source: source.into(),
        };
        let wire: Wire =
            serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
        match wire {
            Wire { format: FORMAT, key, successions, checkpoint } if key == *pin => {
                Ok(Self { successions, checkpoint })
            }
            Wire { format: FORMAT, key, .. } => Err(broken(format!("it is about {key}"))),
            Wire { format, .. } => Err(broken(format!("it has format {format}"))),
        }
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, pin: &VerifierKey, places: &Places) -> Result<()> {
        let wire = Wire {
            format: FORMAT,
            key: pin.clone(),
            successions: self.successions.clone(),
            checkpoint: self.checkpoint.clone(),
        };
        let mut json = serde_json::to_vec_pretty(&wire).map_err(Error::Json)?;
        json.push(b'\n');
        atomic::write(&path(pin, places), &json)
    }
}

fn path(pin: &VerifierKey, places: &Places) -> PathBuf {
    places.state.join("logs").join(format!("{}.json", id(pin)))
}

fn id(pin: &VerifierKey) -> String {
    pin.fingerprint().to_hex()[..32].to_owned()
}
