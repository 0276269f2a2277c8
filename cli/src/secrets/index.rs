//! The names of the secrets that are kept, and where each of them is.
//!
//! Not every key store can list what is in it, and the encrypted file would have to
//! be opened for that. The list holds names alone.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use mcpkg_core::secret::StoreName;
use serde::{Deserialize, Serialize};

use super::stores::Drawer;
use super::{SecretError, StoreKind};
use crate::atomic;
use crate::places::Places;

/// Which secrets are kept, and in which store.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    names: Names,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Names {
    names: BTreeMap<StoreName, StoreKind>,
}

impl Index {
    /// Reads the list. None yet is an empty one.
    pub(super) fn read(places: &Places, drawer: Drawer) -> Result<Self, SecretError> {
        let path = places.secrets().join(match drawer {
            Drawer::Secrets => "names.json",
            Drawer::Logins => "logins.json",
        });
        let failed = |source| SecretError::Index { path: path.clone(), source };
        let names = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Names::default(),
            Err(error) => return Err(failed(error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?,
        };
        Ok(Self { path, names })
    }

    /// Where the secret of this name is.
    pub fn get(&self, name: &StoreName) -> Option<StoreKind> {
        self.names.names.get(name).copied()
    }

    /// All names, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&StoreName, StoreKind)> {
        self.names.names.iter().map(|(name, kind)| (name, *kind))
    }

    pub(super) fn insert(&mut self, name: &StoreName, kind: StoreKind) -> Result<(), SecretError> {
        self.names.names.insert(name.clone(), kind);
        self.write()
    }

    pub(super) fn remove(&mut self, name: &StoreName) -> Result<(), SecretError> {
        if self.names.names.remove(name).is_some() { self.write() } else { Ok(()) }
    }

    fn write(&self) -> Result<(), SecretError> {
        let failed = |source| SecretError::Index { path: self.path.clone(), source };
        let mut text =
            serde_json::to_string_pretty(&self.names).map_err(|error| failed(error.into()))?;
        text.push('\n');
        atomic::write_private(&self.path, text.as_bytes())
            .map_err(|error| failed(io::Error::other(error.to_string())))
    }
}
