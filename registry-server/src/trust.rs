//! Whose signatures count, now: roots that are kept current, roots from files,
//! and keys.
//!
//! What a TUF repository published last is kept in the data folder, in `trust/`,
//! and verified again at every start. A refresh that fails changes nothing: what
//! was fetched before goes on being used for as long as its metadata allow, and
//! the log says how old it is. After that nobody is trusted in its place: not the
//! copy in this program either, which is older still.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::{Digest, PackageName};
use mcpkg_upstream::tuf::{self, HttpRepository};
use mcpkg_verify::tuf::{TufAnchor, TufCache, TufError, TufRoot};
use mcpkg_verify::{TrustRoot, TrustStore, VerifyError, Vouchers};
use url::Url;

use crate::blobs::blocking;
use crate::config::{ConfigError, TrustUpdate};
use crate::durable;

/// How often the repositories are asked.
const UPDATE_EVERY: Duration = Duration::from_hours(1);

/// Whose signatures count, as it is configured.
#[derive(Clone, Debug, Default)]
pub struct TrustConfig {
    /// Roots from files, and keys.
    pub(crate) fixed: TrustStore,
    /// Roots that are kept current.
    pub(crate) tuf: Vec<TufConfig>,
    /// Whether they are.
    pub(crate) update: TrustUpdate,
}

impl From<TrustStore> for TrustConfig {
    /// Trust that never changes.
    fn from(fixed: TrustStore) -> Self {
        Self { fixed, tuf: Vec::new(), update: TrustUpdate::Never }
    }
}

/// A root in a TUF repository.
#[derive(Clone, Debug)]
pub(crate) struct TufConfig {
    /// Where it is, with a slash at the end.
    pub(crate) url: Url,
    /// What trust in it begins with.
    pub(crate) anchor: TufAnchor,
    /// The names that the root in it may vouch for.
    pub(crate) namespaces: Vec<NamePattern>,
    /// What is trusted until it was fetched for the first time.
    pub(crate) embedded: Option<TrustRoot>,
}

/// Whose signatures count, now.
#[derive(Debug)]
pub(crate) struct Trust {
    config: TrustConfig,
    folder: PathBuf,
    staging: PathBuf,
    client: reqwest::Client,
    current: RwLock<TrustStore>,
}

/// Why a root is not refreshed, or what was fetched is not kept.
#[derive(Debug, thiserror::Error)]
enum UpdateError {
    #[error(transparent)]
    Tuf(#[from] TufError),
    #[error("could not keep what was fetched in `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("could not read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is no copy of a TUF repository", path.display())]
    Malformed { path: PathBuf, source: serde_json::Error },
}

impl Trust {
    /// What `config` and the copies in the folder `data` make together.
    pub(crate) fn open(config: TrustConfig, data: &Path) -> Result<Self, ConfigError> {
        let client =
            tuf::client().map_err(|error| ConfigError::Client { source: Box::new(error) })?;
        let (folder, staging) = (data.join("trust"), data.join("staging"));
        let current = RwLock::default();
        let trust = Self { config, folder, staging, client, current };
        trust.load(Timestamp::now());
        Ok(trust)
    }

    /// Who may vouch for `name`.
    pub(crate) fn for_name(&self, name: &PackageName) -> Result<Vouchers, VerifyError> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).for_name(name)
    }

    /// Every root that counts now, for some name.
    pub(crate) fn roots(&self) -> Vec<TrustRoot> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.roots().cloned().collect()
    }

    /// Makes what is in the folder what is trusted.
    fn load(&self, now: Timestamp) {
        let mut store = self.config.fixed.clone();
        for tuf in &self.config.tuf {
            let opened = self.copy_of(tuf).and_then(|copy| Ok(tuf.anchor.open(&copy, now)?));
            let root = match opened {
                Ok(TufRoot { root, status }) => {
                    let age = status.refreshed_at.map(|at| now.duration_since(at).as_hours());
                    let (age_hours, expires) = (age.unwrap_or_default(), status.expires);
                    if status.is_stale(now) {
                        tracing::warn!(url = %tuf.url, age_hours, %expires, "the trust root is stale");
                    } else {
                        tracing::info!(url = %tuf.url, age_hours, %expires, "trust root");
                    }
                    Some(root)
                }
                Err(UpdateError::Tuf(TufError::NoCopy)) => {
                    tracing::info!(url = %tuf.url, "the trust root was never fetched");
                    tuf.embedded.clone()
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::error!(url = %tuf.url, error, "the trust root cannot be used");
                    None
                }
            };
            if let Some(root) = root {
                store = store.with_root(tuf.namespaces.clone(), root);
            }
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = store;
    }

    /// Fetches what was never fetched and has nothing to stand in for it, unless
    /// nothing is to be fetched.
    pub(crate) async fn fetch_missing(&self) {
        if self.config.update == TrustUpdate::Never {
            return;
        }
        let is_missing = |tuf: &&TufConfig| tuf.embedded.is_none() && !self.path(tuf).exists();
        self.update(self.config.tuf.iter().filter(is_missing)).await;
        self.load(Timestamp::now());
    }

    /// Asks these repositories for something new.
    async fn update(&self, tuf: impl Iterator<Item = &TufConfig>) {
        for tuf in tuf {
            if let Err(error) = self.refresh(tuf).await {
                let error = &error as &dyn Error;
                tracing::warn!(url = %tuf.url, error, "could not refresh the trust root");
            }
        }
    }

    async fn refresh(&self, tuf: &TufConfig) -> Result<(), UpdateError> {
        let copy = match self.copy_of(tuf) {
            // It is of no use, and must not keep us from fetching another.
            Err(UpdateError::Malformed { .. }) => TufCache::default(),
            other => other?,
        };
        let source = HttpRepository::new(self.client.clone(), tuf.url.clone());
        let (copy, _) = tuf.anchor.refresh(&copy, source, Timestamp::now()).await?;
        let path = self.path(tuf);
        let json = serde_json::to_vec(&copy)
            .map_err(|source| UpdateError::Malformed { path: path.clone(), source })?;
        let staging = self.staging.clone();
        blocking(move || {
            durable::replace(&staging, &path, &json)
                .map_err(|source| UpdateError::Write { path, source })
        })
        .await
    }

    /// What was fetched last, or nothing.
    fn copy_of(&self, tuf: &TufConfig) -> Result<TufCache, UpdateError> {
        let path = self.path(tuf);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TufCache::default()),
            Err(source) => Err(UpdateError::Read { path, source }),
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|source| UpdateError::Malformed { path, source }),
        }
    }

    fn path(&self, tuf: &TufConfig) -> PathBuf {
        let digest = Digest::of(tuf.url.as_str().as_bytes());
        self.folder.join(format!("{}.json", &digest.to_hex()[..16]))
    }
}

/// Keeps trust current, if there is anything to keep current.
pub(crate) async fn update_for_ever(trust: &Trust) {
    if trust.config.tuf.is_empty() {
        return;
    }
    let is_online = trust.config.update == TrustUpdate::Hourly;
    let mut ticks = tokio::time::interval(UPDATE_EVERY);
    loop {
        ticks.tick().await;
        if is_online {
            trust.update(trust.config.tuf.iter()).await;
        }
        // Also when nothing new came: what has expired is trusted no more.
        trust.load(Timestamp::now());
    }
}

#[cfg(test)]
mod tests;
