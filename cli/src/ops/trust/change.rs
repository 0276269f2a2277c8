//! Adding somebody to those who may vouch, and taking them away again.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::namespace::NamePattern;
use mcpkg_verify::{TrustStore, TrustedKey};
use url::Url;

use super::{PUBLIC_GOOD, Tuf, Update, read, read_root};
use crate::atomic;
use crate::config::{Config, NamedKey, NamedRoot, check_name};
use crate::error::{Error, Result};
use crate::places::Places;

/// Somebody who is to vouch for some names.
#[derive(Debug)]
pub struct Addition<'a> {
    /// What the user calls it, if they said.
    pub name: Option<&'a str>,
    /// What it is.
    pub source: Source<'a>,
    /// The names.
    pub namespaces: &'a [NamePattern],
    /// What a key signed before this does not count.
    pub valid_from: Option<Timestamp>,
    /// What a key signed at this time or later does not count.
    pub valid_until: Option<Timestamp>,
}

/// What may vouch.
#[derive(Debug)]
pub enum Source<'a> {
    /// The root of a Sigstore, or a key, in a file.
    File(&'a Path),
    /// A root that a TUF repository keeps current.
    Tuf {
        /// Where the repository is.
        url: &'a Url,
        /// What trust in it begins with.
        root: &'a Path,
    },
}

/// What was found of somebody who is to vouch. Nothing is written yet.
pub struct Added {
    /// What it is called.
    pub name: String,
    /// What was found.
    pub found: Found,
    config: Config,
    kept: PathBuf,
    text: String,
}

/// What was found of somebody who is to vouch.
pub enum Found {
    /// A file of this fingerprint.
    File(Digest),
    /// What its repository has.
    Tuf(Box<Update>),
}

impl Addition<'_> {
    /// Reads or fetches it, and holds it to what it would have to be.
    ///
    /// # Errors
    ///
    /// If there is one of that name, or it could not vouch for these names.
    pub fn prepare(
        &self,
        config: Config,
        places: &Places,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Added> {
        let name = self.chosen_name()?;
        check_name("name for a trust root or key", &name)?;
        if name == PUBLIC_GOOD || config.trust_names().any(|other| other == name) {
            return Err(Error::TrustExists(name));
        }
        match self.source {
            Source::File(file) => self.file(name, file, config),
            Source::Tuf { url, root } => {
                self.refuse_window()?;
                let mut url = url.clone();
                if !url.path().ends_with('/') {
                    url.set_path(&format!("{}/", url.path()));
                }
                let text = read(root)?;
                // Fetched before it is kept: what cannot be fetched is not trusted either.
                let tuf = Tuf::new(&name, &url, &text, places)?;
                let found = Found::Tuf(Box::new(tuf.update(now, keep == Keep::Nothing)?));
                let kept = kept_file(&name, "tuf-root.json");
                let config = self.with_root(config, &name, Some(url), &kept);
                Ok(Added { name, found, config, kept, text })
            }
        }
    }

    fn file(&self, name: String, file: &Path, mut config: Config) -> Result<Added> {
        let text = read(file)?;
        if text.contains("-----BEGIN") {
            let kept = kept_file(&name, "pem");
            let key = self.key(&name, &text)?;
            config.trust_keys.push(NamedKey {
                name: name.clone(),
                file: kept.clone(),
                namespaces: self.namespaces.to_vec(),
                valid_from: self.valid_from,
                valid_until: self.valid_until,
            });
            return Ok(Added { name, found: Found::File(key.fingerprint()), config, kept, text });
        }
        self.refuse_window()?;
        let found = Found::File(read_root(file)?.fingerprint());
        let kept = kept_file(&name, "json");
        let config = self.with_root(config, &name, None, &kept);
        Ok(Added { name, found, config, kept, text })
    }

    /// A key, if it can be one for these names.
    fn key(&self, name: &str, pem: &str) -> Result<TrustedKey> {
        let unusable = || format!("the key `{name}` cannot be trusted");
        let key = TrustedKey::from_pem(pem, self.valid_from, self.valid_until)
            .map_err(Error::wrap(unusable()))?;
        TrustStore::default()
            .with_key(self.namespaces.to_vec(), key.clone())
            .map_err(Error::wrap(unusable()))?;
        Ok(key)
    }

    fn with_root(&self, mut config: Config, name: &str, tuf: Option<Url>, kept: &Path) -> Config {
        config.trust_roots.push(NamedRoot {
            name: name.to_owned(),
            tuf,
            file: kept.to_owned(),
            namespaces: self.namespaces.to_vec(),
        });
        config
    }

    /// What the user calls it, or what it is called after.
    fn chosen_name(&self) -> Result<String> {
        if let Some(name) = self.name {
            return Ok(name.to_owned());
        }
        let after = match &self.source {
            Source::File(file) => file.file_stem().and_then(|stem| stem.to_str()),
            Source::Tuf { url, .. } => url.host_str(),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        after.map(|name| name.chars().map(plain).collect()).ok_or_else(|| Error::Argument {
            what: "name for a trust root or key",
            found: String::new(),
            reason: "choose one with `--name`".to_owned(),
        })
    }

    /// Refuses times for what has its own.
    fn refuse_window(&self) -> Result<()> {
        match self.valid_from.or(self.valid_until) {
            None => Ok(()),
            Some(time) => Err(Error::Argument {
                what: "time for a trust root",
                found: time.to_string(),
                reason: "only keys have a window; a root has the times of its authorities"
                    .to_owned(),
            }),
        }
    }
}

/// Whether what is fetched is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is.
    All,
    /// It is only looked at.
    Nothing,
}

impl Added {
    /// Trusts it from now on.
    pub fn commit(self, places: &Places) -> Result<()> {
        // A copy, so that what is trusted does not change with a file elsewhere.
        atomic::write(&places.config.join(&self.kept), self.text.as_bytes())?;
        self.config.write(places)
    }
}

/// Somebody who is to vouch no more.
pub struct Removal {
    config: Config,
    file: PathBuf,
    tuf: Option<Tuf>,
}

impl Removal {
    /// Finds the one that is called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrust`] for none, and for the one that cannot be removed.
    pub fn of(name: &str, mut config: Config, places: &Places) -> Result<Self> {
        let root = config.trust_roots.iter().position(|named| named.name == name);
        let key = config.trust_keys.iter().position(|named| named.name == name);
        let (file, tuf) = match (root, key) {
            (Some(index), _) => {
                let named = config.trust_roots.remove(index);
                let tuf = Tuf::of(&named, places)?;
                (named.file, tuf)
            }
            (None, Some(index)) => (config.trust_keys.remove(index).file, None),
            (None, None) => return Err(Error::UnknownTrust(name.to_owned())),
        };
        Ok(Self { config, file, tuf })
    }

    /// Trusts it no more, and forgets what was fetched of it.
    pub fn commit(self, places: &Places) -> Result<()> {
        self.config.write(places)?;
        let path = places.config.join(self.file);
        fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
        self.tuf.map_or(Ok(()), |tuf| tuf.forget())
    }
}

fn kept_file(name: &str, kind: &str) -> PathBuf {
    PathBuf::from(format!("trust.{name}.{kind}"))
}
