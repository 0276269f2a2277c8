//! Starting a registry, and stopping it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mcpkg_core::{Code, Coded};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, Deciders};
use crate::authority::Authority;
use crate::backup::Copied;
use crate::blobs::{BlobError, Blobs, blocking};
use crate::cache::Cache;
use crate::config::{Config, ConfigError, LogConfig};
use crate::fsck::Rebuilt;
use crate::log::{
    Guard, LogAction, LogError, LogFiles, Managed, Opened, OpenedLog, Witnesses, manage_now,
};
use crate::store::{Store, StoreError};
use crate::trust::{Trust, update_for_ever};
use crate::{net, routes};

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
    trust: JoinHandle<()>,
    sequencer: JoinHandle<()>,
    app: App,
    // Held for as long as the data folder is ours.
    _lock: File,
}

/// Why a registry does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("could not use the data folder `{}`", path.display())]
    Data {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server uses the data folder.
    #[error("another registry uses the data folder `{}`", .0.display())]
    InUse(PathBuf),
    /// The storage in the data folder cannot be used.
    #[error("could not open the registry in `{}`", path.display())]
    Storage {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: StorageError,
    },
    /// The log's witnesses cannot be asked.
    #[error("could not set up the log's witnesses")]
    Witnesses(#[source] ConfigError),
    /// What is trusted cannot be kept current.
    #[error("could not set up what is trusted")]
    Trust(#[source] ConfigError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A failure of database or disk, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(StorageErrorKind);

#[derive(Debug, thiserror::Error)]
enum StorageErrorKind {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl<E: Into<StorageErrorKind>> From<E> for StorageError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Starts a registry as `config` says. When this returns, it accepts
/// connections.
///
/// Must be called in a tokio runtime with timers and input and output.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
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
    let parts = config.log.parts(&data);
    let Opened { log, sequencer } = crate::log::open(parts, witnesses, &store, &blobs, &cache)
        .await
        .map_err(|error| failed(error.into()))?;

    let address = config.listen;
    let unheard = |source| StartError::Listen { address, source };
    let listener = net::listen(address).await.map_err(unheard)?;
    let address = listener.local_addr().map_err(unheard)?;
    let key = log.trust().key.clone();
    let (sequencer, sequencing) = sequencer.start();
    let app = App::new(config, store, blobs, cache, log, sequencer, Deciders { trust, authority });
    tracing::info!(%address, data = %data.display(), log = %key, "listening");
    Ok(Running::new(address, listener, app, sequencing, lock))
}

impl Running {
    fn new(
        address: SocketAddr,
        listener: TcpListener,
        app: App,
        sequencer: JoinHandle<()>,
        lock: File,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let serving = app.clone();
        let task = tokio::spawn(async move {
            let router = routes::router(serving.clone());
            net::serve(listener, router, &serving.limits, stopped).await
        });
        let sweeper = tokio::spawn(sweep_for_ever(app.clone()));
        let trust = tokio::spawn(update_for_ever(app.clone()));
        Self { address, stop, task, sweeper, trust, sequencer, app, _lock: lock }
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
        self.sweeper.abort();
        self.trust.abort();
        let all_answered = (&mut self.task).await.unwrap_or(false);
        // Whoever waits for it has been answered, or given up.
        self.sequencer.abort();
        self.app.store.close().await;
        tracing::info!(all_answered, "stopped");
        all_answered
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
        self.sweeper.abort();
        self.trust.abort();
        self.sequencer.abort();
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
fn lock(data: &Path) -> Result<File, StartError> {
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
        if app.store.has_blob(digest).await? {
            continue;
        }
        let blobs = app.blobs.clone();
        removed += usize::from(blocking(move || blobs.sweep(digest, before)).await?);
    }
    Ok(removed)
}

impl StartError {
    /// Whether the data must not be signed over until a person has looked.
    pub fn is_fork(&self) -> bool {
        match self {
            Self::Storage { source, .. } => {
                matches!(&source.0, StorageErrorKind::Log(error) if error.is_fork())
            }
            _ => false,
        }
    }
}

impl Coded for StartError {
    fn code(&self) -> Code {
        match self {
            Self::Data { .. } | Self::InUse(_) => Code::Storage,
            Self::Storage { source, .. } => source.code(),
            Self::Witnesses(error) | Self::Trust(error) => error.code(),
            Self::Listen { .. } => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Data { .. } => Some("name a folder that this user may write, with `--data`"),
            Self::InUse(_) => Some("stop the other one, or name another folder with `--data`"),
            Self::Storage { source, .. } => source.hint(),
            Self::Witnesses(error) | Self::Trust(error) => error.hint(),
            Self::Listen { .. } => Some("name another address with `--listen`"),
        }
    }
}

impl Coded for StorageError {
    fn code(&self) -> Code {
        match &self.0 {
            StorageErrorKind::Store(error) => error.code(),
            StorageErrorKind::Blob(error) => error.code(),
            StorageErrorKind::Log(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match &self.0 {
            StorageErrorKind::Store(error) => error.hint(),
            StorageErrorKind::Blob(error) => error.hint(),
            StorageErrorKind::Log(error) => error.hint(),
        }
    }
}
