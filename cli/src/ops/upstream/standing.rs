//! Where a server of npm or PyPI stands among the releases that there are.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::Status;
use mcpkg_core::policy::Refusal;
use mcpkg_core::project::VersionRange;
use mcpkg_core::{PackageName, Version};
use mcpkg_upstream::{Listed, Listing};

use super::Accepted;
use crate::error::{Error, Result};
use crate::ops::standing::{Reason, Standing, Weighed, unasked};

/// What a release is held to.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// What it is called here.
    pub name: &'a PackageName,
    /// The releases that are wanted; any, if nobody said.
    pub range: Option<&'a VersionRange>,
    /// How old it has to be.
    pub min_age: SignedDuration,
    /// What the user accepts.
    pub accepted: &'a Accepted,
    /// The time.
    pub now: Timestamp,
}

/// Where `installed` stands, or somebody who has nothing yet.
///
/// All of it is the registry's word, for choosing. What is chosen is proved when it is
/// judged. A release that is no longer listed was withdrawn, whatever the ecosystem calls it.
pub fn standing(listing: &Listing, installed: Option<&Version>, wish: Wish<'_>) -> Standing {
    let weigh = |listed: &Listed| Weighed {
        version: listed.version.clone(),
        status: listed.status,
        reasons: against(listing, listed, installed, wish),
    };
    let mut standing = Standing::among(listing.releases.iter().map(weigh).collect(), installed);
    if installed.is_some_and(|installed| listing.get(installed).is_none()) {
        standing.status = Status::Yanked;
    }
    standing
}

/// The release to lock where something speaks against each that is wanted: the newest that
/// nobody withdrew, unless it is too young. An advice against it is no more than that to
/// whoever wants no other.
///
/// # Errors
///
/// [`Error::NoRelease`], [`Error::Yanked`], and the refusal of what is too young.
pub fn wanted<'a>(
    listing: &'a Listing,
    range: &VersionRange,
    wish: Wish<'_>,
) -> Result<&'a Version> {
    let name = wish.name.clone();
    let matching = listing.releases.iter().rev().filter(|it| range.matches(&it.version));
    let (yanked, others): (Vec<&Listed>, Vec<_>) =
        matching.partition(|listed| is_yanked(listed, wish.accepted));
    let Some(listed) = others.first() else {
        if yanked.is_empty() {
            return Err(Error::NoRelease { name, wanted: range.to_string() });
        }
        let versions = yanked.iter().map(|listed| listed.version.clone()).collect();
        return Err(Error::Yanked { name, wanted: format!(" in {range}"), versions });
    };
    let is_named = wish.accepted.is_fresh(&name, &listed.version, &listed.release);
    let age = listed.published_at.map(|at| wish.now.duration_since(at));
    match age.filter(|age| *age < wish.min_age && !is_named) {
        None => Ok(&listed.version),
        Some(age) => Err(Error::Refused(vec![Refusal::TooFresh { age, min_age: wish.min_age }])),
    }
}

/// Whether its author yanked it, and nobody accepts that.
fn is_yanked(listed: &Listed, accepted: &Accepted) -> bool {
    listed.status == Status::Yanked && !accepted.yanked.contains(&listed.release)
}

