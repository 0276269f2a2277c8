//! One source: its copy of the log, the index of that, and where more comes from.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::SourceDocument;
use mcpkg_core::log::{Tree, VerifierKey};
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::policy::Policy;
use mcpkg_core::{Code, Coded as _, Digest, PackageName};

use super::removal::RemovalList;
use super::upstream::{Http, Upstream};
use super::{MirrorError, OpenError, Owner, Owners, SingleFlight, SourceName};
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::config::{SourceConfig, SourceMode};
use crate::log::{Log, LogFiles};
use crate::store::{Store, StoredBlob};
use crate::trust::Trust;

/// The folder of all sources in the data folder.
pub(crate) const SOURCES: &str = "sources";

/// The database in the folder of a source.
pub(crate) const DATABASE: &str = "registry.sqlite3";

/// How often a source may miss its turn before it counts as silent.
const MISSED_TURNS: u64 = 3;

/// How long after a source was asked nobody makes us ask it again.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// What several wait for together.
pub(super) type Common<T> = Result<T, Arc<MirrorError>>;

/// A source that is followed.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) name: SourceName,
    pub(super) log_key: VerifierKey,
    pub(super) mode: SourceMode,
    pub(super) refresh: Duration,
    pub(super) prefetch: bool,
    namespaces: Vec<NamePattern>,
    pub(super) policy: Policy,
    pub(super) trust: Trust,
    pub(super) upstream: Option<Arc<dyn Upstream>>,
    pub(super) owners: Arc<Owners>,
    /// The registry's own database, which knows where each package came from.
    pub(super) registry: Store,
    pub(super) store: Store,
    pub(super) blobs: Blobs,
    pub(super) cache: Arc<Cache>,
    pub(super) log: Log,
    pub(super) removals: RemovalList,
    pub(super) folder: PathBuf,
    /// Held by whoever makes the copy longer.
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) following: SingleFlight<(), Common<()>>,
    pub(super) pulls: SingleFlight<Digest, Common<StoredBlob>>,
    pub(super) index_pulls: SingleFlight<PackageName, Common<()>>,
    state: Mutex<State>,
}

/// When a source was asked, and what came of it.
#[derive(Clone, Debug, Default)]
struct State {
    asked_at: Option<Timestamp>,
    followed_at: Option<Timestamp>,
    problem: Option<Code>,
}

/// What all sources of a registry share.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// How long the database may make a request wait.
    pub(crate) wait: Duration,
    /// The registry's own database.
    pub(crate) registry: Store,
    /// The blobs of everything.
    pub(crate) blobs: Blobs,
    /// Which names are whose.
    pub(crate) owners: Arc<Owners>,
}

