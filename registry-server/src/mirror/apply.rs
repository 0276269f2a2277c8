//! From the entries of a source's log to what is given out of it.
//!
//! ```text
//! a bundle of entries ── each the one of the proved tree
//!   an entry ── its evidence fetched, verified, judged: some at a time
//!     a batch ── its blobs in their places ── one transaction, in the order of the log
//! ```
//!
//! The evidence of the next batch is fetched while one is written. What is written waits
//! for the disk once for many, and nothing counts before the transaction that says so: a
//! stop in between leaves blobs that nothing refers to, and the next attempt goes on after
//! the last batch.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::log::{Entry, TILE_WIDTH, Tree};
use mcpkg_core::{Code, Coded as _, PackageName, Version};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::MirrorError;
use super::source::{Source, second};
use crate::blobs::{SmallBlob, blocking};
use crate::log::{Edge, LogError};
use crate::store::{Followed, Withholding};

/// How many entries have their evidence fetched and verified at once. A source may send
/// 20 MiB for each, which bounds what it can make us keep in memory.
const PARALLEL_ENTRIES: usize = 16;

/// How many entries are applied in one transaction, if they are small.
const BATCH: usize = 512;

/// How many bytes of evidence are gathered before they are written. Three batches are in
/// memory at most: one that is written, one that waits, one that is gathered.
const BATCH_BYTES: usize = 8 << 20;

/// A package, and the release of it that something new is known of.
type Changed = (PackageName, Option<Version>);

impl Source {
    /// Applies what the database does not have of the tree that ends with `edge`. Gives
    /// what has changed.
    pub(super) async fn apply(
        self: &Arc<Self>,
        edge: &Arc<Edge>,
    ) -> Result<BTreeSet<Changed>, MirrorError> {
        let applied = self.store.applied().await?;
        self.is_start_of(applied, edge).await?;
        let (give, mut batches) = mpsc::channel::<Vec<Followed>>(1);
        let finding = async move {
            let mut gathered = Gathered { batch: Vec::new(), bytes: 0, give };
            let found = self.find_all(applied.size, edge, &mut gathered).await;
            // Whatever was found before the first that failed is applied, so that the next
            // attempt does not begin anew.
            found.and(gathered.hand_over().await)
        };
        // Dropped at its end, so that nobody goes on finding what is not applied.
        let applying = async move {
            let mut changed = BTreeSet::new();
            while let Some(batch) = batches.recv().await {
                self.apply_batch(&batch, edge).await?;
                changed.extend(batch.iter().filter_map(|it| Some(changed_by(it.entry.as_ref()?))));
            }
            Ok::<_, MirrorError>(changed)
        };
        let (found, changed) = tokio::join!(finding, applying);
        let changed = changed?;
        found.map(|()| changed)
    }

    /// What is found of each entry from `first` to the end of `edge`, in order.
    async fn find_all(
        self: &Arc<Self>,
        first: u64,
        edge: &Arc<Edge>,
        gathered: &mut Gathered,
    ) -> Result<(), MirrorError> {
        let mut under_way: VecDeque<JoinHandle<_>> = VecDeque::with_capacity(PARALLEL_ENTRIES);
        for bundle in first / TILE_WIDTH..edge.size().div_ceil(TILE_WIDTH) {
            let (log, end) = (self.log.clone(), Arc::clone(edge));
            let leaves = blocking(move || log.entries_in(bundle, &end)).await?;
            let leaves = (bundle * TILE_WIDTH..).zip(leaves);
            for (index, leaf) in leaves.skip_while(|(index, _)| *index < first) {
                if under_way.len() == PARALLEL_ENTRIES
                    && let Some(oldest) = under_way.pop_front()
                {
                    gathered.add(oldest).await?;
                }
                let found = Arc::clone(self).found(index, leaf, Arc::clone(edge));
                under_way.push_back(tokio::spawn(found));
            }
        }
        for task in under_way {
            gathered.add(task).await?;
        }
        Ok(())
    }

    /// The entry at `index`, whose bytes are `leaf`, and what its evidence shows.
    pub(super) async fn found(
        self: Arc<Self>,
        index: u64,
        leaf: Vec<u8>,
        edge: Arc<Edge>,
    ) -> Result<Followed, MirrorError> {
        let Some(upstream) = self.upstream() else { return Err(MirrorError::Never) };
        match Entry::parse(&leaf) {
            Ok(entry) => {
                let finding = self.finding(upstream, index, &entry, leaf, &edge).await?;
                Ok(Followed { index, entry: Some(entry), finding })
            }
            // A newer source may log what this program does not know. It is in the copy,
            // and the index of its package, whichever that is, will not agree with ours.
            Err(error) => {
                let withholding = Withholding::lasting(error.code(), error.to_string());
                Ok(Followed { index, entry: None, finding: Err(withholding) })
            }
        }
    }

