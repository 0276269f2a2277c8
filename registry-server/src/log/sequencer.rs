//! The one writer of the log.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{SignedNote, Tree};
use tokio::sync::{mpsc, oneshot};

use super::edge::Edge;
use super::{Guard, Log, LogError, Signer, Snapshot, Witnesses};
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::failpoint;
use crate::replay::change_of;
use crate::store::{Admission, Bar, Change, Store};

/// The most entries that one checkpoint adds. A bundle holds as many, and the
/// journal of checkpoints relies on it.
const BATCH: usize = 256;

/// How far the clock may go back before nothing is signed. Time is then taken to
/// stand still.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// How often to look whether there is something to do that nobody asked for.
const TICK: Duration = Duration::from_secs(15);

/// After how long a checkpoint is signed anew, so that readers know that they
/// see the present. DESIGN section 7 asks for an hour at most.
const RESIGN_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// What became of a change that was submitted.
#[derive(Debug)]
pub(crate) enum Logged {
    /// It is logged as the entry of this index, and visible.
    New(u64),
    /// It may not be. Nothing was changed.
    Barred(Bar),
}

/// A change to be logged, and who waits for it.
#[derive(Debug)]
struct Submission {
    change: Change,
    answer: oneshot::Sender<Result<Logged, Arc<LogError>>>,
}

/// Where changes are handed in. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    submissions: mpsc::Sender<Submission>,
}

/// Writes the log, and keeps the database up with it.
#[derive(Debug)]
pub(crate) struct Sequencer {
    log: Log,
    signer: Signer,
    guard: Guard,
    witnesses: Witnesses,
    store: Store,
    blobs: Blobs,
    cache: Arc<Cache>,
    /// What the guard holds; `None` where that has to be found out.
    committed: Option<Committed>,
}

/// A change that may be logged, and the entry that it becomes.
#[derive(Debug)]
struct Accepted {
    index: u64,
    change: Change,
    leaf: Vec<u8>,
}

/// A tree that has become true.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) edge: Arc<Edge>,
    pub(super) note: String,
    pub(super) signed_at: Timestamp,
}

