//! What a log sends to a witness.
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//! (more hashes: the consistency proof from the old size)
//!
//! (the checkpoint, a signed note)
//! ```
//!
//! A request is written in one way only: what is read is written again as the
//! same bytes, which the fuzz target `witness_request` holds us to.
//!
//! Source: C2SP tlog-witness, "add-checkpoint".

use std::fmt;

use super::note::{SignedNote, number};
use super::{Checkpoint, Hash, LogError, MAX_TREE_SIZE};
use crate::{Code, Coded};

/// The longest request that is read, in bytes: 63 hashes, and a checkpoint with
/// as many signatures as anybody looks at.
pub const MAX_ADD_CHECKPOINT_LEN: usize = 64 * 1024;

/// The most hashes that a proof may have.
///
/// Source: C2SP tlog-witness, "add-checkpoint".
const MAX_PROOF_LINES: usize = 63;

/// A checkpoint, and the proof that it goes on from an older one. Nothing of it
/// has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// How large the tree was that the witness has cosigned last.
    pub old_size: u64,
    /// From that tree to the one of the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint, as the log has signed it.
    pub checkpoint: SignedNote,
}

/// Why bytes are no [`AddCheckpoint`].
#[derive(Debug, thiserror::Error)]
pub enum AddCheckpointError {
    /// It is too long to be one.
    #[error("the request is {0} bytes long, expected at most {MAX_ADD_CHECKPOINT_LEN}")]
    Length(usize),
    /// No blank line ends the proof, or what precedes it is not text.
    #[error("the request is not an old size, a proof, a blank line, and a checkpoint")]
    Shape,
    /// The first line is not `old` and a size.
    #[error("the first line is not `old` and the decimal size of a tree")]
    OldSize,
    /// There are more hashes than a proof has.
    #[error("the proof has more than {MAX_PROOF_LINES} lines")]
    ProofLength,
    /// A line of the proof is no hash.
    #[error("line {0} of the proof is not a hash in base64")]
    ProofLine(usize),
    /// What follows is no checkpoint.
    #[error("the request has no checkpoint")]
    Checkpoint(#[from] LogError),
}

impl AddCheckpoint {
    /// Reads a request, and what its checkpoint says.
    pub fn parse(bytes: &[u8]) -> Result<(Self, Checkpoint), AddCheckpointError> {
        if bytes.len() > MAX_ADD_CHECKPOINT_LEN {
            return Err(AddCheckpointError::Length(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AddCheckpointError::Shape)?;
        let (head, note) = text.split_once("\n\n").ok_or(AddCheckpointError::Shape)?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(number);
        let old_size =
            old_size.filter(|&size| size <= MAX_TREE_SIZE).ok_or(AddCheckpointError::OldSize)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF_LINES {
                return Err(AddCheckpointError::ProofLength);
            }
            let hash = line.parse().map_err(|_| AddCheckpointError::ProofLine(proof.len() + 1))?;
            proof.push(hash);
        }
        let note = SignedNote::parse(note.as_bytes()).map_err(LogError::from)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok((Self { old_size, proof, checkpoint: note }, checkpoint))
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Coded for AddCheckpointError {
    fn code(&self) -> Code {
        match self {
            Self::Length(_) => Code::Limit,
            Self::Checkpoint(error) => error.code(),
            _ => Code::Request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{SigningKey, Tree};

    const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";

    fn note() -> String {
        let key = SigningKey::from_seed("example.com/log", [7; 32]).unwrap();
        let tree = Tree { size: 9, root: HASH.parse().unwrap() };
        let text = Checkpoint { origin: key.name().to_owned(), tree }.to_text();
        SignedNote::new(text.clone(), vec![key.sign(&text), key.cosign(&text, 12)]).to_string()
    }

    #[test]
    fn what_is_read_is_written_as_the_same_bytes() {
        for head in ["old 0".to_owned(), format!("old 8\n{HASH}"), format!("old 3\n{HASH}\n{HASH}")]
        {
            let bytes = format!("{head}\n\n{}", note());
            let (request, checkpoint) = AddCheckpoint::parse(bytes.as_bytes()).unwrap();
            assert_eq!(request.to_string(), bytes);
            assert_eq!(checkpoint.tree.size, 9);
        }
    }

    #[test]
    fn as_many_hashes_as_the_specification_allows_are_read() {
        let proof = format!("{HASH}\n").repeat(MAX_PROOF_LINES);
        let bytes = format!("old 8\n{proof}\n{}", note());
        assert_eq!(AddCheckpoint::parse(bytes.as_bytes()).unwrap().0.proof.len(), 63);
        let bytes = format!("old 8\n{proof}{HASH}\n\n{}", note());
        let error = AddCheckpoint::parse(bytes.as_bytes()).unwrap_err();
        assert!(matches!(error, AddCheckpointError::ProofLength));
    }

    #[test]
    fn explains_what_it_rejects() {
        use Code::{Limit, LogProof, Note, Request};
        let good = format!("old 8\n{HASH}\n\n{}", note());
        let with = |from: &str, to: &str| good.replacen(from, to, 1).into_bytes();
        let first = "the first line is not `old` and the decimal size of a tree";
        let line = "line 1 of the proof is not a hash in base64";
        let shape = "the request is not an old size, a proof, a blank line, and a checkpoint";
        let checkpoint = "the request has no checkpoint";
        for (bytes, code, message) in [
            (b"".to_vec(), Request, shape),
            (b"\xff\n\n".to_vec(), Request, shape),
            (b"old 8\n".to_vec(), Request, shape),
            (with("old 8", "old"), Request, first),
            (with("old 8", "old "), Request, first),
            (with("old 8", "Old 8"), Request, first),
            (with("old 8", "old  8"), Request, first),
            (with("old 8", "old 08"), Request, first),
            (with("old 8", "old +8"), Request, first),
            (with("old 8", "old 8\r"), Request, first),
            (with("old 8", "old ٨"), Request, first),
            (with("old 8", "old 9007199254740993"), Request, first),
            (with("old 8", "old 18446744073709551616"), Request, first),
            (with("old 8\n", ""), Request, first),
            (with("old 8", "\nold 8"), Request, first),
            (with("kaw=", "kaw"), Request, line),
            (with("kaw=", "kax="), Request, line),
            (with("kaw=", "kaw=\r"), Request, line),
            (with("PlRN", "PlR-"), Request, line),
            (with("PlRN", ""), Request, line),
            (with("\n\n", "\n\n\n"), Note, checkpoint),
            (with("\n9\n", "\n09\n"), Note, checkpoint),
            (with("\n9\n", "\n-9\n"), Note, checkpoint),
            (with("\n9\n", "\n9223372036854775808\n"), LogProof, checkpoint),
            (with("\n9\n", "\n0\n"), LogProof, checkpoint),
            (with("\n9\n", "\n9\r\n"), Note, checkpoint),
            (with("example.com/log\n", "\n"), Note, checkpoint),
            (good.trim_end().as_bytes().to_vec(), Note, checkpoint),
            (vec![b'x'; MAX_ADD_CHECKPOINT_LEN + 1], Limit, ""),
        ] {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
            let error = AddCheckpoint::parse(&bytes).map(drop).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }
}
