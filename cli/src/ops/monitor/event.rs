//! What is told, as one line of JSON or as lines to read.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_core::log::{
    BindingChange, Entry, EntryKind, IndexedEntry, Publish, Rebuild, StatusChange,
};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::RebuildResult;
use mcpkg_core::{Code, Coded as _, PackageName, Version};
use serde::Serialize;

use super::Alarm;

/// Something new under a name that somebody cares for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The index of the entry.
    pub index: u64,
    /// What it says.
    pub entry: Box<Entry>,
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
    /// What the entry is, by a notice: `publish`, `status`, `binding` or `rebuild`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Who published it, changed its status, built it again, or shall publish, by a
    /// notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
    /// What the release is from then on, by a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What came of building it again, by a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<RebuildResult>,
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
    /// What an honest registry does not do, or what cannot wait.
    Alarm,
    /// What somebody wanted to hear of.
    Notice,
}

impl Notice {
    /// A notice of `entry`, which is at `index`.
    pub fn of(index: u64, entry: &Entry) -> Self {
        Self { index, entry: Box::new(entry.clone()) }
    }

    fn message(&self) -> String {
        match &*self.entry {
            Entry::Publish(Publish { name, version, publisher, .. }) => {
                format!("{name}@{version} was published by {publisher}")
            }
            Entry::Status(StatusChange { name, version, status, reason, publisher, .. }) => {
                let is = match status {
                    Status::Active => "was restored",
                    Status::Deprecated => "was deprecated",
                    Status::Yanked => "was yanked",
                };
                let reason = reason.as_deref().map_or_else(String::new, |it| format!(": {it}"));
                format!("{name}@{version} {is} by {publisher}{reason}")
            }
            Entry::Binding(BindingChange { name, publisher, effective, signer, .. }) => {
                format!("{name} is published by {publisher} from {effective} on, says {signer}")
            }
            Entry::Rebuild(Rebuild { name, version, result, rebuilder, .. }) => {
                let came = match result {
                    RebuildResult::Identical => "the same files came out",
                    RebuildResult::Different => "other files came out, which is a reason to look",
                    RebuildResult::Failed => "nothing came out",
                };
                format!("{name}@{version} was built again by {rebuilder}: {came}")
            }
        }
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
            kind: None,
            publisher: None,
            status: None,
            result: None,
            time: None,
            evidence,
        }
    }

    /// Tells of `notice` by `registry`.
    pub fn notice(registry: &str, notice: &Notice) -> Self {
        let Notice { index, entry } = notice;
        let (kind, publisher) = match &**entry {
            Entry::Publish(publish) => ("publish", &publish.publisher),
            Entry::Status(change) => ("status", &change.publisher),
            Entry::Binding(change) => ("binding", &change.publisher),
            Entry::Rebuild(rebuild) => ("rebuild", &rebuild.rebuilder),
        };
        let words = IndexedEntry::of(*index, entry).kind;
        let (status, result) = match &words {
            EntryKind::Status(_, status) => (Some(*status), None),
            EntryKind::Rebuild(_, result) => (None, Some(*result)),
            EntryKind::Publish(_) | EntryKind::Binding => (None, None),
        };
        Self {
            event: Kind::Notice,
            registry: registry.to_owned(),
            code: None,
            message: notice.message(),
            causes: Vec::new(),
            hint: None,
            entry: Some(*index),
            package: Some(entry.name().clone()),
            version: words.version().cloned(),
            kind: Some(kind),
            publisher: Some(publisher.clone()),
            status,
            result,
            time: Some(entry.time()),
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
