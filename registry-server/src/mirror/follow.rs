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

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use mcpkg_core::log::{LogError as Unbelieved, SignedCheckpoint};

use super::MirrorError;
use super::apply::changed_by;
use super::evidence::proof_of_fork;
use super::source::{Common, Source, second};
use super::upstream::Upstream;
use crate::blobs::blocking;
use crate::failpoint;

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

    /// Asks again for what was not given out by the source, or could not be used.
    pub(super) async fn reconsider(self: &Arc<Self>) -> Result<(), MirrorError> {
        let _turn = self.turn.lock().await;
        let edge = Arc::new(self.log.edge());
        for index in self.store.withheld_for_now(RECONSIDERED).await? {
            if index >= edge.size() {
                continue;
            }
            let (log, end) = (self.log.clone(), Arc::clone(&edge));
            let leaf = blocking(move || log.entry_in(index, &end)).await?;
            let found = Arc::clone(self).found(index, leaf, Arc::clone(&edge)).await?;
            self.keep_blobs(std::slice::from_ref(&found)).await?;
            let now = second(Timestamp::now());
            let is_given_out = self.store.reconsider(index, &found.finding, now).await?;
            if let Some(entry) = &found.entry {
                if is_given_out {
                    self.registry.give_way_to_source(&[entry.name()], now).await?;
                }
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
