//! Which releases are given out: by policy, and where policy says so by people.
//!
//! Everything here was verified before: who signed it, that it is logged, that its name is
//! theirs. This is about what a company *wants*: no release that is younger than a day, no
//! licence that its lawyers have not seen, nothing that asks for the network without a
//! person who has looked.
//!
//! ```text
//! log, evidence, artifact, advisories ─ facts ─> policies ─ ruled ─> decide <─ votes
//!                                                                      │
//!                                    admitted · quarantined · denied <─┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`inspect`] | what is in an artifact: licences, and the packages of others |
//! | [`facts`] | what is known of a release |
//! | [`decide`] | the decision, a function of policy and votes |
//! | [`assess`] | from the database to decisions |
//! | [`review`] | what a person is shown, and what they may say |
//! | [`settled`] | whether all that was decided is good now |
//! | [`advisories`] | importing advisories, and what publishers say of them |
//! | [`explain`], [`simulate`] | why, and what if |
//!
//! A decision is kept with what it rests on: policies, advisories, the package's last
//! entry, and for how long it is good. Whoever is about to serve something looks whether
//! all of that still is so, and if it is not, decides first. So a policy that was
//! tightened holds for the next request, however much there is to decide again; the rest
//! is done in the background, a batch at a time.
//!
//! The index of a package that the log has signed stays whole: a release that is not
//! given out is named in it, with why. Statements are always given out.

mod advisories;
mod assess;
mod decide;
mod difference;
mod explain;
mod facts;
mod inspect;
mod review;
mod settled;
mod simulate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use mcpkg_core::api::{SearchHit, WithheldRelease};
use mcpkg_core::archive::ArchiveError;
use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::server_json::ServerJsonError;
use mcpkg_core::{Code, Coded, Digest, PackageName, Version};
use serde_json::json;

pub use advisories::{
    ImportError, Imported, Said, import_advisories, import_signed_vex, import_vex,
};
pub(crate) use assess::{Assessor, Stock};
pub use explain::{ExplainError, Explanation, explain};
pub(crate) use review::{Asker, ReviewError};
pub use simulate::{SimulatedChange, Simulation, simulate};

use crate::app::App;
use crate::blobs::BlobError;
use crate::config::{AdmissionFile, Config, EventKind, Judged as Judges};
use crate::mirror::{Shelf, Source};
use crate::policy::{Engine, Place, Policies};
use crate::store::{ADVISORIES, AdvisoryStore, Gate, Given, Store, StoreError};

/// How often it is looked whether something has to be decided again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Of how many packages something is decided in one look.
const BATCH: u32 = 64;

/// Why it could not be decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmissionError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A blob that a release needs is not recorded.
    #[error("the blob {0} is missing")]
    Missing(Digest),
    /// The signed document of a release cannot be read.
    #[error("the server.json of a release cannot be read")]
    Metadata(#[from] ServerJsonError),
    /// An artifact cannot be read.
    #[error("an artifact cannot be read")]
    Archive(#[from] ArchiveError),
}

/// What decides, and about what: for whoever only looks.
#[derive(Debug)]
struct Court {
    assessor: Assessor,
    stock: Stock,
}

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
    deciding: tokio::sync::Mutex<()>,
}

