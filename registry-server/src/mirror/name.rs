//! What a source is called.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// The longest name of a source, in bytes.
const MAX_LEN: usize = 32;

/// The name of a source: a part of its address here, and a folder in the data folder.
/// So it is of small letters, digits and hyphens, and begins with a letter.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct SourceName(String);

/// A string that is no [`SourceName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no name of a source, expected up to 32 small letters, digits and hyphens that begin with a letter",
    .0.escape_debug()
)]
pub struct SourceNameError(String);

impl SourceName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceName {
    type Err = SourceNameError;

    fn from_str(text: &str) -> Result<Self, SourceNameError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if begins && text.len() <= MAX_LEN && text.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SourceNameError(text.chars().take(2 * MAX_LEN).collect()))
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_source_is_a_part_of_an_address_and_a_folder() {
        for (text, is_name) in [
            ("public", true),
            ("eu-1", true),
            ("a", true),
            ("", false),
            ("1a", false),
            ("-a", false),
            ("Public", false),
            ("..", false),
            ("a/b", false),
            ("a.b", false),
            ("ä", false),
            ("abcdefghijklmnopqrstuvwxyzabcdef", true),
            ("abcdefghijklmnopqrstuvwxyzabcdefg", false),
        ] {
            assert_eq!(text.parse::<SourceName>().is_ok(), is_name, "{text}");
        }
    }
}
