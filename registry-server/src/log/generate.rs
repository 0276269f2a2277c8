//! Making a registry large in minutes, to measure one that is.
//!
//! Publishing a million releases would take days of signing. [`generate`] writes
//! what a million publishes leave behind, through the same code, and leaves out what
//! nobody measures:
//!
//! | | as after so many publishes | not as it would be |
//! |---|---|---|
//! | log | every entry, tile and checkpoint, one checkpoint for each entry | not flushed to the disk one by one |
//! | database | every row | many releases in one transaction |
//! | blobs | one Sigstore bundle, which all releases share, and the `server.json` of those that are asked for | all other files are missing, and no bundle is about its release |
//!
//! So the registry serves such releases, and `fsck` and every client refuse them. It
//! is behind the feature `generate`, which no build of the program turns on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::log::{Entry, Frontier, Hash, TILE_WIDTH, write_bundle};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;

use super::edge::{Edge, Tile};
use super::error::failed_to;
use super::files::LogFiles;
use super::open::second;
use super::signer::sign;
use super::{LogError, OpenedLog};
use crate::blobs::{Blobs, ChunkHasher};
use crate::config::Config;
use crate::server::DATABASE;
use crate::start_error::StorageError;
use crate::store::{Change, Ear, Gate, LogOf, NewRelease, Store, StoredBlob};

/// How many releases are written at a time.
const BATCH: usize = 4096;

/// A release that is put into a registry without being published.
#[derive(Clone, Debug)]
pub struct GeneratedRelease {
    /// What it is; of remotes only.
    pub server: ServerJson,
    /// The index of the entry of the same package before it.
    pub previous: Option<u64>,
    /// Whether its `server.json` is written, so that it can be read.
    pub is_readable: bool,
    /// A Sigstore bundle of its own, so that it can be verified; without, it has the one
    /// that all share.
    pub bundle: Option<Vec<u8>>,
}

/// Puts `releases` into the registry of `config`, whose log has begun and is empty.
/// `bundle` is the Sigstore bundle that all of them share, and `publisher` whom they
/// are said to be from.
///
/// No server may use the data folder meanwhile. Blocks.
///
/// # Errors
///
/// Whatever database and disk say; what is written then is good for nothing.
pub async fn generate(
    config: &Config,
    publisher: &Publisher,
    bundle: &[u8],
    releases: impl IntoIterator<Item = GeneratedRelease>,
) -> Result<(), StorageError> {
    let parts = config.log.parts(&config.data);
    let store = Store::open(&config.data.join(DATABASE), config.limits.database()).await?;
    // As where nothing waits for a decision, so that a start has nothing to list again.
    store.set_gate(Gate::Open, LogOf::Registry, Ear::Absent).await?;
    let blobs = Blobs::open(&config.data)?;
    let staged = blobs.stage_bytes(bundle)?;
    let bundle = staged.stored();
    blobs.put(staged)?;

    let mut growth = Growth::new(&parts)?;
    let mut releases = releases.into_iter().peekable();
    while releases.peek().is_some() {
        let mut batch = Vec::with_capacity(BATCH);
        for GeneratedRelease { server, previous, is_readable, bundle: own } in
            releases.by_ref().take(BATCH)
        {
            let metadata = stored(server.canonical());
            if is_readable {
                blobs.put(blobs.stage_bytes(server.canonical())?)?;
            }
            let (bundle, is_new) = match own {
                // The first brings the bundle along, for all.
                None => (bundle.clone(), growth.frontier.size() == 0),
                Some(bytes) => {
                    let staged = blobs.stage_bytes(&bytes)?;
                    let stored = staged.stored();
                    blobs.put(staged)?;
                    (stored, true)
                }
            };
            let release = NewRelease {
                name: server.name().clone(),
                version: server.version().clone(),
                title: server.title().unwrap_or_default().to_owned(),
                description: server.description().to_owned(),
                server_json: String::from_utf8_lossy(server.canonical()).into_owned(),
                metadata: metadata.digest,
                artifacts: Vec::new(),
                bundles: vec![bundle.digest],
                blobs: is_new.then_some(bundle).into_iter().chain([metadata]).collect(),
                publisher: publisher.clone(),
                authority: None,
                published_at: growth.now,
            };
            batch.push((growth.append(&release, previous)?, Change::Release(release)));
        }
        store.apply(&batch, &growth.frontier.tree()).await?;
    }
    growth.finish(&parts)?;
    store.close().await;
    Ok(())
}

