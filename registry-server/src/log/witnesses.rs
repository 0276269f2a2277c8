//! The witnesses that vouch for the log's checkpoints: asking them.
//!
//! All are asked at once, and each on its own: one that hangs, lies or is away is
//! one signature less, and costs no more than its time. What a witness answers is
//! believed if it is its signature of this checkpoint, and is otherwise nothing.
//!
//! A witness signs what goes on from the tree that it has signed last, so the log
//! remembers how large that was, and learns it from the refusal where it does not.
//!
//! Source: C2SP tlog-witness, "add-checkpoint".

mod ask;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use mcpkg_core::log::{
    Algorithm, Hash, LogTrust, NoteError, SignatureLine, SignedNote, Tree, VerifierKey,
};
use mcpkg_core::{Code, Coded};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{ConfigError, LogConfig};
use ask::{Cause, Witness, address};

/// How long to wait for the others once enough have signed. More signatures are
/// better, but nobody who is away may slow down every publish.
const GRACE: Duration = Duration::from_millis(250);

/// A witness to ask.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessFile {
    /// The address of its `add-checkpoint`, without that word.
    pub url: String,
    /// Its key, a vkey of type 0x04.
    pub key: VerifierKey,
}

/// All of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witnesses {
    all: Vec<Arc<Witness>>,
    quorum: usize,
    patience: Duration,
}

/// The checkpoint has not been cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    /// Too few have signed.
    #[error("{got} witnesses have signed, expected {wanted}{}", list(causes))]
    Quorum {
        /// How many have to.
        wanted: usize,
        /// How many have.
        got: usize,
        /// Why the others have not.
        causes: Vec<Unsigned>,
    },
    /// What is to be signed is no note.
    #[error("the checkpoint to be cosigned is malformed")]
    Note(#[from] NoteError),
}

/// A witness that has not signed.
#[derive(Debug)]
pub(crate) struct Unsigned {
    /// What it is called.
    pub(crate) witness: String,
    /// Why it has not.
    pub(crate) cause: Cause,
}

fn list(causes: &[Unsigned]) -> String {
    let mut text = String::new();
    for Unsigned { witness, cause } in causes {
        text.extend(["; `", witness, "`: ", &cause.to_string()]);
        for source in std::iter::successors(cause.source(), |&source| source.source()) {
            text.extend([": ", &source.to_string()]);
        }
    }
    text
}

/// Checks that these are witnesses, that as many can sign, and in that time.
pub(crate) fn check_witnesses(
    files: &[WitnessFile],
    quorum: usize,
    seconds: u64,
) -> Result<(), ConfigError> {
    let bad = |key, found: &dyn ToString, expected| {
        Err(ConfigError::Value { key, found: format!("`{}`", found.to_string()), expected })
    };
    if quorum > files.len() {
        return bad("log.witness_quorum", &quorum, "at most as many as there are witnesses");
    }
    if seconds == 0 {
        return bad("log.witness_seconds", &seconds, "a positive number");
    }
    for (index, WitnessFile { url, key }) in files.iter().enumerate() {
        if key.algorithm() != Algorithm::Cosignature {
            let expected = "a key of type 0x04, as `mcpkg-registry witness init` prints it";
            return bad("log.witness.key", key, expected);
        }
        // One that signs twice, if under two names, is still one.
        if files[..index].iter().any(|other| bytes(&other.key) == bytes(key)) {
            return bad("log.witness.key", key, "a key that no other witness has");
        }
        if address(url).is_none() {
            let expected = "an https URL, or http on loopback, without user, query or fragment";
            return bad("log.witness.url", &url.escape_debug(), expected);
        }
    }
    Ok(())
}

/// The last part of a vkey: what is left of it without its name.
fn bytes(key: &VerifierKey) -> String {
    key.to_string().splitn(3, '+').skip(2).collect()
}

