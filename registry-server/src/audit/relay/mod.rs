//! Passing on to a syslog what is audited.
//!
//! ```text
//! audit.sqlite3 ─ what was not passed on yet ─> syslog
//!        └──────── how far that is <───────────────┘
//! ```
//!
//! The database is the queue. So a syslog that is slow or gone holds nobody, fills no
//! memory, and misses nothing: once it is there again it is sent the rest, in order, also
//! after a restart; and one that is configured later, everything from the first record on.
//!
//! No syslog says what it has read. What was sent just before a connection ended may have
//! gone with it, so that is sent again. A record has its number and its digest, by which a
//! receiver knows it again. Datagrams are sent and forgotten, as ever.

mod message;
#[cfg(test)]
mod tests;
mod way;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::message::message;
use self::way::{End, Target, Way};
use crate::config::{AuditFile, ConfigError};
use crate::store::{AuditStore, StoreError};

/// How many records are read at once, and after how many it is kept how far it got.
const AT_ONCE: u32 = 256;

/// How long the first pause after a failure is. Each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// For how long before the other side closed a connection it may not have got what was
/// sent: what comes after it has closed is answered with an error, which takes a moment.
const DOUBTED: Duration = Duration::from_secs(10);

/// The same before a connection broke. Systems send a segment again for about a quarter of
/// an hour before they give up (RFC 9293, section 3.8.3), and say nothing until then.
const DOUBTED_IF_BROKEN: Duration = Duration::from_mins(20);

/// The most records that are sent again.
const MOST_DOUBTED: usize = 1024;

/// Passes on what is audited, until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    more: Notify,
    newest: AtomicU64,
    sent: AtomicU64,
    is_stuck: AtomicBool,
}

/// A syslog to pass on to.
#[derive(Clone)]
pub(crate) struct Syslog(Arc<Target>);

struct Runner {
    shared: Arc<Shared>,
    store: AuditStore,
    target: Arc<Target>,
    line: Option<Line>,
}

/// An open way, and what was sent on it lately.
struct Line {
    way: Way,
    sent: VecDeque<(u64, Instant)>,
}

/// Why something was not passed on.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("could not read what is to be sent")]
    Store(#[from] StoreError),
    #[error("could not reach it")]
    Open(#[source] std::io::Error),
    #[error("it has closed the connection")]
    Closed,
    #[error("the connection broke")]
    Broken(#[source] std::io::Error),
}

impl Syslog {
    /// The one of the configuration, if there is one.
    pub(crate) fn new(file: &AuditFile) -> Result<Option<Self>, ConfigError> {
        Ok(Target::new(file)?.map(|target| Self(Arc::new(target))))
    }
}

impl Relay {
    /// Begins to pass on what is in `store`, from where it was left.
    pub(super) async fn start(
        store: AuditStore,
        Syslog(target): Syslog,
    ) -> Result<Self, StoreError> {
        let newest = store.newest().await?;
        // Of a database that somebody has exchanged for an older one, nothing was sent.
        let sent = store.passed_on(&target.address).await?.filter(|sent| *sent <= newest);
        let shared = Arc::new(Shared {
            more: Notify::new(),
            newest: newest.into(),
            sent: sent.unwrap_or_default().into(),
            is_stuck: false.into(),
        });
        let runner = Runner { shared: Arc::clone(&shared), store, target, line: None };
        Ok(Self { shared, task: tokio::spawn(runner.run()) })
    }

    /// Says that there are records up to `newest`.
    pub(super) fn tell(&self, newest: u64) {
        self.shared.newest.fetch_max(newest, Ordering::Relaxed);
        self.shared.more.notify_one();
    }

    /// How many records wait because the syslog cannot be reached.
    pub(super) fn waiting(&self) -> u64 {
        if !self.shared.is_stuck.load(Ordering::Relaxed) {
            return 0;
        }
        let newest = self.shared.newest.load(Ordering::Relaxed);
        newest.saturating_sub(self.shared.sent.load(Ordering::Relaxed))
    }

    /// Passes on nothing more.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Runner {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.pass_on().await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.shared.is_stuck.store(false, Ordering::Relaxed);
                }
                Err(error) => {
                    self.complain(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Passes on what there is; if there is nothing, waits until there is, or until it is
    /// known that what was sent may be lost.
    async fn pass_on(&mut self) -> Result<(), RelayError> {
        let records = self.store.after(self.sent(), AT_ONCE).await?;
        if records.is_empty() {
            return self.wait().await;
        }
        let mut line = if let Some(line) = self.line.take() {
            line
        } else {
            let way = self.target.open().await.map_err(RelayError::Open)?;
            Line { way, sent: VecDeque::new() }
        };
        if let Some(end) = line.way.has_ended() {
            return self.go_back(&line, end).await;
        }
        for record in &records {
            if let Err(end) = line.way.send(&message(record)).await {
                return self.go_back(&line, end).await;
            }
            line.remember(record.id);
            self.shared.sent.store(record.id, Ordering::Relaxed);
        }
        self.line = Some(line);
        Ok(self.store.pass_on(&self.target.address, self.sent()).await?)
    }

    async fn wait(&mut self) -> Result<(), RelayError> {
        let Some(mut line) = self.line.take() else {
            self.shared.more.notified().await;
            return Ok(());
        };
        let ended = tokio::select! {
            () = self.shared.more.notified() => None,
            end = line.way.ended() => Some(end),
        };
        match ended {
            None => {
                self.line = Some(line);
                Ok(())
            }
            // Closed, and nothing on it is in doubt: the next record opens another.
            Some(End::Closed) if line.first_in_doubt(DOUBTED).is_none() => Ok(()),
            Some(end) => self.go_back(&line, end).await,
        }
    }

    /// Goes back to the first record that may be lost, and says why.
    async fn go_back(&self, line: &Line, end: End) -> Result<(), RelayError> {
        let (doubted, error) = match end {
            End::Closed => (DOUBTED, RelayError::Closed),
            End::Broken(error) => (DOUBTED_IF_BROKEN, RelayError::Broken(error)),
        };
        if let Some(first) = line.first_in_doubt(doubted) {
            self.shared.sent.store(first - 1, Ordering::Relaxed);
            self.store.pass_on(&self.target.address, self.sent()).await?;
        }
        Err(error)
    }

    fn complain(&self, error: &RelayError) {
        self.shared.is_stuck.store(true, Ordering::Relaxed);
        let (error, syslog) = (error as &dyn std::error::Error, &self.target.address);
        tracing::warn!(error, %syslog, "what was audited could not be passed on");
    }

    fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Line {
    fn remember(&mut self, id: u64) {
        if self.sent.len() >= MOST_DOUBTED {
            self.sent.pop_front();
        }
        self.sent.push_back((id, Instant::now()));
    }

    /// The first record that was sent within the last `doubted`.
    fn first_in_doubt(&self, doubted: Duration) -> Option<u64> {
        // Datagrams are sent and forgotten.
        if self.way.is_datagrams() {
            return None;
        }
        self.sent.iter().find(|(_, at)| at.elapsed() <= doubted).map(|(id, _)| *id)
    }
}
