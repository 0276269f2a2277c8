//! A copy of somebody else's log: the same files, which are never signed here.
//!
//! It goes through the same steps as a log of our own, and a stop after any of them
//! leaves what is served as it was:
//!
//! | step | where | stopped after it |
//! |---|---|---|
//! | entries and hashes | `log/tile/` | nothing happened; the next attempt overwrites them |
//! | first checkpoints | `log/checkpoints/` | the same |
//! | index | the database of the source | the next attempt goes on after it |
//! | **checkpoint** | `log/checkpoint` | it is served |
//!
//! Hashes are not copied: every tile is made of the entries, and the root that comes out
//! is the one that was signed, or nothing of it counts.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use mcpkg_core::log::{
    Hash, LogTrust, Node, SignedCheckpoint, TILE_WIDTH, Tree, VerifierKey, follow,
};

use super::edge::{Edge, Tile};
use super::{Log, LogError, LogFiles, Snapshot};

impl Log {
    /// Opens the copy in `files` of the log that had or has the key `pinned`. Blocks.
    pub(crate) fn open_copy(files: LogFiles, pinned: &VerifierKey) -> Result<Self, LogError> {
        let log = Self::look_at_copy(files, pinned)?;
        let (edge, files) = (&log.served().edge, &log.inner.files);
        // What the last attempt has left, served or not.
        edge.levels().try_for_each(|level| files.trim(level, edge.size()))?;
        Ok(log)
    }

    /// The same, also beside a server that makes the copy longer. Blocks.
    pub(crate) fn look_at_copy(files: LogFiles, pinned: &VerifierKey) -> Result<Self, LogError> {
        let trust = trust_in(pinned, &files.successions()?)?;
        let mut note = files.checkpoint()?;
        let snapshot = loop {
            let Some(checkpoint) = note else {
                break Snapshot::new(String::new(), Timestamp::UNIX_EPOCH, Arc::default());
            };
            let signed = trust.verify_checkpoint(&checkpoint)?;
            let loaded = Edge::load(&files, signed.tree().size).and_then(|edge| {
                let path = files.root().join("tile");
                let reason = "its hashes are not those of the checkpoint";
                let is_it = edge.tree() == signed.tree();
                if is_it { Ok(edge) } else { Err(LogError::Damaged { path, reason }) }
            });
            // Where it has grown meanwhile, the tiles of before are gone.
            let newest = files.checkpoint()?;
            match loaded {
                Err(_) if newest.as_deref() != Some(&checkpoint) => note = newest,
                loaded => break snapshot_of(&signed, Arc::new(loaded?)),
            }
        };
        let log = Self::new(files, trust, snapshot);
        log.set_settled(true);
        Ok(log)
    }

    /// Believes the keys that these successions lead to, if they begin at `pinned`, and
    /// keeps them. Blocks.
    pub(crate) fn succeed(
        &self,
        pinned: &VerifierKey,
        successions: &[String],
    ) -> Result<(), LogError> {
        let trust = trust_in(pinned, successions)?;
        if self.successions()? != successions {
            self.inner.files.put_successions(successions)?;
        }
        *self.inner.trust.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
        Ok(())
    }

    /// The edge of what is served, to be grown.
    pub(crate) fn edge(&self) -> Edge {
        (*self.served().edge).clone()
    }

    /// Writes what a bundle of entries adds: tiles, and the first checkpoints of the sizes
    /// `256 bundle + 1` to `256 bundle + 256` beside those that are there. Blocks.
    pub(crate) fn put_copied(
        &self,
        tiles: &[Tile],
        bundle: u64,
        notes: Vec<String>,
    ) -> Result<(), LogError> {
        let mut all = self.checkpoints(bundle)?;
        let first = notes.first().map_or(u64::MAX, |note| super::size_of(note));
        all.retain(|note| super::size_of(note) < first);
        all.extend(notes);
        self.inner.files.put_together(tiles, bundle, &all)
    }

    /// The first checkpoints of the sizes `256 index + 1` to `256 index + 256`. Blocks.
    pub(crate) fn checkpoints(&self, index: u64) -> Result<Vec<String>, LogError> {
        self.inner.files.checkpoints(index)
    }

    /// The root of the first `size` entries of the tree that ends with `edge`. Blocks.
    pub(crate) fn tree_of(&self, size: u64, edge: &Edge) -> Result<Tree, LogError> {
        Ok(Tree { size, root: self.root(size, edge)? })
    }

    /// The entry at `index` of the tree that ends with `edge`, proved to be it. Blocks.
    pub(crate) fn entry_in(&self, index: u64, edge: &Edge) -> Result<Vec<u8>, LogError> {
        let bundle = edge.bundle(&self.inner.files, index / TILE_WIDTH)?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        let leaf = bundle.into_iter().nth(place);
        let leaf = leaf.ok_or_else(|| self.damaged_entries("it is too short"))?;
        self.is_entry(index, &leaf, edge)?;
        Ok(leaf)
    }

    /// The entries from `256 bundle` on of the tree that ends with `edge`, each proved to be
    /// it. Blocks.
    pub(crate) fn entries_in(&self, bundle: u64, edge: &Edge) -> Result<Vec<Vec<u8>>, LogError> {
        let leaves = edge.bundle(&self.inner.files, bundle)?;
        for (index, leaf) in (bundle * TILE_WIDTH..).zip(&leaves) {
            self.is_entry(index, leaf, edge)?;
        }
        Ok(leaves)
    }

    fn is_entry(&self, index: u64, leaf: &[u8], edge: &Edge) -> Result<(), LogError> {
        if self.hash(Node { level: 0, index }, edge)? == Hash::leaf(leaf) {
            Ok(())
        } else {
            Err(self.damaged_entries("its entries have changed"))
        }
    }

    fn damaged_entries(&self, reason: &'static str) -> LogError {
        LogError::Damaged { path: self.inner.files.root().join("tile/entries"), reason }
    }

    /// Serves `checkpoint`, whose tree ends with `edge` and is in the database. Blocks.
    pub(crate) fn advance(
        &self,
        checkpoint: &SignedCheckpoint,
        edge: Edge,
    ) -> Result<(), LogError> {
        self.inner.files.put_checkpoint(checkpoint.note())?;
        let snapshot = Arc::new(snapshot_of(checkpoint, Arc::new(edge)));
        self.announce(&snapshot);
        self.serve(Arc::clone(&snapshot));
        let size = snapshot.tree.size;
        snapshot.edge.levels().try_for_each(|level| self.inner.files.trim(level, size))
    }
}

fn snapshot_of(checkpoint: &SignedCheckpoint, edge: Arc<Edge>) -> Snapshot {
    let signed_at = checkpoint.signed_at().unwrap_or(Timestamp::UNIX_EPOCH);
    Snapshot::new(checkpoint.note().to_owned(), signed_at, edge)
}

/// Trust in the log that had or has the key `pinned`, and is signed by the last of its
/// keys now.
fn trust_in(pinned: &VerifierKey, successions: &[String]) -> Result<LogTrust, LogError> {
    let (newest, predecessors) = follow(pinned, successions)?;
    Ok(LogTrust { predecessors, ..LogTrust::new(newest) })
}
