//! What a member of an export may be called.

use std::fmt;
use std::str::FromStr;

use super::TarError;
use crate::archive::shown;

/// The longest path, in bytes: the longest name and version of a release, and where
/// they are.
pub const MAX_PATH_LEN: usize = 600;

/// The path of a member: names of letters, digits and `._-+:`, with `/` in between.
///
/// Whatever folder it is joined to, the result is in that folder. Ordered by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TarPath(String);

impl TarPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TarPath {
    type Err = TarError;

    fn from_str(text: &str) -> Result<Self, TarError> {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b':')
        };
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(is_plain);
        if text.len() <= MAX_PATH_LEN && text.split('/').all(is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TarError::Path(shown(text.as_bytes())))
        }
    }
}

impl fmt::Display for TarPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
