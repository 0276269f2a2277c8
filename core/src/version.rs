//! The version of a release.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// The version of a release that we publish: strict semantic versioning.
///
/// Build metadata (`1.0.0+linux`) is refused: semver gives `1.0.0+a` and
/// `1.0.0+b` the same precedence, so "the newest" would not be one release.
/// Documents that come from elsewhere may carry other strings; those stay
/// strings (see [`crate::server_json`]).
///
/// Source: [Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct Version(semver::Version);

/// Why a string is not a [`Version`].
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The version is longer than a path or a column should have to hold.
    #[error("version is {0} bytes long, expected at most {max}", max = Version::MAX_LEN)]
    Length(usize),
    /// The text is not semantic versioning.
    #[error("`{}` is not a semantic version: {reason}", text.escape_debug())]
    Semver {
        /// The rejected text.
        text: String,
        /// What the parser stumbled over.
        reason: semver::Error,
    },
    /// The version carries build metadata.
    #[error("version `{0}` carries build metadata, which does not order releases")]
    BuildMetadata(String),
}

impl Version {
    /// The longest version, in bytes: `server.json` allows 255, and 128 keep
    /// a file name built from name and version under 255.
    pub const MAX_LEN: usize = 128;

    /// Whether this is a pre-release, which a range does not choose unasked.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// The version as the `semver` crate knows it, to match it with a range.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > Self::MAX_LEN {
            return Err(VersionError::Length(text.len()));
        }
        let version = semver::Version::parse(text)
            .map_err(|reason| VersionError::Semver { text: text.to_owned(), reason })?;
        if !version.build.is_empty() {
            return Err(VersionError::BuildMetadata(text.to_owned()));
        }
        Ok(Self(version))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_strictly() {
        for (text, accepted) in [
            ("1.2.3", true),
            ("0.0.0", true),
            ("2026.7.10", true),
            ("1.0.0-rc.1", true),
            ("1.2", false),
            ("v1.2.3", false),
            ("01.2.3", false),
            ("1.2.3 ", false),
            ("1.2.3+build", false),
            ("^1.2.3", false),
            ("latest", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Version>().is_ok(), accepted, "{text:?}");
        }
    }

    #[test]
    fn orders_by_precedence() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("1.10.0") > version("1.9.0"));
        assert!(version("1.0.0-rc.1") < version("1.0.0"));
    }
}
