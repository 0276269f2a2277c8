//! Where a secret is found.
//!
//! Locks are committed and settings are read by every program, so neither holds
//! a secret, only one of these references:
//!
//! | reference | the secret is |
//! |---|---|
//! | `store:io.github.acme/weather/api_key` | in the user's key store, under that name |
//! | `env:NAME` | a variable of the environment that the agent starts us with |
//! | `file:/absolute/path` | a file that nobody but the user can read |
//! | `cmd:program and arguments` | what a program prints; it is run as it is, by no shell |
//! | `op://vault/item/field` | in 1Password, read by its own program |
//!
//! A text that is none of these may be the secret itself, so no error here holds
//! a word of it.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::PackageName;
use crate::permissions::is_env_name;

/// The longest reference, in bytes.
const MAX_LEN: usize = 4096;

/// Where a secret is found: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, DeserializeFromStr, SerializeDisplay)]
pub enum SecretReference {
    /// `store:…`: in the user's key store.
    Store(StoreName),
    /// `env:NAME`: a variable of the environment that the agent starts us with.
    Environment(String),
    /// `file:…`: an absolute path, of this system or of another.
    File(String),
    /// `cmd:…`: a program and its arguments.
    // Invariant: the program is there, and is not empty.
    Command(Vec<String>),
    /// `op://…`: the reference as 1Password writes it.
    OnePassword(String),
}

/// The name of a secret in the user's key store: `<package>/<key>` for a setting
/// of a server, or one word for any other.
///
/// Packages are one without case, so theirs is written in lower case.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct StoreName(String);

/// A text that refers to no secret. It does not hold the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is given by reference: `store:<name>`, `env:<variable>`, `file:<absolute path>`, \
     `cmd:<program and arguments>` or `op://<vault>/<item>/<field>`"
)]
pub struct SecretReferenceError;

/// A text that is no name in a key store. It does not hold the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is called `<package>/<setting>`, or one word of letters, digits, `.`, `_` and `-`"
)]
pub struct StoreNameError;

impl StoreName {
    /// The longest name, in bytes: a package's, a slash, and a setting's.
    pub const MAX_LEN: usize = PackageName::MAX_LEN + 1 + MAX_WORD_LEN;

    /// The name under which the setting `key` of a package is kept.
    ///
    /// # Errors
    ///
    /// If no manifest has a setting that is called so.
    pub fn of(package: &PackageName, key: &str) -> Result<Self, StoreNameError> {
        format!("{package}/{key}").parse()
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest key of a setting, in bytes, as a manifest may have it.
const MAX_WORD_LEN: usize = 128;

fn is_word(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MAX_WORD_LEN).contains(&text.len()) && text.chars().all(is_part)
}

impl FromStr for StoreName {
    type Err = StoreNameError;

