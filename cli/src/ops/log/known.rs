//! The key that is pinned, and the newest checkpoint under it.

use jiff::Timestamp;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::log::{
    Hash, LogError, LogTrust, Receipt, SignedCheckpoint, VerifierKey, follow, verify_consistency,
};

use super::Distrust;
use super::evidence::{Found, Lie};
use super::memory::{Exclusive, Memory};
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::Registry;

/// A registry's log, as this machine knows it.
pub struct KnownLog<'a> {
    pub(super) source: &'a RegistryConfig,
    pub(super) places: &'a Places,
    pub(super) now: Timestamp,
    pin: VerifierKey,
    successions: Vec<String>,
    trust: LogTrust,
    remembered: Option<SignedCheckpoint>,
}

impl<'a> KnownLog<'a> {
    /// What is known of the log of `source`.
    ///
    /// # Errors
    ///
    /// [`Distrust::NoKey`] or [`Distrust::FirstUse`] if its key is not pinned, or
    /// not as policy demands; a failure if what was remembered is damaged.
    pub fn read(
        config: &Config,
        source: &'a RegistryConfig,
        places: &'a Places,
        now: Timestamp,
    ) -> Result<Self> {
        let trust = pinned(config, source).map_err(Error::wrap(unbelieved(source)))?;
        let mut known = Self {
            source,
            places,
            now,
            pin: trust.key.clone(),
            successions: Vec::new(),
            trust,
            remembered: None,
        };
        known.recall()?;
        Ok(known)
    }

    /// The keys that count: the newest, those before it, and the witnesses.
    pub fn trust(&self) -> &LogTrust {
        &self.trust
    }

    /// The newest checkpoint that was accepted.
    pub fn remembered(&self) -> Option<&SignedCheckpoint> {
        self.remembered.as_ref()
    }

    /// The size of the tree that a registry has to show consistency with.
    pub fn seen(&self) -> Option<u64> {
        // Every tree is consistent with the empty one.
        self.remembered.as_ref().map(|it| it.tree().size).filter(|&size| size > 0)
    }

    /// The keys that receipts are checked with. Witnesses are not counted there:
    /// they vouch for the newest checkpoint, which the receipt's tree is shown to
    /// be the start of, and the oldest receipts may be from before there were any.
    pub fn receipt_trust(&self) -> LogTrust {
        LogTrust { quorum: 0, ..self.trust.clone() }
    }

    /// Waits until nobody else asks this registry, and recalls what they learned.
    pub(super) fn exclusive(&mut self) -> Result<Exclusive> {
        let exclusive = Exclusive::of(&self.pin, self.places)?;
        self.recall()?;
        Ok(exclusive)
    }

    fn recall(&mut self) -> Result<()> {
        let memory = Memory::read(&self.pin, self.places)?;
        let source = self.source;
        let damaged = || format!("{}: what is remembered does not hold", unbelieved(source));
        let (key, predecessors) =
            follow(&self.pin, &memory.successions).map_err(Error::wrap(damaged()))?;
        self.trust = LogTrust { key, predecessors, ..self.trust.clone() };
        self.remembered = match &memory.checkpoint {
            None => None,
            Some(note) => {
                let found = self.receipt_trust().verify_checkpoint(note);
                Some(found.map_err(Error::wrap(damaged()))?)
            }
        };
        self.successions = memory.successions;
        Ok(())
    }

    /// Checks that `note` is a checkpoint of this log as it is now, and goes on
    /// from the one that is remembered.
    ///
    /// `proof` shows that the remembered tree is the start of the new one. If the
    /// checkpoint is signed by a key that is not known, the registry is asked once
    /// how its log came to it.
    pub(super) fn check(
        &mut self,
        note: &str,
        proof: Option<&[Hash]>,
        registry: &Registry,
    ) -> Result<SignedCheckpoint> {
        if note.is_empty() {
            return Err(self.distrust(Distrust::Empty("a checkpoint")));
        }
        let found = match self.verify_current(note) {
            Err(LogError::Key { expected, origin }) => {
                // Perhaps by a key that is retired, and should have stopped.
                let retired = self.trust.verify_checkpoint(note);
                if let Err(error @ LogError::Retired { .. }) = retired {
                    return Err(self.disbelieve(error, note));
                }
                if self.learn(registry)? {
                    self.verify_current(note)
                } else {
                    Err(LogError::Key { expected, origin })
                }
            }
            other => other,
        };
        let checkpoint = found.map_err(|error| self.disbelieve(error, note))?;
        self.goes_on(&checkpoint, proof)?;
        Ok(checkpoint)
    }

    /// A checkpoint by the newest key alone: with an older one somebody could
    /// show the log as it was when it was retired.
    fn verify_current(&self, note: &str) -> Result<SignedCheckpoint, LogError> {
        LogTrust { predecessors: Vec::new(), ..self.trust.clone() }.verify_checkpoint(note)
    }

    fn goes_on(&self, checkpoint: &SignedCheckpoint, proof: Option<&[Hash]>) -> Result<()> {
        let Some(remembered) = &self.remembered else { return Ok(()) };
        let (old, new) = (remembered.tree(), checkpoint.tree());
        if new.size < old.size || (new.size == old.size && new.root != old.root) {
            return Err(self.fork(remembered, checkpoint));
        }
        match proof {
            _ if old == new && proof.is_none_or(<[Hash]>::is_empty) => Ok(()),
            None if old.size == 0 => Ok(()),
            None => Err(self.distrust(Distrust::Leap { from: old.size, to: new.size })),
            Some(proof) => verify_consistency(&old, &new, proof)
                .map_err(|error| self.disbelieve(error.into(), checkpoint.note())),
        }
    }

