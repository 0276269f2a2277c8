//! Where an installed server stands among the releases of its package.

use std::fmt;

use jiff::Timestamp;
use mcpkg_core::api::{IndexLine, PackageIndex, Status};
use mcpkg_core::policy::Policy;
use mcpkg_core::project::VersionRange;
use mcpkg_core::{Code, Platform, Version};
use serde::Serialize;

/// The releases that matter to somebody who has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The newest release that nothing speaks against.
    pub allowed: Option<Version>,
    /// The newest release.
    pub newest: Option<Version>,
    /// The releases that are newer than both the installed and the allowed one, newest
    /// first, each with what speaks against it.
    pub passed: Vec<Passed>,
    /// What became of the installed release.
    pub status: Status,
}

/// A release that is not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passed {
    /// Which.
    pub version: Version,
    /// Everything that speaks against it.
    pub reasons: Vec<Reason>,
}

/// What speaks against a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "rule")]
pub enum Reason {
    /// Its publisher withdrew it.
    Yanked,
    /// Its publisher advises against it.
    Deprecated,
    /// The registry does not give it out.
    Withheld {
        /// The stable code of why.
        code: Code,
    },
    /// It is younger than policy asks.
    TooYoung {
        /// When it will be old enough.
        until: Timestamp,
    },
    /// It is a pre-release, and none was asked for.
    PreRelease,
    /// `mcpkg.toml` does not want it.
    OutOfRange,
    /// It does not run here.
    OtherPlatform,
    /// It is newer than what its author gives to everybody.
    NotLatest,
}

/// A release, and everything that speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// Which.
    pub version: Version,
    /// What became of it.
    pub status: Status,
    /// Everything that speaks against it.
    pub reasons: Vec<Reason>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yanked => f.write_str("yanked"),
            Self::Deprecated => f.write_str("deprecated"),
            Self::Withheld { code } => write!(f, "not given out by the registry ({code})"),
            Self::TooYoung { until } => write!(f, "too young until {until}"),
            Self::PreRelease => f.write_str("pre-release"),
            Self::OutOfRange => f.write_str("not in the range of mcpkg.toml"),
            Self::OtherPlatform => f.write_str("not for this platform"),
            Self::NotLatest => f.write_str("newer than what its author calls the latest"),
        }
    }
}

/// What a release is held to.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// The releases that are wanted; any, if nobody said.
    pub range: Option<&'a VersionRange>,
    /// How old a release has to be, and which need not.
    pub policy: &'a Policy,
    /// What it has to run on.
    pub host: Option<Platform>,
    /// The time.
    pub now: Timestamp,
}

impl Standing {
    /// Where `installed` stands, or somebody who has nothing yet.
    ///
    /// The age is the registry's word here, for choosing. It is proved when the chosen
    /// release is judged.
    pub fn of(index: &PackageIndex, installed: Option<&Version>, wish: Wish<'_>) -> Self {
        let weigh = |line: &IndexLine| Weighed {
            version: line.version.clone(),
            status: line.status,
            reasons: against(index, line, installed, wish),
        };
        Self::among(index.releases.iter().map(weigh).collect(), installed)
    }

    /// The same, among `releases` in any order.
    pub fn among(mut releases: Vec<Weighed>, installed: Option<&Version>) -> Self {
        releases.sort_by(|a, b| b.version.cmp(&a.version));
        let allowed = releases.iter().find(|it| it.reasons.is_empty());
        let allowed = allowed.map(|it| it.version.clone());
        let here = releases.iter().find(|it| Some(&it.version) == installed);
        let status = here.map(|it| it.status).unwrap_or_default();
        let newest = releases.first().map(|it| it.version.clone());
        let known = allowed.as_ref().max(installed);
        let passed = releases
            .iter()
            .filter(|it| known.is_none_or(|known| it.version > *known))
            .map(|it| Passed { version: it.version.clone(), reasons: it.reasons.clone() })
            .collect();
        Self { allowed, newest, passed, status }
    }

    /// What to move to from `installed`, if to anything: never back, unless what is
    /// installed is no longer wanted.
    pub fn next(&self, installed: &Version, range: Option<&VersionRange>) -> Option<&Version> {
        let allowed = self.allowed.as_ref()?;
        let is_wanted = range.is_none_or(|range| range.matches(installed));
        (allowed > installed || (!is_wanted && allowed != installed)).then_some(allowed)
    }
}

fn against(
    index: &PackageIndex,
    line: &IndexLine,
    installed: Option<&Version>,
    wish: Wish<'_>,
) -> Vec<Reason> {
    let Wish { range, policy, host, now } = wish;
    let is_exact = matches!(range, Some(VersionRange::Exactly(wanted)) if *wanted == line.version);
    let mut reasons = Vec::new();
    match line.status {
        Status::Yanked => reasons.push(Reason::Yanked),
        Status::Deprecated if !is_exact => reasons.push(Reason::Deprecated),
        Status::Deprecated | Status::Active => (),
    }
    if let Some(withheld) = index.withheld.iter().find(|it| it.version == line.version) {
        reasons.push(Reason::Withheld { code: withheld.code });
    }
    let is_accepted = policy.accept_fresh.contains(&(index.name.clone(), line.version.clone()));
    // A time that cannot be reckoned with is far enough away.
    let until = line.published_at.checked_add(policy.min_age).unwrap_or(Timestamp::MAX);
    if now < until && !is_accepted {
        reasons.push(Reason::TooYoung { until });
    }
    reasons.extend(unasked(&line.version, range, installed));
    let is_for_any = line.platforms.is_empty();
    if !is_for_any && !line.platforms.iter().any(|platform| platform.runs_on(host)) {
        reasons.push(Reason::OtherPlatform);
    }
    reasons
}

