//! The digest that a lock pins a file by.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mcpkg_core::Digest;
use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::Digest as _;

/// The digest of a file: SHA-512 as npm writes it (Subresource Integrity), or SHA-256.
///
/// SHA-1, which npm still has for what was published before 2017, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum Integrity {
    /// `sha512-…`, in base64.
    Sha512([u8; 64]),
    /// `sha256:…`, in hex.
    Sha256(Digest),
}

/// A text that pins nothing by a digest that is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither `sha512-…` nor `sha256:…`")]
pub struct IntegrityError;

impl Integrity {
    /// Whether it is the digest of `bytes`.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha512(digest) => sha2::Sha512::digest(bytes)[..] == digest[..],
            Self::Sha256(digest) => Digest::of(bytes) == *digest,
        }
    }

    /// The digest in hex, with its name as CycloneDX has it.
    pub fn algorithm_and_hex(&self) -> (&'static str, String) {
        match self {
            Self::Sha512(digest) => ("SHA-512", hex::encode(digest)),
            Self::Sha256(digest) => ("SHA-256", digest.to_hex()),
        }
    }
}

impl FromStr for Integrity {
    type Err = IntegrityError;

    /// Reads one digest, or npm's list of several, of which the SHA-512 counts.
    fn from_str(text: &str) -> Result<Self, IntegrityError> {
        if text.starts_with(Digest::PREFIX) {
            return text.parse().map(Self::Sha256).map_err(|_| IntegrityError);
        }
        let digest = text.split(' ').find_map(|one| one.strip_prefix("sha512-"));
        let bytes = BASE64.decode(digest.ok_or(IntegrityError)?).map_err(|_| IntegrityError)?;
        bytes.try_into().map(Self::Sha512).map_err(|_| IntegrityError)
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha512(digest) => write!(f, "sha512-{}", BASE64.encode(digest)),
            Self::Sha256(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_digest_pins() {
        let of_a = Integrity::Sha512(sha2::Sha512::digest(b"a").into());
        assert!(of_a.is_of(b"a") && !of_a.is_of(b"b"));
        assert_eq!(of_a.to_string().parse(), Ok(of_a));
        assert_eq!(format!("sha1-AAAA {of_a}").parse(), Ok(of_a));
        let sha256 = Integrity::Sha256(Digest::of(b"a"));
        assert_eq!(sha256.to_string().parse(), Ok(sha256));
        for text in ["", "sha1-ft0zK9n2zpH8Fz7hmAyFS9T3XQI=", "sha512-AAAA", "sha512-!", "md5-x"] {
            assert_eq!(text.parse::<Integrity>(), Err(IntegrityError), "{text}");
        }
    }
}
