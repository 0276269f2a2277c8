//! Receipts: that something is in a log, for those who have only its key.
//!
//! Source: C2SP tlog-proof.

use std::fmt;
use std::str::FromStr;

use super::checkpoint::{LogTrust, SignedCheckpoint};
use super::note::{MAX_NOTE_LEN, NoteError, number};
use super::{Hash, LogError, base64, verify_inclusion};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes an inclusion proof has: one for each level of the largest tree.
const MAX_PROOF_LEN: usize = 64;

/// A proof that an entry is in a log, and a checkpoint that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which entry.
    pub index: u64,
    /// The hashes from the entry's sibling up.
    pub proof: Vec<Hash>,
    /// The checkpoint, byte for byte.
    pub checkpoint: String,
}

impl Receipt {
    /// Checks that `leaf` is the entry at [`Self::index`] of the log that `trust`
    /// is about, and gives the checkpoint that says so.
    pub fn verify(&self, leaf: &[u8], trust: &LogTrust) -> Result<SignedCheckpoint, LogError> {
        let checkpoint = trust.verify_checkpoint(&self.checkpoint)?;
        verify_inclusion(Hash::leaf(leaf), self.index, &checkpoint.tree(), &self.proof)?;
        Ok(checkpoint)
    }
}

impl FromStr for Receipt {
    type Err = NoteError;

    /// Reads a receipt. Extra data are ignored: nobody has signed them.
    fn from_str(text: &str) -> Result<Self, NoteError> {
        const WHAT: NoteError = NoteError::Content("a receipt");
        if text.len() > MAX_NOTE_LEN {
            return Err(NoteError::Length(text.len()));
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(NoteError::Shape)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(WHAT);
        }
        if let Some(extra) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            base64::decode(extra).ok_or(WHAT)?;
            lines.next();
        }
        let index = lines.next().and_then(|line| number(line.strip_prefix("index ")?));
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF_LEN {
                return Err(WHAT);
            }
            proof.push(line.parse().map_err(|_| WHAT)?);
        }
        Ok(Self { index: index.ok_or(WHAT)?, proof, checkpoint: checkpoint.to_owned() })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