impl Witnesses {
    /// The witnesses of a log, and how many of them have to sign.
    pub(crate) fn new(config: &LogConfig) -> Result<Self, ConfigError> {
        let LogConfig { witnesses, witness_quorum, witness_seconds, .. } = config;
        check_witnesses(witnesses, *witness_quorum, *witness_seconds)?;
        let witnesses = witnesses.iter().map(|file| Witness::new(file).map(Arc::new));
        Ok(Self {
            all: witnesses.collect::<Result<_, _>>()?,
            quorum: *witness_quorum,
            patience: Duration::from_secs(*witness_seconds),
        })
    }

    /// Whether enough of them vouch for a checkpoint of the log of `trust`.
    pub(crate) fn vouch_for(&self, checkpoint: &str, trust: &LogTrust) -> bool {
        let witnesses = self.all.iter().map(|witness| witness.key.clone()).collect();
        let trust = LogTrust { witnesses, quorum: self.quorum, ..trust.clone() };
        trust.verify_checkpoint(checkpoint).is_ok()
    }

    /// Whether there are none, so that nobody has to be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Asks all of them to sign the checkpoint `note` of `tree`, and returns what
    /// those have signed that did. `proof` gives the proof that the tree goes on
    /// from a smaller one; it may block.
    ///
    /// # Errors
    ///
    /// [`WitnessError::Quorum`] if too few have.
    pub(crate) async fn cosign<E: Error + Send + Sync + 'static>(
        &self,
        note: &str,
        tree: Tree,
        proof: impl Fn(u64) -> Result<Vec<Hash>, E> + Send + Sync + 'static,
    ) -> Result<Vec<SignatureLine>, WitnessError> {
        let note = Arc::new(SignedNote::parse(note.as_bytes())?);
        let proof = Arc::new(proof);
        let patience = self.patience;
        let mut asked = JoinSet::new();
        for witness in &self.all {
            let (witness, note) = (Arc::clone(witness), Arc::clone(&note));
            let proof = Arc::clone(&proof);
            asked.spawn(async move {
                let answer = timeout(patience, witness.ask(&note, tree, proof)).await;
                let answer = answer.unwrap_or(Err(Cause::TimedOut(patience)));
                answer.map_err(|cause| Unsigned { witness: witness.key.name().to_owned(), cause })
            });
        }
        // Dropping `asked` stops whoever has not answered by then.
        let (lines, causes) = self.gather(asked).await;
        for Unsigned { witness, cause } in &causes {
            tracing::warn!(witness, error = cause as &dyn Error, "a witness has not signed");
        }
        if lines.len() < self.quorum {
            return Err(WitnessError::Quorum { wanted: self.quorum, got: lines.len(), causes });
        }
        Ok(lines)
    }

    /// Waits until all have answered, or enough have signed and the grace is over.
    async fn gather(
        &self,
        mut asked: JoinSet<Result<SignatureLine, Unsigned>>,
    ) -> (Vec<SignatureLine>, Vec<Unsigned>) {
        let (mut lines, mut causes) = (Vec::new(), Vec::new());
        let mut deadline = None;
        loop {
            if lines.len() >= self.quorum && deadline.is_none() {
                deadline = Some(Instant::now() + GRACE);
            }
            let next = match deadline {
                None => asked.join_next().await,
                Some(deadline) => timeout_at(deadline, asked.join_next()).await.unwrap_or(None),
            };
            match next {
                None => return (lines, causes),
                Some(Ok(Ok(line))) => lines.push(line),
                Some(Ok(Err(unsigned))) => causes.push(unsigned),
                Some(Err(error)) => {
                    tracing::error!(%error, "asking a witness has failed; this is a defect");
                }
            }
        }
    }
}

impl Coded for WitnessError {
    fn code(&self) -> Code {
        match self {
            Self::Quorum { .. } => Code::Witness,
            Self::Note(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Quorum { .. } => {
                Some("try again later; the registry's operator sees in its log which are away")
            }
            Self::Note(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