    /// Asks the registry how its log came to the key that it has now, and says
    /// whether that is another than the one that was known.
    pub(super) fn learn(&mut self, registry: &Registry) -> Result<bool> {
        let document = match registry.log() {
            // One that has nothing to say about it has nothing to say for it.
            Err(Error::Problem(_) | Error::Status { .. }) => return Ok(false),
            other => other?,
        };
        let (key, predecessors) =
            follow(&self.trust.key, &document.successions).map_err(Error::wrap(self.label()))?;
        // From the pinned key too: what is remembered has to lead on from there.
        let (from_pin, _) =
            follow(&self.pin, &document.successions).map_err(Error::wrap(self.label()))?;
        if key != document.key || key != from_pin {
            let said = document.key.to_string();
            return Err(self.distrust(Distrust::OtherKey { said, found: key }));
        }
        let is_new = key != self.trust.key || predecessors.len() > self.trust.predecessors.len();
        self.trust = LogTrust { key, predecessors, ..self.trust.clone() };
        self.successions = document.successions;
        // What is remembered has to hold under the keys as they are now.
        if let Some(remembered) = &self.remembered {
            let note = remembered.note();
            let found = self.receipt_trust().verify_checkpoint(note);
            found.map_err(|error| self.disbelieve(error, note))?;
        }
        Ok(is_new)
    }

    /// If a receipt in `document` is by a key that is not known, asks the registry once whether the log has handed over to it, or had it before.
    /// Gives what to tell the user.
    pub fn learn_signer(
        &mut self,
        document: &ReleaseDocument,
        registry: &Registry,
    ) -> Result<Option<String>> {
        let stated = document.statements.iter().map(|it| it.receipt.as_str());
        self.learn_signers(stated.chain([document.log.receipt.as_str()]), registry)
    }

    /// The same for any receipts.
    pub fn learn_signers<'r>(
        &mut self,
        receipts: impl IntoIterator<Item = &'r str>,
        registry: &Registry,
    ) -> Result<Option<String>> {
        let trust = self.receipt_trust();
        let is_by_an_unknown_key = receipts.into_iter().any(|text| {
            text.parse::<Receipt>().is_ok_and(|receipt| {
                let found = trust.verify_checkpoint(&receipt.checkpoint);
                matches!(found, Err(LogError::Key { .. }))
            })
        });
        if !is_by_an_unknown_key {
            return Ok(None);
        }
        let _exclusive = self.exclusive()?;
        if self.learn(registry)? { self.remember(None) } else { Ok(None) }
    }

    /// Remembers a checkpoint that was checked, and the keys that led to it.
    /// Gives what to tell the user.
    pub(super) fn remember(
        &mut self,
        checkpoint: Option<&SignedCheckpoint>,
    ) -> Result<Option<String>> {
        let age = |it: &SignedCheckpoint| (it.tree().size, it.signed_at());
        if let Some(checkpoint) = checkpoint
            && self.remembered.as_ref().is_none_or(|old| age(old) < age(checkpoint))
        {
            self.remembered = Some(checkpoint.clone());
        }
        let memory = Memory {
            successions: self.successions.clone(),
            checkpoint: self.remembered.as_ref().map(|it| it.note().to_owned()),
        };
        if memory != Memory::read(&self.pin, self.places)? {
            memory.write(&self.pin, self.places)?;
        }
        if self.trust.key == self.pin {
            return Ok(None);
        }
        // Under the new pin too, before it is one.
        memory.write(&self.trust.key, self.places)?;
        let (old, new) = (self.pin.clone(), self.trust.key.clone());
        let what = if old.name() == new.name() {
            format!("the log of the registry `{}` has a new key", self.source.name)
        } else {
            format!("the log of the registry `{}` is succeeded by {}", self.source.name, new.name())
        };
        let pinned = match Config::repin(self.places, &old, &new) {
            Ok(()) => format!("it is pinned now: {}", new.fingerprint()),
            // It is followed from the old one as long as this machine remembers.
            Err(error) => format!("set `log_key = \"{new}\"` in the configuration ({error})"),
        };
        self.pin = new;
        Ok(Some(format!("{what}, handed over by the old one; {pinned}")))
    }

    /// What to call it in a message.
    pub(super) fn label(&self) -> String {
        unbelieved(self.source)
    }

    pub(crate) fn distrust(&self, reason: Distrust) -> Error {
        Error::wrap(self.label())(reason)
    }

    /// The error for what is wrong with `checkpoint`; with the proof in a file, if
    /// a retired key has signed it.
    pub(super) fn disbelieve(&self, error: LogError, checkpoint: &str) -> Error {
        match &error {
            LogError::Retired { origin, .. } => {
                let lie = Lie::retired(&error, origin, checkpoint, &self.successions);
                self.found().keep(&lie)
            }
            _ => Error::wrap(self.label())(error),
        }
    }

    /// The error for two checkpoints of which one cannot come after the other.
    pub(super) fn fork(&self, first: &SignedCheckpoint, second: &SignedCheckpoint) -> Error {
        self.found().keep(&Lie::fork(first, second))
    }

    pub(super) fn found(&self) -> Found<'_> {
        Found { places: self.places, registry: &self.source.url, trust: &self.trust, now: self.now }
    }
}

/// The trust that the configuration asks for, before anything was learned.
fn pinned(config: &Config, source: &RegistryConfig) -> Result<LogTrust, Distrust> {
    let key = source.log_key.as_ref().ok_or(Distrust::NoKey)?;
    if config.require_log_key && source.log_key_on_first_use {
        return Err(Distrust::FirstUse);
    }
    source.log_witnesses(key)
}

pub(super) fn unbelieved(source: &RegistryConfig) -> String {
    format!("the log of the registry `{}` cannot be believed", source.name)
}
