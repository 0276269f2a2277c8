//! The name of a package.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// The name of a package: a reverse-DNS *namespace* that somebody controls, one
/// slash, and the *short name* they gave the server: `io.github.acme/weather`.
///
/// We accept the names that the MCP registry accepts, with three exceptions, so
/// that a name is also safe as a path and unambiguous to a reader: each part
/// starts and ends with a letter or digit (so no part is `..`), no part is a
/// Windows device name, and no two names in one registry share a
/// [`fold_key`](Self::fold_key).
///
/// Case is kept for display. Two names that differ in case alone are the same
/// package, and compare as equal here.
///
/// A `PackageName` is always valid. [`str::parse`] is the only way to get one,
/// so code that is handed one has nothing left to check.
///
/// Source: `ServerDetail.name` in the [MCP server schema, 2025-12-11][schema].
///
/// [schema]: https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json
#[derive(Clone, Debug, DeserializeFromStr, SerializeDisplay)]
pub struct PackageName {
    full: String,
    // Invariant: the index of the only slash in `full`.
    slash: usize,
}

/// Why a string is not a [`PackageName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is shorter or longer than the schema allows.
    #[error("package name is {0} bytes long, expected 3 to {max}", max = PackageName::MAX_LEN)]
    Length(usize),
    /// There is no slash.
    #[error("package name `{0}` has no namespace")]
    NoNamespace(String),
    /// A part is empty, or starts or ends with punctuation.
    #[error("package name `{0}` has a part that does not start and end with a letter or digit")]
    Edge(String),
    /// A part holds a character that names may not contain.
    #[error("package name `{}` contains `{}`", name.escape_debug(), found.escape_debug())]
    Character {
        /// The rejected name.
        name: String,
        /// The first offending character.
        found: char,
    },
    /// A namespace holds two dots in a row, which no domain has.
    #[error("package name `{0}` has an empty label in its namespace")]
    EmptyLabel(String),
    /// A part is a device on Windows, where it could not be a folder.
    #[error("package name `{0}` has a part that is a device name on Windows")]
    Device(String),
}

impl PackageName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 200;

    /// The whole name, `namespace/short`.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The part before the slash: who may publish under this name.
    pub fn namespace(&self) -> &str {
        &self.full[..self.slash]
    }

    /// The part after the slash: what to call the server in an agent's settings.
    pub fn short(&self) -> &str {
        &self.full[self.slash + 1..]
    }

    /// The name as a registry compares it: two packages may not share it.
    ///
    /// Lower case, and `_`, `.` and `-` in the short name are one character, so
    /// that `acme/x_y` cannot be published beside `acme/x-y` to catch those who
    /// misremember. The namespace keeps its dots, which mean something there.
    pub fn fold_key(&self) -> String {
        let short = self.short().to_ascii_lowercase().replace(['_', '.'], "-");
        format!("{}/{short}", self.namespace().to_ascii_lowercase())
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        if !(3..=Self::MAX_LEN).contains(&name.len()) {
            return Err(NameError::Length(name.len()));
        }
        let Some((namespace, short)) = name.split_once('/') else {
            return Err(NameError::NoNamespace(name.to_owned()));
        };
        for (part, punctuation) in [(namespace, ".-"), (short, ".-_")] {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
            if let Some(found) = part.chars().find(|&c| !is_allowed(c)) {
                return Err(NameError::Character { name: name.to_owned(), found });
            }
            let is_edge = |c: char| c.is_ascii_alphanumeric();
            if !part.starts_with(is_edge) || !part.ends_with(is_edge) {
                return Err(NameError::Edge(name.to_owned()));
            }
            if is_device_name(part) {
                return Err(NameError::Device(name.to_owned()));
            }
        }
        if namespace.contains("..") {
            return Err(NameError::EmptyLabel(name.to_owned()));
        }
        Ok(Self { full: name.to_owned(), slash: namespace.len() })
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl PartialEq for PackageName {
    fn eq(&self, other: &Self) -> bool {
        self.full.eq_ignore_ascii_case(&other.full)
    }
}

impl Eq for PackageName {}

impl PartialOrd for PackageName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PackageName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |name: &Self| name.full.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}

impl std::hash::Hash for PackageName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.full.to_ascii_lowercase().hash(state);
    }
}

/// Whether Windows opens a device when asked for a file of this name.
///
/// The part before the first dot counts: `con.txt` is the console too.
///
/// Source: "Naming Files, Paths, and Namespaces", Win32 documentation.
pub(crate) fn is_device_name(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
    if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    // The superscript digits are devices as well.
    let mut chars = stem.chars();
    let device: String = chars.by_ref().take(3).collect();
    let digit = chars.next();
    matches!(device.as_str(), "com" | "lpt")
        && matches!(digit, Some('0'..='9' | '¹' | '²' | '³'))
        && chars.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explains_what_it_rejects() {
        for (name, message) in [
            ("weather", "package name `weather` has no namespace"),
            ("acme/a/b", "package name `acme/a/b` contains `/`"),
            ("асме/weather", "package name `асме/weather` contains `а`"), // Cyrillic
            ("acme/wea\u{200b}ther", "package name `acme/wea\\u{200b}ther` contains `\\u{200b}`"),
            ("acme/\u{202e}rehtaew", "package name `acme/\\u{202e}rehtaew` contains `\\u{202e}`"),
            ("acme/a%2fb", "package name `acme/a%2fb` contains `%`"),
            ("ac_me/a", "package name `ac_me/a` contains `_`"),
            (
                "acme/..",
                "package name `acme/..` has a part that does not start and end with a letter or digit",
            ),
            (
                "/weather",
                "package name `/weather` has a part that does not start and end with a letter or digit",
            ),
            (
                "acme/weather.",
                "package name `acme/weather.` has a part that does not start and end with a letter or digit",
            ),
            ("a..b/c", "package name `a..b/c` has an empty label in its namespace"),
            ("acme/con", "package name `acme/con` has a part that is a device name on Windows"),
            ("acme/NUL.x", "package name `acme/NUL.x` has a part that is a device name on Windows"),
            ("acme/lpt1", "package name `acme/lpt1` has a part that is a device name on Windows"),
            ("a/", "package name is 2 bytes long, expected 3 to 200"),
        ] {
            let err = name.parse::<PackageName>().unwrap_err();
            assert_eq!(err.to_string(), message);
        }
    }

    #[test]
    fn accepts_what_the_registry_accepts_and_keeps_the_case() {
        for name in ["io.github.Acme/Weather", "a/b", "com.example/x_y.z-1", "com1example/com10"] {
            assert_eq!(name.parse::<PackageName>().unwrap().to_string(), name);
        }
        let of_len = |len: usize| format!("{}/b", "a".repeat(len - 2)).parse::<PackageName>();
        assert!(of_len(200).is_ok());
        assert!(of_len(201).is_err());
    }

    #[test]
    fn names_that_look_alike_share_a_key() {
        let key = |name: &str| name.parse::<PackageName>().unwrap().fold_key();
        for alike in ["acme/X-Y", "Acme/x_y", "acme/x.y"] {
            assert_eq!(key(alike), key("acme/x-y"), "{alike}");
        }
        assert_ne!(key("acme/xy"), key("acme/x-y"));
        assert_ne!(key("a.b/c"), key("a-b/c"), "dots in a namespace mean something");
    }

    #[test]
    fn case_alone_does_not_make_another_package() {
        let name = |name: &str| name.parse::<PackageName>().unwrap();
        assert_eq!(name("io.github.Acme/Weather"), name("io.github.acme/weather"));
    }
}
