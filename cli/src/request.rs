//! What a user asks for: a package, and perhaps which release.

use std::fmt;
use std::str::FromStr;

use mcpkg_core::api::{IndexLine, PackageIndex, Status};
use mcpkg_core::project::VersionRange;
use mcpkg_core::{PackageName, Platform, Version};

use crate::error::{Error, Result};

/// A package and which of its releases: `name`, `name@1.2.0` or `name@^1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRequest {
    /// The package.
    pub name: PackageName,
    /// Which release.
    pub wanted: Wanted,
}

/// Which of a package's releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest that is no pre-release, or the newest of those.
    Newest,
    /// Exactly this one.
    Exactly(Version),
    /// The newest in a range, as Cargo reads ranges.
    Range(semver::VersionReq),
}

impl FromStr for PackageRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, wanted) = match text.split_once('@') {
            None => (text, Wanted::Newest),
            // A bare version means that version, not the range that Cargo would
            // read into it: what is installed is pinned.
            Some((name, version)) => match version.parse::<Version>() {
                Ok(version) => (name, Wanted::Exactly(version)),
                Err(exact) => match version.parse() {
                    Ok(range) if version.contains(['^', '~', '*', '<', '>', '=']) => {
                        (name, Wanted::Range(range))
                    }
                    _ => return Err(exact.to_string()),
                },
            },
        };
        Ok(Self { name: name.parse().map_err(|error| format!("{error}"))?, wanted })
    }
}

impl From<&VersionRange> for Wanted {
    fn from(range: &VersionRange) -> Self {
        match range {
            VersionRange::Exactly(version) => Self::Exactly(version.clone()),
            VersionRange::Range(range) => Self::Range(range.clone()),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("this platform"),
            Self::Exactly(version) => write!(f, "version {version}"),
            Self::Range(range) => write!(f, "{range}"),
        }
    }
}

impl PackageRequest {
    /// Chooses a release from an index.
    ///
    /// A yanked release is never chosen; where one is locked already, it stays and is
    /// warned of. By its exact version it is looked up, for its reason to be shown, and
    /// refused when it is judged. One that its publisher advises against is chosen where
    /// there is no other. One that the registry does not give out is none to choose from.
    /// The order in which the index lists releases is not relied on.
    pub fn choose<'a>(
        &self,
        index: &'a PackageIndex,
        host: Option<Platform>,
    ) -> Result<&'a IndexLine> {
        let runs_here = |line: &IndexLine| {
            line.platforms.is_empty()
                || line.platforms.iter().any(|platform| platform.runs_on(host))
        };
        let is_wanted = |line: &IndexLine| match &self.wanted {
            Wanted::Newest => true,
            Wanted::Exactly(version) => line.version == *version,
            Wanted::Range(range) => range.matches(line.version.as_semver()),
        };
        let is_withheld =
            |line: &IndexLine| index.withheld.iter().find(|it| it.version == line.version);
        let wanted = || index.releases.iter().filter(|line| is_wanted(line));
        let (yanked, candidates): (Vec<_>, Vec<_>) = wanted()
            .filter(|line| is_withheld(line).is_none())
            .partition(|line| line.status == Status::Yanked);
        let newest = |allow_deprecated: bool, allow_prerelease: bool| {
            candidates
                .iter()
                .copied()
                .filter(|line| runs_here(line))
                .filter(|line| allow_deprecated || line.status == Status::Active)
                .filter(|line| allow_prerelease || !line.version.is_prerelease())
                .max_by(|a, b| a.version.cmp(&b.version))
        };
        let found = [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .find_map(|(deprecated, prerelease)| newest(deprecated, prerelease));
        if candidates.is_empty()
            && yanked.is_empty()
            && let Some(withheld) = wanted().find_map(is_withheld)
        {
            let (name, withheld) = (self.name.clone(), Box::new(withheld.clone()));
            return Err(Error::Withheld { name, withheld });
        }
        found.map_or_else(|| self.none(&candidates, &yanked), Ok)
    }

    /// What there is where there is nothing to choose.
    fn none<'a>(
        &self,
        candidates: &[&'a IndexLine],
        yanked: &[&'a IndexLine],
    ) -> Result<&'a IndexLine> {
        let (name, wanted) = (self.name.clone(), self.wanted.to_string());
        Err(match (candidates, yanked, &self.wanted) {
            ([line, ..], ..) => Error::NoArtifact {
                name,
                version: line.version.clone(),
                available: platforms(&line.platforms),
            },
            ([], [line], Wanted::Exactly(_)) => return Ok(line),
            ([], [_, ..], _) => {
                let versions = yanked.iter().map(|line| line.version.clone()).collect();
                let wanted = match &self.wanted {
                    Wanted::Newest => String::new(),
                    _ => format!(" that matches {wanted}"),
                };
                Error::Yanked { name, wanted, versions }
            }
            ([], [], _) => Error::NoRelease { name, wanted },
        })
    }
}

