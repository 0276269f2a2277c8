//! Trust roots that are kept current through TUF.
//!
//! A Sigstore rotates its keys, and says so in the `trusted_root.json` of a [TUF]
//! repository. TUF makes that safe to fetch from anybody: what is accepted is
//! signed by enough of the keys of a *root* that was known before, is no older
//! than what was accepted before, and has not expired.
//!
//! | check | by |
//! |---|---|
//! | each new root is signed by enough keys of the one before, and of itself | `sigstore-tuf` |
//! | no version goes back: root, timestamp, snapshot, targets | `sigstore-tuf` |
//! | nothing has expired; sizes are bounded | `sigstore-tuf` |
//! | lengths and hashes, from the timestamp down to the target | `sigstore-tuf` |
//! | all of it or nothing is kept | here |
//! | for how long it may be used offline | here |
//!
//! This crate opens no socket and no file: where the repository's files come
//! from is a [`TufSource`], and what is to be kept is a [`TufCache`]. A cache may
//! lie anywhere. It is verified each time, from a root that is known by other
//! means, so that editing it can make it useless and no more.
//!
//! # Age
//!
//! TUF's *timestamp* and *snapshot* live for days: they promise that nothing newer
//! was withheld. Its *root* and *targets* live for months: they say what holds. A
//! copy is used offline for as long as the latter two allow. When the former two
//! have expired it is [stale](TufStatus::is_stale), and whoever uses it says so.
//! When one of the latter has, it is [refused](TufError::Expired). There is no
//! falling back to an older copy, such as the one in the program: it may trust
//! what was withdrawn since.
//!
//! [TUF]: https://theupdateframework.github.io/specification/latest/

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::{Code, Coded};
use serde::{Deserialize, Serialize};
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Repository, StoreRepository, Updater};

use crate::{TrustRoot, TrustRootError};

/// Where the public-good Sigstore publishes its root.
pub const PUBLIC_GOOD_URL: &str = "https://tuf-repo-cdn.sigstore.dev/";
/// The target that we want.
const TARGET: &str = "trusted_root.json";
/// A root of the public-good repository, of version 16, with which `sigstore-rust`
/// 0.15.1 begins as well.
const PUBLIC_GOOD_ROOT: &[u8] = include_bytes!("../roots/public-good.root.json");

/// The error of a [`TufSource`].
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;
/// What a [`TufSource`] answers with, later.
pub type Fetched<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, SourceError>> + Send + 'a>>;

/// Where the files of a TUF repository come from.
pub trait TufSource: Send + Sync + 'static {
    /// The file at `path`, relative to the repository, or `None` if it has none.
    /// It must not read more than `max_bytes`.
    fn fetch<'a>(&'a self, path: &'a str, max_bytes: u64) -> Fetched<'a>;
}

/// What trust in a TUF repository begins with: one of its roots.
#[derive(Clone, Debug)]
pub struct TufAnchor {
    root: Vec<u8>,
    is_public_good: bool,
}

/// The files of a TUF repository that were accepted. Nothing in it is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TufCache {
    /// When it was last refreshed, by the clock of whoever did.
    refreshed_at: Option<Timestamp>,
    files: BTreeMap<String, String>,
}

/// A trust root that is in a TUF repository, and how current it is.
#[derive(Clone, Debug)]
pub struct TufRoot {
    /// The trust root.
    pub root: TrustRoot,
    /// How current it is.
    pub status: TufStatus,
}

/// How current a copy of a TUF repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TufStatus {
    /// The version of the repository's root.
    pub root_version: u64,
    /// The version of its targets.
    pub targets_version: u64,
    /// When it was last refreshed, if the cache says so.
    pub refreshed_at: Option<Timestamp>,
    /// Until when it is known that nothing newer was withheld.
    pub fresh_until: Timestamp,
    /// Until when it may be used at all.
    pub expires: Timestamp,
}

impl TufStatus {
    /// Whether something newer may well exist.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.fresh_until
    }
}

