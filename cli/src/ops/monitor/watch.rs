//! One look at a real registry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{IndexedEntry, LogTrust, TilePath, VerifiedTiles, follow};
use mcpkg_core::policy::Policy;
use mcpkg_core::{Code, Coded as _, PackageName};
use mcpkg_verify::TrustStore;

use super::{Alarm, Event, Finding, Judge, Monitor, Setback, StateFile};
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::Registry;

/// How many entries are verified before what they amount to is saved, at least.
/// Saving writes all of it, so it is done as the log grows by an eighth: then all
/// writes together are no more than nine times the last.
const MIN_ENTRIES_PER_SAVE: u64 = 4096;

/// Which packages' indexes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that have new entries, and those that were wrong.
    Changed,
    /// All.
    Full,
}

/// Whether an alarm that lasts is told each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Each time that it is found.
    Always,
    /// When it is found for the first time.
    Once,
}

/// What one look came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many alarms there were.
    pub alarms: usize,
    /// How many notices there were.
    pub notices: usize,
    /// What could not be found out. Whatever else there is, this was no success.
    pub troubles: Vec<Error>,
}

/// Follows the log of one registry.
pub struct Watch<'a> {
    /// The registry, as it is configured.
    pub source: &'a RegistryConfig,
    /// Where proofs are kept.
    pub places: &'a Places,
    /// The registry itself.
    pub registry: &'a Registry,
    /// Whom to believe about who signed a release.
    pub trust: &'a TrustStore,
    /// What is known of the log.
    pub monitor: Monitor,
    /// Where that is kept.
    pub file: StateFile,
    /// Which packages' indexes are compared.
    pub scope: Scope,
    /// Whether an alarm that lasts is told each time.
    pub repeat: Repeat,
    /// Says what was found.
    pub tell: &'a mut dyn FnMut(&Event) -> Result<()>,
}

/// One look, while it lasts.
struct Look<'a, 'w> {
    watch: &'a mut Watch<'w>,
    now: Timestamp,
    outcome: Outcome,
    // The alarms found by this look that last.
    lasting: BTreeSet<String>,
    // How many entries were known when the state was last saved.
    saved: u64,
    // Whether the registry was asked for the keys of its log.
    has_learned: bool,
}

impl Watch<'_> {
    /// Looks at the registry once: the newest checkpoint, what is new in the log,
    /// and what is shown of it.
    ///
    /// # Errors
    ///
    /// Only if the state cannot be kept, or what was found not be told. What is
    /// wrong with the registry is told, and counted.
    pub fn look(&mut self, now: Timestamp) -> Result<Outcome> {
        let saved = self.monitor.size();
        let (outcome, lasting) = (Outcome::default(), BTreeSet::new());
        let before = self.monitor.progress();
        let mut look = Look { watch: self, now, outcome, lasting, saved, has_learned: false };
        look.follow()?;
        if let Err(alarm) = look.watch.monitor.freshness(now) {
            look.setback(alarm.into())?;
        }
        let Look { outcome, lasting, .. } = look;
        // What could not be looked at may last, so it is not forgotten.
        self.monitor.set_lasting(lasting, outcome.troubles.is_empty());
        if self.monitor.progress() != before {
            self.save()?;
        }
        Ok(outcome)
    }

    fn save(&self) -> Result<()> {
        self.file.write(self.monitor.state())
    }
}

impl Look<'_, '_> {
    fn follow(&mut self) -> Result<()> {
        let registry = self.watch.registry;
        if !self.recognise()? {
            return Ok(());
        }
        let mut tiles = match self.observe(|path| tile(registry, path)) {
            Ok(tiles) => tiles,
            Err(setback) => return self.setback(setback),
        };
        self.releases(0, &mut tiles)?;
        self.statements(0, &mut tiles)?;
        while let Some(path) = self.watch.monitor.next_bundle() {
            let first = self.watch.monitor.size();
            let taken = tile(registry, &path)
                .and_then(|bytes| self.watch.monitor.take(&path, &bytes, &mut tiles, self.now));
            match taken {
                Ok(findings) => self.findings(findings)?,
                Err(setback) => return self.setback(setback),
            }
            self.releases(first, &mut tiles)?;
            self.statements(first, &mut tiles)?;
        }
        self.indexes(&mut tiles)
    }

