//! What a registry asks a person before it gives a release out: `/v1/review/…`.
//!
//! Policy admits most releases and refuses some. In between are those about which a
//! person has to say something: what they see is not the release but the *difference*
//! to the one that was admitted before it, because that is what they can judge.
//!
//! Server and command share these types, so that they cannot disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::permissions::Permissions;
use crate::publisher::Publisher;
use crate::surface::Surface;
use crate::text::first_hidden;
use crate::{Code, Digest, PackageName, Version};

/// The longest reason of a vote, in bytes.
pub const MAX_REASON_LEN: usize = 1024;

/// The most files of each kind that a [`Difference`] lists. There may be two hundred
/// thousand in an artifact, and nobody reads them.
pub const MAX_FILES: usize = 500;

/// Whether a release is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum Outcome {
    /// It is.
    Admitted,
    /// It waits for a person.
    Quarantined,
    /// It is not.
    Denied,
}

/// What somebody says of a release that policy holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum Verdict {
    /// It may be given out.
    Approve,
    /// It may not.
    Reject,
}

/// A word that stands for nothing here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no such word, expected {0}")]
pub struct WordError(&'static str);

/// `GET /v1/review?outcome=…`: releases that are not given out, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReviewList {
    /// One line each.
    pub releases: Vec<ReviewLine>,
    /// What to pass as `cursor` for the next page, or `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One release in a [`ReviewList`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReviewLine {
    /// The source that it comes from; absent for what is published here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What was decided of it.
    pub decision: Decision,
}

/// What was decided of a release, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub sentence: String,
    /// The policies that decided, by their ids.
    pub policies: Vec<String>,
    /// How many people have to approve it, and how many have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// When.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub decided_at: Timestamp,
}

/// How far an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// How many different people have to approve.
    pub needed: u8,
    /// How many have.
    pub given: u8,
    /// Whether policy foresees it, or is overridden.
    pub is_override: bool,
}

/// `GET /v1/review/{namespace}/{name}/{version}?source=…`: what there is to judge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The release, and what was decided of it.
    #[serde(flatten)]
    pub line: ReviewLine,
    /// What was known of it when that was decided, by name.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::object"))]
    pub facts: serde_json::Value,
    /// In what it differs from the newest release that is given out.
    pub difference: Difference,
    /// What was said of it, oldest first.
    pub votes: Vec<Vote>,
    /// What to send back with a verdict: it stands for everything above, so that nobody
    /// approves what has changed since they looked.
    pub fingerprint: Digest,
}

/// What somebody said of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// Who.
    pub by: String,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// When.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub at: Timestamp,
}

/// The body of `POST /v1/review/{namespace}/{name}/{version}/approve` and `…/reject`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewVote {
    /// Why: one line of plain text, at most [`MAX_REASON_LEN`] bytes.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub reason: String,
    /// [`Review::fingerprint`] of what was looked at.
    pub fingerprint: Digest,
}

/// In what a release differs from another of the same package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The other release; absent if none of the package is given out, and then
    /// everything is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Version>,
    /// Who publishes it, if that is somebody else than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<ChangedPublisher>,
    /// What it asks for beyond what the other does.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions_added: Permissions,
    /// What it no longer asks for.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions_removed: Permissions,
    /// What changed of what a model sees: tools, prompts, resources and instructions,
    /// each in a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Advisories about it that are not about the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisories_added: Vec<String>,
    /// Advisories about the other that are not about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisories_removed: Vec<String>,
    /// Licences that the other does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences_added: Vec<String>,
    /// Licences that only the other has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences_removed: Vec<String>,
    /// Images that it is started from and addresses that it is reached at, which the
    /// other does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere_added: Vec<String>,
    /// The same, the other way round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere_removed: Vec<String>,
    /// Packages of others that it carries and the other does not, or in other versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies_added: Vec<String>,
    /// The same, the other way round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies_removed: Vec<String>,
    /// The files of each artifact, by its platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FilesDifference>,
    /// What could not be compared, each in a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// Two publishers of one package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangedPublisher {
    /// Who published the other release.
    pub before: Publisher,
    /// Who published this one.
    pub now: Publisher,
}

/// In what the files of two artifacts differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FilesDifference {
    /// Those that are new, by path; the first [`MAX_FILES`].
    pub added: Vec<FileLine>,
    /// Those that are no longer there.
    pub removed: Vec<FileLine>,
    /// Those with other content, with the size they have now.
    pub changed: Vec<FileLine>,
    /// How many more there are that are not listed.
    pub more: usize,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileLine {
    /// Where it is in the artifact.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Whether it may be started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_executable: bool,
}

/// A file as two releases are compared by: its length, whether it may be started, and
/// the digest of its content. Not the CRC-32 that an archive has of it, which anybody
/// can keep while changing a file.
pub type FileFacts = (u64, bool, Digest);

