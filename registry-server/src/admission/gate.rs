//! What decisions are made with, and whether those that were made are still good.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::{Digest, PackageName};

use super::Assessor;
use crate::config::{AdmissionFile, Config, Judged as Judges};
use crate::mirror::Source;
use crate::policy::{Engine, Policies};
use crate::store::{ADVISORIES, AdvisoryStore, Gate, Given, Store, StoreError};

/// What decides which releases are given out.
#[derive(Debug)]
pub(crate) struct Admission {
    config: AdmissionFile,
    engine: Arc<Engine>,
    rebuilders: Arc<[AllowedIdentity]>,
    data: PathBuf,
    wait: Duration,
    with: Mutex<With>,
    /// Held while something is decided: two would only do the same.
    pub(super) deciding: tokio::sync::Mutex<()>,
}

/// What decisions are made with at the moment.
#[derive(Debug, Default)]
pub(super) struct With {
    advisories: Option<AdvisoryStore>,
    imported: Option<SystemTime>,
    /// The last time that something else was to be decided with.
    changed: u64,
    policies: Option<Arc<Policies>>,
    /// For which basis, and up to which entry, everything of a place was decided.
    pub(super) done: BTreeMap<String, (Digest, u64)>,
}

impl Admission {
    /// What decides as `config` says.
    pub(crate) async fn open(config: &Config, engine: Arc<Engine>) -> Result<Self, StoreError> {
        let admission = Self {
            config: config.admission.clone(),
            engine,
            rebuilders: config.rebuilders.clone().into(),
            data: config.data.clone(),
            wait: config.limits.database(),
            with: Mutex::default(),
            deciding: tokio::sync::Mutex::default(),
        };
        admission.look_at_advisories().await?;
        Ok(admission)
    }

    /// Whether releases of a source, or of the registry itself, wait for a decision.
    pub(crate) fn gate(&self, source: Option<&Arc<Source>>) -> Gate {
        let asked = if source.is_some() { Judges::Sources } else { Judges::Own };
        if self.config.judge.contains(&asked) { Gate::Closed } else { Gate::Open }
    }

    /// Counts how often something else was to be decided with: documents that were made
    /// before are not to be served after.
    pub(crate) fn edition(&self) -> u64 {
        let policies = self.engine.policies();
        let mut with = self.with();
        let is_same = with.policies.as_ref().is_some_and(|it| Arc::ptr_eq(it, &policies));
        if !is_same {
            with.policies = Some(policies);
            with.changed += 1;
        }
        with.changed
    }

    /// Opens the advisories again, if others were imported.
    pub(super) async fn look_at_advisories(&self) -> Result<(), StoreError> {
        let path = self.data.join(ADVISORIES);
        let modified = std::fs::metadata(&path).and_then(|it| it.modified()).ok();
        if self.with().imported == modified {
            return Ok(());
        }
        // Whoever is reading the ones before goes on: their file is gone when the last has
        // done so.
        let opened = AdvisoryStore::open(&self.data, self.wait).await?;
        let mut with = self.with();
        with.imported = modified;
        with.advisories = opened;
        with.changed += 1;
        Ok(())
    }

    pub(super) fn with(&self) -> MutexGuard<'_, With> {
        self.with.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn assessor(&self) -> Assessor {
        let advisories = self.with().advisories.clone();
        let rebuilders = Arc::clone(&self.rebuilders);
        Assessor { policies: self.engine.policies(), advisories, rebuilders }
    }

    pub(super) async fn basis(&self, store: &Store) -> Result<Digest, StoreError> {
        Ok(self.assessor().basis(store.vex_count().await?))
    }

    /// The decisions about a package, if all of them are good.
    pub(super) async fn good(
        &self,
        store: &Store,
        name: &PackageName,
    ) -> Result<Option<Vec<Given>>, StoreError> {
        let basis = self.basis(store).await?;
        let last_entry = store.last_entry(name).await?.unwrap_or_default();
        let given = store.given(name).await?;
        let now = Timestamp::now();
        let is_good = given.iter().all(|it| {
            it.judged.as_ref().is_some_and(|judged| {
                judged.basis == basis
                    && judged.last_entry == last_entry
                    && judged.good_until.is_none_or(|until| until > now)
            })
        });
        Ok(is_good.then_some(given))
    }
}