impl Handle {
    /// Logs a change, and answers when it is visible and a checkpoint covers it.
    pub(crate) async fn submit(&self, change: Change) -> Result<Logged, Arc<LogError>> {
        let (answer, answered) = oneshot::channel();
        let stopping = || Arc::new(LogError::Stopping);
        self.submissions.send(Submission { change, answer }).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

impl Sequencer {
    pub(super) fn new(
        (log, signer): (Log, Signer),
        guard: Guard,
        witnesses: Witnesses,
        store: Store,
        blobs: Blobs,
        cache: Arc<Cache>,
    ) -> Self {
        Self { log, signer, guard, witnesses, store, blobs, cache, committed: None }
    }

    /// Works until every [`Handle`] is gone.
    pub(crate) fn start(mut self) -> (Handle, tokio::task::JoinHandle<()>) {
        let (submissions, mut received) = mpsc::channel(BATCH);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                let mut batch = Vec::new();
                tokio::select! {
                    count = received.recv_many(&mut batch, BATCH) => {
                        if count == 0 {
                            return;
                        }
                        self.process(batch).await;
                    }
                    _ = ticks.tick() => self.tick().await,
                }
            }
        });
        (Handle { submissions }, task)
    }

    /// Brings everything up to what was signed last, at a start and after whatever
    /// failed.
    ///
    /// # Errors
    ///
    /// Whatever is in the way. What [`LogError::is_fork`] is needs a person.
    pub(crate) async fn settle(&mut self) -> Result<(), LogError> {
        let committed = if let Some(committed) = &self.committed {
            committed.clone()
        } else {
            let found = self.blocking(super::open::committed).await?;
            self.committed = Some(found.clone());
            found
        };
        let tree = committed.edge.tree();
        // What is published already is applied whether or not more can be.
        self.apply(&self.log.served().tree).await?;
        let snapshot = match self.log.snapshot(tree.size) {
            Some(snapshot) => snapshot,
            None => self.publish(&committed).await?,
        };
        self.apply(&tree).await?;
        self.serve(snapshot).await?;
        self.log.set_settled(true);
        Ok(())
    }

    /// Publishes what was committed, once enough witnesses vouch for it.
    async fn publish(&self, committed: &Committed) -> Result<Arc<Snapshot>, LogError> {
        let note = self.cosigned(&committed.note, &committed.edge).await?;
        let edge = Arc::clone(&committed.edge);
        let snapshot = Arc::new(Snapshot::new(note, committed.signed_at, edge));
        self.write(&snapshot).await?;
        self.log.announce(&snapshot);
        Ok(snapshot)
    }

    /// Writes a checkpoint where everybody can see it.
    async fn write(&self, snapshot: &Arc<Snapshot>) -> Result<(), LogError> {
        let snapshot = Arc::clone(snapshot);
        self.blocking(move |log, _| {
            let files = &log.inner.files;
            files.journal(snapshot.tree.size, &snapshot.checkpoint)?;
            files.put_checkpoint(&snapshot.checkpoint)
        })
        .await
    }

    /// Serves what the database has, and removes the tiles that nobody needs now.
    async fn serve(&self, snapshot: Arc<Snapshot>) -> Result<(), LogError> {
        if self.log.served().id == snapshot.id {
            return Ok(());
        }
        self.log.serve(Arc::clone(&snapshot));
        self.blocking(move |log, _| {
            let size = snapshot.tree.size;
            snapshot.edge.levels().try_for_each(|level| log.inner.files.trim(level, size))
        })
        .await
    }

    /// Adds the signatures of witnesses to a checkpoint.
    async fn cosigned(&self, note: &str, edge: &Arc<Edge>) -> Result<String, LogError> {
        if self.witnesses.is_empty() {
            return Ok(note.to_owned());
        }
        let tree = edge.tree();
        let (log, edge) = (self.log.clone(), Arc::clone(edge));
        let proof = move |old: u64| {
            mcpkg_core::log::consistency_proof(old, tree.size, &mut |node| log.hash(node, &edge))
        };
        let failed = super::error::failed_to("ask", std::path::Path::new("the witnesses"));
        let lines = failpoint::around_async("witness", failed, async {
            self.witnesses.cosign(note, tree, proof).await.map_err(LogError::from)
        })
        .await?;
        let mut note =
            SignedNote::parse(note.as_bytes()).map_err(mcpkg_core::log::LogError::from)?;
        for line in lines {
            note.add(line);
        }
        Ok(note.to_string())
    }

    /// Applies to the database what it does not have yet.
    async fn apply(&self, tree: &Tree) -> Result<(), LogError> {
        let applied = self.store.applied().await?;
        if applied == *tree {
            return Ok(());
        }
        let unlike = |unlike| LogError::Database { database: applied.size, log: tree.size, unlike };
        if applied.size > tree.size {
            return Err(unlike(""));
        }
        let (size, committed) = (applied.size, self.committed.clone());
        let edge = committed.map(|it| it.edge).ok_or(LogError::Forked)?;
        let root = {
            let edge = Arc::clone(&edge);
            self.blocking(move |log, _| log.root(size, &edge)).await?
        };
        if root != applied.root {
            return Err(unlike(", and they are others"));
        }
        let mut next = size;
        while next < tree.size {
            let (end, blobs, edge) =
                ((next + 256).min(tree.size), self.blobs.clone(), edge.clone());
            let (changes, upto) = self
                .blocking(move |log, _| {
                    let changes = (next..end)
                        .map(|index| {
                            let leaf = log.leaf(index, edge.tree().size)?;
                            Ok((index, change_of(index, &leaf, &blobs)?))
                        })
                        .collect::<Result<Vec<_>, LogError>>()?;
                    Ok((changes, Tree { size: end, root: log.root(end, &edge)? }))
                })
                .await?;
            self.apply_batch(&changes, &upto).await?;
            next = end;
        }
        Ok(())
    }

    async fn apply_batch(&self, changes: &[(u64, Change)], tree: &Tree) -> Result<(), LogError> {
        self.store.apply(changes, tree).await?;
        for (entry, change) in changes {
            let name = change.name();
            self.cache.invalidate(name, change.version());
            match change {
                Change::Release(release) => {
                    tracing::info!(%name, version = %release.version, entry, "published");
                }
                Change::Statement(statement) => {
                    let what = mcpkg_core::log::IndexedEntry::of(*entry, &statement.entry);
                    tracing::info!(%name, entry = %what, "stated");
                }
            }
        }
        Ok(())
    }

    /// Logs a batch, and answers everybody in it.
    async fn process(&mut self, batch: Vec<Submission>) {
        let mut waiting = batch;
        // Two changes of one package go into two batches, so that the second is
        // judged by what the first has done.
        while !waiting.is_empty() {
            let mut names = std::collections::BTreeSet::new();
            let (now, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|it| names.insert(it.change.name().fold_key()));
            waiting = later;
            // Before each of them: what may be logged is asked of the database, and
            // one that lacks the batch before would let it be logged again.
            if let Err(error) = self.settle().await {
                self.refuse(now, error);
            } else if let Err((batch, error)) = self.log_batch(now).await {
                self.refuse(batch, error);
            }
        }
    }

    /// Logs changes of different packages.
    async fn log_batch(
        &mut self,
        batch: Vec<Submission>,
    ) -> Result<(), (Vec<Submission>, LogError)> {
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut answers = Vec::new();
        let now = match self.now() {
            Ok(now) => now,
            Err(error) => return Err((batch, error)),
        };
        let Some(Committed { edge, .. }) = self.committed.clone() else {
            return Err((batch, LogError::Forked));
        };
        let size = edge.tree().size;
        for Submission { mut change, answer } in batch {
            change.accept(now);
            let logged = match self.store.admit(&change).await {
                Err(error) => Err(Arc::new(error.into())),
                Ok(Admission::Barred(bar)) => Ok(Logged::Barred(bar)),
                Ok(Admission::Free(entry)) => match entry.leaf() {
                    // It is this change's fault, and nobody else's in the batch.
                    Err(error) => Err(Arc::new(error.into())),
                    Ok(leaf) => {
                        let index = size + accepted.len() as u64;
                        accepted.push(Accepted { index, change: change.named(&entry), leaf });
                        answers.push(answer);
                        continue;
                    }
                },
            };
            // Whoever does not wait any more need not know.
            drop(answer.send(logged));
        }
        if accepted.is_empty() {
            return Ok(());
        }
        let result = self.write_batch(edge, now, &accepted).await;
        let error = result.err().map(|error| self.report(error));
        for (Accepted { index, .. }, answer) in accepted.into_iter().zip(answers) {
            let logged = error.as_ref().map_or(Ok(Logged::New(index)), |it| Err(Arc::clone(it)));
            drop(answer.send(logged));
        }
        Ok(())
    }

    /// Makes a batch true, publishes and applies it.
    async fn write_batch(
        &mut self,
        edge: Arc<Edge>,
        now: Timestamp,
        accepted: &[Accepted],
    ) -> Result<(), LogError> {
        let leaves: Vec<_> = accepted.iter().map(|accepted| accepted.leaf.clone()).collect();
        let signer = self.signer.clone();
        let (edge, note) = self
            .blocking(move |log, _| {
                let mut edge = (*edge).clone();
                let mut tiles: Vec<_> = leaves.iter().flat_map(|leaf| edge.append(leaf)).collect();
                tiles.extend(edge.partial());
                for (path, bytes) in &tiles {
                    log.inner.files.put_tile(path, bytes)?;
                }
                let note = signer.sign(edge.tree(), now);
                Ok((edge, note))
            })
            .await?;
        let tree = edge.tree();
        let expected = self.committed.take().map(|committed| committed.note);
        let next = Committed { edge: Arc::new(edge), note: note.clone(), signed_at: now };
        self.log.set_settled(false);
        // From here to the end of the swap, what is true is what the guard holds.
        self.blocking(move |_, guard| guard.swap(expected.as_deref(), &note)).await?;
        self.committed = Some(next.clone());

        let snapshot = self.publish(&next).await?;
        let changes: Vec<_> = accepted.iter().map(|it| (it.index, it.change.clone())).collect();
        self.apply_batch(&changes, &tree).await?;
        self.serve(snapshot).await?;
        self.log.set_settled(true);
        Ok(())
    }

    /// The time to sign with, which never goes back.
    fn now(&self) -> Result<Timestamp, LogError> {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::MIN);
        let committed = self.committed.as_ref().map(|committed| committed.signed_at);
        let last = committed.into_iter().fold(self.log.served().signed_at, Timestamp::max);
        if last.duration_since(now) > CLOCK_TOLERANCE {
            return Err(LogError::Clock { now, last });
        }
        Ok(now.max(last))
    }

    /// Does what is due without anybody asking.
    async fn tick(&mut self) {
        let result = match self.settle().await {
            Ok(()) => self.resign().await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.report(error);
        }
    }

    /// Signs the newest checkpoint anew, if it is due.
    pub(super) async fn resign(&mut self) -> Result<(), LogError> {
        let served = self.log.served();
        let now = self.now()?;
        let is_recent = now.duration_since(served.signed_at) < RESIGN_AFTER;
        if is_recent && self.witnesses.vouch_for(&served.checkpoint, &self.log.trust()) {
            return Ok(());
        }
        // Whoever holds the guard now is the log.
        let committed = self.blocking(super::open::committed).await?;
        if committed.edge.tree() != served.tree {
            return Err(LogError::Forked);
        }
        let note = self.signer.sign(served.tree, now);
        let checkpoint = self.cosigned(&note, &served.edge).await?;
        let snapshot = Arc::new(Snapshot::new(checkpoint, now, Arc::clone(&served.edge)));
        self.write(&snapshot).await?;
        self.log.announce(&snapshot);
        self.serve(snapshot).await?;
        tracing::info!(size = served.tree.size, "signed the checkpoint anew");
        Ok(())
    }

    fn refuse(&self, batch: Vec<Submission>, error: LogError) {
        let error = self.report(error);
        for Submission { answer, .. } in batch {
            drop(answer.send(Err(Arc::clone(&error))));
        }
    }

    #[expect(clippy::unused_self, reason = "it is the sequencer that reports")]
    fn report(&self, error: LogError) -> Arc<LogError> {
        let error = Arc::new(error);
        tracing::error!(
            error = &*error as &dyn std::error::Error,
            needs_a_person = error.is_fork(),
            "the log could not go on"
        );
        error
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Log, &Guard) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let (log, guard) = (self.log.clone(), self.guard.clone());
        match tokio::task::spawn_blocking(move || work(&log, &guard)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(LogError::Stopping),
            },
        }
    }
}

#[cfg(test)]
mod tests;
