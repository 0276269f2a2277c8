//! Whom a name was bound to, and who said so.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{BindingChange, Entry, EntryKind, IndexedEntry};
use mcpkg_core::policy::Policy;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName};
use mcpkg_verify::TrustStore;

use super::AtHand;
use crate::error::{Error, Result};
use crate::ops::log::{Anchor, Contact, Distrust, statement};
use crate::ops::release::{self, Terms};

/// The changes of a package's publisher, each signed by whom its entry names.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    changes: Vec<(u64, BindingChange)>,
}

/// Somebody who published something, in the log: where one starts from.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The index of the entry.
    pub index: u64,
    /// When it was accepted.
    pub time: Timestamp,
    /// Who signed it, and so whom the name was bound to then.
    pub publisher: &'a Publisher,
}

/// Whom a name is bound to now, and what was announced.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Who publishes it now.
    pub publisher: Publisher,
    /// Who will, if somebody is announced who is not in effect yet, and the entry that
    /// says so.
    pub announced: Option<(u64, BindingChange)>,
    /// Every change that was ever announced.
    pub changes: Vec<(u64, BindingChange)>,
}

impl Bound {
    /// Finds out from what was signed, not from what the index shows: the newest
    /// release says whom the name was bound to then, and what was announced since and
    /// before says who followed.
    pub fn read(
        contact: &mut Contact<'_>,
        trust: &TrustStore,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self> {
        let version = |entry: &IndexedEntry| match &entry.kind {
            EntryKind::Publish(version) => Some(version.clone()),
            _ => None,
        };
        let newest = contact.note().entries.iter().rev().find_map(version);
        let name = contact.index.name.clone();
        let wanted = "anything".to_owned();
        let version = newest.ok_or(Error::NoRelease { name: name.clone(), wanted })?;
        let document = contact.release(&version)?;
        // Neither its age nor its status is the question here.
        let policy =
            Policy { min_age: SignedDuration::ZERO, rebuilds: Vec::new(), ..policy.clone() };
        let terms = Terms { policy: &policy, locked: None, accepts_yanked: true, now };
        let anchor = Anchor::Contact(contact);
        let release = release::check(document, (&name, &version), trust, anchor, terms)?;
        let (index, time) = (release.log.index, release.log.publish.time);
        let start = Published { index, time, publisher: &release.publisher };
        let publisher = release.bindings.bound_at(&name, start, u64::MAX, now)?.clone();
        let is_to_come = |(_, change): &&(u64, BindingChange)| {
            change.effective > now && change.publisher.difference(&publisher).is_some()
        };
        let announced = release.bindings.last().filter(is_to_come).cloned();
        Ok(Self { publisher, announced, changes: release.bindings.changes })
    }
}

impl Bindings {
    /// Those that the index of `contact` has, all of them verified.
    pub fn read(contact: &Contact<'_>, at_hand: &AtHand, trust: &TrustStore) -> Result<Self> {
        let stated = statement::bindings(contact)?;
        let mut at_hand = at_hand.clone();
        at_hand.extend(stated.iter().map(|it| (it.index, Digest::of(&it.leaf))));
        let mut changes = Vec::new();
        for stated in &stated {
            super::verify(stated, &at_hand, trust, contact.known().trust())?;
            if let Entry::Binding(change) = &stated.entry {
                changes.push((stated.index, change.clone()));
            }
        }
        Ok(Self { changes })
    }

    /// None at all: where nobody was asked, or there are none.
    pub fn none() -> Self {
        Self::default()
    }

    /// The last one, which counts until there is another.
    pub fn last(&self) -> Option<&(u64, BindingChange)> {
        self.changes.last()
    }

    /// The last one that names `publisher`.
    pub fn announcing(&self, publisher: &Publisher) -> Option<&(u64, BindingChange)> {
        self.changes
            .iter()
            .rev()
            .find(|(_, change)| change.publisher.difference(publisher).is_none())
    }

    /// What there is to say of a release that `found` signed, to somebody who has
    /// `pinned` another publisher.
    pub fn explain(&self, pinned: &Publisher, found: &Publisher) -> String {
        let reference = found.reference();
        let Some((index, change)) = self.announcing(found) else {
            return format!(
                "the log has no announcement that `{reference}` publishes this package; the one \
                 that you have is by `{}`",
                pinned.reference()
            );
        };
        let BindingChange { signer, effective, time, .. } = change;
        let by = if pinned.difference(signer).is_none() {
            "the publisher that you have pinned announced it, and signed that".to_owned()
        } else {
            format!(
                "`{}` announced it, which is not the publisher that you have pinned",
                signer.reference()
            )
        };
        let replaced = match self.last() {
            Some((last, _)) if last != index => format!("; entry {last} announced another since"),
            _ => String::new(),
        };
        format!(
            "`{reference}` publishes this package from {effective} on: {by}, on {time} (entry \
             {index} of the log){replaced}"
        )
    }

