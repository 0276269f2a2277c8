//! Which key store, and why.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::path::Path;

use mcpkg_core::secret::{SecretReference, StoreName};
use serde::{Deserialize, Serialize};

use super::age_file::AgeFile;
use super::system::SystemStore;
use super::{Index, Secret, SecretError, SecretStore, StoreError, process};
use crate::config::SecretsConfig;
use crate::lock_file::Exclusive;
use crate::places::Places;

/// The two key stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// The system's own: Secret Service, Keychain or Credential Manager.
    System,
    /// A file, encrypted with a passphrase.
    File,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System if cfg!(target_os = "macos") => "the Keychain",
            Self::System if cfg!(windows) => "the Credential Manager",
            Self::System => "the system's key store (Secret Service)",
            Self::File => "the encrypted file of secrets",
        })
    }
}

/// The key store for new secrets.
#[derive(Debug)]
pub struct Choice {
    /// Which one.
    pub kind: StoreKind,
    /// Why that one.
    pub why: Why,
}

/// Why a key store was chosen.
#[derive(Debug)]
pub enum Why {
    /// The configuration says so.
    Configured,
    /// The system has one.
    Available,
    /// The system has none, for this reason.
    NoSystem(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("the configuration says so"),
            Self::Available => f.write_str("the system has one"),
            Self::NoSystem(reason) => write!(f, "the system's key store is not there: {reason}"),
        }
    }
}

/// What is kept apart in a key store. No name in one leads to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawer {
    /// The secrets of servers, which `store:` references lead to.
    Secrets,
    /// The user's log-ins at registries.
    Logins,
}

impl Drawer {
    /// What it is called, in key stores and as a file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Logins => "logins",
        }
    }
}

/// The key stores of this machine, each opened when it is first needed.
pub struct Stores<'a> {
    places: Cow<'a, Places>,
    drawer: Drawer,
    config: SecretsConfig,
    system: OnceCell<SystemStore>,
    file: AgeFile,
}

impl<'a> Stores<'a> {
    /// The stores, as the user configured them. Nothing is opened yet.
    pub fn new(places: &'a Places, config: &SecretsConfig) -> Self {
        Self::open(Cow::Borrowed(places), config, Drawer::Secrets)
    }

    /// The same stores, for log-ins.
    pub(crate) fn of_logins(places: Cow<'a, Places>, config: &SecretsConfig) -> Self {
        Self::open(places, config, Drawer::Logins)
    }

    fn open(places: Cow<'a, Places>, config: &SecretsConfig, drawer: Drawer) -> Self {
        let path = places.secrets().join(format!("{}.age", drawer.name()));
        let file = AgeFile::new(path, config.passphrase.clone());
        Self { places, drawer, config: config.clone(), system: OnceCell::new(), file }
    }

    /// The store for new secrets: the configured one, or the system's, or the file.
    pub fn choose(&self) -> Result<Choice, SecretError> {
        if let Some(kind) = self.config.store {
            self.store(kind)?;
            return Ok(Choice { kind, why: Why::Configured });
        }
        Ok(match self.system() {
            Ok(_) => Choice { kind: StoreKind::System, why: Why::Available },
            Err(reason) => Choice { kind: StoreKind::File, why: Why::NoSystem(reason.to_string()) },
        })
    }

    /// The names of what is kept.
    pub fn index(&self) -> Result<Index, SecretError> {
        Index::read(&self.places, self.drawer)
    }

    /// The encrypted file, whether there is one or not.
    pub fn file(&self) -> &Path {
        self.file.path()
    }

    /// Where the passphrase of the encrypted file is found, if not at a terminal.
    pub fn passphrase(&self) -> Option<&SecretReference> {
        self.config.passphrase.as_ref()
    }

    /// The secret of this name, if there is one: from the store that it was put into,
    /// whichever is there for new ones.
    pub fn get(&self, name: &StoreName) -> Result<Option<Secret>, SecretError> {
        process::protect()?;
        let kind = match self.index()?.get(name) {
            Some(kind) => kind,
            None => self.choose()?.kind,
        };
        self.store(kind)?.get(name)
    }

    /// Keeps a secret. Says where.
    pub fn set(&self, name: &StoreName, secret: &Secret) -> Result<StoreKind, SecretError> {
        process::protect()?;
        let _turn = self.turn()?;
        let kind = self.choose()?.kind;
        let mut index = self.index()?;
        self.store(kind)?.set(name, secret)?;
        // The old value in the other store, if that is at hand. The index would not lead
        // to it any more.
        if let Some(other) = index.get(name).filter(|other| *other != kind)
            && let Ok(store) = self.store(other)
        {
            store.remove(name)?;
        }
        index.insert(name, kind)?;
        Ok(kind)
    }

    /// Forgets a secret.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unknown`] if there is none of this name.
    pub fn remove(&self, name: &StoreName) -> Result<(), SecretError> {
        let _turn = self.turn()?;
        let mut index = self.index()?;
        let listed = index.get(name);
        let kind = match listed {
            Some(kind) => kind,
            None => self.choose()?.kind,
        };
        let was_there = self.store(kind)?.remove(name)?;
        index.remove(name)?;
        if was_there || listed.is_some() { Ok(()) } else { Err(SecretError::Unknown(name.clone())) }
    }

    /// Waits until no other process of ours changes what is kept.
    fn turn(&self) -> Result<Exclusive, SecretError> {
        Exclusive::named(self.drawer.name(), &self.places).map_err(|error| SecretError::Index {
            path: self.places.locks(),
            source: io::Error::other(error.to_string()),
        })
    }

    fn store(&self, kind: StoreKind) -> Result<&dyn SecretStore, SecretError> {
        match kind {
            StoreKind::System => match self.system() {
                Ok(system) => Ok(system),
                Err(reason) => Err(SecretError::Store { kind, reason }),
            },
            StoreKind::File => Ok(&self.file),
        }
    }

    fn system(&self) -> Result<&SystemStore, StoreError> {
        match self.system.get() {
            Some(system) => Ok(system),
            None => SystemStore::open(self.drawer).map(|system| self.system.get_or_init(|| system)),
        }
    }
}
