//! The witness: signs that a log only ever grew.
//!
//! A log could show one tree to Alice and another to Bob, each consistent in
//! itself. A witness remembers the newest tree that it has seen of each log, and
//! signs another one only if that goes on from it. Whoever demands the signatures
//! of enough independent witnesses has then seen what all others saw.
//!
//! It is a server of its own, for logs run by other people:
//!
//! | file | is about |
//! |---|---|
//! | `config` | which key it signs with, and for which logs |
//! | `judge` | whether a checkpoint may be signed: pure |
//! | `state` | what is remembered, on disk |
//! | `service` | compare, remember, sign: one at a time for each log |
//! | `routes` | HTTP |
//!
//! What is signed was on disk before: a witness that forgot would vouch for both
//! trees. So it answers after the new state has been synced, and a state that it
//! cannot read stops it.
//!
//! Source: C2SP tlog-witness and tlog-cosignature.

mod config;
mod judge;
mod routes;
mod service;
mod state;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mcpkg_core::log::{SigningKey, VerifierKey};
use mcpkg_core::{Code, Coded};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::ConfigError;
use crate::key_file::{self, KeyFileError};
use crate::limits::Limits;
use crate::net;
use service::Witness;

pub use config::{WitnessConfig, WitnessConfigFile, WitnessedLog};
pub use state::StateError;

/// A witness that is listening.
///
/// Dropped, it stops at once and answers nobody; see [`RunningWitness::shutdown`].
#[derive(Debug)]
pub struct RunningWitness {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<bool>,
}

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no key to sign with.
    #[error("the witness has no key")]
    Key(#[from] KeyFileError),
    /// What it remembers cannot be read.
    #[error("the witness does not know what it has signed")]
    State(#[from] StateError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Makes the key of a witness called `name`, keeps it at `path`, and returns what
/// others verify its signatures with. Blocks.
pub fn init(path: &Path, name: &str) -> Result<VerifierKey, KeyFileError> {
    Ok(verifier(&key_file::generate(path, name)?))
}

/// What signatures of a witness are verified with.
fn verifier(key: &SigningKey) -> VerifierKey {
    key.verifier().as_cosigner()
}

/// Starts a witness as `config` says. When this returns, it accepts connections.
///
/// Must be called in a tokio runtime with timers and input and output.
pub async fn start(config: WitnessConfig) -> Result<RunningWitness, WitnessError> {
    let WitnessConfig { key, state, listen, logs, request } = config;
    let verifier = verifier(&key);
    let witness = Arc::new(Witness::open(key, &state, logs)?);
    let unheard = |source| WitnessError::Listen { address: listen, source };
    let listener = net::listen(listen).await.map_err(unheard)?;
    let address = listener.local_addr().map_err(unheard)?;
    tracing::info!(%address, state = %state.display(), key = %verifier, "listening");
    let limits = Limits { head_seconds: request.as_secs(), ..Limits::default() };
    Ok(RunningWitness::new(address, listener, witness, limits))
}

impl RunningWitness {
    fn new(
        address: SocketAddr,
        listener: TcpListener,
        witness: Arc<Witness>,
        limits: Limits,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let router = routes::router(witness, limits.head());
            net::serve(listener, router, None, &limits, stopped).await
        });
        Self { address, stop, task }
    }

    /// The address that is listened on, with its actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: accepts no more connections, and lets requests in flight end. Says
    /// whether all of them were answered.
    pub async fn shutdown(mut self) -> bool {
        self.stop.send_replace(true);
        let all_answered = (&mut self.task).await.unwrap_or(false);
        tracing::info!(all_answered, "stopped");
        all_answered
    }
}

impl Drop for RunningWitness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Coded for WitnessError {
    fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Listen { .. } => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(_) => Some("`docs/witness.md` shows every key and its default"),
            Self::Key(KeyFileError::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some("`mcpkg-registry witness init` makes a key")
            }
            Self::Key(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Listen { .. } => Some("name another address with `--listen`"),
        }
    }
}
