//! Following a source by its log.
//!
//! ```text
//! newest checkpoint ── signed by the source? ── goes on from ours?
//!   entries that are new ── the tiles they make ── the root that was signed?
//!   first checkpoint of each size ── signed, and of the tree that the entries make?
//!   evidence of each entry ── verified, judged ── the source's database
//! checkpoint ── served
//! ```
//!
//! What costs is what is new. Every entry between our tree and the source's is there, or
//! the root does not come out, so nothing can be left out. What stops in between leaves
//! what is served as it was, and the next attempt goes on: see `log/copy.rs`.
//!
//! A source that shows an older tree than before is asked again later; one that has signed
//! two stories is not followed any further until a person has looked. Both signed
//! checkpoints are kept, because they prove it to anybody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use mcpkg_core::log::{Entry, LogError as Unbelieved, SignedCheckpoint, Tree};
use mcpkg_core::{Code, Coded as _, PackageName};

use super::MirrorError;
use super::evidence::proof_of_fork;
use super::source::{Common, Source, second};
use super::upstream::Upstream;
use crate::blobs::blocking;
use crate::failpoint;
use crate::log::{Edge, LogError};
use crate::store::{Followed, Withholding};

/// How many entries have their evidence fetched and verified at once. A source may send
/// 20 MiB for each, which bounds what it can make us keep in memory.
const PARALLEL_ENTRIES: usize = 16;

/// How many entries are applied in one transaction.
const BATCH: usize = 128;

/// How many withheld entries are asked for again in one turn.
const RECONSIDERED: u32 = 64;

impl Source {
    /// Goes on to the newest tree of the source. Whoever asks while that goes on waits
    /// for the same.
    pub(crate) async fn follow(self: &Arc<Self>) -> Common<()> {
        let source = Arc::clone(self);
        let work = || async move {
            let result = source.follow_now(None).await;
            if let Err(error) = &result {
                let error = error as &dyn std::error::Error;
                tracing::warn!(source = %source.name, error, "the source could not be followed");
            }
            result.map_err(Arc::new)
        };
        self.following.run((), work).await
    }

    /// Goes on to the tree of `checkpoint`, or to the newest.
    pub(super) async fn follow_now(
        self: &Arc<Self>,
        checkpoint: Option<String>,
    ) -> Result<(), MirrorError> {
        let _turn = self.turn.lock().await;
        let Some(upstream) = self.upstream() else { return Ok(()) };
        if let Some(proof) = proof_of_fork(&self.evidence()) {
            let result = Err(MirrorError::Stopped(proof));
            self.asked(&result);
            return result;
        }
        self.asks();
        let result = self.go_on(upstream, checkpoint).await;
        self.asked(&result);
        result
    }

    async fn go_on(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        checkpoint: Option<String>,
    ) -> Result<(), MirrorError> {
        let note = match checkpoint {
            Some(note) => note,
            None => upstream.checkpoint().await?,
        };
        let signed = self.believe(upstream, &note).await?;
        let (served, found) = (self.log.served(), signed.tree());
        if served.checkpoint.is_empty() || found.size > served.tree.size {
            return self.grow(upstream, signed).await;
        }
        let source = Arc::clone(self);
        let expected = blocking(move || {
            let edge = source.log.edge();
            source.log.tree_of(found.size, &edge)
        })
        .await?;
        if expected.root != found.root {
            return Err(self.fork(&served.checkpoint, signed.note(), served.tree, found));
        }
        if found.size < served.tree.size {
            let (seen, found) = (served.tree.size, found.size);
            let evidence = self.keep_evidence("rollback", &served.checkpoint, signed.note())?;
            return Err(MirrorError::Rollback { seen, found, evidence });
        }
        if signed.signed_at().is_some_and(|at| at > served.signed_at) {
            // The same tree, signed anew: readers would take the old one for a log that
            // hides the present.
            let log = self.log.clone();
            blocking(move || log.advance(&signed, log.edge())).await?;
        }
        Ok(())
    }

    /// A checkpoint that the source's log has signed, by the key that it has now.
    pub(super) async fn believe(
        &self,
        upstream: &dyn Upstream,
        note: &str,
    ) -> Result<SignedCheckpoint, MirrorError> {
        match self.log.trust().verify_checkpoint(note) {
            Err(Unbelieved::Key { .. }) => (),
            other => return Ok(other?),
        }
        // It may have another key by now, which the one that we know has signed.
        let document = upstream.log().await?;
        let (log, pinned) = (self.log.clone(), self.log_key.clone());
        blocking(move || log.succeed(&pinned, &document.successions)).await?;
        Ok(self.log.trust().verify_checkpoint(note)?)
    }

    /// Whether the source says that its log has the key that we found it to have.
    pub(crate) async fn confirm_key(&self) -> Result<(), MirrorError> {
        let upstream = self.upstream().ok_or(MirrorError::Never)?;
        let (document, key) = (upstream.log().await?, self.log.trust().key.clone());
        if document.key == key {
            return Ok(());
        }
        let (expected, origin) = (key.to_string(), document.origin);
        Err(Unbelieved::Key { expected, origin }.into())
    }

