//! `mcpkg-registry backup` and `restore`: the log and the blobs, of which the database is
//! made again, and what no log says.
//!
//! A backup has the layout of a data folder, without a database, and holds neither
//! the log's key nor its guard: whoever has it cannot sign, and restoring it cannot
//! make the log forget what was signed. It is made beside a running server, and
//! again into the same folder: then only what is new is copied.
//!
//! What no log says is in [`beside`]: entries that nobody has signed, what people said of
//! releases, and which source a name came from.
//!
//! Everything that is copied, either way, is recomputed to the signed root or to its
//! digest. The checkpoint is written last, so that a copy that stopped is the
//! backup that it was before.

mod beside;

use std::fmt;
use std::path::Path;

use mcpkg_core::log::{Entry, Level, TILE_WIDTH};
use serde::Serialize;

use crate::blobs::{Blobs, blocking};
use crate::config::Config;
use crate::log::{Edge, LogError, LogFiles, OpenedLog, Published, failed_to, size_of};
use crate::mirror::RemovalList;
use crate::server::DATABASE;
use crate::start_error::StorageError;

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    /// How many entries the copy has.
    pub entries: u64,
    /// How many blobs it has.
    pub blobs: u64,
    /// How many of them were copied now.
    pub new_blobs: u64,
    /// How many entries that nobody has signed it has.
    pub unsigned: u64,
}

/// Copies the registry of `config` into the folder `to`, also while it runs.
pub(crate) async fn backup(config: &Config, to: &Path) -> Result<Copied, StorageError> {
    // First what is beside the log: an entry that a release takes the place of meanwhile
    // gives way again when it is restored.
    let unsigned = beside::save(config, to).await?;
    let (parts, data, to) = (config.log.parts(&config.data), config.data.clone(), to.to_owned());
    let copied = blocking(move || copy(&parts, &Blobs::at(&data), &to, || Ok(()))).await?;
    Ok(Copied { unsigned, ..copied })
}

/// Makes the data folder of `config` from the backup `from`. The next start makes
/// the database.
pub(crate) async fn restore(config: &Config, from: &Path) -> Result<Copied, StorageError> {
    let (data, from) = (config.data.clone(), from.to_owned());
    let (staged, unsigned) = beside::stage(config, &from).await?;
    let parts = OpenedLog { files: LogFiles::at(&from), ..config.log.parts(&data) };
    let copied: Result<Copied, StorageError> = blocking(move || {
        for taken in [data.join(DATABASE), data.join("log").join("checkpoint")] {
            if taken.exists() {
                return Err(LogError::Exists(taken).into());
            }
        }
        copy(&parts, &Blobs::at(&from), &data, || staged.map_or(Ok(()), beside::Staged::place))
    })
    .await;
    Ok(Copied { unsigned, ..copied? })
}

/// Copies what `parts` and `blobs` have into the folder `to`. `last` is done before that
/// counts as copied.
fn copy(
    parts: &OpenedLog,
    blobs: &Blobs,
    to: &Path,
    last: impl FnOnce() -> Result<(), LogError>,
) -> Result<Copied, StorageError> {
    let Published { trust, note, tree, edge } = parts.published()?;
    let (from, files) = (&parts.files, LogFiles::at(to));
    let target = Blobs::open(to)?;
    if let Some(there) = files.checkpoint()? {
        let there = trust.verify_checkpoint(&there).map_err(LogError::from)?.tree();
        if there.size > tree.size {
            let found = tree.size.to_string();
            return Err(LogError::Behind { guard: there, found }.into());
        }
    }

    let mut copied = Copied { entries: tree.size, ..Copied::default() };
    let mut computed = Edge::default();
    for bundle in 0..tree.size.div_ceil(TILE_WIDTH) {
        for leaf in edge.bundle(from, bundle)? {
            for digest in blobs_of(&leaf)? {
                copied.blobs += 1;
                copied.new_blobs += u64::from(target.copy_from(blobs, digest)?);
            }
            for (path, bytes) in computed.append(&leaf) {
                if !files.has_tile(&path) {
                    files.put_tile(&path, &bytes)?;
                }
            }
        }
        let notes = from.checkpoints(bundle)?;
        let notes: Vec<_> = notes.into_iter().filter(|note| size_of(note) <= tree.size).collect();
        files.put_checkpoints(bundle, &notes)?;
    }
    if computed.tree() != tree {
        let path = from.root().join("tile");
        let reason = "its entries do not make the tree that was signed";
        return Err(LogError::Damaged { path, reason }.into());
    }
    for (path, bytes) in computed.partial() {
        files.put_tile(&path, &bytes)?;
    }
    let successions = from.successions()?;
    if !successions.is_empty() {
        files.put_successions(&successions)?;
    }
    copy_removals(from.root().parent().unwrap_or(Path::new(".")), to)?;
    last()?;
    files.put_checkpoint(&note)?;
    let levels: Vec<Level> = computed.levels().collect();
    levels.into_iter().try_for_each(|level| files.trim(level, tree.size))?;
    Ok(copied)
}

/// Copies what an operator has taken down, which no log says.
fn copy_removals(from: &Path, to: &Path) -> Result<(), LogError> {
    let staging = to.join("staging");
    let list = RemovalList::open(from, &staging).map_err(failed_to("read", from))?.all();
    let copy = RemovalList::open(to, &staging).and_then(|copy| copy.replace(&list));
    copy.map(drop).map_err(failed_to("write", to))
}

/// The blobs that an entry refers to.
fn blobs_of(leaf: &[u8]) -> Result<Vec<mcpkg_core::Digest>, LogError> {
    Ok(match Entry::parse(leaf)? {
        Entry::Publish(publish) => {
            let artifacts = publish.artifacts.iter().map(|artifact| artifact.digest);
            let all = std::iter::once(publish.metadata).chain(artifacts);
            all.chain(publish.evidence.iter().copied()).collect()
        }
        Entry::Status(change) => vec![change.evidence],
        Entry::Binding(change) => vec![change.evidence],
        Entry::Rebuild(rebuild) => vec![rebuild.evidence],
    })
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, blobs, new_blobs, unsigned } = self;
        write!(f, "{entries} entries, {blobs} blobs, of which {new_blobs} were copied now")?;
        match unsigned {
            0 => Ok(()),
            count => write!(f, "; {count} entries that nobody has signed"),
        }
    }
}
