//! `mcpkg-registry fsck --rebuild`: the database again, from log and blobs.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::log::Tree;
use serde::Serialize;

use crate::blobs::{Blobs, blocking};
use crate::config::Config;
use crate::durable;
use crate::log::{Edge, LogError, failed_to};
use crate::replay::change_of;
use crate::server::{DATABASE, StorageError};
use crate::store::Store;

/// What belongs to a database beside its file.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// How many entries are applied at once.
const BATCH: usize = 256;

/// What was rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// How many entries were applied.
    pub entries: u64,
    /// Where the database is that was there before.
    pub before: Option<PathBuf>,
}

/// Makes the database of the registry of `config` again. The one that was there is
/// kept beside it. No server may run.
///
/// # Errors
///
/// Nothing was changed then. Every entry has to be that of a signed tree, and
/// every blob has to be there and whole.
pub async fn rebuild(config: &Config) -> Result<Rebuilt, StorageError> {
    let data = config.data.clone();
    let parts = config.log.parts(&data);
    let (edge, tree, files) = blocking(move || {
        let log = parts.open(false)?;
        let tree = log.served().tree;
        Ok::<_, LogError>((Edge::load(&parts.files, tree.size)?, tree, parts.files))
    })
    .await?;

    let new = data.join(format!("{DATABASE}.new"));
    for suffix in SUFFIXES {
        remove(&beside(&new, suffix))?;
    }
    let store = Store::open(&new, config.limits.database()).await?;
    let blobs = Blobs::at(&data);
    let (mut entries, mut computed) = (0, Edge::default());
    while entries < tree.size {
        let (files, blobs, edge, mut before) =
            (files.clone(), blobs.clone(), edge.clone(), computed);
        let (changes, after) = blocking(move || {
            let leaves = edge.bundle(&files, entries / BATCH as u64)?;
            let mut changes = Vec::with_capacity(leaves.len());
            for (index, leaf) in (entries..).zip(leaves) {
                before.append(&leaf);
                changes.push((index, change_of(index, &leaf, &blobs)?));
            }
            Ok::<_, LogError>((changes, before))
        })
        .await?;
        computed = after;
        let reached: Tree = computed.tree();
        store.apply(&changes, &reached).await?;
        entries = reached.size;
    }
    if computed.tree() != tree {
        let path = data.join("log");
        let reason = "its entries do not make the tree that was signed";
        return Err(LogError::Damaged { path, reason }.into());
    }
    store.close().await;
    let before = swap(&data, &new)?;
    Ok(Rebuilt { entries, before })
}

/// Puts the new database in the place of the old one. A stop in between leaves no
/// database, and the next start makes it again too.
fn swap(data: &Path, new: &Path) -> Result<Option<PathBuf>, LogError> {
    let current = data.join(DATABASE);
    let kept = data.join(format!("{DATABASE}.before-rebuild"));
    let existed = current.exists();
    for suffix in SUFFIXES {
        remove(&beside(&kept, suffix))?;
    }
    // The log of a database goes with it: under the new one it would be read.
    for suffix in SUFFIXES {
        let (from, to) = (beside(&current, suffix), beside(&kept, suffix));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed_to("move", &from)(error));
            }
            _ => (),
        }
    }
    durable::sync_folder(data).map_err(failed_to("sync", data))?;
    fs::rename(new, &current).map_err(failed_to("move", new))?;
    durable::sync_folder(data).map_err(failed_to("sync", data))?;
    Ok(existed.then_some(kept))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.to_owned().into_os_string();
    beside.push(suffix);
    beside.into()
}

fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to("remove", path)(error))
        }
        _ => Ok(()),
    }
}

impl fmt::Display for Rebuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "made the database again from {} entries", self.entries)?;
        match &self.before {
            Some(path) => write!(f, "; the one from before is `{}`", path.display()),
            None => Ok(()),
        }
    }
}
