//! Starting a registry, and stopping it.

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mcpkg_core::namespace::NamePattern;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Access, Rules};
use crate::admission::{Admission, decide_for_ever};
use crate::app::{App, Deciders, Served};
use crate::audit::{Audit, Syslog};
use crate::authority::Authority;
use crate::backup::Copied;
use crate::blobs::{Blobs, blocking};
use crate::cache::Cache;
use crate::config::{Config, LogConfig, own_patterns};
use crate::fsck::Rebuilt;
use crate::hangup::Hangups;
use crate::log::{
    Guard, LogAction, LogError, LogFiles, Managed, Opened, OpenedLog, Witnesses, manage_now,
};
use crate::mirror::{
    Fetches, Mirror, Owners, Place, RemovalList, Shelf, SourceName, follow_for_ever, watch_removals,
};
use crate::net::{self, Tls};
use crate::official::{FollowError, FollowReport, Official, follow, list_unlisted};
use crate::policy::{Engine, reload_for_ever};
use crate::routes;
use crate::start_error::{StartError, StorageError};
use crate::store::{Ear, Gate, LogOf, Store, StoreError};
use crate::trust::{Trust, update_for_ever};
use crate::webhook::{Webhooks, deliver_for_ever};

/// The database in the data folder.
pub(crate) const DATABASE: &str = "registry.sqlite3";

/// The file in the data folder that the one server that uses it has locked.
const LOCK: &str = "lock";

/// How often leftovers are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// A registry that is listening.
///
/// Dropped, it stops at once and answers nobody; see [`Running::shutdown`].
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<bool>,
    sweeper: JoinHandle<()>,
    tls: Option<JoinHandle<()>>,
    trust: JoinHandle<()>,
    policies: JoinHandle<()>,
    sequencer: JoinHandle<()>,
    /// What keeps sources current, and remembers what was fetched.
    mirroring: Vec<JoinHandle<()>>,
    app: App,
    // Held for as long as the data folder is ours.
    _lock: File,
}