    /// Whether what is remembered is of this log, as far as that can be told now.
    ///
    /// # Errors
    ///
    /// If it is not: then the two would be compared in vain, and a registry that
    /// was added anew would be accused of a fork.
    fn recognise(&mut self) -> Result<bool> {
        let Err(error) = self.watch.monitor.recognise() else { return Ok(true) };
        match self.learn(Box::new(Alarm::Checkpoint(error))) {
            Err(Setback::Trouble(trouble)) => {
                self.outcome.troubles.push(*trouble);
                return Ok(false);
            }
            Ok(()) | Err(Setback::Alarm(_)) => {}
        }
        self.watch.monitor.recognise().map(|()| true).map_err(|error| Error::Setting {
            message: format!(
                "`{}` is about a log with another key: {error}",
                self.watch.file.path().display()
            ),
            hint: "if the registry was added anew, move the file away: the log is then read from \
                   its start",
        })
    }

    /// What the evidence of a release has to prove. How old it is does not matter.
    fn policy(&self) -> Policy {
        let rebuilds = Vec::new();
        Policy { min_age: SignedDuration::ZERO, rebuilds, ..self.watch.source.policy() }
    }

    /// The newest checkpoint, under the key that is known or one that it has
    /// handed the log to.
    fn observe<F>(&mut self, fetch: F) -> std::result::Result<VerifiedTiles<F>, Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback> + Clone,
    {
        let ask = |registry: &Registry| registry.checkpoint().map_err(setback);
        let note = ask(self.watch.registry)?;
        match self.watch.monitor.observe(&note, fetch.clone()) {
            Err(Setback::Alarm(alarm)) if alarm.code() == Code::LogKey => {
                self.learn(alarm)?;
                // It may have been signed between the two answers.
                let note = ask(self.watch.registry)?;
                self.watch.monitor.observe(&note, fetch)
            }
            other => other,
        }
    }

    /// Asks the registry, once, how its log came to its key.
    ///
    /// # Errors
    ///
    /// `because`, if that leads to no key that was not known.
    fn learn(&mut self, because: Box<Alarm>) -> std::result::Result<(), Setback> {
        if std::mem::replace(&mut self.has_learned, true) {
            return Err(Setback::Alarm(because));
        }
        let trust = self.watch.monitor.trust();
        let document = match self.watch.registry.log() {
            // One that has nothing to say about it has nothing to say for it.
            Err(Error::Problem(_) | Error::Status { .. }) => return Err(Setback::Alarm(because)),
            other => other.map_err(setback)?,
        };
        let (key, predecessors) =
            follow(&trust.key, &document.successions).map_err(Alarm::Checkpoint)?;
        if key == trust.key && predecessors == trust.predecessors {
            return Err(Setback::Alarm(because));
        }
        let (witnesses, quorum) = (trust.witnesses.clone(), trust.quorum);
        self.watch.monitor.set_trust(LogTrust { key, witnesses, quorum, predecessors });
        Ok(())
    }

