//! The index of a package as the log signs it.
//!
//! A log proves what is in it, and not that nothing else is. So the registry
//! signs, for each package and at a tree, which entries are the package's. One
//! that leaves an entry out has signed a lie, and whoever has the entry's receipt
//! can prove it: entry, receipt and index are all the proof there is to it.
//!
//! ```text
//! mcpkg.dev/index@v1
//! <origin>
//! <name of the package>
//! <tree size>
//! <root>
//! <index of its first entry> <what it says, in words>
//! <index of its second entry> <what it says, in words>
//! …
//!
//! — <origin> <signature>
//! ```
//!
//! The words are those of [`EntryKind`]: `publish 1.2.0`, `status 1.2.0 yanked`,
//! `binding`, `rebuild 1.2.0 identical`. With them a yank cannot be passed off as
//! something about another release.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::checkpoint::{LogTrust, tree};
use super::note::{NoteError, SignedNote, lines, number};
use super::{Entry, LogError, Tree};
use crate::api::Status;
use crate::statement::RebuildResult;
use crate::{PackageName, Version};

const HEADER: &str = "mcpkg.dev/index@v1";

/// Which entries of a tree are about a package: these, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexNote {
    /// Of which log.
    pub origin: String,
    /// Of which package, in the case of its first release.
    pub name: PackageName,
    /// At which tree.
    pub tree: Tree,
    /// Its entries, in the order of the log.
    pub entries: Vec<IndexedEntry>,
}

/// An entry in the index of its package.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub struct IndexedEntry {
    /// Where it is in the log.
    pub index: u64,
    /// What it says.
    pub kind: EntryKind,
}

/// What an entry says, as far as a client has to know before it chooses a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// This release was published.
    Publish(Version),
    /// This release has that status from here on.
    Status(Version, Status),
    /// The name was bound to another publisher.
    Binding,
    /// This release was built again.
    Rebuild(Version, RebuildResult),
}

impl IndexedEntry {
    /// What the index says of `entry` at `index`.
    pub fn of(index: u64, entry: &Entry) -> Self {
        let kind = match entry {
            Entry::Publish(publish) => EntryKind::Publish(publish.version.clone()),
            Entry::Status(change) => EntryKind::Status(change.version.clone(), change.status),
            Entry::Binding(_) => EntryKind::Binding,
            Entry::Rebuild(rebuild) => EntryKind::Rebuild(rebuild.version.clone(), rebuild.result),
        };
        Self { index, kind }
    }
}

impl EntryKind {
    /// The release that it is about, if it is about one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Publish(version) | Self::Status(version, _) | Self::Rebuild(version, _) => {
                Some(version)
            }
            Self::Binding => None,
        }
    }
}

impl fmt::Display for IndexedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        match &self.kind {
            EntryKind::Publish(version) => write!(f, "{index} publish {version}"),
            EntryKind::Status(version, status) => write!(f, "{index} status {version} {status}"),
            EntryKind::Binding => write!(f, "{index} binding"),
            EntryKind::Rebuild(version, result) => write!(f, "{index} rebuild {version} {result}"),
        }
    }
}

/// A line that is no [`IndexedEntry`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a line of the index of a package")]
pub struct IndexedEntryError;

impl FromStr for IndexedEntry {
    type Err = IndexedEntryError;

    fn from_str(line: &str) -> Result<Self, IndexedEntryError> {
        fn read<T: FromStr>(word: &str) -> Result<T, IndexedEntryError> {
            word.parse().map_err(|_| IndexedEntryError)
        }
        let words: Vec<&str> = line.split(' ').collect();
        let (index, kind) = match words[..] {
            [index, "publish", version] => (index, EntryKind::Publish(read(version)?)),
            [index, "status", version, status] => {
                (index, EntryKind::Status(read(version)?, read(status)?))
            }
            [index, "binding"] => (index, EntryKind::Binding),
            [index, "rebuild", version, result] => {
                (index, EntryKind::Rebuild(read(version)?, read(result)?))
            }
            _ => return Err(IndexedEntryError),
        };
        Ok(Self { index: number(index).ok_or(IndexedEntryError)?, kind })
    }
}

impl IndexNote {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let Self { origin, name, tree, entries } = self;
        let mut text = format!("{HEADER}\n{origin}\n{name}\n{}\n{}\n", tree.size, tree.root);
        for entry in entries {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{entry}");
        }
        text
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        const WHAT: &str = "the index of a package";
        let malformed = || NoteError::Content(WHAT);
        let mut lines = lines(text)?;
        if lines.next() != Some(HEADER) {
            return Err(malformed().into());
        }
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or_else(malformed);
        let origin = line()?.to_owned();
        let name = line()?.parse().map_err(|_| malformed())?;
        let tree = tree(line()?, line()?, WHAT)?;
        let mut entries: Vec<IndexedEntry> = Vec::new();
        for line in lines {
            let entry: IndexedEntry = line.parse().map_err(|_| malformed())?;
            let last = entries.last().map(|entry| entry.index);
            if entry.index >= tree.size || last.is_some_and(|last| last >= entry.index) {
                return Err(malformed().into());
            }
            entries.push(entry);
        }
        Ok(Self { origin, name, tree, entries })
    }

    /// The status of a release: what the last entry says that is about it.
    pub fn status(&self, version: &Version) -> Status {
        let status = |entry: &IndexedEntry| match &entry.kind {
            EntryKind::Status(of, status) if of == version => Some(*status),
            _ => None,
        };
        self.entries.iter().rev().find_map(status).unwrap_or_default()
    }

    /// Where an entry is listed, if it is.
    pub fn entry(&self, index: u64) -> Option<&IndexedEntry> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        self.entries.get(at)
    }

    /// Reads a signed index of the log that `trust` is about.
    pub fn verify(note: &str, trust: &LogTrust) -> Result<Self, LogError> {
        let signed = SignedNote::parse(note.as_bytes())?;
        let index = Self::parse(signed.text())?;
        if index.origin != trust.origin() {
            return Err(LogError::key(&trust.key, &index.origin));
        }
        signed.verify(&[&trust.key])?;
        Ok(index)
    }
}
