//! Whether a checkpoint may be signed. Pure.
//!
//! In the order of the specification: is it a request, is it of a log we know, has
//! the log signed it; and then, against what is remembered, does it go on from it.

use std::collections::BTreeMap;

use mcpkg_core::log::{
    AddCheckpoint, AddCheckpointError, Checkpoint, Hash, NoteError, ProofError, SignedNote, Tree,
    VerifierKey, verify_consistency,
};
use mcpkg_core::{Code, Coded};

/// The keys of the logs that are witnessed, by origin.
#[derive(Clone, Debug)]
pub(super) struct KnownLogs(BTreeMap<String, Vec<VerifierKey>>);

/// A checkpoint that a log has signed, and is said to go on from an older one.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    /// What it says.
    pub(super) checkpoint: Checkpoint,
    /// The checkpoint with the log's signatures, and nobody else's: those are not
    /// verified, and a stranger could add as many as fit.
    pub(super) note: SignedNote,
    old_size: u64,
    proof: Vec<Hash>,
}

/// Why a checkpoint is not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It is no request.
    #[error(transparent)]
    Request(#[from] AddCheckpointError),
    /// It says to go back.
    #[error("the old size is {old}, and the checkpoint has {new}")]
    OldSize {
        /// The size it is said to go on from.
        old: u64,
        /// The size of the checkpoint.
        new: u64,
    },
    /// The log is none of those that are witnessed.
    #[error("the log `{}` is not witnessed here", .0.escape_debug())]
    UnknownLog(String),
    /// No key that the log is known by has signed it.
    #[error("the log has not signed the checkpoint")]
    Unsigned(#[source] NoteError),
    /// It goes on from another size than the last that was signed here.
    #[error("the last checkpoint signed here has {latest} entries, and the request says {old}")]
    OtherSize {
        /// The size that was signed last.
        latest: u64,
        /// The one in the request.
        old: u64,
    },
    /// Another tree of that size was signed here.
    #[error("another tree of {size} entries was signed here: the log has forked")]
    Fork {
        /// The size of both.
        size: u64,
    },
    /// The proof does not hold.
    #[error("the checkpoint does not go on from the last that was signed here")]
    Proof(#[from] ProofError),
}

impl KnownLogs {
    /// Logs with these keys, whose names are their origins.
    pub(super) fn new(keys: Vec<VerifierKey>) -> Self {
        let mut logs: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for key in keys {
            let known = logs.entry(key.name().to_owned()).or_default();
            if !known.contains(&key) {
                known.push(key);
            }
        }
        Self(logs)
    }

    /// Their origins.
    pub(super) fn origins(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads a request, and checks that the log has signed it.
    pub(super) fn admit(&self, body: &[u8]) -> Result<Submission, Refusal> {
        let (request, checkpoint) = AddCheckpoint::parse(body)?;
        let AddCheckpoint { old_size, proof, checkpoint: note } = request;
        let origin = &checkpoint.origin;
        let keys = self.0.get(origin).ok_or_else(|| Refusal::UnknownLog(origin.clone()))?;
        let keys: Vec<&VerifierKey> = keys.iter().collect();
        note.verify(&keys).map_err(Refusal::Unsigned)?;
        let is_by_log =
            |name: &str, id| keys.iter().any(|key| key.name() == name && key.id() == id);
        let lines = note.signatures().iter().filter(|line| is_by_log(line.name(), line.key_id()));
        let note = SignedNote::new(note.text().to_owned(), lines.cloned().collect());
        if old_size > checkpoint.tree.size {
            return Err(Refusal::OldSize { old: old_size, new: checkpoint.tree.size });
        }
        Ok(Submission { checkpoint, note, old_size, proof })
    }
}

impl Submission {
    /// Checks that it goes on from `latest`, the tree that was signed last, or the
    /// empty one.
    pub(super) fn follows(&self, latest: Tree) -> Result<(), Refusal> {
        let new = &self.checkpoint.tree;
        if self.old_size != latest.size {
            return Err(Refusal::OtherSize { latest: latest.size, old: self.old_size });
        }
        if latest.size == new.size && latest.root != new.root {
            return Err(Refusal::Fork { size: new.size });
        }
        Ok(verify_consistency(&latest, new, &self.proof)?)
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Request(error) => error.code(),
            Self::OldSize { .. } | Self::OtherSize { .. } => Code::Request,
            Self::UnknownLog(_) => Code::NotFound,
            Self::Unsigned(error) => error.code(),
            Self::Fork { .. } => Code::LogFork,
            Self::Proof(_) => Code::LogProof,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownLog(_) | Self::Unsigned(_) => {
                Some("ask the witness's operator to add the log's key")
            }
            _ => None,
        }
    }
}
