//! Signed notes: text, and lines that sign it.
//!
//! Source: C2SP signed-note.

use std::fmt;

use super::base64;
use super::key::{KeyError, VerifierKey, check_name};
use crate::{Code, Coded};

/// The longest note that is read, in bytes: a checkpoint with a hundred
/// signatures, or the index of a package with ten thousand entries.
pub const MAX_NOTE_LEN: usize = 256 * 1024;

/// The most signatures that are looked at. The specification asks for 16.
pub(super) const MAX_SIGNATURES: usize = 100;

/// What a signature line starts with: an em dash and a space.
const MARK: &str = "\u{2014} ";

/// A text with its signatures, none of which has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    // Invariant: ends with a line break, is not only that, and its only control
    // characters are line breaks.
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One line that signs a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

/// A signature that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// By which of the keys that were given.
    pub key: usize,
    /// When it was made, in seconds since 1970, if the signature says so.
    pub time_s: Option<u64>,
}

/// Why bytes are no note, or a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is too long to be one.
    #[error("the note is {0} bytes long, expected at most {MAX_NOTE_LEN}")]
    Length(usize),
    /// It is not text, or has control characters.
    #[error("the note is not UTF-8 without control characters")]
    Text,
    /// There is no text, no blank line, or no signature.
    #[error("the note is not a text, a blank line, and signatures")]
    Shape,
    /// A line that should be a signature is none.
    #[error("the note has a malformed signature line")]
    Line,
    /// There are more signatures than anybody needs.
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooMany,
    /// A key that is known did not make the signature in its name.
    #[error("the signature by `{0}` is not one")]
    Signature(String),
    /// No key that is known has signed.
    #[error("the note is not signed by `{0}`")]
    Unsigned(String),
    /// The text does not say what it should.
    #[error("the note is not {0}")]
    Content(&'static str),
    /// A key in the text is none.
    #[error("the note has a key that is none")]
    Key(#[from] KeyError),
}

impl SignedNote {
    /// A note of this text, which has to end with a line break.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note. Its signatures are still to be checked.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_LEN {
            return Err(NoteError::Length(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Text);
        }
        // The text may have blank lines too, so the last one ends it.
        let end = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, rest) = (&note[..=end], &note[end + 2..]);
        let lines = rest.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::TooMany);
            }
            signatures.push(line.parse()?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures as they stand there.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature.
    pub fn add(&mut self, signature: SignatureLine) {
        self.signatures.push(signature);
    }

    /// Checks the signatures by `keys`. Those by others are ignored.
    ///
    /// # Errors
    ///
    /// [`NoteError::Signature`] if a line that names one of `keys` is not its
    /// signature, or repeats it; [`NoteError::Unsigned`] if no line names one.
    pub fn verify(&self, keys: &[&VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        let mut verified: Vec<Verified> = Vec::new();
        for line in &self.signatures {
            let is_named = |key: &&VerifierKey| key.name() == line.name && key.id() == line.key_id;
            let Some(key) = keys.iter().position(is_named) else { continue };
            let bad = || NoteError::Signature(line.name.clone());
            if verified.iter().any(|other| other.key == key) {
                return Err(bad());
            }
            let time_s = keys[key].verify(&self.text, &line.signature).ok_or_else(bad)?;
            verified.push(Verified { key, time_s });
        }
        if verified.is_empty() {
            let names: Vec<&str> = keys.iter().map(|key| key.name()).collect();
            return Err(NoteError::Unsigned(names.join("`, `")));
        }
        Ok(verified)
    }
}

impl SignatureLine {
    pub(super) fn new(name: &str, key_id: u32, signature: &[u8]) -> Self {
        Self { name: name.to_owned(), key_id, signature: signature.to_vec() }
    }

    /// The name of the key that made it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of that key.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }
}

impl std::str::FromStr for SignatureLine {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let (name, signature) =
            line.strip_prefix(MARK).and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Line)?;
        check_name(name).map_err(|_| NoteError::Line)?;
        let bytes = base64::decode(signature).ok_or(NoteError::Line)?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Line)?;
        if signature.is_empty() {
            return Err(NoteError::Line);
        }
        Ok(Self::new(name, u32::from_be_bytes(*id), signature))
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.signature].concat();
        write!(f, "{MARK}{} {}", self.name, base64::encode(&bytes))
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Coded for NoteError {
    fn code(&self) -> Code {
        Code::Note
    }
}

/// Takes the lines of a text apart, each of which ends with a line break.
pub(super) fn lines(text: &str) -> Result<std::str::Split<'_, char>, NoteError> {
    Ok(text.strip_suffix('\n').ok_or(NoteError::Shape)?.split('\n'))
}

/// Reads a number as it is written in notes: decimal, without leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    let is_decimal = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    (is_canonical && is_decimal).then(|| text.parse().ok()).flatten()
}
