//! The log: what the registry has accepted, signed so that it cannot be taken back.
//!
//! The log is the truth, and the database an index of it. A publish goes through
//! these steps, each of which survives a crash before the next begins:
//!
//! | step | where | stopped after it |
//! |---|---|---|
//! | entries and hashes | `log/tile/` | nothing happened; the next publish overwrites them |
//! | **guard** | outside of the data folder | **it happened**, and the next start goes on |
//! | cosignatures | the witnesses' | the next start asks again |
//! | checkpoint, journal | `log/` | anybody can see the entry in the log |
//! | index | the database | the release is served |
//!
//! [`Sequencer`] does this, one batch after the other; [`Log`] answers everybody
//! else. `settle` is the one way from "it happened" to "it is served", and it is
//! the same after a publish, after a failure and at a start.

mod copy;
mod edge;
mod error;
mod files;
#[cfg(feature = "generate")]
mod generate;
mod guard;
mod key;
mod manage;
mod open;
mod sequencer;
mod signer;
mod witnesses;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use mcpkg_core::log::{
    Hash, Level, LogTrust, Node, Receipt, TILE_WIDTH, TilePath, Tree, consistency_proof,
    inclusion_proof, read_bundle, read_tile, root, verify_inclusion,
};

pub(crate) use edge::Edge;
use edge::fold;
pub(crate) use error::{LogError, failed_to};
pub(crate) use files::{LogFiles, size_of};
#[cfg(feature = "generate")]
pub use generate::{GeneratedRelease, generate, time_proofs};
pub(crate) use guard::Guard;
pub(crate) use manage::manage_now;
pub use manage::{LogAction, Managed};
pub(crate) use open::{Opened, OpenedLog, Published, beside, open, origin_of};
pub(crate) use sequencer::{Handle, Logged, Sequencer};
pub(crate) use signer::Signer;
pub use witnesses::WitnessFile;
pub(crate) use witnesses::{Witnesses, check_witnesses};

/// How many full tiles are kept in memory, of 8 KiB each.
const TILES: usize = 512;

/// The height of the subtree that a full tile is.
const HEIGHT: u8 = 8;

/// The log as readers see it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    inner: Arc<Inner>,
}

/// The hashes of a full tile.
type FullTile = Arc<Vec<Hash>>;

#[derive(Debug)]
struct Inner {
    files: LogFiles,
    /// Another key may come in for that of somebody else's log, while we copy it.
    trust: RwLock<Arc<LogTrust>>,
    /// The newest that is served last, and the one before: a reader of the database
    /// may be one step behind, or ahead.
    recent: RwLock<Vec<Arc<Snapshot>>>,
    /// What is served: the database has it.
    served: RwLock<Arc<Snapshot>>,
    /// Whether the database has everything that is true.
    is_settled: AtomicBool,
    /// Full tiles, each checked against the one above it.
    tiles: Mutex<HashMap<(u8, u64), FullTile>>,
}

/// A published checkpoint, and the edge of its tree.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The signed checkpoint.
    pub(crate) checkpoint: String,
    /// Its tree.
    pub(crate) tree: Tree,
    /// When it was signed.
    pub(crate) signed_at: Timestamp,
    /// Which of those that this process has made.
    pub(crate) id: u64,
    edge: Arc<Edge>,
}

/// An entry, and the proof that it is in the log.
#[derive(Debug)]
pub(crate) struct Receipted {
    /// The bytes of the entry.
    pub(crate) leaf: Vec<u8>,
    /// The proof.
    pub(crate) receipt: Receipt,
    /// The size of the tree that it is a proof for.
    pub(crate) size: u64,
}

impl Log {
    fn new(files: LogFiles, trust: LogTrust, snapshot: Snapshot) -> Self {
        let snapshot = Arc::new(snapshot);
        Self {
            inner: Arc::new(Inner {
                files,
                trust: RwLock::new(Arc::new(trust)),
                recent: RwLock::new(vec![Arc::clone(&snapshot)]),
                served: RwLock::new(snapshot),
                is_settled: AtomicBool::new(false),
                tiles: Mutex::default(),
            }),
        }
    }