    fn from_str(text: &str) -> Result<Self, StoreNameError> {
        let Some((package, key)) = text.rsplit_once('/') else {
            // Not `-x`, which is an option, and not `..`.
            let is_name =
                is_word(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            return if is_name { Ok(Self(text.to_owned())) } else { Err(StoreNameError) };
        };
        let package: PackageName = package.parse().map_err(|_| StoreNameError)?;
        if !is_word(key) {
            return Err(StoreNameError);
        }
        Ok(Self(format!("{}/{key}", package.as_str().to_ascii_lowercase())))
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SecretReference {
    type Err = SecretReferenceError;

    fn from_str(text: &str) -> Result<Self, SecretReferenceError> {
        // What is shown to a person must be what it does.
        if text.len() > MAX_LEN || text.chars().any(char::is_control) {
            return Err(SecretReferenceError);
        }
        let (kind, rest) = text.split_once(':').ok_or(SecretReferenceError)?;
        match kind {
            "store" => Ok(Self::Store(rest.parse().map_err(|_| SecretReferenceError)?)),
            "env" if is_env_name(rest) && rest.len() <= 256 => {
                Ok(Self::Environment(rest.to_owned()))
            }
            "file" if is_absolute(rest) => Ok(Self::File(rest.to_owned())),
            "cmd" => {
                let words = shell_words::split(rest).map_err(|_| SecretReferenceError)?;
                match words.first() {
                    Some(program) if is_program(program) => Ok(Self::Command(words)),
                    _ => Err(SecretReferenceError),
                }
            }
            "op" if is_one_password(rest) => Ok(Self::OnePassword(text.to_owned())),
            _ => Err(SecretReferenceError),
        }
    }
}

/// Whether a program is found by its name or by its whole path. One that is named
/// from the folder we happen to start in would be whatever lies in that folder.
fn is_program(program: &str) -> bool {
    !program.is_empty() && (!program.contains(['/', '\\']) || is_absolute(program))
}

/// Whether a path is absolute where it is meant for, `/a` or `C:\a`: a lock is
/// read on other systems than the one it was written on.
fn is_absolute(path: &str) -> bool {
    let path = path.as_bytes();
    match path {
        [b'/', _, ..] => true,
        [drive, b':', b'\\' | b'/', _, ..] => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Whether `rest` is `//vault/item/field` or `//vault/item/section/field`.
///
/// Source: 1Password, "Secret reference syntax": names of letters, digits, `-`,
/// `_`, `.` and spaces; others are written by their id.
fn is_one_password(rest: &str) -> bool {
    let Some(parts) = rest.strip_prefix("//") else { return false };
    let parts: Vec<_> = parts.split('/').collect();
    let is_name = |part: &&str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        !part.is_empty() && part.chars().all(is_part)
    };
    (3..=4).contains(&parts.len()) && parts.iter().all(is_name)
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(name) => write!(f, "store:{name}"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Command(words) => write!(f, "cmd:{}", shell_words::join(words)),
            Self::OnePassword(reference) => f.write_str(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_is_read_and_written_one_way() {
        for (text, canonical) in [
            ("store:io.github.acme/weather/api_key", "store:io.github.acme/weather/api_key"),
            ("store:IO.GitHub.Acme/Weather/API_KEY", "store:io.github.acme/weather/API_KEY"),
            ("store:github-token", "store:github-token"),
            ("env:WEATHER_TOKEN", "env:WEATHER_TOKEN"),
            ("file:/run/secrets/a b", "file:/run/secrets/a b"),
            (r"file:C:\secrets\key", r"file:C:\secrets\key"),
            ("cmd:pass  show 'a b'", "cmd:pass show 'a b'"),
            ("cmd:pass show \"$HOME\"", "cmd:pass show '$HOME'"),
            ("op://Private/GitHub token/credential", "op://Private/GitHub token/credential"),
            ("op://Private/db/admin/password", "op://Private/db/admin/password"),
        ] {
            let reference: SecretReference = text.parse().unwrap();
            assert_eq!(reference.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(reference));
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_repeated() {
        for text in [
            "hunter2",
            "",
            "ghp_0123456789abcdef",
            "store:",
            "store:..",
            "store:-n",
            "store:a b",
            "store:a/b",
            "store:io.github.acme/weather/",
            "store:io.github.acme/../key",
            "env:",
            "env:1A",
            "env:A=B",
            "env:A B",
            "ENV:A",
            "file:key",
            "file:",
            "file:/",
            "file:~/key",
            "file:C:key",
            "cmd:",
            "cmd:''",
            "cmd: ",
            "cmd:./get",
            "cmd:bin/get",
            "cmd:pass 'open",
            "cmd:pass\nshow",
            "cmd:pass \u{1b}[2K",
            "op://vault/item",
            "op:vault/item/field",
            "op://vault//field",
            "op://vault/item/a/b/c",
            "op://vault/item/field?attribute=otp&x=`id`",
            "https://user:hunter2@host/",
        ] {
            let error = text.parse::<SecretReference>().unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(text.len() < 8 || !said.contains(text), "{said}");
        }
        let long = format!("cmd:{}", "x".repeat(MAX_LEN));
        assert!(long.parse::<SecretReference>().is_err());
    }

    #[test]
    fn a_name_is_that_of_a_setting_or_a_word() {
        let package = "io.github.Acme/Weather".parse().unwrap();
        let name = StoreName::of(&package, "api.key").unwrap();
        assert_eq!(name.as_str(), "io.github.acme/weather/api.key");
        assert!(StoreName::of(&package, "api key").is_err());
        assert!(StoreName::of(&package, "").is_err());
        assert!("token".parse::<StoreName>().is_ok());
        assert!("x".repeat(129).parse::<StoreName>().is_err());
    }

    proptest! {
        #[test]
        fn a_command_of_any_words_is_read_back(
            words in proptest::collection::vec("[ -~é]{0,8}", 1..4),
        ) {
            prop_assume!(is_program(&words[0]));
            let reference = SecretReference::Command(words);
            prop_assert_eq!(reference.to_string().parse(), Ok(reference));
        }
    }
}
