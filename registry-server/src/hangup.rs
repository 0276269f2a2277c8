//! SIGHUP, which asks a server to look at its files again.
//!
//! Without a handler it ends the process. So whoever heeds it listens from the first
//! moment of a start on, and not from when the task that acts on it first runs: whoever
//! has seen that a server is ready may send one.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where SIGHUPs arrive; nothing ever does where there is no such signal.
#[derive(Debug)]
pub(crate) struct Hangups {
    #[cfg(unix)]
    arriving: Option<Signal>,
}

impl Hangups {
    /// Listens, from the call on. Needs a runtime.
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        let arriving = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!(%error, "a SIGHUP will not be noticed"));
        Self { arriving: arriving.ok() }
    }

    /// Listens to nothing.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// Completes when one has arrived since the last call.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(arriving) = &mut self.arriving
            && arriving.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
