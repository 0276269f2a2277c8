//! From what is stored of a package to a decision for each of its releases.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::advisory::{Advisory, Subject};
use mcpkg_core::api::IndexLog;
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, PackageName, Version};

use super::AdmissionError;
use super::decide::{Ruled, decide};
use super::facts::{Facts, Known};
use super::inspect::{Inspection, inspect};
use crate::blobs::{Blobs, blocking};
use crate::config::Config;
use crate::mirror::{DATABASE, SOURCES, Source, SourceName};
use crate::policy::{Action, Circumstances, Place, Policies, Principal, Resource};
use crate::store::{AdvisoryStore, Judged, Release, Store, StoreError, StoredBlob};

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

/// Releases of one place, and their bytes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stock {
    /// The source, or the registry itself.
    pub(crate) source: String,
    /// What is published.
    pub(crate) store: Store,
    /// The bytes of it.
    pub(crate) blobs: Blobs,
    /// Where bytes can be fetched that are not here.
    pub(crate) upstream: Option<Arc<Source>>,
}

/// How far is gone for the bytes of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only what is here counts.
    Here,
    /// What is not here is fetched.
    Upstream,
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
        let basis = self.basis(stock.store.vex_count().await?);
        let last_entry = stock.store.last_entry(name).await?.unwrap_or_default();
        let mut assessed = Vec::new();
        for (facts, fault) in self.facts(stock, name, now).await? {
            let mut ruled = rule(&self.policies, &facts, now);
            ruled.errors.extend(fault);
            let votes = stock.store.votes(name, &facts.version).await?;
            let fingerprint = facts.fingerprint();
            let judged = Judged {
                decision: decide(&ruled, &votes, fingerprint, now),
                facts: serde_json::to_value(&facts).unwrap_or_default(),
                fingerprint,
                basis,
                last_entry,
                good_until: self.good_until(&facts, now),
            };
            assessed.push(Assessed { version: facts.version.clone(), facts, ruled, judged });
        }
        Ok(assessed)
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

    /// What is known of every release of a package, and what keeps it from being judged.
    async fn facts(
        &self,
        stock: &Stock,
        name: &PackageName,
        now: Timestamp,
    ) -> Result<Vec<(Facts, Option<String>)>, AdmissionError> {
        let Some(listing) = stock.store.package_index(name).await? else { return Ok(Vec::new()) };
        let unsigned =
            IndexLog { index: String::new(), checkpoint: String::new(), consistency: None };
        let Some((index, _)) = listing.at(u64::MAX, now, unsigned) else { return Ok(Vec::new()) };
        let vex = stock.store.vex(name).await?;
        let mut all = Vec::with_capacity(index.releases.len());
        for line in &index.releases {
            let Some(release) = stock.store.find_release(name, &line.version).await? else {
                continue;
            };
            let inspections = stock.inspections(&release, self.reach()).await?;
            let found = self.found(&release, &inspections).await?;
            // A source may have logged what nobody can read: that is one release less, and
            // no reason not to give out the others.
            let (permissions, has_image, fault) = match stock.server_json(&release).await {
                Ok(server) => (server.permissions().clone(), !server.images().is_empty(), None),
                Err(error @ (AdmissionError::Missing(_) | AdmissionError::Metadata(_))) => {
                    (Permissions::default(), false, Some(error.to_string()))
                }
                Err(error) => return Err(error),
            };
            let facts = Facts::of(&Known {
                permissions,
                has_image,
                release: &release,
                line,
                source: &stock.source,
                inspections: &inspections,
                rebuilders: &self.rebuilders,
                found: &found,
                vex: &vex,
                bound: &index.publisher,
            });
            all.push((facts, fault));
        }
        Ok(all)
    }

    /// What was found of a release and of each package that it carries: what it was
    /// looked for by, what to call it, its version, and the advisories about it.
    async fn found(
        &self,
        release: &Release,
        inspections: &[Inspection],
    ) -> Result<Vec<(Subject, String, String, Vec<Advisory>)>, AdmissionError> {
        let Some(store) = &self.advisories else { return Ok(Vec::new()) };
        let own = (
            Subject::of(&release.name),
            "the release itself".to_owned(),
            release.version.to_string(),
        );
        let parts: BTreeSet<_> = inspections.iter().flat_map(|it| &it.parts).collect();
        let parts = parts.into_iter().map(|part| {
            let subject = Subject::in_ecosystem(&part.ecosystem, &part.name);
            (subject, part.to_string(), part.version.clone())
        });
        let mut found = Vec::new();
        for (subject, label, version) in std::iter::once(own).chain(parts) {
            let advisories = store.about(&subject).await?;
            if !advisories.is_empty() {
                found.push((subject, label, version, advisories));
            }
        }
        Ok(found)
    }
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

