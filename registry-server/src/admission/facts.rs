//! What is known of a release when it is decided whether to give it out.
//!
//! All of it was proved before (who signed, when it was logged, who built it again), was
//! signed with it (what it asks for), or follows from its bytes (licences, and the
//! packages that it carries); and what is known against it comes from the advisories
//! that the operator imported.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mcpkg_core::advisory::{Advisory, Severity, Subject};
use mcpkg_core::api::{IndexLine, Status};
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::RebuildResult;
use mcpkg_core::{Digest, PackageName, Version, json};
use serde::{Deserialize, Serialize};

use super::inspect::{Inspection, NO_ASSERTION};
use crate::policy::{Advisories, ReleaseFacts};
use crate::store::{Release, StoredVex};

/// A release, as policies and people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    /// The package.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
    /// The source that it comes from.
    pub(crate) source: String,
    /// Who signed it.
    pub(crate) publisher: Publisher,
    /// Whether a CI's issuer vouches for how it was built.
    pub(crate) has_provenance: bool,
    /// When it was logged.
    pub(crate) published_at: Timestamp,
    /// How many rebuilders that count came to the same files, each once.
    pub(crate) rebuilds: u64,
    /// How many came to others.
    pub(crate) rebuilds_that_differ: u64,
    /// What it asks for.
    pub(crate) permissions: Permissions,
    /// Its licences, as SPDX identifiers.
    pub(crate) licences: BTreeSet<String>,
    /// Those of the packages that it carries.
    pub(crate) carried_licences: BTreeSet<String>,
    /// What is known against it, and against what it carries.
    pub(crate) advisories: Vec<Against>,
    /// What would be, if nobody who may had said that it does not matter.
    pub(crate) excused: Vec<Excused>,
    /// What its publisher says of it.
    pub(crate) status: Status,
    /// Whether there is nothing to install, only addresses to connect to.
    pub(crate) is_remote_only: bool,
    /// The size of all its artifacts together.
    pub(crate) size_bytes: u64,
    /// Whether every artifact was looked into. If not, licences and advisories are those
    /// of what was.
    pub(crate) is_inspected: bool,
}

/// An advisory that is about a release, or about something that it carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Against {
    /// What it is called.
    pub(crate) id: String,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What it is about: the release itself, or a package that it carries.
    pub(crate) part: String,
    /// What it says, in a line.
    pub(crate) summary: String,
}

/// An advisory that does not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Excused {
    /// What it is called.
    pub(crate) id: String,
    /// Who says so: the publisher, or the operator.
    pub(crate) by: String,
    /// Why.
    pub(crate) why: String,
}

/// Something that advisories are about: what it was looked for by, what to call it, its
/// version, and the advisories.
pub(crate) type Found<'a> = (&'a Subject, String, String, &'a [Advisory]);

/// What facts are made of.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// The release.
    pub(crate) release: &'a Release,
    /// Its line in the index: status and rebuilds.
    pub(crate) line: &'a IndexLine,
    /// The source that it comes from.
    pub(crate) source: &'a str,
    /// What it asks for.
    pub(crate) permissions: Permissions,
    /// Whether it names an image.
    pub(crate) has_image: bool,
    /// What is in each artifact that was looked into.
    pub(crate) inspections: &'a [Inspection],
    /// Whose rebuilds count; anybody's, if nobody is listed.
    pub(crate) rebuilders: &'a [AllowedIdentity],
    /// What was found of the release and of what it carries, by what it was looked for.
    pub(crate) found: &'a [Found<'a>],
    /// What was said of advisories, oldest first.
    pub(crate) vex: &'a [StoredVex],
    /// Whom the name is bound to.
    pub(crate) bound: &'a Publisher,
}

impl Facts {
    /// Puts together what is known.
    pub(crate) fn of(known: &Known<'_>) -> Self {
        let Known { release, line, .. } = known;
        let (advisories, excused) = against(known);
        let (rebuilds, rebuilds_that_differ) = rebuilds(known);
        let is_remote_only = release.artifacts.is_empty() && !known.has_image;
        let mut licences: BTreeSet<String> =
            known.inspections.iter().flat_map(|it| it.licences.clone()).collect();
        if licences.is_empty() {
            licences.insert(NO_ASSERTION.to_owned());
        }
        let parts = known.inspections.iter().flat_map(|it| &it.parts);
        Self {
            name: release.name.clone(),
            version: release.version.clone(),
            source: known.source.to_owned(),
            publisher: release.publisher.clone(),
            has_provenance: matches!(release.publisher, Publisher::Workflow(_)),
            published_at: release.published_at,
            rebuilds,
            rebuilds_that_differ,
            permissions: known.permissions.clone(),
            licences,
            carried_licences: parts.flat_map(|part| part.licences.clone()).collect(),
            advisories,
            excused,
            status: line.status,
            is_remote_only,
            size_bytes: release.artifacts.iter().map(|artifact| artifact.size_bytes).sum(),
            is_inspected: known.inspections.len() == release.artifacts.len(),
        }
    }

