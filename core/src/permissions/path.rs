//! Paths that a server may be granted.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::{Grant, PermissionError};

/// A folder or file, and everything below it.
///
/// It starts with `${workspace}` (the project that the agent works in),
/// `${data}` (a folder of the server's own), `${home}/` or `/`, or with a drive
/// such as `C:/`. Parts are separated by `/` on every system. It has no `..`,
/// no wildcard and no trailing slash, so one place has one spelling; and it
/// never is all of `${home}` or all of a disk, which is no restriction.
///
/// Case counts, also where the file system ignores it: then a grant covers
/// less than it could, never more.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct PathGrant(String);

impl PathGrant {
    /// The longest path, in bytes.
    pub const MAX_LEN: usize = 512;

    /// The path as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the path starts, and what follows without the slash between.
    ///
    /// The start is `${workspace}`, `${data}`, `${home}`, a drive such as `C:`,
    /// or empty for `/`. The rest is empty for the start itself.
    pub fn split_base(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

impl FromStr for PathGrant {
    type Err = PermissionError;

    fn from_str(path: &str) -> Result<Self, PermissionError> {
        let refused =
            |reason| Err(PermissionError::Path { path: path.chars().take(80).collect(), reason });
        if path.len() > Self::MAX_LEN {
            return refused("it is longer than 512 bytes");
        }
        if crate::text::first_hidden(path).is_some() {
            return refused("it has a character that cannot be seen");
        }
        let (base, rest) = match path.split_once('/') {
            Some((base, rest)) => (base, Some(rest)),
            None => (path, None),
        };
        let is_drive = matches!(base.as_bytes(), [b'A'..=b'Z', b':']);
        match (base, rest) {
            ("${workspace}" | "${data}", _) => (),
            ("${home}" | "", Some(rest)) if !rest.is_empty() => (),
            (_, Some(rest)) if is_drive && !rest.is_empty() => (),
            ("${home}" | "", _) => return refused("it grants everything"),
            _ if is_drive => return refused("it grants everything"),
            _ => return refused("it does not start at a place we know"),
        }
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        if !rest.is_none_or(|rest| rest.split('/').all(is_plain)) {
            return refused("it has a part that is empty, `.` or `..`");
        }
        if rest.is_some_and(|rest| rest.contains(['\\', '*', '?', '$', ':', '"', '<', '>', '|'])) {
            return refused(
                "it has a wildcard, a variable or a character that is no part of a name",
            );
        }
        Ok(Self(path.to_owned()))
    }
}

impl fmt::Display for PathGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Grant for PathGrant {
    fn meet(&self, other: &Self) -> Option<Self> {
        let is_at_or_below = |low: &str, high: &str| {
            low.strip_prefix(high).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_at_or_below(&self.0, &other.0) {
            Some(self.clone())
        } else if is_at_or_below(&other.0, &self.0) {
            Some(other.clone())
        } else {
            None
        }
    }
}