/// Why a TUF repository, or a copy of one, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// A file could not be fetched.
    #[error("the TUF repository cannot be reached")]
    Source(#[source] Box<sigstore_tuf::Error>),
    /// Something has expired.
    #[error("the {role} of the TUF repository expired at {expires}")]
    Expired {
        /// Which of its roles: `root`, `timestamp`, `snapshot` or `targets`.
        role: String,
        /// When.
        expires: Timestamp,
    },
    /// Something is older than what was accepted before.
    #[error("the TUF repository shows something older than it did before")]
    Rollback(#[source] Box<sigstore_tuf::Error>),
    /// Something is not signed as it has to be, or not what was signed.
    #[error("the TUF repository does not hold together")]
    Invalid(#[source] Box<sigstore_tuf::Error>),
    /// There is no copy.
    #[error("the TUF repository was never fetched")]
    NoCopy,
    /// A copy lacks something.
    #[error("the copy of the TUF repository is incomplete")]
    Incomplete,
    /// The trust root in it cannot be used.
    #[error("the trust root in the TUF repository cannot be used")]
    Root(#[source] TrustRootError),
}

impl TufAnchor {
    /// The public-good Sigstore's.
    pub fn public_good() -> Self {
        Self { root: PUBLIC_GOOD_ROOT.to_vec(), is_public_good: true }
    }

    /// The one that begins with `root`, a `root.json` that somebody vouched for.
    ///
    /// # Errors
    ///
    /// [`TufError::Invalid`] if it is none, or not signed by its own keys.
    pub fn from_json(root: &[u8]) -> Result<Self, TufError> {
        sigstore_tuf::TrustedMetadataSet::from_root(root).map_err(TufError::of)?;
        Ok(Self { root: root.to_vec(), is_public_good: false })
    }

    /// Fetches what is new since `cache`, and verifies it. The cache that comes
    /// back is to be kept instead.
    ///
    /// # Errors
    ///
    /// [`TufError`], and nothing is to be kept.
    pub async fn refresh(
        &self,
        cache: &TufCache,
        source: impl TufSource,
        now: Timestamp,
    ) -> Result<(TufCache, TufRoot), TufError> {
        let store = Store::of(cache);
        let mut updater = Updater::new(Remote(source), &self.root)
            .map_err(TufError::of)?
            .with_store(Arc::clone(&store));
        updater.refresh(now).await.map_err(TufError::of)?;
        updater.get_target(TARGET, now).await.map_err(TufError::of)?;
        let cache = store.into_cache(now)?;
        // Read back from what is to be kept, so that it is known to be of use.
        let root = self.open(&cache, now)?;
        Ok((cache, root))
    }

    /// Verifies a copy again, without asking anybody.
    ///
    /// # Errors
    ///
    /// [`TufError::Expired`] if its root or targets have; others if it is not what
    /// [`Self::refresh`] made.
    pub fn open(&self, cache: &TufCache, now: Timestamp) -> Result<TufRoot, TufError> {
        if cache.files.is_empty() {
            return Err(TufError::NoCopy);
        }
        let fresh_until = cache.expiry("timestamp.json")?.min(cache.expiry("snapshot.json")?);
        // A copy that is stale is verified as of its last fresh moment; whether
        // the roles that decide have expired since then is asked below.
        let at = now.min(fresh_until - SignedDuration::from_secs(1));
        let store = Store::of(cache);
        let mut updater = Updater::new(StoreRepository::new(Arc::clone(&store)), &self.root)
            .map_err(TufError::of)?
            .with_store(store);
        // Whatever would have to be fetched is missing.
        let of_copy = |error| match TufError::of(error) {
            TufError::Source(_) => TufError::Incomplete,
            other => other,
        };
        at_once(updater.refresh(at)).map_err(of_copy)?;
        let json = at_once(updater.get_target(TARGET, at)).map_err(of_copy)?;
        let trusted = updater.trusted();
        let targets = trusted.targets_role("targets").ok_or(TufError::Incomplete)?;
        let mut expires = Timestamp::MAX;
        for (role, at) in [("root", trusted.root().expires), ("targets", targets.expires)] {
            if now >= at {
                return Err(TufError::Expired { role: role.to_owned(), expires: at });
            }
            expires = expires.min(at);
        }
        let json = std::str::from_utf8(&json).map_err(|_| TufError::Incomplete)?;
        let root = if self.is_public_good {
            TrustRoot::public_good_from(json)
        } else {
            TrustRoot::from_json(json)
        };
        let status = TufStatus {
            root_version: trusted.root().version,
            targets_version: targets.version,
            refreshed_at: cache.refreshed_at,
            fresh_until,
            expires,
        };
        Ok(TufRoot { root: root.map_err(TufError::Root)?, status })
    }
}

impl TufCache {
    /// The most bytes that a cache takes as JSON: the limits of a repository's
    /// files are far below it.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// Until when a role says that it is valid. Only a hint of when to verify.
    fn expiry(&self, name: &str) -> Result<Timestamp, TufError> {
        #[derive(Deserialize)]
        struct Outline {
            signed: Signed,
        }
        #[derive(Deserialize)]
        struct Signed {
            expires: Timestamp,
        }
        let json = self.files.get(name).ok_or(TufError::Incomplete)?;
        serde_json::from_str::<Outline>(json)
            .map(|outline| outline.signed.expires)
            .map_err(|error| TufError::Invalid(Box::new(error.into())))
    }
}

/// A cache while it is being read and written.
#[derive(Default)]
struct Store(Mutex<BTreeMap<String, Vec<u8>>>);

impl Store {
    fn of(cache: &TufCache) -> Arc<Self> {
        let files = cache.files.iter();
        let files = files.map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        Arc::new(Self(Mutex::new(files.collect())))
    }

    fn into_cache(self: Arc<Self>, now: Timestamp) -> Result<TufCache, TufError> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let files = files
            .iter()
            // The snapshot is kept under its plain name too; these would pile up.
            .filter(|(name, _)| !name.ends_with(".snapshot.json"))
            .map(|(name, bytes)| Ok((name.clone(), String::from_utf8(bytes.clone())?)))
            .collect::<Result<_, std::string::FromUtf8Error>>()
            .map_err(|_| TufError::Incomplete)?;
        Ok(TufCache { refreshed_at: Some(now), files })
    }
}

impl MetadataStore for Store {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// A source, as the library wants it.
struct Remote<S>(S);

impl<S: TufSource> Remote<S> {
    async fn get(&self, path: &str, max_bytes: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let failed = |source| {
            sigstore_tuf::Error::transport_with_source(format!("could not fetch `{path}`"), source)
        };
        match self.0.fetch(path, max_bytes).await.map_err(failed)? {
            Some(bytes) if bytes.len() as u64 > max_bytes => {
                Err(sigstore_tuf::Error::transport(format!("`{path}` is too long")))
            }
            other => Ok(other),
        }
    }
}

impl<S: TufSource> Repository for Remote<S> {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get(name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { self.get(&format!("targets/{path}"), max_length).await })
    }
}

/// The result of work that waits for nothing: its files are in memory.
fn at_once<T>(work: impl Future<Output = sigstore_tuf::Result<T>>) -> sigstore_tuf::Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(sigstore_tuf::Error::NotRefreshed),
    }
}

impl TufError {
    fn of(error: sigstore_tuf::Error) -> Self {
        use sigstore_tuf::Error;
        match error {
            Error::Expired { role, expires } => Self::Expired { role, expires },
            Error::Rollback { .. } => Self::Rollback(Box::new(error)),
            Error::Transport { .. } | Error::Io { .. } => Self::Source(Box::new(error)),
            other => Self::Invalid(Box::new(other)),
        }
    }
}

impl Coded for TufError {
    fn code(&self) -> Code {
        match self {
            Self::Source(_) => Code::Transport,
            Self::Rollback(_) => Code::Rollback,
            Self::Expired { .. } => Code::Stale,
            Self::Invalid(_) | Self::NoCopy | Self::Incomplete | Self::Root(_) => Code::TrustRoot,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Source(_) => "what was fetched before is used for as long as it may be",
            Self::Expired { .. } | Self::NoCopy | Self::Incomplete => {
                "go online and run `mcpkg trust update`; check the clock if that changes nothing"
            }
            Self::Rollback(_) | Self::Invalid(_) | Self::Root(_) => {
                "nothing was changed; somebody may be in between, so try from another network"
            }
        })
    }
}
