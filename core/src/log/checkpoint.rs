//! Checkpoints: what a log says its tree is.
//!
//! Source: C2SP tlog-checkpoint.

use jiff::Timestamp;

use super::key::VerifierKey;
use super::note::{NoteError, SignedNote, lines, number};
use super::{LogError, MAX_TREE_SIZE, ProofError, Tree};

/// What the text of a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its tree.
    pub tree: Tree,
}

/// A checkpoint that was signed by those who had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    signed_at: Option<Timestamp>,
    note: String,
}

/// Whose signatures make a checkpoint of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTrust {
    /// The log's key, whose name is the log's origin.
    pub key: VerifierKey,
    /// Witnesses that may vouch for its checkpoints.
    pub witnesses: Vec<VerifierKey>,
    /// How many of them have to.
    pub quorum: usize,
    /// Keys that the log had before.
    pub predecessors: Vec<Predecessor>,
}

/// A key that signed a log until its tree was [`Self::last`], and nothing after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// The key.
    pub key: VerifierKey,
    /// The last tree it signed.
    pub last: Tree,
}

impl Checkpoint {
    /// Reads the text of a checkpoint. What stands in extension lines is ignored:
    /// nobody but the log vouches for them.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        const WHAT: &str = "a checkpoint";
        let mut lines = lines(text)?;
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Content(WHAT).into());
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(NoteError::Content(WHAT).into());
        }
        Ok(Self { origin: origin.to_owned(), tree: tree(size, root, WHAT)? })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let Self { origin, tree } = self;
        format!("{origin}\n{}\n{}\n", tree.size, tree.root)
    }
}

/// Reads size and root, of a note that is said to be `what`.
pub(super) fn tree(size: &str, root: &str, what: &'static str) -> Result<Tree, LogError> {
    let size = number(size).ok_or(NoteError::Content(what))?;
    if size > MAX_TREE_SIZE {
        return Err(ProofError::Size(size).into());
    }
    let tree = Tree { size, root: root.parse().map_err(|_| NoteError::Content(what))? };
    if size == 0 && tree != Tree::empty() {
        return Err(ProofError::Root { size }.into());
    }
    Ok(tree)
}

impl LogTrust {
    /// Trust in a key alone.
    pub fn new(key: VerifierKey) -> Self {
        Self { key, witnesses: Vec::new(), quorum: 0, predecessors: Vec::new() }
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// Checks that `note` is a checkpoint of this log, by its key or by one that it
    /// had before, and by as many witnesses as have to vouch for it.
    pub fn verify_checkpoint(&self, note: &str) -> Result<SignedCheckpoint, LogError> {
        let signed = SignedNote::parse(note.as_bytes())?;
        let checkpoint = Checkpoint::parse(signed.text())?;
        let key = self.key_of(&signed, &checkpoint)?;
        let cosigner = key.as_cosigner();
        let mut keys = vec![key, &cosigner];
        keys.extend(&self.witnesses);
        let verified = signed.verify(&keys)?;
        if !verified.iter().any(|signature| signature.key == 0) {
            return Err(NoteError::Unsigned(key.name().to_owned()).into());
        }
        let found = verified.iter().filter(|signature| signature.key > 1).count();
        if found < self.quorum {
            return Err(LogError::Witnesses { found, wanted: self.quorum });
        }
        let time_s = verified.iter().find(|signature| signature.key == 1).and_then(|it| it.time_s);
        let signed_at = time_s
            .map(|time_s| i64::try_from(time_s).ok().and_then(|s| Timestamp::from_second(s).ok()))
            .map(|time| time.ok_or(NoteError::Content("a checkpoint of our time")))
            .transpose()?;
        Ok(SignedCheckpoint { checkpoint, signed_at, note: note.to_owned() })
    }

    /// The key that has to have signed a checkpoint: the log's, or the one it had
    /// when its tree was that small.
    fn key_of(
        &self,
        signed: &SignedNote,
        checkpoint: &Checkpoint,
    ) -> Result<&VerifierKey, LogError> {
        let is_by = |key: &VerifierKey| {
            signed
                .signatures()
                .iter()
                .any(|line| line.name() == key.name() && line.key_id() == key.id())
        };
        if checkpoint.origin == self.origin() && is_by(&self.key) {
            return Ok(&self.key);
        }
        let mut predecessors = self.predecessors.iter();
        let predecessor =
            predecessors.find(|it| it.key.name() == checkpoint.origin && is_by(&it.key));
        match predecessor {
            Some(Predecessor { key, last }) if checkpoint.tree.size < last.size => Ok(key),
            Some(Predecessor { key, last }) if checkpoint.tree == *last => Ok(key),
            Some(Predecessor { last, .. }) if checkpoint.tree.size == last.size => {
                let Checkpoint { origin, tree } = checkpoint;
                Err(LogError::RetiredFork { origin: origin.clone(), size: tree.size })
            }
            Some(Predecessor { last, .. }) => Err(LogError::Retired {
                origin: checkpoint.origin.clone(),
                last: last.size,
                found: checkpoint.tree.size,
            }),
            None => Err(LogError::key(&self.key, &checkpoint.origin)),
        }
    }
}

impl SignedCheckpoint {
    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The tree it is of.
    pub fn tree(&self) -> Tree {
        self.checkpoint.tree
    }

    /// When the log says it signed it, if it says so.
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at
    }

    /// The note, byte for byte as it was signed.
    pub fn note(&self) -> &str {
        &self.note
    }
}
