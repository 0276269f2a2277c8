//! What the entries of a log amount to, and whether they may follow one another.
//!
//! The registry's database is an index that can be made again from the log. This
//! is the same index for those who have the log alone: an audit of the database,
//! a monitor, a mirror.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{BindingChange, Entry, Publish};
use super::index::IndexedEntry;
use crate::api::AnnouncedPublisher;
use crate::publisher::{Difference, Publisher};
use crate::{Code, Coded, PackageName, Version};

/// Everything that a log says, as of some size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    // By fold key, under which no two names look alike.
    packages: BTreeMap<String, LoggedPackage>,
}

/// What a log says of one package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedPackage {
    /// Its name, in the case of its first entry.
    pub name: PackageName,
    /// Whom the name was bound to when its last entry was accepted.
    pub publisher: Publisher,
    /// The last announcement of another publisher that had not taken effect then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<AnnouncedPublisher>,
    /// All its entries, in order.
    pub entries: Vec<IndexedEntry>,
    /// The index of the entry that published each release.
    pub releases: BTreeMap<Version, u64>,
}

impl LoggedPackage {
    /// Whom the name is bound to at some time after its last entry.
    pub fn bound_at(&self, time: Timestamp) -> &Publisher {
        match &self.announced {
            Some(announced) if announced.effective <= time => &announced.publisher,
            _ => &self.publisher,
        }
    }

    /// Lets what was announced take effect, if its time has come.
    fn advance(&mut self, time: Timestamp) {
        if let Some(announced) = self.announced.take_if(|it| it.effective <= time) {
            self.publisher = announced.publisher;
        }
    }
}

/// Why an entry may not follow those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// An entry was left out or came twice.
    #[error("entry {found} came where entry {expected} should")]
    Index {
        /// Which is next.
        expected: u64,
        /// Which came.
        found: u64,
    },
    /// Time goes back.
    #[error("the entry is from {found}, before the one in front of it from {last}")]
    Time {
        /// When the entry before was accepted.
        last: Timestamp,
        /// When this one says it was.
        found: Timestamp,
    },
    /// The entry builds upon another than the package's last.
    #[error("the entry builds upon {found:?}, and the last of `{name}` is {expected:?}")]
    Previous {
        /// Of which package.
        name: PackageName,
        /// The package's last entry.
        expected: Option<u64>,
        /// The one that it names.
        found: Option<u64>,
    },
    /// The name is not written as before, or too like another.
    #[error("`{found}` is too like `{existing}`, which exists")]
    Lookalike {
        /// The name that exists.
        existing: PackageName,
        /// The name in the entry.
        found: PackageName,
    },
    /// A version was published a second time.
    #[error("{name}@{version} was published before, by entry {first}")]
    Again {
        /// Of which package.
        name: PackageName,
        /// Which release.
        version: Version,
        /// The entry that published it.
        first: u64,
    },
    /// Somebody published that the name is not bound to.
    #[error("`{name}` is bound to {bound}, and {found} signed for it")]
    Publisher {
        /// Which package.
        name: PackageName,
        /// To whom.
        bound: Box<Publisher>,
        /// Who published.
        found: Box<Publisher>,
        /// How the two differ.
        difference: Difference,
    },
    /// Something was said of a release that was not published.
    #[error("{name}@{version} was not published")]
    NoRelease {
        /// Of which package.
        name: PackageName,
        /// Which release.
        version: Version,
    },
    /// A change of publisher that was in effect before it was announced.
    #[error("the new publisher of `{name}` was announced at {time}, for {effective}")]
    Effective {
        /// Of which package.
        name: PackageName,
        /// When it was announced.
        time: Timestamp,
        /// When it should have taken effect.
        effective: Timestamp,
    },
    /// A release that nothing vouches for.
    #[error("{name}@{version} was published without evidence")]
    NoEvidence {
        /// Of which package.
        name: PackageName,
        /// Which release.
        version: Version,
    },
}

impl Replay {
    /// The state of the empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there were.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When the last entry was accepted.
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The packages, in the order of their names without case.
    pub fn packages(&self) -> impl Iterator<Item = &LoggedPackage> {
        self.packages.values()
    }

    /// A package, under its name in any case.
    pub fn package(&self, name: &PackageName) -> Option<&LoggedPackage> {
        self.packages.get(&name.fold_key())
    }

    /// Goes on with the entry at `index`.
    ///
    /// # Errors
    ///
    /// The first rule that the entry breaks. Nothing was changed then; see
    /// [`Self::skip`].
    pub fn apply(&mut self, index: u64, entry: &Entry) -> Result<(), ReplayError> {
        self.check(index, entry)?;
        let time = entry.time();
        match entry {
            Entry::Publish(publish) => self.publish(index, publish)?,
            Entry::Status(change) => {
                self.is_published(&change.name, &change.version)?;
                self.is_bound(&change.name, &change.publisher, time)?;
            }
            Entry::Binding(change) => self.binding(index, change)?,
            Entry::Rebuild(rebuild) => self.is_published(&rebuild.name, &rebuild.version)?,
        }
        if let Some(package) = self.packages.get_mut(&entry.name().fold_key()) {
            package.advance(time);
            package.entries.push(IndexedEntry::of(index, entry));
        }
        self.size = index + 1;
        self.time = Some(entry.time());
        Ok(())
    }

