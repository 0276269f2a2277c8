//! A secret in memory.

use std::fmt;

use zeroize::Zeroizing;

/// The longest secret, in bytes: room for a key in PEM, or a service account in JSON.
pub const MAX_BYTES: usize = 64 * 1024;

/// A secret. Its memory is wiped when it is dropped, and nothing shows it: there is
/// no `Display`, no `Serialize`, and `Debug` has no word of it.
pub struct Secret(Zeroizing<String>);

/// Bytes that cannot be a secret. It does not hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// There is too much.
    #[error("it is longer than {MAX_BYTES} bytes")]
    Long,
    /// No variable of an environment could hold it.
    #[error("it is not a text in UTF-8 without NUL characters")]
    Text,
}

impl Secret {
    /// Reads a secret. The end of line that editors and programs put after it is
    /// not part of it.
    pub fn read(bytes: &[u8]) -> Result<Self, NotASecret> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| NotASecret::Text)?;
        Self::of(Zeroizing::new(text.to_owned()))
    }

    /// The secret that is exactly this text.
    pub fn of(text: Zeroizing<String>) -> Result<Self, NotASecret> {
        match text.as_str() {
            "" => Err(NotASecret::Empty),
            it if it.len() > MAX_BYTES => Err(NotASecret::Long),
            it if it.contains('\0') => Err(NotASecret::Text),
            _ => Ok(Self(text)),
        }
    }

    /// Another copy, wiped on its own.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// The secret itself, for the one place that has to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_text_and_is_not_shown() {
        let secret = Secret::read(b"hunter2\r\n").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(Secret::read(b"two\nlines\n\n").unwrap().expose(), "two\nlines\n");
        for (bytes, reason) in [
            (b"".as_slice(), NotASecret::Empty),
            (b"\n", NotASecret::Empty),
            (b"a\0b", NotASecret::Text),
            (b"\xff", NotASecret::Text),
            (&vec![b'a'; MAX_BYTES + 1], NotASecret::Long),
        ] {
            assert_eq!(Secret::read(bytes).unwrap_err(), reason);
        }
    }
}