    /// Whose signatures the log's are.
    pub(crate) fn trust(&self) -> Arc<LogTrust> {
        Arc::clone(&self.inner.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the database has everything that was signed. Where it has not, there are
    /// blobs that only the log refers to.
    pub(crate) fn is_settled(&self) -> bool {
        self.inner.is_settled.load(Ordering::SeqCst)
    }

    fn set_settled(&self, is_settled: bool) {
        self.inner.is_settled.store(is_settled, Ordering::SeqCst);
    }

    /// What is served now.
    pub(crate) fn served(&self) -> Arc<Snapshot> {
        Arc::clone(&self.inner.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest that is published. Whatever the database has is in its tree.
    fn newest(&self) -> Arc<Snapshot> {
        let recent = self.inner.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.last().map_or_else(|| self.served(), Arc::clone)
    }

    /// How many entries are published.
    pub(crate) fn newest_size(&self) -> u64 {
        self.newest().tree.size
    }

    /// The snapshot of this size, if it is one of the newest two.
    pub(crate) fn snapshot(&self, size: u64) -> Option<Arc<Snapshot>> {
        let recent = self.inner.recent.read().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().find(|snapshot| snapshot.tree.size == size).cloned()
    }

    /// Makes a snapshot known, before the database has it.
    fn announce(&self, snapshot: &Arc<Snapshot>) {
        let mut recent = self.inner.recent.write().unwrap_or_else(PoisonError::into_inner);
        // A checkpoint that was signed anew takes the place of the old one.
        recent.retain(|other| other.tree.size != snapshot.tree.size);
        if recent.len() > 1 {
            recent.remove(0);
        }
        recent.push(Arc::clone(snapshot));
    }

    /// Serves a snapshot, now that the database has it.
    fn serve(&self, snapshot: Arc<Snapshot>) {
        *self.inner.served.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// The entry at `index`, and the proof that it is in the log. Blocks.
    ///
    /// The receipt of an entry never changes: it is from the first checkpoint that
    /// covers it. It was checked before it is given out.
    pub(crate) fn receipt(&self, index: u64) -> Result<Receipted, LogError> {
        self.at_newest(|snapshot| self.receipt_at(index, snapshot))
    }

    fn receipt_at(&self, index: u64, snapshot: &Snapshot) -> Result<Receipted, LogError> {
        let files = &self.inner.files;
        let damaged = |path, reason| LogError::Damaged { path, reason };
        let leaf = self.leaf(index, snapshot.tree.size)?;
        let checkpoint = files.checkpoint_covering(index)?.ok_or_else(|| {
            damaged(files.root().join("checkpoints"), "the checkpoint of an entry is missing")
        })?;
        let signed = self.trust().verify_checkpoint(&checkpoint)?;
        let proof = inclusion_proof(index, signed.tree().size, &mut |node| {
            self.hash(node, &snapshot.edge)
        })?;
        verify_inclusion(Hash::leaf(&leaf), index, &signed.tree(), &proof).map_err(|_| {
            damaged(files.root().join("tile"), "its entries and hashes do not give the root")
        })?;
        let size = signed.tree().size;
        Ok(Receipted { leaf, receipt: Receipt { index, proof, checkpoint }, size })
    }

    /// The bytes of the entry at `index` of a tree of `size`. Blocks.
    fn leaf(&self, index: u64, size: u64) -> Result<Vec<u8>, LogError> {
        let files = &self.inner.files;
        let path = TilePath::of_tree(Level::Entries, index / TILE_WIDTH, size);
        let damaged = |reason| {
            let path = TilePath { level: Level::Entries, index: index / TILE_WIDTH, width: 256 };
            LogError::Damaged { path: files.tile_path(&path), reason }
        };
        let path = path.ok_or_else(|| damaged("it lies beyond the log"))?;
        let bytes = files.tile(path, size)?.ok_or_else(|| damaged("it is missing"))?;
        let entries = read_bundle(&bytes).map_err(|_| damaged("it is no bundle"))?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        entries.get(place).map(|leaf| leaf.to_vec()).ok_or_else(|| damaged("it is too short"))
    }

    /// The proof that the tree of the first `old` entries is the start of that of the
    /// first `new`; `None` if `new` is not published, or smaller. Blocks.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, LogError> {
        let snapshot = self.newest();
        if old > new || new > snapshot.tree.size {
            return Ok(None);
        }
        consistency_proof(old, new, &mut |node| self.hash(node, &snapshot.edge)).map(Some)
    }

    /// The root of the tree of the first `size` entries. Blocks.
    fn root(&self, size: u64, edge: &Edge) -> Result<Hash, LogError> {
        root(size, &mut |node| self.hash(node, edge))
    }

    /// The bytes of a tile of what is published, as static as a file. Blocks.
    pub(crate) fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, LogError> {
        self.at_newest(|snapshot| self.inner.files.tile(path, snapshot.tree.size))
    }

    /// Reads files as of the newest tree, and again if they were replaced meanwhile.
    fn at_newest<T>(
        &self,
        mut read: impl FnMut(&Snapshot) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        loop {
            let snapshot = self.newest();
            match read(&snapshot) {
                Err(LogError::Damaged { .. }) if self.newest().id != snapshot.id => (),
                result => return result,
            }
        }
    }

    /// How the log came to its key. Blocks.
    pub(crate) fn successions(&self) -> Result<Vec<String>, LogError> {
        self.inner.files.successions()
    }

    /// The hash of a complete subtree of the tree that ends with `edge`.
    fn hash(&self, node: Node, edge: &Edge) -> Result<Hash, LogError> {
        if let Some(hash) = edge.hash(node) {
            return Ok(hash);
        }
        let level = node.level / HEIGHT;
        let width = 1_u64 << (node.level % HEIGHT);
        let first = node.index * width;
        let tile = self.full_tile(level, first / TILE_WIDTH, edge)?;
        let start = usize::try_from(first % TILE_WIDTH).unwrap_or(0);
        let end = start + usize::try_from(width).unwrap_or(0);
        Ok(tile.get(start..end).map_or_else(Hash::empty_root, fold))
    }

    /// A full tile, which was checked against the hash that stands for it above.
    fn full_tile(&self, level: u8, index: u64, edge: &Edge) -> Result<Arc<Vec<Hash>>, LogError> {
        let kept = || self.inner.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tile) = kept().get(&(level, index)) {
            return Ok(Arc::clone(tile));
        }
        let path = TilePath { level: Level::Hashes(level), index, width: 256 };
        let size = edge.tree().size;
        let damaged =
            |reason| LogError::Damaged { path: self.inner.files.tile_path(&path), reason };
        let bytes = self.inner.files.tile(path, size)?;
        let bytes = bytes.ok_or_else(|| damaged("it lies beyond the log"))?;
        let hashes = read_tile(&path, &bytes).map_err(|_| damaged("it is no tile"))?;
        let above = Node { level: (level + 1) * HEIGHT, index };
        if fold(&hashes) != self.hash(above, edge)? {
            return Err(damaged("its hashes have changed"));
        }
        let tile = Arc::new(hashes);
        let mut kept = kept();
        if kept.len() >= TILES {
            kept.clear();
        }
        kept.insert((level, index), Arc::clone(&tile));
        Ok(tile)
    }
}

impl Snapshot {
    fn new(checkpoint: String, signed_at: Timestamp, edge: Arc<Edge>) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Self { checkpoint, tree: edge.tree(), signed_at, id, edge }
    }
}