/// Starts a registry as `config` says. When this returns, it accepts
/// connections.
///
/// Must be called in a tokio runtime with timers and input and output.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    let hangups = (Hangups::listen(), Hangups::listen());
    let data = config.data.clone();
    fs::create_dir_all(&data).map_err(|source| StartError::Data { path: data.clone(), source })?;
    let lock = lock(&data)?;
    let failed = |source| StartError::Storage { path: data.clone(), source };
    let wait = config.limits.database();
    let store =
        Store::open(&data.join(DATABASE), wait).await.map_err(|error| failed(error.into()))?;
    let blobs = Blobs::open(&data).map_err(|error| failed(error.into()))?;
    let cache = Arc::new(Cache::default());
    let witnesses = Witnesses::new(&config.log).map_err(StartError::Witnesses)?;
    let trust = std::mem::take(&mut config.trust);
    let trust = Trust::open(trust, &data).map_err(StartError::Trust)?;
    trust.fetch_missing().await;
    let authority = Authority::new(&config.authority).map_err(StartError::Trust)?;
    let tls = match config.tls.take() {
        Some(file) => Some(Tls::open(file).await.map_err(StartError::Tls)?),
        None => None,
    };
    let engine = Arc::new(Engine::open(&config.policy)?);
    let admission = Admission::open(&config, Arc::clone(&engine))
        .await
        .map_err(|error| failed(error.into()))?;
    let admission = Arc::new(admission);
    let webhooks = Webhooks::open(&config.webhooks).map_err(StartError::Webhooks)?;
    let access = Access::open(Rules {
        access: config.access.clone(),
        policy: config.policy.clone(),
        proxy: config.proxy.clone(),
        open_registries: config.open_registries(),
        public_url: config.public_url.clone(),
    });
    let access = access.map_err(StartError::Access)?;
    let syslog = Syslog::new(&config.audit).map_err(StartError::Audit)?;
    let audit = Audit::open(syslog, &data, wait).await.map_err(|error| failed(error.into()))?;
    let parts = config.log.parts(&data);
    let Opened { log, sequencer, signer } =
        crate::log::open(parts, witnesses, &store, &blobs, &cache)
            .await
            .map_err(|error| failed(error.into()))?;

    let place = config.place(store.clone(), blobs.clone());
    let mirror = Mirror::open(std::mem::take(&mut config.sources), &place)
        .await
        .map_err(|(name, error)| StartError::Source { name, source: error.into() })?
        .guarded_by(&admission);
    let removals = RemovalList::open(&data, &data.join("staging"))
        .map_err(|source| StartError::Data { path: data.clone(), source })?;
    let (fetches, remembering) = Fetches::start(store.clone());

    let mut late = list_unlisted(&store, &blobs).await.map_err(failed)?;
    for shelf in mirror.shelves() {
        late += list_unlisted(&shelf.store, &blobs).await.map_err(failed)?;
    }
    if late > 0 {
        tracing::info!(late, "listed releases that were published before there were lists");
    }

    let address = config.listen;
    let unheard = |source| StartError::Listen { address, source };
    let listener = net::listen(address).await.map_err(unheard)?;
    let address = listener.local_addr().map_err(unheard)?;
    config.listen = address;
    let official =
        Official::new(&config.official, &config.own_address()).map_err(StartError::Official)?;
    let key = log.trust().key.clone();
    let (sequencer, sequencing) = sequencer.start();
    let deciders = Deciders { trust, authority, access, engine, admission, audit, official };
    let own = Shelf::own(store, blobs, cache, log, signer, removals);
    let own = own.guarded_by(&deciders.admission);
    set_up(&config, &own, &mirror, &webhooks).await.map_err(|error| failed(error.into()))?;
    let served = Served { own, mirror, fetches };
    let app = App::new(config, served, sequencer, deciders);
    let is_tls = tls.is_some();
    tracing::info!(%address, tls = is_tls, data = %data.display(), log = %key, "listening");
    let others = vec![
        remembering,
        tokio::spawn(decide_for_ever(app.clone())),
        tokio::spawn(deliver_for_ever(webhooks, app.clone())),
    ];
    Ok(Running::new(address, (listener, tls), app, hangups, sequencing, others, lock))
}

/// Tells the databases what the configuration says.
async fn set_up(
    config: &Config,
    own: &Shelf,
    mirror: &Mirror,
    webhooks: &Webhooks,
) -> Result<(), StoreError> {
    own.store.set_quotas(&config.quotas).await?;
    let ear = if webhooks.is_empty() { Ear::Absent } else { Ear::Listens };
    for shelf in std::iter::once(own).chain(mirror.shelves()) {
        let gate = if shelf.is_judged() { Gate::Closed } else { Gate::Open };
        let log = if shelf.source().is_some() { LogOf::Source } else { LogOf::Registry };
        shelf.store.set_gate(gate, log, ear).await?;
        shelf.removals.tell(&shelf.store).await?;
    }
    Ok(())
}