    /// Whom the name was bound to when entry `index` was accepted, at `time`, if what
    /// was published before it was signed by whom the name was bound to then.
    ///
    /// # Errors
    ///
    /// [`Distrust::Signer`] if a change in between was announced by somebody else.
    pub fn bound_at<'a>(
        &'a self,
        name: &PackageName,
        start: Published<'a>,
        index: u64,
        time: Timestamp,
    ) -> Result<&'a Publisher> {
        let mut bound = start.publisher;
        let mut announced: Option<&BindingChange> = None;
        let before = self.changes.iter().take_while(|(at, _)| *at < index);
        for (at, change) in before {
            let is_later = *at > start.index;
            if is_later {
                if let Some(due) = announced.take_if(|it| it.effective <= change.time) {
                    bound = &due.publisher;
                }
            } else if change.effective <= start.time {
                // It was in effect already, or replaced before it could be.
                announced = None;
                continue;
            }
            if bound.difference(&change.signer).is_some() {
                let (bound, found) = (Box::new(bound.clone()), Box::new(change.signer.clone()));
                let reason = Distrust::Signer { index: *at, bound, found };
                return Err(Error::wrap(format!("a change of {name}'s publisher"))(reason));
            }
            announced = Some(change);
        }
        Ok(match announced {
            Some(due) if due.effective <= time => &due.publisher,
            _ => bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Coded as _;
    use mcpkg_core::publisher::Identity;

    use super::*;

    fn publisher(subject: &str) -> Publisher {
        let issuer = "https://sso.acme.example".to_owned();
        Publisher::Identity(Identity { issuer, subject: subject.to_owned() })
    }

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_hours(hours)
    }

    /// Each change: its index and hour, who announces whom, and when that takes effect.
    fn bindings(changes: &[(u64, i64, &str, &str, i64)]) -> Bindings {
        let change =
            |&(index, hour, signer, publisher, effective): &(u64, i64, &str, &str, i64)| {
                let change = BindingChange {
                    name: "com.acme/weather".parse().unwrap(),
                    publisher: self::publisher(publisher),
                    authority: None,
                    effective: at(effective),
                    signer: self::publisher(signer),
                    evidence: Digest::of(b"bundle"),
                    previous: index - 1,
                    time: at(hour),
                };
                (index, change)
            };
        Bindings { changes: changes.iter().map(change).collect() }
    }

    #[test]
    fn a_name_is_bound_to_whom_was_announced_once_that_is_due() {
        type Row<'a> = (&'a [(u64, i64, &'a str, &'a str, i64)], i64, Result<&'a str, &'a str>);
        let a_to_b = (5, 5, "a", "b", 77);
        // Alice published entry 3 in hour 3; who may say something with entry 20?
        let rows: [Row<'_>; 12] = [
            (&[], 100, Ok("a")),
            (&[a_to_b], 20, Ok("a")),
            (&[a_to_b], 77, Ok("b")),
            (&[a_to_b, (6, 6, "a", "a", 78)], 100, Ok("a")),
            (&[a_to_b, (6, 6, "a", "c", 78)], 100, Ok("c")),
            (&[a_to_b, (6, 80, "b", "c", 152)], 100, Ok("b")),
            (&[a_to_b, (6, 80, "b", "c", 152)], 152, Ok("c")),
            (&[a_to_b, (6, 80, "a", "c", 152)], 152, Err("E_PUBLISHER")),
            (&[a_to_b, (6, 70, "b", "c", 142)], 152, Err("E_PUBLISHER")),
            (&[(5, 5, "m", "m", 5)], 100, Err("E_PUBLISHER")),
            // From before it was published: not in effect then, and in effect then.
            (&[(1, 1, "a", "b", 73)], 73, Ok("b")),
            (&[(1, -80, "z", "a", 2)], 100, Ok("a")),
        ];
        let alice = publisher("a");
        let start = Published { index: 3, time: at(3), publisher: &alice };
        let name = "com.acme/weather".parse().unwrap();
        for (changes, hour, expected) in rows {
            let bindings = bindings(changes);
            let bound = bindings.bound_at(&name, start, 20, at(hour));
            let found = bound.map_err(|error| error.code().as_str());
            assert_eq!(
                found,
                expected.map(publisher).as_ref().map_err(|code| *code),
                "{changes:?}"
            );
        }
        // What was announced after the entry in question does not count for it.
        let later = bindings(&[(30, 5, "a", "b", 6)]);
        assert_eq!(later.bound_at(&name, start, 20, at(100)).unwrap(), &alice);
    }
}