    /// What policies are asked about it, at a time.
    pub(crate) fn at(&self, now: Timestamp) -> ReleaseFacts {
        let age = now.duration_since(self.published_at).as_secs();
        let worst = self.advisories.iter().map(|it| it.severity).max();
        ReleaseFacts {
            name: self.name.clone(),
            version: self.version.clone(),
            source: self.source.clone(),
            publisher: Some(self.publisher.clone()),
            has_provenance: self.has_provenance,
            // One from the future is as young as can be.
            age_seconds: u64::try_from(age).unwrap_or(0),
            rebuilds: self.rebuilds,
            rebuilds_that_differ: self.rebuilds_that_differ,
            permissions: self.permissions.clone(),
            licences: self.licences.clone(),
            carried_licences: self.carried_licences.clone(),
            advisories: Advisories {
                ids: self.advisories.iter().map(|it| it.id.clone()).collect(),
                worst: worst.map_or(0, Severity::number),
            },
            status: self.status,
            is_remote_only: self.is_remote_only,
            size_bytes: self.size_bytes,
            is_inspected: self.is_inspected,
        }
    }

    /// A digest of what a person judges: everything but what time and rebuilders add,
    /// which an approval need not foresee.
    pub(crate) fn fingerprint(&self) -> Digest {
        let judged = Self {
            published_at: Timestamp::UNIX_EPOCH,
            rebuilds: 0,
            rebuilds_that_differ: 0,
            ..self.clone()
        };
        // Our own type, of which every member is JSON.
        let value = serde_json::to_value(judged).unwrap_or_default();
        Digest::of(&json::canonical(&value))
    }
}

/// What is known against a release, and what of that does not matter.
fn against(known: &Known<'_>) -> (Vec<Against>, Vec<Excused>) {
    let (mut against, mut excused) = (BTreeSet::new(), BTreeSet::new());
    let Release { name, version, .. } = known.release;
    for (subject, part, part_version, advisories) in known.found {
        for advisory in advisories.iter().filter(|it| it.affects(subject, part_version)) {
            let said = known.vex.iter().rev().find_map(|it| {
                let is_theirs =
                    it.author.as_ref().is_none_or(|by| known.bound.difference(by).is_none());
                let is_of_it = it.version.as_ref().is_none_or(|of| of == version);
                let statement = it.document.says(name, version, &advisory.id)?;
                (is_theirs && is_of_it).then_some((it, statement))
            });
            match said {
                Some((vex, statement)) if statement.excuses() => {
                    excused.insert(Excused {
                        id: advisory.id.clone(),
                        by: vex
                            .author
                            .as_ref()
                            .map_or("the operator".to_owned(), ToString::to_string),
                        why: statement.justification.clone().unwrap_or_else(|| "fixed".to_owned()),
                    });
                }
                _ => {
                    against.insert(Against {
                        id: advisory.id.clone(),
                        severity: advisory.severity,
                        part: part.clone(),
                        summary: advisory.summary.clone(),
                    });
                }
            }
        }
    }
    (against.into_iter().collect(), excused.into_iter().collect())
}

/// How many rebuilders came to the same files, and how many to others: by the last word
/// of each, without those that do not count and without the publisher.
fn rebuilds(known: &Known<'_>) -> (u64, u64) {
    let mut last: Vec<(&Publisher, RebuildResult)> = Vec::new();
    for rebuild in &known.line.rebuilds {
        let by = &rebuild.rebuilder;
        let counts = known.rebuilders.is_empty() || known.rebuilders.iter().any(|it| it.is(by));
        if !counts || known.release.publisher.difference(by).is_none() {
            continue;
        }
        last.retain(|(other, _)| other.difference(by).is_some());
        last.push((by, rebuild.result));
    }
    let count = |wanted| last.iter().filter(|(_, result)| *result == wanted).count() as u64;
    (count(RebuildResult::Identical), count(RebuildResult::Different))
}
