//! Digests: of bytes, and of a tree of files.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes, written `sha256:<64 hex digits>`.
///
/// Source: FIPS 180-4, section 6.2.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct Digest([u8; 32]);

/// The digest of a tree of files, written `tree-sha256:<64 hex digits>`.
///
/// It names what is *in* an artifact and not how it was compressed, so it is
/// what rebuilders compare and what `mcpkg run` checks on disk. It is the
/// SHA-256 of the tree's listing: one line per file, in the order of the bytes
/// of their paths,
///
/// ```text
/// <sha256 of the file, hex>  <- or x>  <path>\n
/// ```
///
/// where `x` marks an executable. [`TreeHasher`] computes it.
///
/// Source: `DESIGN.md` section 5.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct TreeDigest(Digest);

/// Why a string is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text does not start with the one algorithm we use.
    #[error("digest does not start with `{0}`")]
    Algorithm(&'static str),
    /// What follows is not 64 lower-case hexadecimal digits.
    #[error("digest is not 64 lower-case hexadecimal digits")]
    Hex,
}

impl Digest {
    /// What a digest's text starts with.
    pub const PREFIX: &'static str = "sha256:";

    /// Computes the digest of `bytes`.
    ///
    /// Hashes about 1.5 GB a second on a core with SHA extensions and a fifth
    /// of that without, so hash anything larger than a manifest on a blocking
    /// thread.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest whose 32 bytes these are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 lower-case hexadecimal digits without the `sha256:`.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        // One spelling only: comparing two digests as text and as bytes must
        // give the same answer.
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(DigestError::Hex);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError::Hex)?;
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 digits without the `sha256:`, for a file's name.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(DigestError::Algorithm(Self::PREFIX))?;
        Self::from_hex(digits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TreeDigest {
    /// What a tree digest's text starts with.
    pub const PREFIX: &'static str = "tree-sha256:";

    /// The SHA-256 of the tree's listing, to compare with a signed subject.
    pub const fn of_listing(&self) -> Digest {
        self.0
    }

    /// The 64 digits without the `tree-sha256:`, for a folder's name.
    pub fn to_hex(&self) -> String {
        self.0.to_hex()
    }
}

impl FromStr for TreeDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(DigestError::Algorithm(Self::PREFIX))?;
        Digest::from_hex(digits).map(Self)
    }
}

impl fmt::Display for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.to_hex())
    }
}

impl fmt::Debug for TreeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Computes a [`TreeDigest`] from files given in any order.
#[derive(Clone, Debug, Default)]
pub struct TreeHasher {
    files: Vec<(String, Digest, bool)>,
}

impl TreeHasher {
    /// Adds one file. `path` is relative, with `/` between its parts.
    pub fn add(&mut self, path: impl Into<String>, content: Digest, is_executable: bool) {
        self.files.push((path.into(), content, is_executable));
    }

    /// The listing that the digest is of.
    pub fn listing(mut self) -> String {
        self.files.sort_unstable();
        let mut listing = String::new();
        for (path, content, is_executable) in &self.files {
            let mark = if *is_executable { 'x' } else { '-' };
            // Writing to a string cannot fail.
            let _ = writeln!(listing, "{}  {mark}  {path}", content.to_hex());
        }
        listing
    }

    /// The digest of the files added so far.
    pub fn finish(self) -> TreeDigest {
        TreeDigest(Digest::of(self.listing().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[test]
    fn has_one_spelling() {
        assert_eq!(Digest::of(b"hello\n").to_string(), HELLO);
        assert_eq!(HELLO.parse::<Digest>(), Ok(Digest::of(b"hello\n")));
        for (text, reason) in [
            (HELLO.to_uppercase().replace("SHA", "sha"), DigestError::Hex),
            (HELLO[..70].to_owned(), DigestError::Hex),
            (format!("{HELLO}0"), DigestError::Hex),
            (HELLO.replace('5', "g"), DigestError::Algorithm("sha256:")),
            (HELLO.replace("b5", "g5"), DigestError::Hex),
            (HELLO[7..].to_owned(), DigestError::Algorithm("sha256:")),
            (HELLO.replace("sha256", "sha512"), DigestError::Algorithm("sha256:")),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_tree_is_its_sorted_listing() {
        let mut tree = TreeHasher::default();
        tree.add("b/run", Digest::of(b"#!"), true);
        tree.add("a", Digest::of(b"hello\n"), false);
        let listing = tree.clone().listing();
        assert_eq!(
            listing,
            format!("{}  -  a\n{}  x  b/run\n", &HELLO[7..], Digest::of(b"#!").to_hex())
        );
        assert_eq!(tree.finish().of_listing(), Digest::of(listing.as_bytes()));
    }

    #[test]
    fn a_tree_digest_is_no_artifact_digest() {
        let tree = TreeHasher::default().finish();
        assert!(tree.to_string().parse::<Digest>().is_err());
        assert_eq!(tree.to_string().parse(), Ok(tree));
    }
}