    /// Makes the copy as long as the tree of `signed`.
    async fn grow(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        signed: SignedCheckpoint,
    ) -> Result<(), MirrorError> {
        let (began, before) = (Instant::now(), self.log.edge().size());
        let edge = Arc::new(self.read_entries(upstream, &signed).await?);
        let changed = self.apply(&edge).await?;
        let log = self.log.clone();
        let (last, end) = (Arc::unwrap_or_clone(edge), signed.tree().size);
        blocking(move || {
            failpoint::hit("source-applied");
            log.advance(&signed, last)
        })
        .await?;
        for (name, version) in changed {
            self.cache.invalidate(&name, version.as_ref());
        }
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            source = %self.name, from = before, to = end, elapsed_ms, "followed the source"
        );
        Ok(())
    }

    /// Applies what the database does not have of the tree that ends with `edge`. Gives
    /// what has changed.
    async fn apply(self: &Arc<Self>, edge: &Arc<Edge>) -> Result<BTreeSet<Changed>, MirrorError> {
        let applied = self.store.applied().await?;
        self.is_start_of(applied, edge).await?;
        let mut changed = BTreeSet::new();
        let found = stream::iter(applied.size..edge.size()).map(|index| {
            let (source, edge) = (Arc::clone(self), Arc::clone(edge));
            let upstream = self.upstream.clone();
            let task = tokio::spawn(async move { source.found(upstream, index, &edge).await });
            async move { task.await.unwrap_or(Err(MirrorError::Log(LogError::Stopping))) }
        });
        let mut batches = std::pin::pin!(found.buffered(PARALLEL_ENTRIES).chunks(BATCH));
        while let Some(batch) = batches.next().await {
            // Whatever was found before the first that failed is applied, so that the next
            // attempt does not begin anew.
            let mut batch_error = None;
            let mut followed = Vec::with_capacity(batch.len());
            for found in batch {
                match found {
                    Ok(found) => followed.push(found),
                    Err(error) => {
                        batch_error = Some(error);
                        break;
                    }
                }
            }
            self.apply_batch(&followed, edge).await?;
            changed.extend(followed.iter().filter_map(|it| Some(changed_by(it.entry.as_ref()?))));
            if let Some(error) = batch_error {
                return Err(error);
            }
        }
        Ok(changed)
    }

    async fn apply_batch(
        self: &Arc<Self>,
        followed: &[Followed],
        edge: &Arc<Edge>,
    ) -> Result<(), MirrorError> {
        let Some(last) = followed.last() else { return Ok(()) };
        let (log, edge, size) = (self.log.clone(), Arc::clone(edge), last.index + 1);
        let tree = blocking(move || log.tree_of(size, &edge)).await?;
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

    /// The entry at `index`, and what its evidence shows.
    async fn found(
        self: Arc<Self>,
        upstream: Option<Arc<dyn Upstream>>,
        index: u64,
        edge: &Arc<Edge>,
    ) -> Result<Followed, MirrorError> {
        let (log, end) = (self.log.clone(), Arc::clone(edge));
        let leaf = blocking(move || log.entry_in(index, &end)).await?;
        let Some(upstream) = upstream else { return Err(MirrorError::Never) };
        match Entry::parse(&leaf) {
            Ok(entry) => {
                let finding = self.finding(upstream.as_ref(), index, &entry, leaf, edge).await?;
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

    /// Asks again for what was not given out by the source, or could not be used.
    pub(super) async fn reconsider(self: &Arc<Self>) -> Result<(), MirrorError> {
        let _turn = self.turn.lock().await;
        let edge = Arc::new(self.log.edge());
        for index in self.store.withheld_for_now(RECONSIDERED).await? {
            if index >= edge.size() {
                continue;
            }
            let found = Arc::clone(self).found(self.upstream.clone(), index, &edge).await?;
            let now = second(Timestamp::now());
            let is_given_out = self.store.reconsider(index, &found.finding, now).await?;
            if let Some(entry) = &found.entry {
                let (name, version) = changed_by(entry);
                self.cache.invalidate(&name, version.as_ref());
            }
            if is_given_out {
                tracing::info!(source = %self.name, entry = index, "given out now");
            }
        }
        Ok(())
    }
}

/// A package, and the release of it that something new is known of.
type Changed = (PackageName, Option<mcpkg_core::Version>);

fn changed_by(entry: &Entry) -> Changed {
    let version = match entry {
        Entry::Publish(publish) => Some(&publish.version),
        Entry::Status(change) => Some(&change.version),
        Entry::Rebuild(rebuild) => Some(&rebuild.version),
        Entry::Binding(_) => None,
    };
    (entry.name().clone(), version.cloned())
}