fn against(
    listing: &Listing,
    listed: &Listed,
    installed: Option<&Version>,
    wish: Wish<'_>,
) -> Vec<Reason> {
    let Wish { name, range, min_age, accepted, now } = wish;
    let version = &listed.version;
    let is_exact = matches!(range, Some(VersionRange::Exactly(wanted)) if wanted == version);
    let mut reasons = Vec::new();
    match listed.status {
        Status::Yanked if is_yanked(listed, accepted) => reasons.push(Reason::Yanked),
        Status::Deprecated if !is_exact => reasons.push(Reason::Deprecated),
        Status::Yanked | Status::Deprecated | Status::Active => (),
    }
    if let Some(published_at) = listed.published_at {
        // A time that cannot be reckoned with is far enough away.
        let until = published_at.checked_add(min_age).unwrap_or(Timestamp::MAX);
        if now < until && !accepted.is_fresh(name, version, &listed.release) {
            reasons.push(Reason::TooYoung { until });
        }
    }
    let is_unasked = unasked(version, range, installed);
    // As npm chooses: its `latest`, wherever that is asked for, and nothing beyond.
    let is_latest_asked = |latest: &&Version| range.is_none_or(|range| range.matches(latest));
    let latest = listing.latest.as_ref().filter(is_latest_asked);
    let is_beyond = latest.is_some_and(|latest| version > latest);
    if is_unasked.is_none() && is_beyond && !is_exact && !version.is_prerelease() {
        reasons.push(Reason::NotLatest);
    }
    reasons.extend(is_unasked);
    reasons
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Coded as _;

    use super::*;

    const NOW: &str = "2026-06-10T00:00:00Z";
    const OLD: &str = "2026-01-01T00:00:00Z";

    fn listing(latest: &str) -> Listing {
        let releases = [
            ("1.0.0", Status::Active, Some(OLD)),
            ("1.1.0", Status::Active, None),
            ("1.2.0", Status::Deprecated, Some(OLD)),
            ("1.3.0", Status::Active, Some("2026-06-09T12:00:00Z")),
            ("2.0.0", Status::Active, Some(OLD)),
            ("2.1.0", Status::Yanked, Some(OLD)),
            ("3.0.0-rc.1", Status::Active, Some(OLD)),
        ];
        let releases = releases.into_iter().map(|(version, status, at)| Listed {
            release: format!("npm:weather@{version}").parse().unwrap(),
            version: version.parse().unwrap(),
            published_at: at.map(|at| at.parse().unwrap()),
            status,
            reason: None,
        });
        Listing { releases: releases.collect(), latest: Some(latest.parse().unwrap()) }
    }

    fn of(latest: &str, installed: &str, range: Option<&str>, accepted: &Accepted) -> Standing {
        let range: Option<VersionRange> = range.map(|range| range.parse().unwrap());
        let wish = Wish {
            name: &"org.npmjs/weather".parse().unwrap(),
            range: range.as_ref(),
            min_age: SignedDuration::from_hours(24),
            accepted,
            now: NOW.parse().unwrap(),
        };
        standing(&listing(latest), Some(&installed.parse().unwrap()), wish)
    }

    #[test]
    fn the_newest_that_nothing_speaks_against_is_allowed() {
        let nothing = Accepted::default();
        let fresh = Accepted {
            fresh: ["npm:weather@1.3.0".parse().unwrap()].into(),
            ..Accepted::default()
        };
        let fresh_here = Accepted {
            fresh_here: [("org.npmjs/weather".parse().unwrap(), "1.3.0".parse().unwrap())].into(),
            ..Accepted::default()
        };
        for (latest, range, accepted, allowed) in [
            ("2.0.0", None, &nothing, "2.0.0"),
            ("2.0.0", Some("^1"), &nothing, "1.1.0"),
            ("2.0.0", Some("^1"), &fresh, "1.3.0"),
            ("2.0.0", Some("^1"), &fresh_here, "1.3.0"),
            ("2.0.0", Some("1.2.0"), &nothing, "1.2.0"),
            // What its author does not give to everybody is taken by whoever asks for it.
            ("1.1.0", None, &nothing, "1.1.0"),
            ("1.1.0", Some(">=1"), &nothing, "1.1.0"),
            ("1.1.0", Some("^2"), &nothing, "2.0.0"),
            ("1.1.0", Some("2.0.0"), &nothing, "2.0.0"),
            ("2.0.0", Some("^3.0.0-rc.1"), &nothing, "3.0.0-rc.1"),
        ] {
            let found = of(latest, "1.0.0", range, accepted);
            assert_eq!(found.allowed, Some(allowed.parse().unwrap()), "{latest} {range:?}");
        }
    }

    #[test]
    fn where_something_speaks_against_all_what_was_withdrawn_is_not_taken() {
        let of = |range: &str, accepted: &Accepted| {
            let wish = Wish {
                name: &"org.npmjs/weather".parse().unwrap(),
                range: None,
                min_age: SignedDuration::from_hours(24),
                accepted,
                now: NOW.parse().unwrap(),
            };
            let found = wanted(&listing("2.0.0"), &range.parse().unwrap(), wish).cloned();
            found.map_or_else(|it| it.code().to_string(), |version| version.to_string())
        };
        let nothing = Accepted::default();
        let fresh = Accepted {
            fresh: ["npm:weather@1.3.0".parse().unwrap()].into(),
            ..Accepted::default()
        };
        assert_eq!(of("~1.2", &nothing), "1.2.0", "it is deprecated, and nothing else is wanted");
        assert_eq!(of("~1.3", &nothing), "E_TOO_FRESH");
        assert_eq!(of("~1.3", &fresh), "1.3.0");
        assert_eq!(of("2.1.0", &nothing), "E_YANKED");
        assert_eq!(of("^9", &nothing), "E_NOT_FOUND");
    }

    #[test]
    fn what_is_passed_over_says_why_and_what_is_gone_was_withdrawn() {
        let found = of("1.1.0", "1.0.0", None, &Accepted::default());
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
                "2.1.0: yanked, newer than what its author calls the latest",
                "2.0.0: newer than what its author calls the latest",
                "1.3.0: too young until 2026-06-10T12:00:00Z, newer than what its author calls \
                 the latest",
                "1.2.0: deprecated, newer than what its author calls the latest",
            ]
        );
        assert_eq!(found.status, Status::Active);
        assert_eq!(of("1.1.0", "1.2.0", None, &Accepted::default()).status, Status::Deprecated);
        assert_eq!(of("1.1.0", "1.0.1", None, &Accepted::default()).status, Status::Yanked);
    }
}