impl Running {
    fn new(
        address: SocketAddr,
        (listener, tls): (TcpListener, Option<Tls>),
        app: App,
        (for_tls, for_policies): (Hangups, Hangups),
        sequencer: JoinHandle<()>,
        others: Vec<JoinHandle<()>>,
        lock: File,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (serving, speaking) = (app.clone(), tls.clone());
        let task = tokio::spawn(async move {
            let router = routes::router(serving.clone());
            let router = if speaking.is_some() { routes::over_tls(router) } else { router };
            net::serve(listener, router, speaking, &serving.limits, stopped).await
        });
        let tls = tls.map(|tls| tokio::spawn(net::reload_for_ever(tls, for_tls)));
        let sweeper = tokio::spawn(sweep_for_ever(app.clone()));
        let policies = tokio::spawn(reload_for_ever(app.clone(), for_policies));
        let kept = app.clone();
        let trust = tokio::spawn(async move { update_for_ever(&kept.trust).await });
        let mut mirroring = others;
        for shelf in std::iter::once(&app.own).chain(app.mirror.shelves()) {
            mirroring.push(tokio::spawn(watch_removals(shelf.clone())));
        }
        for source in app.mirror.sources() {
            mirroring.push(tokio::spawn(follow_for_ever(Arc::clone(source))));
            let kept = Arc::clone(source);
            mirroring.push(tokio::spawn(async move { update_for_ever(kept.trust()).await }));
        }
        Self {
            address,
            stop,
            task,
            sweeper,
            tls,
            trust,
            policies,
            sequencer,
            mirroring,
            app,
            _lock: lock,
        }
    }

    /// The address that is listened on, with its actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: accepts no more connections, lets requests in flight end for as
    /// long as the limits say, and closes the database. Says whether all
    /// requests were answered.
    pub async fn shutdown(mut self) -> bool {
        self.stop.send_replace(true);
        self.abort_tasks();
        let all_answered = (&mut self.task).await.unwrap_or(false);
        // Whoever waits for it has been answered, or given up.
        self.sequencer.abort();
        self.app.audit.close().await;
        self.app.store.close().await;
        for shelf in self.app.mirror.shelves() {
            shelf.store.close().await;
        }
        tracing::info!(all_answered, "stopped");
        all_answered
    }

    /// Ends what goes on beside the serving.
    fn abort_tasks(&self) {
        self.sweeper.abort();
        self.trust.abort();
        self.policies.abort();
        self.tls.iter().for_each(JoinHandle::abort);
        self.mirroring.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
        self.abort_tasks();
        self.sequencer.abort();
    }
}

impl Config {
    /// What all sources share.
    pub(crate) fn place(&self, registry: Store, blobs: Blobs) -> Place {
        let sources = self.sources.iter().map(|it| (it.name.clone(), it.namespaces.clone()));
        self.place_with(sources.collect(), registry, blobs)
    }

    /// The same, where the sources are these.
    pub(crate) fn place_with(
        &self,
        sources: Vec<(SourceName, Vec<NamePattern>)>,
        registry: Store,
        blobs: Blobs,
    ) -> Place {
        let own = own_patterns(&self.namespaces, &self.official);
        Place {
            data: self.data.clone(),
            wait: self.limits.database(),
            registry,
            blobs,
            owners: Arc::new(Owners::of_checked(own, sources)),
        }
    }
}

/// Makes the database of a registry again that is not running.
pub async fn rebuild(config: &Config) -> Result<Rebuilt, StartError> {
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    fs::create_dir_all(data.join("staging")).map_err(unusable)?;
    let _lock = lock(&data)?;
    let failed = |source| StartError::Storage { path: data.clone(), source };
    crate::fsck::rebuild(config).await.map_err(failed)
}

/// Copies a registry, also while it runs, into the folder `to`.
pub async fn backup(config: &Config, to: &Path) -> Result<Copied, StartError> {
    let failed = |source| StartError::Storage { path: config.data.clone(), source };
    crate::backup::backup(config, to).await.map_err(failed)
}

/// Makes the data folder of a registry from the backup in `from`.
pub async fn restore(config: &Config, from: &Path) -> Result<Copied, StartError> {
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    fs::create_dir_all(&data).map_err(unusable)?;
    let _lock = lock(&data)?;
    let failed = |source| StartError::Storage { path: data.clone(), source };
    crate::backup::restore(config, from).await.map_err(failed)
}

