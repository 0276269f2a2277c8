//! What a monitor remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::log::{Entry, Frontier, Hash, Publish, Replay, Tree};
use mcpkg_core::{Digest, PackageName};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::error::{Error, Result};

/// The format that this program writes, and the only one it reads.
const FORMAT: u32 = 1;

/// Everything that is needed to go on without reading the log again: its right
/// edge, what its entries amount to, and what is still to be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The newest checkpoint that was verified.
    pub(super) checkpoint: Option<Seen>,
    /// The right edge of the entries that were verified, none of which lies
    /// beyond [`Self::checkpoint`].
    #[serde(with = "edge")]
    pub(super) frontier: Frontier,
    /// What those entries amount to.
    pub(super) replay: Replay,
    /// The releases whose evidence was not yet seen to be good, by their entry.
    pub(super) unchecked: BTreeMap<u64, Unchecked>,
    /// What was stated about packages, and not yet seen to be signed, by its entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) unproved: BTreeMap<u64, Unproved>,
    /// The SHA-256 of the newest entry about each package, on which the next statement
    /// builds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) newest: BTreeMap<PackageName, Digest>,
    /// The packages whose signed index was not yet seen to be right.
    pub(super) changed: BTreeSet<PackageName>,
    /// The alarms that lasted when the log was last looked at.
    pub(super) lasting: BTreeSet<String>,
}

/// A checkpoint that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// The number of entries.
    pub(super) size: u64,
    /// The root.
    pub(super) root: Hash,
    /// When it was signed, if it says so.
    pub(super) signed_at: Option<Timestamp>,
    /// The signed note, byte for byte: one half of a proof, should the log fork.
    pub(super) note: String,
}

/// A release whose evidence is still to be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unchecked {
    /// What the log says of it.
    pub publish: Publish,
    /// When it was first asked for.
    pub since: Timestamp,
}

/// A statement about a package whose signature is still to be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unproved {
    /// What the log says of it.
    pub entry: Entry,
    /// The SHA-256 of the entry that it builds upon, if that was seen.
    pub before: Option<Digest>,
    /// When it was first asked for.
    pub since: Timestamp,
}

impl Seen {
    pub(super) fn tree(&self) -> Tree {
        Tree { size: self.size, root: self.root }
    }
}

/// The file that holds the state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<S> {
    format: u32,
    state: S,
}

/// The format alone, to tell a newer file from a broken one.
#[derive(Deserialize)]
struct WireFormat {
    format: u32,
}

/// Where a monitor keeps its [`State`], while no other does.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    // Held until this is dropped.
    _lock: File,
}

impl StateFile {
    /// The state at `path`, under a lock of the same name in `locks`.
    ///
    /// # Errors
    ///
    /// If another process has it: the one that wrote last would forget what the
    /// other has seen.
    pub fn open(path: PathBuf, locks: &Path) -> Result<Self> {
        atomic::create_folder(locks)?;
        let name = Digest::of(path.as_os_str().as_encoded_bytes()).to_hex();
        let lock_path = locks.join(format!("watch-{}", &name[..32]));
        let failed = |source| Error::Write { path: lock_path.clone(), source };
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
            Err(TryLockError::WouldBlock) => Err(Error::Setting {
                message: format!("another mcpkg watches with `{}`", path.display()),
                hint: "one watches a log for all; wait for it, or end it",
            }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what was written; none yet is a monitor that knows nothing.
    pub fn read(&self) -> Result<State> {
        let unusable = |why: &str| Error::Setting {
            message: format!("`{}` cannot be used: {why}", self.path.display()),
            hint: "a monitor that starts anew reads the whole log again: move the file away for that",
        };
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            other => other.map_err(|source| Error::Read { path: self.path.clone(), source })?,
        };
        let malformed = |error: serde_json::Error| unusable(&error.to_string());
        let WireFormat { format } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(unusable(&format!("it has format {format}, expected {FORMAT}")));
        }
        let wire: Wire<State> = serde_json::from_slice(&bytes).map_err(malformed)?;
        wire.state.check().map_err(unusable)?;
        Ok(wire.state)
    }

    /// Writes the state, whole or not at all.
    pub fn write(&self, state: &State) -> Result<()> {
        let wire = Wire { format: FORMAT, state };
        let bytes = serde_json::to_vec(&wire).map_err(Error::Json)?;
        atomic::write(&self.path, &bytes)
    }
}

impl State {
    /// Whether the parts agree: a file may have been edited, or put together from
    /// two.
    fn check(&self) -> std::result::Result<(), &'static str> {
        let size = self.frontier.size();
        let seen = self.checkpoint.as_ref().map_or(0, |seen| seen.size);
        if self.replay.size() != size {
            return Err("its edge and its index are of different sizes");
        }
        if size > seen {
            return Err("it goes beyond the checkpoint in it");
        }
        if self
            .checkpoint
            .as_ref()
            .is_some_and(|it| it.size == size && it.root != self.frontier.root())
        {
            return Err("its edge is not that of the checkpoint in it");
        }
        Ok(())
    }
}

/// A [`Frontier`] as its size and its subtrees.
mod edge {
    use mcpkg_core::log::{Frontier, Hash};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        size: u64,
        subtrees: Vec<Hash>,
    }

    pub(super) fn serialize<S: Serializer>(frontier: &Frontier, to: S) -> Result<S::Ok, S::Error> {
        Wire { size: frontier.size(), subtrees: frontier.subtrees().to_vec() }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Frontier, D::Error> {
        let Wire { size, subtrees } = Wire::deserialize(from)?;
        Frontier::from_subtrees(size, subtrees)
            .ok_or_else(|| de::Error::custom("a tree of that size has another edge"))
    }
}
