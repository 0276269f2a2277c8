//! A root that is kept current through TUF, and what was fetched of it.
//!
//! What was fetched is one file, `$XDG_STATE_HOME/mcpkg/trust/<name>.json`, which
//! is old or new and never half, and is verified each time it is used.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_upstream::tuf::{HttpRepository, client};
use mcpkg_verify::tuf::{PUBLIC_GOOD_URL, SourceError, TufAnchor, TufCache, TufError, TufRoot};
use url::Url;

use super::{CurrentRoot, PUBLIC_GOOD, cache_path, read};
use crate::atomic;
use crate::config::NamedRoot;
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::check_address;

/// A root in a TUF repository.
#[derive(Debug)]
pub struct Tuf {
    name: String,
    url: Url,
    anchor: TufAnchor,
    cache: PathBuf,
}

/// What an update came to.
#[derive(Debug)]
pub struct Update {
    /// What was used before, if anything could be.
    pub before: Option<CurrentRoot>,
    /// What is used from now on.
    pub after: CurrentRoot,
}

impl Tuf {
    /// The public-good Sigstore's.
    pub fn public_good(places: &Places) -> Result<Self> {
        let url = Url::parse(PUBLIC_GOOD_URL).map_err(|error| Error::Argument {
            what: "address",
            found: PUBLIC_GOOD_URL.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            name: PUBLIC_GOOD.to_owned(),
            url,
            anchor: TufAnchor::public_good(),
            cache: cache_path(places, PUBLIC_GOOD),
        })
    }

    /// That of a root that the user added; `None` if it is a plain file.
    pub fn of(named: &NamedRoot, places: &Places) -> Result<Option<Self>> {
        let Some(url) = &named.tuf else { return Ok(None) };
        let root = read(&places.config.join(&named.file))?;
        Self::new(&named.name, url, &root, places).map(Some)
    }

    /// The one at `url` that begins with `root`, a `root.json`.
    pub fn new(name: &str, url: &Url, root: &str, places: &Places) -> Result<Self> {
        let unusable = format!("the TUF root of `{name}` cannot be used");
        let anchor = TufAnchor::from_json(root.as_bytes()).map_err(Error::wrap(unusable))?;
        let cache = cache_path(places, name);
        Ok(Self { name: name.to_owned(), url: url.clone(), anchor, cache })
    }

    /// What was fetched last, verified again. `None` if nothing ever was.
    ///
    /// # Errors
    ///
    /// `E_STALE` if it may be used no longer.
    pub fn open(&self, now: Timestamp) -> Result<Option<CurrentRoot>> {
        match self.anchor.open(&self.copy()?, now) {
            Err(TufError::NoCopy) => Ok(None),
            other => other.map(|found| Some(found.into())).map_err(Error::wrap(self.unusable())),
        }
    }

    /// Asks the repository for what is new, and keeps it, unless it is only to be
    /// looked at.
    pub fn update(&self, now: Timestamp, is_dry_run: bool) -> Result<Update> {
        check_address(&self.url)?;
        let unreachable =
            |source: SourceError| Error::Transport { url: self.url.to_string(), source };
        let client = client().map_err(|error| unreachable(error.into()))?;
        let repository = HttpRepository::new(client, self.url.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(error.into()))?;
        // Whatever can be used no longer still says what must not go back.
        let copy = self.copy()?;
        let before = self.anchor.open(&copy, now).ok().map(CurrentRoot::from);
        let failed = format!("could not refresh the trust root `{}`", self.name);
        let (copy, after) = runtime
            .block_on(self.anchor.refresh(&copy, repository, now))
            .map_err(Error::wrap(failed))?;
        if !is_dry_run {
            let json = serde_json::to_vec(&copy).map_err(Error::Json)?;
            atomic::write(&self.cache, &json)?;
        }
        Ok(Update { before, after: after.into() })
    }

    /// Forgets what was fetched.
    pub fn forget(&self) -> Result<()> {
        match fs::remove_file(&self.cache) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Write { path: self.cache.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    /// The failure of a root that was never fetched.
    pub(super) fn never_fetched(&self) -> Error {
        Error::wrap(self.unusable())(TufError::NoCopy)
    }

    fn unusable(&self) -> String {
        format!("the trust root `{}` cannot be used", self.name)
    }

    fn copy(&self) -> Result<TufCache> {
        let json = match fs::read(&self.cache) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(TufCache::default());
            }
            other => other.map_err(|source| Error::Read { path: self.cache.clone(), source })?,
        };
        serde_json::from_slice(&json).map_err(|error| Error::Setting {
            message: format!("`{}` is no copy of a TUF repository: {error}", self.cache.display()),
            hint: "remove that file, and run `mcpkg trust update`",
        })
    }
}

impl From<TufRoot> for CurrentRoot {
    fn from(found: TufRoot) -> Self {
        Self { root: found.root, status: Some(found.status) }
    }
}