/// Where the index of a registry's log is, or that of a source of it.
pub(super) fn database_of(config: &Config, source: Option<&SourceName>) -> PathBuf {
    match source {
        None => config.data.join(crate::server::DATABASE),
        Some(name) => config.data.join(SOURCES).join(name.as_str()).join(DATABASE),
    }
}

impl Stock {
    /// What `config` has, to look only, also beside a running server.
    pub(super) async fn open_read_only(
        config: &Config,
        source: Option<&SourceName>,
    ) -> Result<Self, StoreError> {
        let path = database_of(config, source);
        Ok(Self {
            source: source.map_or(Place::OWN, SourceName::as_str).to_owned(),
            store: Store::open_read_only(&path, config.limits.database()).await?,
            blobs: Blobs::at(&config.data),
            upstream: None,
        })
    }

    /// What is in each artifact whose bytes are within reach.
    pub(super) async fn inspections(
        &self,
        release: &Release,
        reach: Reach,
    ) -> Result<Vec<Inspection>, AdmissionError> {
        let mut inspections = Vec::new();
        for artifact in &release.artifacts {
            inspections.extend(self.inspection(artifact.digest, reach).await?);
        }
        Ok(inspections)
    }

    /// A blob of a release, if its bytes are within reach.
    pub(super) async fn blob(
        &self,
        digest: Digest,
        reach: Reach,
    ) -> Result<Option<StoredBlob>, AdmissionError> {
        let here = self.store.find_blob(digest).await?;
        let (None, Reach::Upstream, Some(source)) = (&here, reach, &self.upstream) else {
            return Ok(here);
        };
        Ok(source.blob(digest).await.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%digest, error, "an artifact could not be fetched to be looked into");
            None
        }))
    }

    async fn inspection(
        &self,
        digest: Digest,
        reach: Reach,
    ) -> Result<Option<Inspection>, AdmissionError> {
        if let Some(known) = self.store.inspection(digest).await? {
            // One that an older version wrote is made again.
            if let Ok(inspection) = serde_json::from_value(known) {
                return Ok(Some(inspection));
            }
        }
        let Some(blob) = self.blob(digest, reach).await? else { return Ok(None) };
        let blobs = self.blobs.clone();
        let looked = blocking(move || {
            let cursor = blobs.open_now(blob)?.into_cursor();
            Ok::<_, AdmissionError>(inspect(cursor))
        });
        match looked.await? {
            Ok(inspection) => {
                let body = serde_json::to_value(&inspection).unwrap_or_default();
                // Whoever only reads looks again the next time.
                if let Err(error) = self.store.keep_inspection(digest, &body).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(%digest, error, "what is in an artifact was not kept");
                }
                Ok(Some(inspection))
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%digest, error, "an artifact could not be looked into");
                Ok(None)
            }
        }
    }

    /// The signed `server.json` of a release.
    pub(crate) async fn server_json(
        &self,
        release: &Release,
    ) -> Result<ServerJson, AdmissionError> {
        let missing = || AdmissionError::Missing(release.metadata);
        let blob = self.store.find_blob(release.metadata).await?.ok_or_else(missing)?;
        let blobs = self.blobs.clone();
        let bytes = blocking(move || blobs.open_now(blob)?.read()).await?;
        Ok(ServerJson::read_strict(&bytes)?)
    }
}
