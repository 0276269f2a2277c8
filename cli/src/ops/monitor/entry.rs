//! One entry after the other.

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::log::Entry;
use mcpkg_core::statement::RebuildResult;

use super::follow::CLOCK_SKEW;
use super::{Alarm, Finding, Monitor, Notice, Unchecked, Unproved};

impl Monitor {
    /// Judges the entry at `index`, whose bytes were signed, and goes on from it.
    /// One that is refused stays in the log for ever, and counts for nothing.
    pub(super) fn entry(&mut self, index: u64, leaf: &[u8], now: Timestamp) -> Vec<Finding> {
        let entry = match Entry::parse(leaf) {
            Ok(entry) => entry,
            Err(source) => {
                self.state.replay.skip();
                return vec![Finding::Alarm(Alarm::Entry { index, source })];
            }
        };
        let mut findings = Vec::new();
        let is_watched = self.interests.iter().any(|interest| interest.covers(entry.name()));
        if is_watched {
            findings.push(Finding::Notice(Notice::of(index, &entry)));
        }
        let name = || entry.name().clone();
        let before = self.state.newest.get(entry.name()).copied();
        // An entry from the future would make every later one go back in time.
        let refused = if entry.time() > now + CLOCK_SKEW {
            Some(Alarm::EntryTime { index, name: name(), time: entry.time() })
        } else {
            self.state.replay.apply(index, &entry).err().map(|source| Alarm::Rule {
                index,
                name: name(),
                source: Box::new(source),
            })
        };
        let is_refused = refused.is_some();
        if let Some(alarm) = refused {
            self.state.replay.pass_over(&entry);
            findings.push(Finding::Alarm(alarm));
        }
        if self.state.replay.package(entry.name()).is_some() {
            self.state.changed.insert(name());
            self.state.newest.insert(name(), Digest::of(leaf));
        }
        if is_refused {
            return findings;
        }
        if is_watched {
            findings.extend(self.concern(index, &entry).map(Finding::Alarm));
        }
        match entry {
            Entry::Publish(publish) => {
                self.state.unchecked.insert(index, Unchecked { publish, since: now });
            }
            entry => {
                self.state.unproved.insert(index, Unproved { entry, before, since: now });
            }
        }
        findings
    }

    /// What those who care for a package should look at, though it is allowed.
    fn concern(&self, index: u64, entry: &Entry) -> Option<Alarm> {
        match entry {
            Entry::Binding(change) => {
                // One that names the publisher of now takes an announcement back.
                let package = self.state.replay.package(&change.name)?;
                let announced = package.announced.as_ref().filter(|it| it.entry == index)?;
                Some(Alarm::Rebinding {
                    index,
                    name: change.name.clone(),
                    publisher: Box::new(announced.publisher.clone()),
                    signer: Box::new(change.signer.clone()),
                    effective: announced.effective,
                })
            }
            Entry::Rebuild(rebuild) if rebuild.result == RebuildResult::Different => {
                Some(Alarm::Different {
                    index,
                    name: rebuild.name.clone(),
                    version: rebuild.version.clone(),
                    rebuilder: Box::new(rebuild.rebuilder.clone()),
                })
            }
            _ => None,
        }
    }
}
