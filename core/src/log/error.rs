//! Why a log is not believed.

use super::ProofError;
use super::entry::EntryError;
use super::key::VerifierKey;
use super::note::NoteError;
use super::tile::TileError;
use crate::{Code, Coded};

/// Why something from a log is not believed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A note is malformed, or a signature on it is wrong.
    #[error("the log's signed note cannot be believed")]
    Note(#[from] NoteError),
    /// A proof does not prove what it should.
    #[error("the log's proof does not hold")]
    Proof(#[from] ProofError),
    /// A tile or a bundle of entries is not the one of the tree.
    #[error("a tile of the log cannot be believed")]
    Tile(#[from] TileError),
    /// An entry is malformed.
    #[error("the log's entry cannot be used")]
    Entry(#[from] EntryError),
    /// It is signed by a key that is not known for this log.
    #[error("the log is signed by another key, as `{origin}`; expected `{expected}`")]
    Key {
        /// The key that is known, as a vkey.
        expected: String,
        /// Which log it says it is.
        origin: String,
    },
    /// A key that was succeeded has signed a tree after its last.
    #[error("the retired key of `{origin}` ended at {last} entries, and has signed {found}")]
    Retired {
        /// The name of the log under that key.
        origin: String,
        /// The size of the last tree it may have signed.
        last: u64,
        /// The size of the one it has signed.
        found: u64,
    },
    /// A key that was succeeded has signed another tree than the one it handed on.
    #[error("the retired key of `{origin}` has signed two trees of {size} entries")]
    RetiredFork {
        /// The name of the log under that key.
        origin: String,
        /// The size of both trees.
        size: u64,
    },
    /// Too few witnesses vouch for a checkpoint.
    #[error("{found} of the log's witnesses have signed, expected {wanted}")]
    Witnesses {
        /// How many have.
        found: usize,
        /// How many have to.
        wanted: usize,
    },
}

impl LogError {
    pub(super) fn key(expected: &VerifierKey, origin: &str) -> Self {
        Self::Key { expected: expected.to_string(), origin: origin.to_owned() }
    }
}

impl Coded for LogError {
    fn code(&self) -> Code {
        match self {
            Self::Note(error) => error.code(),
            Self::Proof(_) => Code::LogProof,
            Self::Tile(TileError::Empty(_)) => Code::LogEmpty,
            Self::Tile(_) => Code::LogTile,
            Self::Entry(error) => error.code(),
            Self::Key { .. } => Code::LogKey,
            Self::Retired { .. } | Self::RetiredFork { .. } => Code::LogFork,
            Self::Witnesses { .. } => Code::Witness,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Key { .. } => Some(
                "if the registry has a new log, ask its operator for the key by another way, \
                 and add the registry again with `--log-key`",
            ),
            Self::Witnesses { .. } => {
                Some("try again later; the registry waits for its witnesses too")
            }
            _ => None,
        }
    }
}