/// How long it takes to prove to somebody who has seen the whole log that each of
/// `entries` is in it: the receipt, checked as it always is, and the proof that its
/// tree is the start of the newest. Nothing is served meanwhile, and files are read
/// as they come. Blocks.
pub fn time_proofs(
    config: &Config,
    entries: impl IntoIterator<Item = u64>,
) -> Result<Vec<Duration>, StorageError> {
    let log = config.log.parts(&config.data).open(false)?;
    let newest = log.served().tree.size;
    let mut times = Vec::new();
    for index in entries {
        let began = Instant::now();
        let receipt = log.receipt(index)?;
        log.consistency(receipt.size, newest)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// A log that grows, and what it is signed with.
struct Growth {
    files: LogFiles,
    key: mcpkg_core::log::SigningKey,
    now: Timestamp,
    edge: Edge,
    frontier: Frontier,
    /// The checkpoints of the journal's last file.
    notes: Vec<String>,
}

impl Growth {
    fn new(parts: &OpenedLog) -> Result<Self, LogError> {
        let (key, _) = parts.key(false)?;
        Ok(Self {
            files: parts.files.clone(),
            key,
            now: second(Timestamp::now()),
            edge: Edge::default(),
            frontier: Frontier::new(),
            notes: Vec::new(),
        })
    }

    /// Logs a release with a checkpoint of its own, and gives the entry's index.
    fn append(&mut self, release: &NewRelease, previous: Option<u64>) -> Result<u64, LogError> {
        let leaf = Entry::Publish(release.entry(previous)).leaf()?;
        for tile in self.edge.append(&leaf) {
            self.put_tile(&tile)?;
        }
        let index = self.frontier.size();
        self.frontier.push(Hash::leaf(&leaf));
        self.notes.push(sign(&self.key, self.frontier.tree(), self.now));
        if self.frontier.size().is_multiple_of(TILE_WIDTH) {
            self.put_journal()?;
        }
        Ok(index)
    }

    fn put_tile(&self, (path, bytes): &Tile) -> Result<(), LogError> {
        put(&self.files.tile_path(path), bytes)
    }

    /// Writes the checkpoints of the last 256 sizes.
    fn put_journal(&mut self) -> Result<(), LogError> {
        let Some(last) = self.frontier.size().checked_sub(1) else { return Ok(()) };
        let path = self.files.journal_path(last / TILE_WIDTH);
        let too_long = || failed_to("write", &path)(std::io::ErrorKind::InvalidData.into());
        put(&path, &write_bundle(&self.notes).ok_or_else(too_long)?)?;
        self.notes.clear();
        Ok(())
    }

    /// Makes all of it true.
    fn finish(mut self, parts: &OpenedLog) -> Result<(), LogError> {
        self.edge.partial().iter().try_for_each(|tile| self.put_tile(tile))?;
        if !self.notes.is_empty() {
            self.put_journal()?;
        }
        let note = sign(&self.key, self.edge.tree(), self.now);
        parts.guard.swap(parts.guard.read()?.as_deref(), &note)?;
        self.files.put_checkpoint(&note)
    }
}

/// Writes a file, and does not wait for the disk.
fn put(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(path, bytes)
    };
    write().map_err(failed_to("write", path))
}

/// What is recorded of a blob with these bytes.
fn stored(bytes: &[u8]) -> StoredBlob {
    let mut hasher = ChunkHasher::default();
    hasher.update(bytes);
    let (digest, chunks) = hasher.finish();
    debug_assert_eq!(digest, Digest::of(bytes));
    StoredBlob { digest, chunks }
}