/// Platforms in words.
pub fn platforms(platforms: &[Platform]) -> String {
    let words: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcpkg_core::api::IndexLog;
    use mcpkg_core::publisher::{Identity, Publisher};

    fn index(lines: &[(&str, Status, &[&str])]) -> PackageIndex {
        PackageIndex {
            name: "acme/weather".parse().unwrap(),
            publisher: Publisher::Identity(Identity {
                issuer: "https://sso.example".into(),
                subject: "a@example.com".into(),
            }),
            announced: None,
            bindings: Vec::new(),
            withheld: Vec::new(),
            releases: lines
                .iter()
                .zip(0..)
                .map(|((version, status, platforms), entry)| IndexLine {
                    entry,
                    version: version.parse().unwrap(),
                    published_at: "2026-01-01T00:00:00Z".parse().unwrap(),
                    status: *status,
                    platforms: platforms.iter().map(|text| text.parse().unwrap()).collect(),
                    rebuilds: Vec::new(),
                })
                .collect(),
            log: IndexLog { index: String::new(), checkpoint: String::new(), consistency: None },
        }
    }

    #[test]
    fn the_newest_that_fits_is_chosen_whatever_the_order() {
        let index = index(&[
            ("1.9.0", Status::Active, &["any"]),
            ("1.10.0", Status::Active, &["any"]),
            ("1.11.0", Status::Yanked, &["any"]),
            ("1.10.1", Status::Deprecated, &["any"]),
            ("0.9.0", Status::Deprecated, &["any"]),
            ("0.8.0", Status::Yanked, &["any"]),
            ("0.8.1", Status::Yanked, &["any"]),
            ("2.0.0", Status::Active, &["darwin-aarch64"]),
            ("3.0.0-rc.1", Status::Active, &["any"]),
        ]);
        let host = Some("linux-x86_64".parse().unwrap());
        for (request, chosen) in [
            ("acme/weather", Ok("1.10.0")),
            ("acme/weather@1.9.0", Ok("1.9.0")),
            ("acme/weather@~1.9", Ok("1.9.0")),
            ("acme/weather@3.0.0-rc.1", Ok("3.0.0-rc.1")),
            // Refused with its reason, once that was read.
            ("acme/weather@1.11.0", Ok("1.11.0")),
            ("acme/weather@^1.11", Err("E_YANKED")),
            ("acme/weather@~0.8", Err("E_YANKED")),
            ("acme/weather@<1.0.0", Ok("0.9.0")),
            ("acme/weather@~1.10", Ok("1.10.0")),
            ("acme/weather@1.10.1", Ok("1.10.1")),
            ("acme/weather@^2", Err("E_PLATFORM")),
            ("acme/weather@^9", Err("E_NOT_FOUND")),
        ] {
            let request: PackageRequest = request.parse().unwrap();
            let found = request.choose(&index, host).map(|line| line.version.to_string());
            let found = found.map_err(|error| mcpkg_core::Coded::code(&error).as_str());
            assert_eq!(found.as_deref(), chosen.as_ref().copied(), "{request:?}");
        }
    }

    #[test]
    fn a_bare_version_is_no_range() {
        assert!("acme/weather@1.2".parse::<PackageRequest>().is_err());
        assert!("acme/weather@latest".parse::<PackageRequest>().is_err());
        assert!("acme/weather@".parse::<PackageRequest>().is_err());
        let request: PackageRequest = "acme/weather@1.2.0".parse().unwrap();
        assert!(matches!(request.wanted, Wanted::Exactly(_)));
    }

    #[test]
    fn what_a_registry_does_not_give_out_is_not_chosen_and_said_to_be_withheld() {
        let mut index = index(&[
            ("1.0.0", Status::Active, &["any"]),
            ("1.1.0", Status::Active, &["any"]),
            ("2.0.0", Status::Yanked, &["any"]),
        ]);
        index.withheld.push(mcpkg_core::api::WithheldRelease {
            version: "1.1.0".parse().unwrap(),
            code: mcpkg_core::Code::TakenDown,
            policy: None,
            reason: "it was taken down".to_owned(),
        });
        for (request, chosen) in [
            ("acme/weather", Ok("1.0.0")),
            ("acme/weather@^1", Ok("1.0.0")),
            ("acme/weather@1.1.0", Err("E_TAKEN_DOWN")),
            ("acme/weather@~1.1", Err("E_TAKEN_DOWN")),
            ("acme/weather@^2", Err("E_YANKED")),
        ] {
            let request: PackageRequest = request.parse().unwrap();
            let found = request.choose(&index, None);
            let found = found.map(|line| line.version.to_string());
            let found = found.as_deref().map_err(|error| mcpkg_core::Coded::code(error).as_str());
            assert_eq!(found, chosen, "{request:?}");
        }
    }
}
