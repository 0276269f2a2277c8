//! Asking one witness.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcpkg_core::log::{
    AddCheckpoint, Hash, NoteError, SignatureLine, SignedNote, Tree, VerifierKey,
};
use reqwest::{Client, Response, StatusCode, Url};

use super::WitnessFile;
use crate::config::ConfigError;

/// The longest answer that is read, in bytes: the signatures of a witness that has
/// a hundred keys.
const MAX_ANSWER_LEN: usize = 16 * 1024;

/// A witness, and what we know of it.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) address: Url,
    pub(super) key: VerifierKey,
    http: Client,
    /// The size of the tree that it has signed last, as far as we know.
    last_size: AtomicU64,
}

/// Why a witness has not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    /// There is no connection, or it was cut.
    #[error("it cannot be reached")]
    Transport(#[source] reqwest::Error),
    /// It has taken too long.
    #[error("it has not answered in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It refuses, or something else answers.
    #[error("it has answered with status {0}")]
    Status(u16),
    /// It has answered at length.
    #[error("its answer is longer than {MAX_ANSWER_LEN} bytes")]
    TooLong,
    /// It has answered, and said nothing that we can use.
    #[error("its answer is neither its signature nor the size of a tree")]
    Garbage,
    /// Something is in its name that is not its signature.
    #[error("its signature is not one")]
    Signature(#[source] NoteError),
    /// It has signed more than we have.
    #[error("it has signed a tree of {0} entries already, which is more than there are")]
    Ahead(u64),
    /// It does not go on from what it says that it has signed.
    #[error("it has signed another tree of {0} entries, or says so")]
    Contradiction(u64),
    /// The proof could not be made.
    #[error("no proof could be made for it")]
    Proof(#[source] Box<dyn Error + Send + Sync>),
}

/// What a witness says to a checkpoint.
enum Answer {
    /// It is signed.
    Signed(SignatureLine),
    /// It has signed a tree of this size last.
    LastSize(u64),
}

impl Witness {
    /// The witness that `file` names.
    pub(super) fn new(file: &WitnessFile) -> Result<Self, ConfigError> {
        let address = address(&file.url).ok_or_else(|| ConfigError::Value {
            key: "log.witness.url",
            found: format!("`{}`", file.url.escape_debug()),
            expected: "the address of a witness",
        })?;
        let mut http = Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&address) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|source| ConfigError::Client { source: source.into() })?;
        Ok(Self { address, key: file.key.clone(), http, last_size: AtomicU64::new(0) })
    }

    /// Asks it to sign. If it goes on from another size than we thought, it is
    /// asked a second time, and not a third.
    pub(super) async fn ask<E: Error + Send + Sync + 'static>(
        &self,
        note: &SignedNote,
        tree: Tree,
        proof: Arc<impl Fn(u64) -> Result<Vec<Hash>, E> + Send + Sync + 'static>,
    ) -> Result<SignatureLine, Cause> {
        let mut old_size = self.last_size.load(Ordering::Relaxed).min(tree.size);
        for _ in 0..2 {
            let make = Arc::clone(&proof);
            let proof = tokio::task::spawn_blocking(move || make(old_size)).await;
            let proof = proof
                .map_err(|error| Cause::Proof(error.into()))?
                .map_err(|error| Cause::Proof(error.into()))?;
            let checkpoint = note.clone();
            match self.send(&AddCheckpoint { old_size, proof, checkpoint }).await? {
                Answer::Signed(line) => {
                    self.last_size.store(tree.size, Ordering::Relaxed);
                    return Ok(line);
                }
                // What is larger is not remembered: it may be a lie, and would be
                // in the way when the witness tells the truth.
                Answer::LastSize(size) if size > tree.size => return Err(Cause::Ahead(size)),
                Answer::LastSize(size) if size == old_size => {
                    return Err(Cause::Contradiction(size));
                }
                Answer::LastSize(size) => {
                    self.last_size.store(size, Ordering::Relaxed);
                    old_size = size;
                }
            }
        }
        Err(Cause::Contradiction(old_size))
    }

    async fn send(&self, request: &AddCheckpoint) -> Result<Answer, Cause> {
        let post = self.http.post(self.address.clone()).body(request.to_string());
        let response = post.send().await.map_err(Cause::Transport)?;
        match response.status() {
            StatusCode::OK => {
                self.signature(&request.checkpoint, &read(response).await?).map(Answer::Signed)
            }
            StatusCode::CONFLICT => {
                let text = read(response).await?;
                let size = text.strip_suffix('\n').and_then(|size| size.parse().ok());
                size.map(Answer::LastSize).ok_or(Cause::Garbage)
            }
            status => Err(Cause::Status(status.as_u16())),
        }
    }

    /// Its signature of `note` among the lines of an answer.
    fn signature(&self, note: &SignedNote, answer: &str) -> Result<SignatureLine, Cause> {
        let lines = answer.lines().filter_map(|line| line.parse::<SignatureLine>().ok());
        let is_its =
            |line: &SignatureLine| line.name() == self.key.name() && line.key_id() == self.key.id();
        let line = lines.into_iter().find(is_its).ok_or(Cause::Garbage)?;
        SignedNote::new(note.text().to_owned(), vec![line.clone()])
            .verify(&[&self.key])
            .map_err(Cause::Signature)?;
        Ok(line)
    }
}

/// Whether an address is of this machine, where nobody listens in.
fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The body of an answer, if it is text and not long.
async fn read(mut response: Response) -> Result<String, Cause> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(Cause::Transport)? {
        if bytes.len() + piece.len() > MAX_ANSWER_LEN {
            return Err(Cause::TooLong);
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| Cause::Garbage)
}

/// Where to post a checkpoint to the witness at `url`, if it may be asked there.
pub(super) fn address(url: &str) -> Option<Url> {
    let address = Url::parse(&format!("{}/add-checkpoint", url.trim_end_matches('/'))).ok()?;
    let is_safe = match address.scheme() {
        "https" => true,
        "http" => is_loopback(&address),
        _ => false,
    };
    let is_plain = address.username().is_empty()
        && address.password().is_none()
        && address.query().is_none()
        && address.fragment().is_none();
    (is_safe && is_plain).then_some(address)
}