    /// Puts the blobs of what was found in their places.
    pub(super) async fn keep_blobs(&self, found: &[Followed]) -> Result<(), MirrorError> {
        let shown = found.iter().filter_map(|it| it.finding.as_ref().ok());
        let kept: Vec<SmallBlob> = shown.flat_map(|shown| shown.blobs.iter().cloned()).collect();
        let blobs = self.blobs.clone();
        Ok(blocking(move || blobs.put_all(&kept)).await?)
    }

    async fn apply_batch(
        self: &Arc<Self>,
        followed: &[Followed],
        edge: &Arc<Edge>,
    ) -> Result<(), MirrorError> {
        let Some(last) = followed.last() else { return Ok(()) };
        let (log, edge, size) = (self.log.clone(), Arc::clone(edge), last.index + 1);
        let tree = blocking(move || log.tree_of(size, &edge)).await?;
        self.keep_blobs(followed).await?;
        let now = second(Timestamp::now());
        let comes_from_here = |it: &&Followed| {
            let code = it.finding.as_ref().err().map(|it| it.code);
            !matches!(code, Some(Code::NamespaceOwner | Code::SourceChanged))
        };
        let names: BTreeSet<&PackageName> = followed
            .iter()
            .filter(comes_from_here)
            .filter_map(|it| Some(it.entry.as_ref()?.name()))
            .collect();
        let names: Vec<&PackageName> = names.into_iter().collect();
        self.registry.claim(&names, self.name.as_str(), now).await?;
        let shown = followed.iter().filter(|it| it.finding.is_ok());
        let shown: BTreeSet<&PackageName> =
            shown.filter_map(|it| Some(it.entry.as_ref()?.name())).collect();
        let shown: Vec<&PackageName> = shown.into_iter().collect();
        self.registry.give_way_to_source(&shown, now).await?;
        let broken = self.store.follow(followed, &tree, now).await?;
        let is_proved = |it: &&Followed| broken.iter().all(|(index, _)| *index != it.index);
        let unproved = followed.iter().filter(is_proved);
        let unproved = unproved.filter_map(|it| Some((it.index, it.finding.clone().err()?)));
        let unproved: Vec<_> = unproved.collect();
        for (entry, Withholding { code, reason, .. }) in unproved.into_iter().chain(broken) {
            tracing::warn!(source = %self.name, entry, %code, reason, "withheld");
        }
        Ok(())
    }

    /// Whether what was applied is the start of the tree that ends with `edge`.
    async fn is_start_of(&self, applied: Tree, edge: &Arc<Edge>) -> Result<(), MirrorError> {
        let unlike = |unlike| {
            let (database, log) = (applied.size, edge.size());
            Err(LogError::Database { database, log, unlike }.into())
        };
        if applied.size > edge.size() {
            return unlike("");
        }
        let (log, end) = (self.log.clone(), Arc::clone(edge));
        let tree = blocking(move || log.tree_of(applied.size, &end)).await?;
        if tree == applied { Ok(()) } else { unlike(", and they are others") }
    }
}

/// What was found and is not applied yet.
struct Gathered {
    batch: Vec<Followed>,
    bytes: usize,
    give: mpsc::Sender<Vec<Followed>>,
}

impl Gathered {
    /// Adds what `task` finds, and hands over what has gathered if that is enough.
    async fn add(
        &mut self,
        task: JoinHandle<Result<Followed, MirrorError>>,
    ) -> Result<(), MirrorError> {
        let found = task.await.unwrap_or(Err(MirrorError::Log(LogError::Stopping)))?;
        if let Ok(shown) = &found.finding {
            self.bytes += shown.blobs.iter().map(SmallBlob::len).sum::<usize>();
        }
        self.batch.push(found);
        if self.batch.len() < BATCH && self.bytes < BATCH_BYTES {
            return Ok(());
        }
        self.hand_over().await
    }

    async fn hand_over(&mut self) -> Result<(), MirrorError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        // Where nobody takes it, applying has failed, and says so itself.
        let stopped = |_| MirrorError::Log(LogError::Stopping);
        self.give.send(batch).await.map_err(stopped)
    }
}

/// What something new is known of, by an entry.
pub(super) fn changed_by(entry: &Entry) -> Changed {
    let version = match entry {
        Entry::Publish(publish) => Some(&publish.version),
        Entry::Status(change) => Some(&change.version),
        Entry::Rebuild(rebuild) => Some(&rebuild.version),
        Entry::Binding(_) => None,
    };
    (entry.name().clone(), version.cloned())
}
