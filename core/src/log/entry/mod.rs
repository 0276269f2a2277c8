//! Entries: what happened to the packages of a registry, one after the other.
//!
//! A leaf of the log is the canonical JSON (RFC 8785) of one entry. Every kind of
//! entry is a file here and a variant of [`Entry`]; the kind's name stands in the
//! entry as `kind`.

mod binding;
mod publish;
mod rebuild;
mod status;

pub use binding::BindingChange;
pub use publish::Publish;
pub use rebuild::Rebuild;
pub use status::StatusChange;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::{Code, Coded, PackageName};

/// The longest entry in bytes: what the length in an entry bundle can say.
///
/// Source: C2SP tlog-tiles, "Log entries".
pub const MAX_ENTRY_LEN: usize = u16::MAX as usize;

/// One entry of a registry's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Entry {
    /// A release was published.
    Publish(Publish),
    /// A release was yanked, deprecated or restored.
    Status(StatusChange),
    /// A name was bound to another publisher.
    Binding(BindingChange),
    /// A release was built again.
    Rebuild(Rebuild),
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// They are too many.
    #[error("the entry is {0} bytes long, expected at most {MAX_ENTRY_LEN}")]
    Length(usize),
    /// They are not strict JSON.
    #[error("the entry is not JSON")]
    Json(#[from] JsonError),
    /// They are not an entry of a kind we know.
    #[error("the entry is malformed: {0}")]
    Malformed(String),
    /// The time is not a whole second.
    #[error("the time of the entry is {0}, expected a whole second")]
    Time(Timestamp),
    /// They are an entry, written otherwise than it has to be.
    #[error("the entry is not in canonical form")]
    NotCanonical,
}

impl Entry {
    /// Reads the bytes of a leaf.
    ///
    /// # Errors
    ///
    /// All but the exact bytes that [`Self::leaf`] gives for some entry. In
    /// particular, members that we do not know are refused: a leaf that two
    /// readers understand differently is no record.
    pub fn parse(leaf: &[u8]) -> Result<Self, EntryError> {
        if leaf.len() > MAX_ENTRY_LEN {
            return Err(EntryError::Length(leaf.len()));
        }
        let value = json::parse(leaf, MAX_ENTRY_LEN)?;
        let entry: Self =
            json::from_value(&value).map_err(|error| EntryError::Malformed(error.to_string()))?;
        match entry.leaf() {
            Ok(canonical) if canonical == leaf => Ok(entry),
            Ok(_) => Err(EntryError::NotCanonical),
            Err(error) => Err(error),
        }
    }

    /// The bytes that are hashed into the log: canonical JSON.
    ///
    /// # Errors
    ///
    /// [`EntryError::Time`] for a time that is not a whole second, and
    /// [`EntryError::Length`] for more than a bundle can hold.
    pub fn leaf(&self) -> Result<Vec<u8>, EntryError> {
        if let Some(time) = self.times().find(|time| time.subsec_nanosecond() != 0) {
            return Err(EntryError::Time(time));
        }
        let value =
            serde_json::to_value(self).map_err(|error| EntryError::Malformed(error.to_string()))?;
        let leaf = json::canonical(&value);
        if leaf.len() > MAX_ENTRY_LEN { Err(EntryError::Length(leaf.len())) } else { Ok(leaf) }
    }

    /// The package it is about.
    pub fn name(&self) -> &PackageName {
        match self {
            Self::Publish(publish) => &publish.name,
            Self::Status(change) => &change.name,
            Self::Binding(change) => &change.name,
            Self::Rebuild(rebuild) => &rebuild.name,
        }
    }

    /// The index of the entry about the same package that it builds upon; `None`
    /// for the package's first.
    pub fn previous(&self) -> Option<u64> {
        match self {
            Self::Publish(publish) => publish.previous,
            Self::Status(change) => Some(change.previous),
            Self::Binding(change) => Some(change.previous),
            Self::Rebuild(rebuild) => Some(rebuild.previous),
        }
    }

    /// When the registry accepted it, in UTC to the whole second.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Publish(publish) => publish.time,
            Self::Status(change) => change.time,
            Self::Binding(change) => change.time,
            Self::Rebuild(rebuild) => rebuild.time,
        }
    }

    /// Every time in it.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let effective = match self {
            Self::Binding(change) => Some(change.effective),
            _ => None,
        };
        [self.time()].into_iter().chain(effective)
    }
}

impl Coded for EntryError {
    fn code(&self) -> Code {
        Code::LogSubject
    }
}
