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
use crate::server::DATABASE;
use crate::start_error::StorageError;
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
    /// Whether that one's entries of others, which no log has, could not be taken over.
    pub others_are_lost: bool,
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
    remember_listed(&store, &data.join(DATABASE)).await;
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
    let others_are_lost = carry_over(&store, &data.join(DATABASE)).await;
    store.close().await;
    let before = swap(&data, &new)?;
    Ok(Rebuilt { entries, before, others_are_lost })
}

/// Takes over which releases the database at `earlier` has listed, for their rows. Without
/// it, whoever follows changes reads all of them again, and is told of no withdrawal.
async fn remember_listed(store: &Store, earlier: &Path) {
    if !earlier.is_file() {
        return;
    }
    if let Err(error) = store.carry_over_listed_before(earlier).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "could not take over which releases were listed");
    }
}

/// Takes over what the database at `earlier` has and no log says, and tells whether the
/// entries of others in it are lost. It may be damaged, which may be why it is made again.
async fn carry_over(store: &Store, earlier: &Path) -> bool {
    if !earlier.is_file() {
        return false;
    }
    let listed = store.carry_over_listed(earlier).await;
    let others_are_lost = listed.is_err();
    let all = [
        ("what a mirror remembers beside its logs", store.carry_over(earlier).await),
        ("what people said of releases", store.carry_over_words(earlier).await),
        ("the entries that are not ours", listed),
    ];
    for (what, taken) in all {
        if let Err(error) = &taken {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "could not take over {what}");
        }
    }
    others_are_lost
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
        if let Some(path) = &self.before {
            write!(f, "; the one from before is `{}`", path.display())?;
        }
        if self.others_are_lost {
            write!(f, "; the entries of others in it are lost: follow their registries again")?;
        }
        Ok(())
    }
}
