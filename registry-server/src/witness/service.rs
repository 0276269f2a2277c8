//! Compare, remember, sign.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mcpkg_core::log::{SignatureLine, SigningKey, Tree, VerifierKey};
use mcpkg_core::{Code, Coded};
use tokio::sync::Mutex;

use super::judge::{KnownLogs, Refusal, Submission};
use super::state::{Latest, Memory, StateError, StateFolder};

/// A witness.
#[derive(Debug)]
pub(super) struct Witness {
    key: Arc<SigningKey>,
    logs: KnownLogs,
    /// Of each log, by origin. Locked while a checkpoint of it is compared with
    /// what is remembered and then remembered itself: two at once could each be
    /// newer than the old one, and the later write would forget the other.
    memories: BTreeMap<String, Arc<Mutex<Memory>>>,
    _folder: StateFolder,
}

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CosignError {
    /// It must not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What was signed is not known, or could not be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The clock is before 1970.
    #[error("the witness's clock is wrong")]
    Clock,
    /// A defect of ours.
    #[error("the witness has a defect")]
    Panic,
}

impl Witness {
    /// A witness with `key` for the logs of `logs`, that remembers in the folder
    /// `state`. Blocks.
    pub(super) fn open(
        key: SigningKey,
        state: &Path,
        logs: Vec<VerifierKey>,
    ) -> Result<Self, StateError> {
        let folder = StateFolder::open(state)?;
        let logs = KnownLogs::new(logs);
        let verifier = super::verifier(&key);
        let recall = |origin: &str| {
            let memory = folder.recall(origin, &verifier)?;
            Ok((origin.to_owned(), Arc::new(Mutex::new(memory))))
        };
        let memories = logs.origins().map(recall).collect::<Result<_, StateError>>()?;
        Ok(Self { key: Arc::new(key), logs, memories, _folder: folder })
    }

    /// Does what the request `body` asks, if it may be done. What is returned
    /// will not be forgotten.
    pub(super) async fn add_checkpoint(&self, body: &[u8]) -> Result<SignatureLine, CosignError> {
        let submission = self.logs.admit(body)?;
        let origin = &submission.checkpoint.origin;
        let memory =
            self.memories.get(origin).ok_or_else(|| Refusal::UnknownLog(origin.clone()))?;
        let mut memory = Arc::clone(memory).lock_owned().await;
        let key = Arc::clone(&self.key);
        // A client that goes away does not stop this half-way: the lock goes with it.
        let work = tokio::task::spawn_blocking(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now_s = now.map_err(|_| CosignError::Clock)?.as_secs();
            cosign(&mut memory, &key, &submission, now_s)
        });
        work.await.map_err(|_| CosignError::Panic)?
    }
}

/// Signs `submission` at the time `now_s`, in seconds since 1970, if it goes on
/// from what is remembered. It is remembered before this returns. Blocks.
fn cosign(
    memory: &mut Memory,
    key: &SigningKey,
    submission: &Submission,
    now_s: u64,
) -> Result<SignatureLine, CosignError> {
    let latest = memory.latest()?;
    let (tree, time_s) = latest.map_or((Tree::empty(), 0), |latest| (latest.tree, latest.time_s));
    if let Err(refusal) = submission.follows(tree) {
        if let Refusal::Fork { .. } = refusal {
            report_fork(memory, submission);
        }
        return Err(refusal.into());
    }
    // A clock that went back must not make a newer tree look older.
    let time_s = now_s.max(time_s);
    let line = key.cosign(submission.note.text(), time_s);
    let mut note = submission.note.clone();
    note.add(line.clone());
    memory.replace(Latest { tree: submission.checkpoint.tree, time_s, note })?;
    Ok(line)
}

/// Tells the operator that a log has signed two trees of one size.
fn report_fork(memory: &mut Memory, submission: &Submission) {
    let origin = &submission.checkpoint.origin;
    match memory.keep_fork(&submission.note) {
        Ok(path) => tracing::error!(
            origin,
            evidence = %path.display(),
            "a log has forked; the file proves it to anybody, so publish it"
        ),
        Err(error) => tracing::error!(
            origin,
            other = %submission.note,
            error = &error as &dyn std::error::Error,
            "a log has forked, and the proof could not be kept"
        ),
    }
}

impl Coded for CosignError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::State(error) => error.code(),
            Self::Clock => Code::Clock,
            Self::Panic => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::State(_) | Self::Clock | Self::Panic => None,
        }
    }
}

#[cfg(test)]
mod tests;