/// Follows the registry of the MCP registry's API at `from`, also beside a running
/// server: nothing of what this writes is kept in its memory.
pub async fn follow_official(
    config: &Config,
    from: &str,
    since: Option<jiff::Timestamp>,
) -> Result<Result<FollowReport, FollowError>, StartError> {
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    fs::create_dir_all(&data).map_err(unusable)?;
    let (database, wait) = (data.join(DATABASE), config.limits.database());
    let failed =
        |error: StoreError| StartError::Storage { path: data.clone(), source: error.into() };
    let (_lock, store) = match lock(&data) {
        Ok(lock) => (Some(lock), Store::open(&database, wait).await.map_err(failed)?),
        Err(StartError::InUse(_)) => {
            (None, Store::open_beside(&database, wait).await.map_err(failed)?)
        }
        Err(error) => return Err(error),
    };
    let followed = follow(&store, &config.namespaces, from, since).await;
    store.close().await;
    Ok(followed)
}

/// Does `action` to the log of a registry that is not running; to show the log, it
/// may.
pub async fn manage(config: &Config, action: LogAction) -> Result<Managed, StartError> {
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    let _lock = if action == LogAction::Show {
        None
    } else {
        fs::create_dir_all(data.join("staging")).map_err(unusable)?;
        Some(lock(&data)?)
    };
    let failed = |source| StartError::Storage { path: data.clone(), source };
    let database = data.join(DATABASE);
    let is_new = if database.exists() {
        let store = Store::open_read_only(&database, config.limits.database())
            .await
            .map_err(|error| failed(error.into()))?;
        let applied = store.applied().await.map_err(|error| failed(error.into()))?;
        store.close().await;
        applied.size == 0
    } else {
        true
    };
    let parts = config.log.parts(&data);
    blocking(move || manage_now(&parts, &action, is_new))
        .await
        .map_err(|error: LogError| failed(error.into()))
}

impl LogConfig {
    /// The parts of the log of the registry in `data`.
    pub(crate) fn parts(&self, data: &Path) -> OpenedLog {
        OpenedLog {
            files: LogFiles::at(data),
            key: self.key.clone(),
            guard: Guard::at(&self.guard),
            origin: self.origin.clone(),
        }
    }
}

/// Makes sure that this is the only server in `data`: what is kept in memory is
/// right only as long as nobody else writes.
pub(crate) fn lock(data: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::Data { path: data.to_owned(), source };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data.join(LOCK))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Opens what `data` holds to look at it, also beside a running server.
pub(crate) async fn open_read_only(
    data: &Path,
    wait: Duration,
) -> Result<(Store, Blobs), StoreError> {
    Ok((Store::open_read_only(&data.join(DATABASE), wait).await?, Blobs::at(data)))
}

async fn sweep_for_ever(app: App) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        match sweep(&app).await {
            Ok(0) => (),
            Ok(count) => tracing::info!(count, "removed what unfinished publishes left behind"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not remove what unfinished publishes left behind"
            ),
        }
    }
}

/// Removes old blobs that no release refers to, and says how many. None while the
/// database lacks something of the log, be it because witnesses have been away for
/// longer than blobs are kept.
async fn sweep(app: &App) -> Result<usize, StorageError> {
    if !app.log.is_settled() {
        return Ok(0);
    }
    let Some(before) = SystemTime::now().checked_sub(app.limits.sweep_after()) else {
        return Ok(0);
    };
    let blobs = app.blobs.clone();
    let files = blocking(move || blobs.files()).await?;
    let mut removed = 0;
    for digest in files.into_iter().filter_map(|file| file.digest) {
        if is_needed(app, digest).await? {
            continue;
        }
        let blobs = app.blobs.clone();
        removed += usize::from(blocking(move || blobs.sweep(digest, before)).await?);
    }
    Ok(removed)
}

/// Whether a release refers to a blob, be it of the registry or of a source.
async fn is_needed(app: &App, digest: mcpkg_core::Digest) -> Result<bool, StoreError> {
    for shelf in std::iter::once(&app.own).chain(app.mirror.shelves()) {
        if shelf.store.has_blob(digest).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