    /// Asks for the releases of the entries from `first` on that were not seen to
    /// be good.
    fn releases<F>(&mut self, first: u64, tiles: &mut VerifiedTiles<F>) -> Result<()>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let (trust, registry) = (self.watch.trust, self.watch.registry);
        let judge = Judge { trust, policy: self.policy(), now: self.now };
        for (index, publish) in self.watch.monitor.unchecked(first) {
            let ask = || registry.release(&publish.name, &publish.version, None);
            let mut checked = self.watch.monitor.release(index, ask(), &judge, tiles);
            if let Err(Setback::Alarm(alarm)) = checked {
                // Its receipt may be by a key from before the one that is known.
                checked = if alarm.code() == Code::LogKey {
                    self.learn(alarm)
                        .and_then(|()| self.watch.monitor.release(index, ask(), &judge, tiles))
                } else {
                    Err(Setback::Alarm(alarm))
                };
            }
            if let Err(setback) = checked {
                self.setback(setback)?;
            }
        }
        Ok(())
    }

    /// Asks for what was stated by the entries from `first` on and not seen to be
    /// signed: once for each release, and for each package whose publisher changed.
    fn statements<F>(&mut self, first: u64, tiles: &mut VerifiedTiles<F>) -> Result<()>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let (trust, registry) = (self.watch.trust, self.watch.registry);
        let judge = Judge { trust, policy: self.policy(), now: self.now };
        let mut places: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for (index, unproved) in self.watch.monitor.unproved(first) {
            let words = IndexedEntry::of(index, &unproved.entry);
            let place = (unproved.entry.name().clone(), words.kind.version().cloned());
            places.entry(place).or_default().push(index);
        }
        for ((name, version), indexes) in places {
            let answer = match &version {
                Some(version) => registry.release(&name, version, None).map(|it| it.statements),
                None => registry.index(&name, None).map(|it| it.bindings),
            };
            let shown = match answer {
                Ok(shown) => shown,
                Err(error) => {
                    let Some(&index) = indexes.first() else { continue };
                    let checked = self.watch.monitor.statement(index, Err(error), &judge, tiles);
                    if let Err(setback) = checked {
                        self.setback(setback)?;
                    }
                    continue;
                }
            };
            for index in indexes {
                let mut check = |look: &mut Self| {
                    look.watch.monitor.statement(index, Ok(&shown), &judge, tiles)
                };
                let mut checked = check(self);
                if let Err(Setback::Alarm(alarm)) = checked {
                    // Its receipt may be by a key from before the one that is known.
                    checked = if alarm.code() == Code::LogKey {
                        self.learn(alarm).and_then(|()| check(self))
                    } else {
                        Err(Setback::Alarm(alarm))
                    };
                }
                if let Err(setback) = checked {
                    self.setback(setback)?;
                }
            }
        }
        Ok(())
    }

    /// Asks for the indexes of the packages that changed, or of all.
    fn indexes<F>(&mut self, tiles: &mut VerifiedTiles<F>) -> Result<()>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let monitor = &self.watch.monitor;
        let packages: Vec<PackageName> = match self.watch.scope {
            Scope::Changed => monitor.changed().iter().cloned().collect(),
            Scope::Full => monitor.replay().packages().map(|it| it.name.clone()).collect(),
        };
        for name in packages {
            let seen = self.watch.monitor.seen().size;
            let answer = self.watch.registry.index(&name, Some(seen));
            let seen = self.watch.monitor.index(&name, answer, tiles, self.now);
            let Err(setback) = seen else { continue };
            let hidden = match &setback {
                Setback::Alarm(alarm) => alarm.hidden(),
                Setback::Trouble(_) => None,
            };
            let proof = match hidden {
                Some(hidden) => self.watch.prove_hidden(hidden, tiles, self.now)?,
                None => None,
            };
            match proof {
                Some(proof) => self.setback_with(setback, Some(proof))?,
                None => self.setback(setback)?,
            }
        }
        Ok(())
    }

    /// Tells what entries amount to, then saves that they were seen: an interrupt
    /// in between tells it again.
    fn findings(&mut self, findings: Vec<Finding>) -> Result<()> {
        let is_news = !findings.is_empty();
        for finding in findings {
            match finding {
                Finding::Alarm(alarm) => self.setback(alarm.into())?,
                Finding::Notice(notice) => {
                    self.outcome.notices += 1;
                    (self.watch.tell)(&Event::notice(&self.watch.source.name, &notice))?;
                }
            }
        }
        let size = self.watch.monitor.size();
        if is_news || size - self.saved >= MIN_ENTRIES_PER_SAVE.max(size / 8) {
            self.watch.save()?;
            self.saved = size;
        }
        Ok(())
    }

    fn setback(&mut self, setback: Setback) -> Result<()> {
        let fork = match &setback {
            Setback::Alarm(alarm) => alarm.fork(),
            Setback::Trouble(_) => None,
        };
        let proof = fork.map(|fork| self.watch.prove_fork(fork, self.now)).transpose()?;
        self.setback_with(setback, proof)
    }

    /// Tells what is wrong, with the file that proves it; or counts what could not
    /// be found out.
    fn setback_with(&mut self, setback: Setback, proof: Option<PathBuf>) -> Result<()> {
        let alarm = match setback {
            Setback::Trouble(error) => {
                self.outcome.troubles.push(*error);
                return Ok(());
            }
            Setback::Alarm(alarm) => alarm,
        };
        self.outcome.alarms += 1;
        let is_known = alarm.lasting().is_some_and(|word| {
            self.lasting.insert(word.clone());
            !self.watch.monitor.raise(word)
        });
        if is_known && self.watch.repeat == Repeat::Once {
            return Ok(());
        }
        (self.watch.tell)(&Event::alarm(&self.watch.source.name, &alarm, proof))
    }
}

/// A tile or bundle as it is served.
pub(super) fn tile(registry: &Registry, path: &TilePath) -> std::result::Result<Vec<u8>, Setback> {
    registry.tile(path).map_err(|error| {
        if error.code() == Code::NotFound {
            Alarm::Withheld { path: path.to_string(), source: Box::new(error) }.into()
        } else {
            setback(error)
        }
    })
}

/// An answer that no registry should give is an alarm, and none is trouble.
fn setback(error: Error) -> Setback {
    if error.is_refusal() {
        Alarm::Answer(Box::new(error)).into()
    } else {
        Setback::Trouble(Box::new(error))
    }
}