impl FilesDifference {
    /// In what `now` differs from `before`, both by path.
    pub fn between(
        before: &BTreeMap<String, FileFacts>,
        now: &BTreeMap<String, FileFacts>,
    ) -> Self {
        let line = |(path, facts): (&String, &FileFacts)| FileLine {
            path: path.clone(),
            size_bytes: facts.0,
            is_executable: facts.1,
        };
        let added = now.iter().filter(|(path, _)| !before.contains_key(*path)).map(line);
        let removed = before.iter().filter(|(path, _)| !now.contains_key(*path)).map(line);
        let is_other = |(path, facts): &(&String, &FileFacts)| {
            before.get(*path).is_some_and(|before| before != *facts)
        };
        let changed = now.iter().filter(is_other).map(line);
        let mut more = 0;
        let mut listed = |lines: Vec<FileLine>| {
            more += lines.len().saturating_sub(MAX_FILES);
            lines.into_iter().take(MAX_FILES).collect()
        };
        let added = listed(added.collect());
        let removed = listed(removed.collect());
        let changed = listed(changed.collect());
        Self { added, removed, changed, more }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What is new in the first of two sets, and what is gone from the second.
pub fn added_and_removed(now: &BTreeSet<String>, before: &BTreeSet<String>) -> [Vec<String>; 2] {
    [now.difference(before).cloned().collect(), before.difference(now).cloned().collect()]
}

/// What changed of what a model sees, each in a sentence. Readings are compared that
/// were made under the same versions of the protocol, or else the first of each.
pub fn changed_tools(before: &[Surface], now: &[Surface]) -> Vec<String> {
    let empty = Surface::default();
    let mut changes = BTreeSet::new();
    for surface in now {
        let is_same = |one: &&Surface| !one.protocols().is_disjoint(surface.protocols());
        let other = before.iter().find(is_same).or(before.first()).unwrap_or(&empty);
        changes.extend(Surface::compare(other, surface).iter().map(ToString::to_string));
    }
    if now.is_empty() && !before.is_empty() {
        changes.insert("it no longer says what it shows to a model".to_owned());
    }
    changes.into_iter().collect()
}

impl NewVote {
    /// What is wrong with the reason, if anything.
    pub fn fault(&self) -> Option<&'static str> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            Some("a reason is needed")
        } else if self.reason.len() > MAX_REASON_LEN || first_hidden(&self.reason).is_some() {
            Some("the reason is not one line of plain text, or is too long")
        } else {
            None
        }
    }
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Admitted, Self::Quarantined, Self::Denied];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Quarantined => "quarantined",
            Self::Denied => "denied",
        }
    }

    /// What a refusal of it is; `None` if it is none.
    pub const fn code(self) -> Option<Code> {
        match self {
            Self::Admitted => None,
            Self::Quarantined => Some(Code::Quarantined),
            Self::Denied => Some(Code::NotAdmitted),
        }
    }
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let unknown = WordError("`admitted`, `quarantined` or `denied`");
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(unknown)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let all = [Self::Approve, Self::Reject];
        all.into_iter().find(|it| it.as_str() == text).ok_or(WordError("`approve` or `reject`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_content_length_and_mode() {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let before: BTreeMap<String, FileFacts> = [
            ("same.js", (1, false, one)),
            ("content.js", (1, false, one)),
            ("length.js", (1, false, one)),
            ("mode.sh", (1, false, one)),
            ("gone.js", (7, false, one)),
        ]
        .map(|(path, facts)| (path.to_owned(), facts))
        .into();
        let mut now = before.clone();
        now.remove("gone.js");
        now.insert("content.js".into(), (1, false, other));
        now.insert("length.js".into(), (2, false, one));
        now.insert("mode.sh".into(), (1, true, one));
        now.insert("new.js".into(), (9, false, one));
        let difference = FilesDifference::between(&before, &now);
        let paths = |lines: &[FileLine]| lines.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&difference.added), ["new.js"]);
        assert_eq!(paths(&difference.removed), ["gone.js"]);
        assert_eq!(paths(&difference.changed), ["content.js", "length.js", "mode.sh"]);
        assert_eq!((difference.more, difference.is_empty()), (0, false));
        assert!(FilesDifference::between(&now, &now).is_empty());
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let many: BTreeMap<String, FileFacts> =
            (0..MAX_FILES + 3).map(|at| (format!("{at}"), (1, false, Digest::of(b"x")))).collect();
        let difference = FilesDifference::between(&BTreeMap::new(), &many);
        assert_eq!((difference.added.len(), difference.more), (MAX_FILES, 3));
    }

    #[test]
    fn a_vote_says_why_in_one_line() {
        for (reason, is_one) in [
            ("reviewed the two new files", true),
            ("", false),
            ("  ", false),
            ("two\nlines", false),
            ("\u{202e}hidden", false),
            (&"x".repeat(MAX_REASON_LEN + 1), false),
        ] {
            let vote = NewVote { reason: reason.to_owned(), fingerprint: Digest::of(b"x") };
            assert_eq!(vote.fault().is_none(), is_one, "{reason:?}");
        }
    }
}