    /// Goes on without an entry that was refused: it is in the log for ever, and
    /// counts for nothing.
    pub fn skip(&mut self) {
        self.size += 1;
    }

    /// The same for an entry that can be read: it counts for nothing but itself, so
    /// that the package's next entry, which builds upon it, is not refused as well.
    pub fn pass_over(&mut self, entry: &Entry) {
        let index = self.size;
        self.skip();
        let package = self.packages.get_mut(&entry.name().fold_key());
        if let Some(package) = package.filter(|package| package.name == *entry.name()) {
            package.entries.push(IndexedEntry::of(index, entry));
        }
    }

    /// What holds for every kind of entry.
    fn check(&self, index: u64, entry: &Entry) -> Result<(), ReplayError> {
        if index != self.size {
            return Err(ReplayError::Index { expected: self.size, found: index });
        }
        let found = entry.time();
        if let Some(last) = self.time.filter(|&last| found < last) {
            return Err(ReplayError::Time { last, found });
        }
        let package = self.package(entry.name());
        if let Some(package) = package.filter(|package| package.name != *entry.name()) {
            let (existing, found) = (package.name.clone(), entry.name().clone());
            return Err(ReplayError::Lookalike { existing, found });
        }
        let expected = package.and_then(|package| package.entries.last()).map(|entry| entry.index);
        if entry.previous() != expected {
            let (name, found) = (entry.name().clone(), entry.previous());
            return Err(ReplayError::Previous { name, expected, found });
        }
        Ok(())
    }

    fn publish(&mut self, index: u64, publish: &Publish) -> Result<(), ReplayError> {
        let Publish { name, version, publisher, evidence, .. } = publish;
        if evidence.is_empty() {
            return Err(ReplayError::NoEvidence { name: name.clone(), version: version.clone() });
        }
        if let Some(package) = self.package(name) {
            if let Some(&first) = package.releases.get(version) {
                let (name, version) = (name.clone(), version.clone());
                return Err(ReplayError::Again { name, version, first });
            }
            self.is_bound(name, publisher, publish.time)?;
        }
        let package = self.packages.entry(name.fold_key()).or_insert_with(|| LoggedPackage {
            name: name.clone(),
            publisher: publisher.clone(),
            announced: None,
            entries: Vec::new(),
            releases: BTreeMap::new(),
        });
        package.releases.insert(version.clone(), index);
        Ok(())
    }

    fn binding(&mut self, index: u64, change: &BindingChange) -> Result<(), ReplayError> {
        let BindingChange { name, publisher, effective, signer, time, .. } = change;
        self.is_bound(name, signer, *time)?;
        if effective < time {
            let (time, effective) = (*time, *effective);
            return Err(ReplayError::Effective { name: name.clone(), time, effective });
        }
        if let Some(package) = self.packages.get_mut(&name.fold_key()) {
            package.advance(*time);
            let (publisher, effective) = (publisher.clone(), *effective);
            // One that changes nothing takes back what was announced before.
            let announced = AnnouncedPublisher { publisher, effective, entry: index };
            package.announced = Some(announced).filter(|it| it.publisher != package.publisher);
        }
        Ok(())
    }

    /// Whether `found` may sign for `name` at a time.
    fn is_bound(
        &self,
        name: &PackageName,
        found: &Publisher,
        time: Timestamp,
    ) -> Result<(), ReplayError> {
        let Some(package) = self.package(name) else { return Ok(()) };
        let bound = package.bound_at(time);
        match bound.difference(found) {
            None => Ok(()),
            Some(difference) => Err(ReplayError::Publisher {
                name: name.clone(),
                bound: Box::new(bound.clone()),
                found: Box::new(found.clone()),
                difference,
            }),
        }
    }

    fn is_published(&self, name: &PackageName, version: &Version) -> Result<(), ReplayError> {
        let is_published =
            self.package(name).is_some_and(|package| package.releases.contains_key(version));
        if is_published {
            return Ok(());
        }
        Err(ReplayError::NoRelease { name: name.clone(), version: version.clone() })
    }
}

impl Coded for ReplayError {
    fn code(&self) -> Code {
        match self {
            Self::Index { .. }
            | Self::Time { .. }
            | Self::Previous { .. }
            | Self::NoRelease { .. }
            | Self::Effective { .. } => Code::LogSubject,
            Self::Lookalike { .. } => Code::Name,
            Self::Again { .. } => Code::Immutable,
            Self::Publisher { .. } => Code::Publisher,
            Self::NoEvidence { .. } => Code::Provenance,
        }
    }
}
