//! What is told, as one line of JSON or as lines to read.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::log::Entry;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Coded as _, PackageName, Version};
use serde::Serialize;

use super::Alarm;

/// Something new under a name that somebody cares for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The entry.
    pub index: u64,
    /// When the registry accepted it.
    pub time: Timestamp,
    /// The package.
    pub name: PackageName,
    /// The release, where the entry published one.
    pub release: Option<(Version, Publisher)>,
}

/// One line of what a monitor tells.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `alarm` or `notice`.
    pub event: Kind,
    /// The registry, as the user calls it.
    pub registry: String,
    /// The stable code of an alarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What was seen, in a sentence.
    pub message: String,
    /// Why, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
    /// The entry that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// The package that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// The release of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Who published it, by a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
    /// When the registry accepted it, by a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The file that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<PathBuf>,
}

/// Which kind of [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// What an honest registry does not do.
    Alarm,
    /// What somebody wanted to hear of.
    Notice,
}

impl Notice {
    /// A notice of `entry`, which is at `index`.
    pub fn of(index: u64, entry: &Entry) -> Self {
        let release = match entry {
            Entry::Publish(publish) => Some((publish.version.clone(), publish.publisher.clone())),
        };
        Self { index, time: entry.time(), name: entry.name().clone(), release }
    }
}

impl Event {
    /// Tells of `alarm` by `registry`, with the file that proves it.
    pub fn alarm(registry: &str, alarm: &Alarm, evidence: Option<PathBuf>) -> Self {
        let causes = std::iter::successors(std::error::Error::source(alarm), |it| it.source());
        let subject = alarm.subject();
        Self {
            event: Kind::Alarm,
            registry: registry.to_owned(),
            code: Some(alarm.code()),
            message: alarm.to_string(),
            causes: causes.map(ToString::to_string).collect(),
            hint: alarm.hint(),
            entry: subject.entry,
            package: subject.package,
            version: subject.version,
            publisher: None,
            time: None,
            evidence,
        }
    }

    /// Tells of `notice` by `registry`.
    pub fn notice(registry: &str, notice: &Notice) -> Self {
        let Notice { index, time, name, release } = notice;
        let message = match release {
            Some((version, publisher)) => format!("{name}@{version} was published by {publisher}"),
            None => format!("something was said about {name}"),
        };
        let (version, publisher) = release.clone().unzip();
        Self {
            event: Kind::Notice,
            registry: registry.to_owned(),
            code: None,
            message,
            causes: Vec::new(),
            hint: None,
            entry: Some(*index),
            package: Some(name.clone()),
            version,
            publisher,
            time: Some(*time),
            evidence: None,
        }
    }

    /// The same for people.
    pub fn to_text(&self) -> String {
        let mut text = match self.code {
            Some(code) => format!("alarm[{code}]: {}\n", self.message),
            None => format!("notice: {}\n", self.message),
        };
        let lines = [
            ("entry", self.entry.map(|index| index.to_string())),
            ("accepted", self.time.map(|time| time.to_string())),
            ("evidence", self.evidence.as_ref().map(|path| path.display().to_string())),
            ("hint", self.hint.map(str::to_owned)),
        ];
        let causes = self.causes.iter().map(|cause| ("caused by", Some(cause.clone())));
        for (label, line) in causes.chain(lines) {
            if let Some(line) = line {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "  {label}: {line}");
            }
        }
        text
    }
}