impl Source {
    /// Opens the source of `config`, which is read from `upstream`, or from its address.
    pub(crate) async fn open(
        config: SourceConfig,
        upstream: Option<Arc<dyn Upstream>>,
        place: &Place,
    ) -> Result<Self, OpenError> {
        let SourceConfig { name, url, log_key, mode, namespaces, refresh_seconds, .. } = config;
        let folder = place.data.join(SOURCES).join(name.as_str());
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|source| OpenError::Folder { path: folder.clone(), source })?;
        let store = Store::open_source(&folder.join(DATABASE), place.wait).await?;
        let staging = place.data.join("staging");
        let removals = RemovalList::open_source(&folder, &staging)
            .map_err(|source| OpenError::Folder { path: folder.clone(), source })?;
        let (files, key) = (LogFiles::at_folder(&folder, &staging), log_key.clone());
        let log = crate::blobs::blocking(move || Log::open_copy(files, &key)).await?;
        let upstream = match (upstream, url, mode) {
            (Some(upstream), ..) => Some(upstream),
            (None, Some(url), SourceMode::Online | SourceMode::Fallback) => {
                let http = Http::new(&url, config.ca.as_deref())?;
                Some(Arc::new(http) as Arc<dyn Upstream>)
            }
            _ => None,
        };
        let trust = Trust::open(config.trust, &place.data)?;
        trust.fetch_missing().await;
        Ok(Self {
            name,
            log_key,
            mode,
            refresh: Duration::from_secs(refresh_seconds),
            prefetch: config.prefetch,
            namespaces,
            policy: config.policy,
            trust,
            upstream,
            owners: Arc::clone(&place.owners),
            registry: place.registry.clone(),
            store,
            blobs: place.blobs.clone(),
            cache: Arc::default(),
            log,
            removals,
            folder,
            turn: tokio::sync::Mutex::default(),
            following: SingleFlight::default(),
            pulls: SingleFlight::default(),
            index_pulls: SingleFlight::default(),
            state: Mutex::default(),
        })
    }

    /// What it is called here.
    pub(crate) fn name(&self) -> &SourceName {
        &self.name
    }

    /// The index of its log.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The tree of it that is served.
    pub(crate) fn tree(&self) -> Tree {
        self.log.served().tree
    }

    /// Whose signatures count for what it has.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether `name` comes from here, as far as the configuration says.
    pub(super) fn owns(&self, name: &PackageName) -> bool {
        self.owners.of(name) == Owner::Source(self.name.clone())
    }

    /// Where more comes from.
    pub(super) fn upstream(&self) -> Option<&dyn Upstream> {
        self.upstream.as_deref()
    }

    /// Refuses to serve what may be too old.
    ///
    /// # Errors
    ///
    /// Nothing was ever read; or the source is online and has not answered for longer
    /// than a few turns.
    pub(crate) async fn refuse_if_silent(self: &Arc<Self>) -> Result<(), MirrorError> {
        if self.log.served().checkpoint.is_empty() {
            self.look_for_news().await;
        }
        if self.log.served().checkpoint.is_empty() {
            return Err(MirrorError::Never);
        }
        let State { followed_at, problem, .. } = self.state().clone();
        // What was served before a fork was found is what everybody else was served too.
        let is_stopped = matches!(problem, Some(Code::LogFork | Code::Rollback));
        if self.mode != SourceMode::Online || is_stopped {
            return Ok(());
        }
        let most = SignedDuration::try_from(
            self.refresh.saturating_mul(u32::try_from(MISSED_TURNS).unwrap_or(u32::MAX)),
        );
        let since = followed_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let is_silent = most.is_ok_and(|most| Timestamp::now().duration_since(since) > most);
        if problem.is_some() && is_silent { Err(MirrorError::Silent(since)) } else { Ok(()) }
    }

    /// Asks for something new because of a request, unless it was asked just now and has
    /// answered.
    pub(crate) async fn look_for_news(self: &Arc<Self>) {
        let asked_at = self.state().asked_at;
        let is_due = asked_at.is_none_or(|at| Timestamp::now().duration_since(at) > PATIENCE);
        let is_due = is_due || self.following.is_under_way(&());
        if is_due && self.upstream.is_some() && self.mode != SourceMode::Offline {
            // What is wrong is in the log already, and in the state.
            drop(self.follow().await);
        }
    }

    /// What others are told of it.
    pub(crate) async fn document(&self) -> Result<SourceDocument, MirrorError> {
        let State { followed_at, problem, .. } = self.state().clone();
        Ok(SourceDocument {
            name: self.name.to_string(),
            log_key: self.log.trust().key.clone(),
            mode: self.mode.to_string(),
            namespaces: self.namespaces.clone(),
            tree_size: self.log.served().tree.size,
            followed_at,
            withheld: self.store.count_withheld().await?,
            problem,
        })
    }

    /// Records that it is asked.
    pub(super) fn asks(&self) {
        self.state().asked_at = Some(second(Timestamp::now()));
    }

    /// Records what came of it.
    pub(super) fn asked(&self, result: &Result<(), MirrorError>) {
        let mut state = self.state();
        match result {
            Ok(()) => {
                state.followed_at = Some(second(Timestamp::now()));
                state.problem = None;
            }
            Err(error) => state.problem = Some(error.code()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for SourceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Online => "online",
            Self::Fallback => "fallback",
            Self::Offline => "offline",
        })
    }
}

/// A time to the whole second.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