/// What decisions are made with at the moment.
#[derive(Debug, Default)]
struct With {
    advisories: Option<AdvisoryStore>,
    imported: Option<SystemTime>,
    /// The last time that something else was to be decided with.
    changed: u64,
    policies: Option<Arc<Policies>>,
    /// For which basis, and up to which entry, everything of a place was decided.
    done: BTreeMap<String, (Digest, u64)>,
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
    async fn look_at_advisories(&self) -> Result<(), StoreError> {
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

    fn with(&self) -> MutexGuard<'_, With> {
        self.with.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assessor(&self) -> Assessor {
        let advisories = self.with().advisories.clone();
        let rebuilders = Arc::clone(&self.rebuilders);
        Assessor { policies: self.engine.policies(), advisories, rebuilders }
    }

    async fn basis(&self, store: &Store) -> Result<Digest, StoreError> {
        Ok(self.assessor().basis(store.vex_count().await?))
    }

    /// The decisions about a package, if all of them are good.
    async fn good(
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

impl Shelf {
    /// What is not given out of a package because of policy, and until when that is good
    /// if time alone may change it. Nothing, where policy is not asked.
    pub(crate) async fn not_admitted(
        &self,
        name: &PackageName,
    ) -> Result<(Vec<WithheldRelease>, Option<Timestamp>), AdmissionError> {
        let given = self.settled(name).await?.unwrap_or_default();
        let until = given.iter().filter_map(|it| it.judged.as_ref()?.good_until).min();
        Ok((given.iter().filter_map(withheld).collect(), until))
    }

    /// Every release of a package with a decision that is good now; `None` where none is
    /// needed.
    pub(super) async fn settled(
        &self,
        name: &PackageName,
    ) -> Result<Option<Vec<Given>>, AdmissionError> {
        let Some(admission) = self.admission.as_ref().filter(|_| self.is_judged()) else {
            return Ok(None);
        };
        if let Some(given) = admission.good(&self.store, name).await? {
            return Ok(Some(given));
        }
        let _turn = admission.deciding.lock().await;
        // Somebody else may have done it meanwhile.
        if let Some(given) = admission.good(&self.store, name).await? {
            return Ok(Some(given));
        }
        self.decide_now(admission, name).await?;
        Ok(Some(self.store.given(name).await?))
    }

    /// Those of `hits` that are given out. A search reads what was decided last, which may
    /// not be good any more.
    pub(crate) async fn given_out(
        &self,
        hits: Vec<SearchHit>,
    ) -> Result<Vec<SearchHit>, AdmissionError> {
        if !self.is_judged() {
            return Ok(hits);
        }
        let mut kept = Vec::with_capacity(hits.len());
        for hit in hits {
            if self.allows(&hit.name, &hit.version).await? {
                kept.push(hit);
            }
        }
        Ok(kept)
    }

    /// Whether policy lets a release be given out.
    pub(crate) async fn allows(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<bool, AdmissionError> {
        let withheld = self.not_admitted(name).await?.0;
        Ok(!withheld.iter().any(|it| it.version == *version))
    }

    /// Whether its releases wait for a decision before they are given out.
    pub(crate) fn is_judged(&self) -> bool {
        let gate = self.admission.as_ref().map(|it| it.gate(self.source()));
        gate == Some(Gate::Closed)
    }

    /// Decides of every release of a package, whatever was decided before.
    async fn decide_now(
        &self,
        admission: &Admission,
        name: &PackageName,
    ) -> Result<(), AdmissionError> {
        let stock = Stock::of(self);
        let assessed = admission.assessor().assess(&stock, name, Timestamp::now()).await?;
        let decisions: Vec<_> = assessed.into_iter().map(|it| (it.version, it.judged)).collect();
        self.store.decide(name, &decisions).await?;
        self.cache.invalidate(name, None);
        for (version, _) in &decisions {
            self.cache.invalidate(name, Some(version));
        }
        Ok(())
    }

    /// Decides of some packages of which something has to be decided. Says of how many.
    async fn decide_some(&self) -> Result<usize, AdmissionError> {
        let Some(admission) = self.admission.as_ref().filter(|_| self.is_judged()) else {
            return Ok(0);
        };
        let place = Stock::of(self).source;
        let state = self.state(admission).await?;
        let is_done = admission.with().done.get(&place) == Some(&state);
        let names = if is_done {
            self.store.expired(Timestamp::now(), BATCH).await?
        } else {
            self.store.undecided(state.0, Timestamp::now(), BATCH).await?
        };
        for name in &names {
            self.settled(name).await?;
        }
        if names.is_empty() {
            admission.with().done.insert(place, state);
        }
        Ok(names.len())
    }
}

impl Stock {
    /// What is on a shelf.
    pub(crate) fn of(shelf: &Shelf) -> Self {
        Self {
            source: shelf
                .source()
                .map_or_else(|| Place::OWN.to_owned(), |it| it.name().to_string()),
            store: shelf.store.clone(),
            blobs: shelf.blobs.clone(),
            upstream: shelf.source().cloned(),
        }
    }
}

/// What a client is told of a release that is not given out.
fn withheld(given: &Given) -> Option<WithheldRelease> {
    let Some(judged) = &given.judged else {
        // It was published between the decision and the question.
        return Some(WithheldRelease {
            version: given.version.clone(),
            code: Code::NotAdmitted,
            policy: None,
            reason: "it was not decided yet whether it is given out".to_owned(),
        });
    };
    let decision = &judged.decision;
    Some(WithheldRelease {
        version: given.version.clone(),
        code: decision.outcome.code()?,
        policy: decision.policies.first().cloned(),
        reason: decision.sentence.clone(),
    })
}

/// Decides what has to be decided, for as long as the server runs: what is new, and what
/// was decided with something else than there is now.
pub(crate) async fn decide_for_ever(app: App) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut told, mut stopped) = (app.engine.policies(), BTreeSet::new());
    loop {
        ticks.tick().await;
        if let Err(error) = app.admission.look_at_advisories().await {
            complain(&error, "the advisories could not be opened");
        }
        let policies = app.engine.policies();
        if !Arc::ptr_eq(&policies, &told) {
            let data = json!({ "policies": policies.notes().len() });
            let kind = EventKind::PolicyReloaded.as_str();
            match app.store.add_event(kind, Timestamp::now(), &data).await {
                Ok(()) => told = policies,
                Err(error) => complain(&error, "that policies were reloaded could not be kept"),
            }
        }
        tell_of_sources(&app, &mut stopped).await;
        for shelf in app.shelves() {
            loop {
                match shelf.decide_some().await {
                    Ok(0) => break,
                    Ok(_) => tokio::task::yield_now().await,
                    Err(error) => {
                        complain(&error, "it could not be decided what is given out");
                        break;
                    }
                }
            }
        }
    }
}

/// Tells, once for each time, that a source is no longer followed until a person has
/// looked.
async fn tell_of_sources(app: &App, stopped: &mut BTreeSet<String>) {
    for source in app.mirror.sources() {
        let name = source.name().to_string();
        let problem = source.document().await.ok().and_then(|document| document.problem);
        let Some(code) = problem.filter(|it| matches!(it, Code::LogFork | Code::Rollback)) else {
            stopped.remove(&name);
            continue;
        };
        if !stopped.contains(&name) {
            let data = json!({ "source": name, "code": code });
            let kind = EventKind::SourceStopped.as_str();
            match app.store.add_event(kind, Timestamp::now(), &data).await {
                Ok(()) => drop(stopped.insert(name)),
                Err(error) => complain(&error, "that a source stopped could not be kept"),
            }
        }
    }
}

fn complain(error: &(dyn std::error::Error + 'static), what: &'static str) {
    tracing::warn!(error, "{what}");
}

impl Coded for AdmissionError {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Missing(_) | Self::Metadata(_) | Self::Archive(_) => Code::Blob,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Missing(_) | Self::Metadata(_) | Self::Archive(_) => {
                Some("the registry's operator runs `mcpkg-registry fsck`")
            }
        }
    }
}