/// Why nobody has asked for `version`, if that is so.
pub fn unasked(
    version: &Version,
    range: Option<&VersionRange>,
    installed: Option<&Version>,
) -> Option<Reason> {
    let has_asked = match range {
        // A range matches those that it names, and no others.
        Some(range) => range.matches(version),
        None => !version.is_prerelease() || installed.is_some_and(Version::is_prerelease),
    };
    if has_asked {
        return None;
    }
    Some(if version.is_prerelease() { Reason::PreRelease } else { Reason::OutOfRange })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use mcpkg_core::api::IndexLog;
    use mcpkg_core::publisher::{Identity, Publisher};

    use super::*;

    const NOW: &str = "2026-06-10T00:00:00Z";

    fn index(lines: &[(&str, Status, &str, &str)]) -> PackageIndex {
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
                .map(|((version, status, published_at, platform), entry)| IndexLine {
                    entry,
                    version: version.parse().unwrap(),
                    published_at: published_at.parse().unwrap(),
                    status: *status,
                    platforms: vec![platform.parse().unwrap()],
                    rebuilds: Vec::new(),
                })
                .collect(),
            log: IndexLog { index: String::new(), checkpoint: String::new(), consistency: None },
        }
    }

    fn standing(installed: &str, range: Option<&str>, policy: &Policy) -> Standing {
        const OLD: &str = "2026-01-01T00:00:00Z";
        let index = index(&[
            ("1.0.0", Status::Active, OLD, "any"),
            ("1.1.0", Status::Active, OLD, "any"),
            ("1.2.0", Status::Yanked, OLD, "any"),
            ("1.2.1", Status::Deprecated, OLD, "any"),
            ("1.3.0", Status::Active, "2026-06-09T12:00:00Z", "any"),
            ("1.4.0", Status::Active, OLD, "darwin-aarch64"),
            ("2.0.0", Status::Active, OLD, "any"),
            ("3.0.0-rc.1", Status::Active, OLD, "any"),
        ]);
        let range: Option<VersionRange> = range.map(|range| range.parse().unwrap());
        let wish = Wish {
            range: range.as_ref(),
            policy,
            host: Some("linux-x86_64".parse().unwrap()),
            now: NOW.parse().unwrap(),
        };
        Standing::of(&index, Some(&installed.parse().unwrap()), wish)
    }

    #[test]
    fn the_newest_that_nothing_speaks_against_is_allowed() {
        let policy = Policy { min_age: SignedDuration::from_hours(24), ..Policy::default() };
        let name: mcpkg_core::PackageName = "acme/weather".parse().unwrap();
        let accept_fresh = [(name, "1.3.0".parse().unwrap())].into();
        let fresh = Policy { accept_fresh, ..policy.clone() };
        for (installed, range, policy, allowed) in [
            ("1.0.0", None, &policy, "2.0.0"),
            ("1.0.0", Some("^1"), &policy, "1.1.0"),
            ("1.0.0", Some("^1"), &fresh, "1.3.0"),
            ("1.0.0", Some("1.2.1"), &policy, "1.2.1"),
            // Somebody who has a pre-release takes pre-releases.
            ("3.0.0-alpha.1", None, &policy, "3.0.0-rc.1"),
            ("1.0.0", Some("^3.0.0-rc.1"), &policy, "3.0.0-rc.1"),
        ] {
            let found = standing(installed, range, policy);
            let allowed = allowed.parse().unwrap();
            assert_eq!(found.allowed, Some(allowed), "{installed} {range:?}");
        }
    }

    #[test]
    fn what_is_passed_over_says_why() {
        let policy = Policy { min_age: SignedDuration::from_hours(24), ..Policy::default() };
        let found = standing("1.0.0", Some("^1"), &policy);
        let passed: Vec<_> = found
            .passed
            .iter()
            .map(|it| {
                let reasons: Vec<_> = it.reasons.iter().map(ToString::to_string).collect();
                format!("{}: {}", it.version, reasons.join(", "))
            })
            .collect();
        assert_eq!(
            passed,
            [
                "3.0.0-rc.1: pre-release",
                "2.0.0: not in the range of mcpkg.toml",
                "1.4.0: not for this platform",
                "1.3.0: too young until 2026-06-10T12:00:00Z",
                "1.2.1: deprecated",
                "1.2.0: yanked",
            ]
        );
        assert_eq!(standing("1.2.0", None, &policy).status, Status::Yanked);
    }

    #[test]
    fn nobody_is_moved_back_but_to_what_is_wanted() {
        let policy = Policy::default();
        let next = |installed: &str, range: Option<&str>| {
            let found = standing(installed, range, &policy);
            let range: Option<VersionRange> = range.map(|range| range.parse().unwrap());
            found.next(&installed.parse().unwrap(), range.as_ref()).map(ToString::to_string)
        };
        assert_eq!(next("2.0.0", None), None);
        assert_eq!(next("2.1.0", None), None);
        assert_eq!(next("2.0.0", Some("^1")).as_deref(), Some("1.3.0"));
        assert_eq!(next("1.1.0", Some("<=1.2.0")), None, "what is yanked is no reason to move");
    }
}
