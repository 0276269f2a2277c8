//! The first contact with a log whose key nobody has configured.

use jiff::Timestamp;
use mcpkg_core::log::{LogTrust, VerifierKey, follow};

use super::known::unbelieved;
use super::memory::{Exclusive, Memory};
use super::{Distrust, freshness};
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::Registry;

/// The log of a registry that was not known before.
pub struct FirstUse {
    /// The key it has now.
    pub key: VerifierKey,
    /// What the user should look at.
    pub warning: Option<String>,
    memory: Memory,
}

impl FirstUse {
    /// Takes the registry's word for the key of its log, as far as it goes: the
    /// key has to have signed a fresh checkpoint, and to come from every key that
    /// the log had before.
    pub fn of(source: &RegistryConfig, registry: &Registry, now: Timestamp) -> Result<Self> {
        let distrust = |reason| Error::wrap(unbelieved(source))(reason);
        let document = registry.log()?;
        let (key, predecessors) = follow(&document.key, &document.successions)
            .map_err(Error::wrap(unbelieved(source)))?;
        if key != document.key || key.name() != document.origin {
            let said = document.origin;
            return Err(distrust(Distrust::OtherKey { said, found: key }));
        }
        let witnesses = source.log_witnesses(&key).map_err(distrust)?;
        let trust = LogTrust { predecessors, ..witnesses };
        let note = registry.checkpoint()?;
        let current = LogTrust { predecessors: Vec::new(), ..trust };
        let checkpoint =
            current.verify_checkpoint(&note).map_err(Error::wrap(unbelieved(source)))?;
        let warning = freshness::check(&checkpoint, now).map_err(distrust)?;
        let memory = Memory { successions: document.successions, checkpoint: Some(note) };
        Ok(Self { key, warning, memory })
    }

    /// Remembers it. What was known of the log before stays: its next checkpoint
    /// has to be consistent with that.
    pub fn remember(&self, places: &Places) -> Result<()> {
        let _exclusive = Exclusive::of(&self.key, places)?;
        let known = Memory::read(&self.key, places)?;
        if known.checkpoint.is_none() { self.memory.write(&self.key, places) } else { Ok(()) }
    }
}
