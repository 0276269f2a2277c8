//! Who fetched what, so that they can be told if it is taken down.
//!
//! Downloads do not wait for it: what is to be remembered gathers in a queue of its own,
//! and is written a batch at a time. If the queue is full, the oldest news is the one
//! that is kept.

use jiff::Timestamp;
use mcpkg_core::Digest;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::source::second;
use crate::store::Store;

/// How many fetches may wait to be written.
const QUEUE: usize = 4096;

/// How many are written at once.
const BATCH: usize = 512;

/// Remembers fetches. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Fetches {
    queue: mpsc::Sender<(Digest, String, String)>,
}

impl Fetches {
    /// Remembers in `store`, for as long as the task goes on.
    pub(crate) fn start(store: Store) -> (Self, JoinHandle<()>) {
        let (queue, mut queued) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while queued.recv_many(&mut batch, BATCH).await > 0 {
                if let Err(error) = store.add_fetches(&batch, second(Timestamp::now())).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "who fetched something could not be remembered");
                }
                batch.clear();
            }
        });
        (Self { queue }, task)
    }

    /// Remembers that `who` fetched the bytes of `digest` from `source`, or from the
    /// registry itself.
    pub(crate) fn add(&self, digest: Digest, source: Option<&str>, who: String) {
        let fetch = (digest, source.unwrap_or_default().to_owned(), who);
        if self.queue.try_send(fetch).is_err() {
            tracing::debug!(%digest, "too much is fetched to remember by whom");
        }
    }
}
