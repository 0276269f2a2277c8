//! The checks of a source: the copy of its log, and the database as an index of that.
//!
//! What it has signed is the truth here too. Every entry and every hash is proved to be of
//! the tree of the newest checkpoint; then the database has to say of each entry what it
//! says, or why it is not given out, and each index that is kept has to be the one that the
//! source would sign.

use mcpkg_core::Coded;
use mcpkg_core::log::{Entry, IndexNote, IndexedEntry, TILE_WIDTH, Tree, VerifierKey};

use super::Invariant;
use super::check::Checker;
use super::log::{chain, subject_of, unlike};
use crate::blobs::blocking;
use crate::log::{Edge, Log, LogError, LogFiles, size_of};
use crate::mirror::{MirrorError, SourceName, is_what_was_logged};
use crate::start_error::StorageError;
use crate::store::{HeldIndex, Store, StoreError};

const AGAIN: &str = "move `log` and `registry.sqlite3` of the source's folder away, and run \
                     `mcpkg-registry mirror sync`, or import it again from its first entry on";

/// How many packages are asked for at once.
const PAGE: u32 = 1000;

/// A source that is checked.
pub(super) struct Copy {
    /// What it is called.
    pub(super) name: SourceName,
    /// The key that its log had first.
    pub(super) log_key: VerifierKey,
    /// The copy of its log.
    pub(super) files: LogFiles,
    /// The index of that.
    pub(super) store: Store,
}

impl Checker<'_> {
    /// I1, I3 and I6 of a source.
    pub(super) async fn source(&mut self, copy: Copy) -> Result<(), StorageError> {
        let Copy { name, log_key, files, store } = copy;
        // The database first: the copy may grow meanwhile, and is then ahead.
        let applied = store.applied().await?;
        let opened = blocking(move || Log::look_at_copy(files, &log_key)).await;
        let log = match opened {
            Ok(log) => log,
            Err(error) => {
                let advice = error.hint().unwrap_or(AGAIN);
                self.source_finding(Invariant::I3, &name, "its log", chain(&error), advice);
                return Ok(());
            }
        };
        let edge = log.edge();
        for bundle in 0..edge.size().div_ceil(TILE_WIDTH) {
            self.bundle(&name, (&log, &edge), &store, bundle, applied).await?;
        }
        let known = store.known_entries().await?;
        if known < applied.size {
            let problem = format!("it has {known} entries of the {} that it applied", applied.size);
            self.source_finding(Invariant::I6, &name, "its database", problem, AGAIN);
        }
        if applied.size <= edge.size() && self.tree(&log, &edge, applied.size).await? != applied {
            let problem = "it has applied entries that are not the log's".to_owned();
            self.source_finding(Invariant::I6, &name, "its database", problem, AGAIN);
        }
        self.indexes(&name, (&log, &edge), &store).await
    }

    /// A bundle of entries, their receipts, and what the database has of them.
    async fn bundle(
        &mut self,
        name: &SourceName,
        (log, edge): (&Log, &Edge),
        store: &Store,
        bundle: u64,
        applied: Tree,
    ) -> Result<(), StorageError> {
        let (copy, end) = (log.clone(), edge.clone());
        let read = blocking(move || {
            let leaves = copy.entries_in(bundle, &end)?;
            Ok::<_, LogError>((leaves, unproved(&copy, &end, bundle)?))
        });
        let (leaves, receipts) = match read.await {
            Ok(read) => read,
            Err(error) => {
                let what = format!("entries {bundle}");
                self.source_finding(Invariant::I3, name, &what, chain(&error), AGAIN);
                return Ok(());
            }
        };
        for (size, problem) in receipts {
            let what = format!("the checkpoint of {size} entries");
            self.source_finding(Invariant::I3, name, &what, problem.to_owned(), AGAIN);
        }
        for (index, leaf) in (bundle * TILE_WIDTH..).zip(leaves) {
            self.report_mut().entries += 1;
            if index >= applied.size || store.is_withheld(index).await? {
                continue;
            }
            let (what, problem) = match Entry::parse(&leaf) {
                Err(error) => (format!("entry {index}"), chain(&error)),
                Ok(entry) => match unlike(store, index, &entry).await {
                    Ok(None) => continue,
                    Ok(Some(problem)) => (subject_of(index, &entry), problem.to_owned()),
                    Err(error @ StoreError::Corrupt { .. }) => {
                        (subject_of(index, &entry), error.to_string())
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            self.source_finding(Invariant::I6, name, &what, problem, AGAIN);
        }
        Ok(())
    }

    /// Every index that is kept is signed, and lists what its tree has.
    async fn indexes(
        &mut self,
        name: &SourceName,
        (log, edge): (&Log, &Edge),
        store: &Store,
    ) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let names = store.packages_after(after.as_ref(), PAGE).await?;
            let Some(last) = names.last().cloned() else { return Ok(()) };
            for (package, logged) in store.entries_of(&names).await? {
                let Some(HeldIndex { size, note, .. }) = store.held_index(&package).await? else {
                    continue;
                };
                // It was kept after the copy was looked at.
                if size > edge.size() {
                    continue;
                }
                let (copy, end) = (log.clone(), edge.clone());
                let checked = blocking(move || is_right(&copy, &end, size, &note, &logged)).await;
                if let Err(error) = checked {
                    let what = format!("the index of {package}");
                    self.source_finding(Invariant::I1, name, &what, chain(&error), AGAIN);
                }
            }
            after = Some(last);
        }
    }

    async fn tree(&self, log: &Log, edge: &Edge, size: u64) -> Result<Tree, LogError> {
        let (copy, end) = (log.clone(), edge.clone());
        blocking(move || copy.tree_of(size, &end)).await
    }

    fn source_finding(
        &mut self,
        invariant: Invariant,
        source: &SourceName,
        what: &str,
        problem: String,
        advice: &'static str,
    ) {
        self.find(invariant, format!("source {source}: {what}"), problem, advice);
    }
}

/// Checkpoints of a bundle that prove nothing, or are missing: each with the size of its
/// tree. Blocks.
fn unproved(log: &Log, edge: &Edge, bundle: u64) -> Result<Vec<(u64, &'static str)>, LogError> {
    let (trust, mut found, mut covered) = (log.trust(), Vec::new(), 0);
    for note in log.checkpoints(bundle)? {
        let size = size_of(&note);
        // What an attempt that was stopped has left is not served.
        if size > edge.size() {
            break;
        }
        match trust.verify_checkpoint(&note) {
            Ok(signed) if signed.tree() == log.tree_of(size, edge)? => covered = size,
            Ok(_) => found.push((size, "it was signed with another root")),
            Err(_) => found.push((size, "it is not signed by the log")),
        }
    }
    let is_last = edge.size().div_ceil(TILE_WIDTH) == bundle + 1;
    if found.is_empty() && is_last && covered != edge.size() {
        found.push((edge.size(), "it is missing"));
    }
    Ok(found)
}

/// Whether an index that is kept is the one of the tree of `size`. Blocks.
fn is_right(
    log: &Log,
    edge: &Edge,
    size: u64,
    note: &str,
    logged: &[IndexedEntry],
) -> Result<(), MirrorError> {
    let index = IndexNote::verify(note, &log.trust())?;
    is_what_was_logged(&index, logged, log.tree_of(size, edge)?)
}
