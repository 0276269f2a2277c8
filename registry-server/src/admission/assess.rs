//! From what is stored of a package to a decision for each of its releases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::advisory::{Advisory, Subject};
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::{Digest, PackageName, Version};

use super::decide::{Ruled, decide};
use super::facts::{Facts, Found, Known};
use super::package::{Package, Stored};
use super::stock::Reach;
use super::{AdmissionError, Stock};
use crate::policy::{Action, Circumstances, Policies, Principal, Resource};
use crate::store::{AdvisoryStore, Judged, StoreError};

/// The attribute that changes by itself.
const AGE: &str = "ageSeconds";

/// The attributes for which an artifact has to be looked into.
const INSIDE: [&str; 4] = ["licences", "carriedLicences", "advisories", "isInspected"];

/// A decision about something young is looked at again after a part of its age: of a
/// release of a day, after a minute.
const PART_OF_AGE: i64 = 1440;

/// The shortest and the longest time after which it is.
const AGAIN_AFTER: [SignedDuration; 2] =
    [SignedDuration::from_secs(5), SignedDuration::from_hours(1)];

/// What decisions are made with.
#[derive(Clone, Debug)]
pub(crate) struct Assessor {
    /// The policies in force.
    pub(crate) policies: Arc<Policies>,
    /// The advisories that were imported, if any were.
    pub(crate) advisories: Option<AdvisoryStore>,
    /// Whose rebuilds count; anybody's, if nobody is listed.
    pub(crate) rebuilders: Arc<[AllowedIdentity]>,
}

/// A release, what is known of it, and what follows.
#[derive(Clone, Debug)]
pub(crate) struct Assessed {
    /// Which release.
    pub(crate) version: Version,
    /// What is known of it.
    pub(crate) facts: Facts,
    /// What policy says.
    pub(crate) ruled: Ruled,
    /// What follows.
    pub(crate) judged: Judged,
}

impl Assessor {
    /// A digest of all of it: decisions that were made with something else are made
    /// again. `vex` is how often somebody said something of advisories there.
    pub(crate) fn basis(&self, vex: u64) -> Digest {
        let dump = self.advisories.as_ref().map(|store| store.dump().digest);
        let dump = dump.map(|digest| digest.to_string()).unwrap_or_default();
        let who = format!("{:?}", self.rebuilders);
        Digest::of(format!("{}\n{dump}\n{vex}\n{who}", self.policies.digest()).as_bytes())
    }

    /// Decides of every release of a package.
    pub(crate) async fn assess(
        &self,
        stock: &Stock,
        name: &PackageName,
        now: Timestamp,
    ) -> Result<Vec<Assessed>, AdmissionError> {
        // First what the decisions rest on: what is said meanwhile has them made again.
        let basis = self.basis(stock.store.vex_count().await?);
        let last_entry = stock.store.last_entry(name).await?.unwrap_or_default();
        let Some(package) = stock.package(name, now, self.reach()).await? else {
            return Ok(Vec::new());
        };
        let against = self.against(&package).await?;
        let mut votes = stock.store.votes_of(name).await?;
        let assess = |stored: &Stored| {
            let facts = self.facts(stock, &package, stored, &against);
            let mut ruled = rule(&self.policies, &facts, now);
            ruled.errors.extend(stored.document.fault.clone());
            let votes = votes.remove(&facts.version).unwrap_or_default();
            let fingerprint = facts.fingerprint();
            let judged = Judged {
                decision: decide(&ruled, &votes, fingerprint, now),
                facts: serde_json::to_value(&facts).unwrap_or_default(),
                fingerprint,
                basis,
                last_entry,
                good_until: self.good_until(&facts, now),
            };
            Assessed { version: facts.version.clone(), facts, ruled, judged }
        };
        Ok(package.releases.iter().map(assess).collect())
    }

    /// Whether artifacts are fetched to be looked into: only if some policy asks for what
    /// is in them.
    fn reach(&self) -> Reach {
        let asks = INSIDE.iter().any(|attribute| self.policies.mentions(attribute));
        if asks { Reach::Upstream } else { Reach::Here }
    }

    /// When time alone may make another decision.
    fn good_until(&self, facts: &Facts, now: Timestamp) -> Option<Timestamp> {
        if !self.policies.mentions(AGE) {
            return None;
        }
        let age = now.duration_since(facts.published_at).as_secs();
        let [least, most] = AGAIN_AFTER;
        let again = SignedDuration::from_secs(age / PART_OF_AGE).clamp(least, most);
        now.saturating_add(again).ok()
    }

    /// What is known of a release.
    fn facts(
        &self,
        stock: &Stock,
        package: &Package,
        stored: &Stored,
        against: &BTreeMap<Subject, Vec<Advisory>>,
    ) -> Facts {
        let found: Vec<Found<'_>> = subjects(stored)
            .filter_map(|(subject, label, version)| {
                let (subject, advisories) = against.get_key_value(&subject)?;
                Some((subject, label, version, &advisories[..]))
            })
            .collect();
        Facts::of(&Known {
            release: &stored.release,
            line: &stored.line,
            source: &stock.source,
            permissions: stored.document.permissions.clone(),
            has_image: stored.document.has_image,
            inspections: &stored.inspections,
            rebuilders: &self.rebuilders,
            found: &found,
            vex: &package.vex,
            bound: &package.bound,
        })
    }

    /// The advisories about all that a package is and carries.
    async fn against(
        &self,
        package: &Package,
    ) -> Result<BTreeMap<Subject, Vec<Advisory>>, StoreError> {
        let Some(store) = &self.advisories else { return Ok(BTreeMap::new()) };
        let all = package.releases.iter().flat_map(subjects).map(|(subject, ..)| subject);
        store.about(&all.collect::<BTreeSet<_>>()).await
    }
}

/// What advisories can be about in a release, itself and each package that it carries:
/// what it is looked for by, what to call it, and its version.
fn subjects(stored: &Stored) -> impl Iterator<Item = (Subject, String, String)> {
    let release = &stored.release;
    let own =
        (Subject::of(&release.name), "the release itself".to_owned(), release.version.to_string());
    let parts: BTreeSet<_> = stored.inspections.iter().flat_map(|it| &it.parts).collect();
    let parts = parts.into_iter().map(|part| {
        let subject = Subject::in_ecosystem(&part.ecosystem, &part.name);
        (subject, part.to_string(), part.version.clone())
    });
    std::iter::once(own).chain(parts)
}

/// What policies say of a release at a time.
pub(crate) fn rule(policies: &Policies, facts: &Facts, now: Timestamp) -> Ruled {
    let principal = Principal::Source(facts.source.clone());
    let resource = Resource::Release(Box::new(facts.at(now)));
    let ask = |policies: &Policies| {
        policies.decide(&principal, Action::Admit, &resource, &Circumstances::default())
    };
    let first = ask(policies);
    if first.allowed {
        return Ruled { permits: first.policies, ..Ruled::default() };
    }
    let forbids = first.policies;
    let ids: Vec<String> = forbids.iter().map(|note| note.id.clone()).collect();
    // Without those that forbid it: only what is permitted then can be approved.
    let second = if ids.is_empty() { ask(policies) } else { ask(&policies.without(&ids)) };
    let permits = if second.allowed { second.policies } else { Vec::new() };
    Ruled { forbids, permits, errors: first.errors }
}
