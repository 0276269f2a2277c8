//! Keys that sign notes, and their texts.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::{Digest as _, Sha256};

use super::base64;
use super::note::SignatureLine;
use crate::Digest;

/// What a line of a signed note is a signature of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519 over the text, type `0x01`.
    ///
    /// Source: C2SP signed-note, "Ed25519 signatures".
    Ed25519,
    /// Ed25519 over the text and a time, type `0x04`: how a witness signs, and how
    /// a log says when it signed.
    ///
    /// Source: C2SP tlog-cosignature, "Ed25519 signed message".
    Cosignature,
}

/// A public key, the name it goes by, and what it signs.
///
/// Its text is a C2SP "vkey": `<name>+<id in hex>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, DeserializeFromStr, SerializeDisplay)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    // Invariant: a point of the curve, and not one of small order.
    key: [u8; 32],
}

/// A private key, and the name it goes by.
///
/// Its text is the one of Go's `note` package:
/// `PRIVATE+KEY+<name>+<id in hex>+<base64 of type and seed>`.
#[derive(Clone)]
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name that cannot stand in a signature line.
    #[error("a key's name is not empty, and has no white space, `+` or control characters")]
    Name,
    /// The parts are not those of a key.
    #[error("expected `<name>+<8 hex digits>+<base64>`")]
    Shape,
    /// The type of the key is not one we know.
    #[error("the key is of type {0:#04x}, expected Ed25519 (0x01) or a cosignature key (0x04)")]
    Algorithm(u8),
    /// The bytes are no key.
    #[error("the bytes are no Ed25519 key")]
    Bytes,
    /// The id is that of another key.
    #[error("the key's id is {expected:08x}, and the text says {found:08x}")]
    Id {
        /// The id that name and key have.
        expected: u32,
        /// The id in the text.
        found: u32,
    },
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            other => Err(KeyError::Algorithm(other)),
        }
    }
}

/// Checks the name of a key, which is also the origin of a log.
///
/// Source: C2SP signed-note, "Format".
pub(super) fn check_name(name: &str) -> Result<(), KeyError> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > 255 || name.contains(is_odd) {
        return Err(KeyError::Name);
    }
    Ok(())
}

impl VerifierKey {
    /// The key of these bytes.
    pub fn new(name: &str, algorithm: Algorithm, key: [u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let point = VerifyingKey::from_bytes(&key).map_err(|_| KeyError::Bytes)?;
        // Under such a key one signature is good for many messages.
        if point.is_weak() {
            return Err(KeyError::Bytes);
        }
        Ok(Self { name: name.to_owned(), algorithm, key })
    }

    /// The name it goes by; a log's is its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id that stands in signatures: a hint at the key, and no proof of it.
    pub fn id(&self) -> u32 {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', self.algorithm.byte()])
            .chain_update(self.key)
            .finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The digest of the whole text of the key: what people compare.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.to_string().as_bytes())
    }

    /// The same key as one that signs with a time.
    #[must_use]
    pub fn as_cosigner(&self) -> Self {
        Self { algorithm: Algorithm::Cosignature, ..self.clone() }
    }

    /// Checks a signature of `text`. What it gives of one that holds is the time it
    /// was made, in seconds since 1970, where it tells one.
    #[expect(clippy::option_option, reason = "whether it holds, and whether it has a time")]
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let key = VerifyingKey::from_bytes(&self.key).ok()?;
        match self.algorithm {
            Algorithm::Ed25519 => {
                let signature = Signature::from_slice(signature).ok()?;
                key.verify_strict(text.as_bytes(), &signature).ok()?;
                Some(None)
            }
            Algorithm::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time_s = u64::from_be_bytes(*time);
                let signature = Signature::from_slice(signature).ok()?;
                key.verify_strict(cosigned(text, time_s).as_bytes(), &signature).ok()?;
                Some(Some(time_s))
            }
        }
    }
}

/// What a cosignature signs.
fn cosigned(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

impl SigningKey {
    /// The key of this seed.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// The same key under another name.
    pub fn renamed(&self, name: &str) -> Result<Self, KeyError> {
        Self::from_seed(name, self.key.to_bytes())
    }

    /// The name it goes by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that its plain signatures are checked with.
    pub fn verifier(&self) -> VerifierKey {
        let key = self.key.verifying_key().to_bytes();
        VerifierKey { name: self.name.clone(), algorithm: Algorithm::Ed25519, key }
    }

    /// Signs `text`, which ends with a line break.
    pub fn sign(&self, text: &str) -> SignatureLine {
        let signature = self.key.sign(text.as_bytes());
        SignatureLine::new(&self.name, self.verifier().id(), &signature.to_bytes())
    }

    /// Signs bytes that are no note, for a key that signs nothing else: the same
    /// signature under a log's key might be one of a note.
    pub fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// The 32 bytes that such a signature is checked with.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Signs the text of a checkpoint, and that it was the latest at `time_s`, in
    /// seconds since 1970.
    pub fn cosign(&self, text: &str, time_s: u64) -> SignatureLine {
        let signature = self.key.sign(cosigned(text, time_s).as_bytes());
        let bytes = [time_s.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
        SignatureLine::new(&self.name, self.verifier().as_cosigner().id(), &bytes)
    }

    /// The private text. Whoever has it signs as this log.
    pub fn to_text(&self) -> String {
        let bytes = [&[Algorithm::Ed25519.byte()], self.key.to_bytes().as_slice()].concat();
        let id = self.verifier().id();
        format!("PRIVATE+KEY+{}+{id:08x}+{}", self.name, base64::encode(&bytes))
    }
}

/// Splits `<name>+<id>+<base64 of type and 32 bytes>`.
fn parse(text: &str) -> Result<(&str, u32, Algorithm, [u8; 32]), KeyError> {
    // The key is last, and in base64 there may be a `+` too.
    let (name, rest) = text.split_once('+').ok_or(KeyError::Shape)?;
    let (id, bytes) = rest.split_once('+').ok_or(KeyError::Shape)?;
    let is_hex =
        id.len() == 8 && id.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    if !is_hex {
        return Err(KeyError::Shape);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Shape)?;
    let bytes = base64::decode(bytes).ok_or(KeyError::Shape)?;
    let (&algorithm, key) = bytes.split_first().ok_or(KeyError::Shape)?;
    let algorithm = Algorithm::from_byte(algorithm)?;
    Ok((name, id, algorithm, key.try_into().map_err(|_| KeyError::Bytes)?))
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, found, algorithm, key) = parse(text)?;
        let key = Self::new(name, algorithm, key)?;
        match key.id() {
            expected if expected == found => Ok(key),
            expected => Err(KeyError::Id { expected, found }),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm.byte()], self.key.as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), base64::encode(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, found, algorithm, seed) =
            parse(text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Shape)?)?;
        if algorithm != Algorithm::Ed25519 {
            return Err(KeyError::Algorithm(algorithm.byte()));
        }
        let key = Self::from_seed(name, seed)?;
        match key.verifier().id() {
            expected if expected == found => Ok(key),
            expected => Err(KeyError::Id { expected, found }),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier())
    }
}
