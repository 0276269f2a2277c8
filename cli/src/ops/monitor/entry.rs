//! One entry after the other.

use jiff::Timestamp;
use mcpkg_core::log::Entry;

use super::follow::CLOCK_SKEW;
use super::{Alarm, Finding, Monitor, Notice, Unchecked};

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
        if self.interests.iter().any(|interest| interest.covers(entry.name())) {
            findings.push(Finding::Notice(Notice::of(index, &entry)));
        }
        let name = || entry.name().clone();
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
        }
        if !is_refused && let Entry::Publish(publish) = entry {
            self.state.unchecked.insert(index, Unchecked { publish, since: now });
        }
        findings
    }
}
