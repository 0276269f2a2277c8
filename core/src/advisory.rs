//! Advisories: what somebody found out about releases, as OSV has it.
//!
//! A dump of OSV is JSON from strangers that decides nothing by itself: it is read
//! strictly and within bounds, and what it says is shown to a person. Where it cannot
//! be told whether a version is affected, it is, so that somebody looks.
//!
//! Source: [OSV schema 1.7](https://ossf.github.io/osv-schema/).

mod severity;

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::Value;

use crate::json::{self, JsonError};
use crate::{Code, Coded, PackageName};

use severity::Score;
pub use severity::Severity;

/// What we call our own names in an advisory.
pub const ECOSYSTEM: &str = "mcpkg";

/// The longest advisory that is read, in bytes. Those with every version of a large
/// package take some hundred thousand.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The longest identifier and summary that are kept, in characters.
const MAX_CHARS: usize = 300;

/// One advisory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisory {
    /// What it is called, such as `GHSA-…`.
    pub id: String,
    /// What it is about, in a line.
    pub summary: String,
    /// How bad it is.
    pub severity: Severity,
    affected: Vec<Affected>,
}

/// Why a text is no advisory.
#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    /// It is longer than one can be.
    #[error("the advisory is {0} bytes long, expected at most {MAX_BYTES}")]
    Length(usize),
    /// It is no JSON that everybody reads alike.
    #[error("the advisory is not strict JSON")]
    Json(#[source] JsonError),
    /// It is JSON, and no advisory.
    #[error("the advisory is not as OSV has them")]
    Malformed(#[source] serde_json::Error),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Affected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
    purl: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// The parts of an advisory that are read. It may have others.
#[derive(Deserialize)]
struct WireAdvisory {
    id: String,
    #[serde(default)]
    summary: String,
    withdrawn: Option<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    database_specific: Value,
    #[serde(default)]
    affected: Vec<Affected>,
}

/// A package as an advisory names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    ecosystem: String,
    name: String,
    purl: String,
}

impl Package {
    /// What it may be looked for by: its name, and the name in its package URL.
    fn keys(&self) -> impl Iterator<Item = (String, String)> {
        let ecosystem = self.ecosystem.split(':').next().unwrap_or_default();
        let named = (ecosystem.to_ascii_lowercase(), self.name.to_ascii_lowercase());
        let purl = self.purl.as_deref().and_then(|purl| {
            let (kind, path) = purl.get(4..)?.split_once('/')?;
            let end = path.rfind(['@', '?', '#']).unwrap_or(path.len());
            let name = path[..end].replace("%40", "@");
            Some((kind.to_ascii_lowercase(), name.to_ascii_lowercase()))
        });
        std::iter::once(named).chain(purl)
    }
}

impl Subject {
    /// What an advisory about it is found by, among [`Advisory::keys`].
    pub fn key(&self) -> (String, String) {
        (self.ecosystem.to_ascii_lowercase(), self.name.to_ascii_lowercase())
    }

    /// One of our own packages.
    pub fn of(name: &PackageName) -> Self {
        let name = name.as_str().to_ascii_lowercase();
        let purl = format!("pkg:{ECOSYSTEM}/{name}");
        Self { ecosystem: ECOSYSTEM.to_owned(), name, purl }
    }

    /// A package that an artifact carries, by the name that its ecosystem knows.
    pub fn in_ecosystem(ecosystem: &str, name: &str) -> Self {
        // Source: the package-url specification, "Rules for each purl component".
        let path = name.replace('@', "%40");
        let purl = format!("pkg:{}/{path}", ecosystem.to_ascii_lowercase());
        Self { ecosystem: ecosystem.to_owned(), name: name.to_owned(), purl }
    }

    fn is(&self, package: &Package) -> bool {
        // `Debian:12` is a release of Debian.
        let ecosystem = package.ecosystem.split(':').next().unwrap_or_default();
        let is_named = ecosystem.eq_ignore_ascii_case(&self.ecosystem)
            && package.name.eq_ignore_ascii_case(&self.name);
        let is_at = |purl: &str| {
            let end = purl.rfind(['@', '?', '#']).filter(|at| *at > 4).unwrap_or(purl.len());
            purl[..end].eq_ignore_ascii_case(&self.purl)
        };
        is_named || package.purl.as_deref().is_some_and(is_at)
    }
}

impl Advisory {
    /// Reads an advisory; `None` if it was withdrawn.
    ///
    /// # Errors
    ///
    /// If it is too long, no strict JSON, or not as OSV has them.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, AdvisoryError> {
        if bytes.len() > MAX_BYTES {
            return Err(AdvisoryError::Length(bytes.len()));
        }
        Self::from_value(&json::parse(bytes, MAX_BYTES).map_err(AdvisoryError::Json)?)
    }

    /// The same, of JSON that was read already.
    ///
    /// # Errors
    ///
    /// [`AdvisoryError::Malformed`].
    pub fn from_value(value: &Value) -> Result<Option<Self>, AdvisoryError> {
        // Absent and `null` are both "nothing" in dumps from elsewhere.
        let wire = WireAdvisory::deserialize(value).map_err(AdvisoryError::Malformed)?;
        if wire.withdrawn.is_some() {
            return Ok(None);
        }
        let short = |text: String| text.chars().take(MAX_CHARS).collect::<String>();
        let (id, summary) = (short(wire.id), short(wire.summary));
        let severity = Severity::of(&id, &wire.database_specific, &wire.severity);
        Ok(Some(Self { id, summary, severity, affected: wire.affected }))
    }

    /// The packages that it is about, to find it by: ecosystem and name, both in lower
    /// case. It is about no package that is not among them, and [`Self::is_about`]
    /// decides.
    pub fn keys(&self) -> Vec<(String, String)> {
        let packages = self.affected.iter().filter_map(|affected| affected.package.as_ref());
        let mut keys: Vec<_> = packages.flat_map(Package::keys).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Whether it is about `subject` at all.
    pub fn is_about(&self, subject: &Subject) -> bool {
        self.affected.iter().any(|it| it.is_about(subject))
    }

    /// Whether it is about this version of `subject`, as far as can be told.
    pub fn affects(&self, subject: &Subject, version: &str) -> bool {
        self.affected.iter().any(|it| it.is_about(subject) && it.has(version))
    }
}

impl Affected {
    fn is_about(&self, subject: &Subject) -> bool {
        self.package.as_ref().is_some_and(|package| subject.is(package))
    }

    fn has(&self, version: &str) -> bool {
        if self.versions.iter().any(|listed| listed == version) {
            return true;
        }
        // Ranges of commits say nothing of versions.
        let mut ranges = self.ranges.iter().filter(|range| range.kind != "GIT").peekable();
        if ranges.peek().is_none() {
            // Without ranges and versions it is about all of them.
            return self.versions.is_empty();
        }
        let Some(version) = lenient(version) else { return self.versions.is_empty() };
        // Where every version is listed, ranges in an order that we do not know add
        // nothing.
        ranges.any(|range| range.has(&version).unwrap_or(self.versions.is_empty()))
    }
}

impl Range {
    /// Whether `version` is in it; `None` if it has a version that we cannot order.
    ///
    /// Source: OSV schema, "Evaluation".
    fn has(&self, version: &semver::Version) -> Option<bool> {
        let mut events = Vec::new();
        for event in &self.events {
            let read = |text: &String| match text.as_str() {
                "0" => Some(semver::Version {
                    pre: "0".parse().ok()?,
                    ..semver::Version::new(0, 0, 0)
                }),
                text => lenient(text),
            };
            for (text, is_start, reach) in [
                (&event.introduced, true, Ordering::Less),
                (&event.fixed, false, Ordering::Less),
                (&event.last_affected, false, Ordering::Equal),
            ] {
                if let Some(text) = text {
                    events.push((read(text)?, is_start, reach));
                }
            }
        }
        events.sort_by(|a, b| a.0.cmp(&b.0));
        let mut is_in = false;
        for (at, is_start, reach) in &events {
            let is_reached = match (is_start, reach) {
                // The last affected version is affected itself.
                (false, Ordering::Equal) => at < version,
                _ => at <= version,
            };
            if is_reached {
                is_in = *is_start;
            }
        }
        Some(is_in)
    }
}

/// A version as far as it can be ordered: `1.2` is `1.2.0`.
fn lenient(text: &str) -> Option<semver::Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    if let Ok(version) = text.parse() {
        return Some(version);
    }
    let is_plain = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let dots = text.matches('.').count();
    if !is_plain || dots > 1 {
        return None;
    }
    format!("{text}{}", ".0".repeat(2 - dots)).parse().ok()
}

impl Coded for AdvisoryError {
    fn code(&self) -> Code {
        match self {
            Self::Length(_) => Code::Limit,
            _ => Code::Request,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some("pass advisories in the format of OSV, such as a dump of https://osv.dev")
    }
}

#[cfg(test)]
mod tests;
