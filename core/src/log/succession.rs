//! How a log gets another key, or another name.
//!
//! Both are one thing: a note, signed by the old key and the new one, which says
//! at which tree the old key ends. The new key goes on with the same tree, so
//! that what was proved stays proved, and consistency is proved across it.
//!
//! ```text
//! mcpkg.dev/log-succession@v1
//! <the old key, as a vkey>
//! <size of the last tree that it signed>
//! <root of that tree>
//! <the new key, as a vkey>
//!
//! — <old origin> <signature by the old key>
//! — <new origin> <signature by the new key>
//! ```
//!
//! Under the same origin it is a new key for the log. Under another, the log is
//! frozen, and succeeded by a new one that begins with all of its entries.

use super::checkpoint::{Predecessor, tree};
use super::key::{Algorithm, SigningKey, VerifierKey};
use super::note::{NoteError, SignedNote, lines};
use super::{LogError, Tree};

const HEADER: &str = "mcpkg.dev/log-succession@v1";

/// The most successions that are followed: a key a year for a long time.
const MAX_SUCCESSIONS: usize = 64;

/// That one key goes on where another one ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The old key.
    pub from: VerifierKey,
    /// The last tree that it has signed.
    pub last: Tree,
    /// The key that goes on.
    pub to: VerifierKey,
}

impl Succession {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let Self { from, last, to } = self;
        format!("{HEADER}\n{from}\n{}\n{}\n{to}\n", last.size, last.root)
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        const WHAT: &str = "the succession of a log";
        let malformed = || NoteError::Content(WHAT);
        let key = |text: &str| match text.parse::<VerifierKey>().map_err(NoteError::Key)? {
            key if key.algorithm() == Algorithm::Ed25519 => Ok(key),
            _ => Err(malformed()),
        };
        let mut lines = lines(text)?;
        if lines.next() != Some(HEADER) {
            return Err(malformed().into());
        }
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or_else(malformed);
        let from = key(line()?)?;
        let last = tree(line()?, line()?, WHAT)?;
        let to = key(line()?)?;
        if lines.next().is_some() {
            return Err(malformed().into());
        }
        Ok(Self { from, last, to })
    }

    /// The note that hands the log from `old` to `new` at the tree `last`.
    pub fn sign(old: &SigningKey, new: &SigningKey, last: Tree) -> SignedNote {
        let text = Self { from: old.verifier(), last, to: new.verifier() }.to_text();
        let lines = vec![old.sign(&text), new.sign(&text)];
        SignedNote::new(text, lines)
    }

    /// Reads a note that both keys have signed.
    pub fn verify(note: &str) -> Result<Self, LogError> {
        let signed = SignedNote::parse(note.as_bytes())?;
        let succession = Self::parse(signed.text())?;
        signed.verify(&[&succession.from])?;
        signed.verify(&[&succession.to])?;
        Ok(succession)
    }
}

/// Goes from a key that is known to the one the log has now.
///
/// `notes` are all successions of the log, oldest first. Those from before
/// `pinned` count too, because the pinned key has signed the last of them, the
/// key before it the one before, and so on. Gives the newest key, and every
/// earlier one with the last tree it signed.
///
/// # Errors
///
/// [`LogError::Key`] if `pinned` is not one of the keys, or a succession does not
/// go on from the one before; and whatever is wrong with a note.
pub fn follow(
    pinned: &VerifierKey,
    notes: &[String],
) -> Result<(VerifierKey, Vec<Predecessor>), LogError> {
    if notes.len() > MAX_SUCCESSIONS {
        return Err(NoteError::TooMany.into());
    }
    let mut newest: Option<VerifierKey> = None;
    let mut predecessors: Vec<Predecessor> = Vec::new();
    for note in notes {
        let Succession { from, last, to } = Succession::verify(note)?;
        if let Some(expected) = newest.filter(|newest| *newest != from) {
            return Err(LogError::key(&expected, from.name()));
        }
        if predecessors.last().is_some_and(|earlier| earlier.last.size > last.size) {
            return Err(NoteError::Content("the succession of a log").into());
        }
        predecessors.push(Predecessor { key: from, last });
        newest = Some(to);
    }
    match newest {
        None => Ok((pinned.clone(), predecessors)),
        Some(newest) if newest == *pinned => Ok((newest, predecessors)),
        Some(newest) if predecessors.iter().any(|it| it.key == *pinned) => {
            Ok((newest, predecessors))
        }
        Some(newest) => Err(LogError::key(pinned, newest.name())),
    }
}
