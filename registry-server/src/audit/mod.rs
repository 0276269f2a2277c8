//! Who was allowed to do what, and who was not.
//!
//! | what | where |
//! |---|---|
//! | a write or an approval, before it is done | `audit.sqlite3`; if it cannot be written, the write is not done |
//! | a denial of somebody who has shown who they are | `audit.sqlite3`, in its turn |
//! | a denial of nobody in particular, and every read | the server's own log alone |
//!
//! Strangers must not be able to fill the disk, which a row for each request of theirs
//! would let them do.
//!
//! Each record also goes to a syslog, if one is configured. That never holds a request: it
//! is sent from the database, when the syslog can take it.

mod export;
mod relay;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use mcpkg_core::Digest;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub use export::{AuditError, export};
pub(crate) use relay::Syslog;

use crate::policy::{Action, Principal, Resource, Ruling};
use crate::store::{AuditStore, StoreError};
use relay::Relay;

/// The database in the data folder.
pub(crate) const DATABASE: &str = "audit.sqlite3";

/// How many denials wait to be written.
const WAITING: usize = 1024;

/// How many are written at once.
const AT_ONCE: usize = 256;

/// The longest reason that is kept, in characters.
const MAX_REASON_CHARS: usize = 1000;

/// Something to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditEvent {
    /// Who, as policies write it.
    pub(crate) actor: String,
    /// What they wanted to do.
    pub(crate) action: String,
    /// With what, as policies write it.
    pub(crate) resource: String,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// The ids of the policies that decided.
    pub(crate) policies: Vec<String>,
    /// What else there is to say.
    pub(crate) reason: Option<String>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// They may.
    Allowed,
    /// They may not.
    Denied,
}

impl Outcome {
    /// The outcome as it is written everywhere.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

impl AuditEvent {
    /// That `ruling` was the answer to `principal`.
    pub(crate) fn of(
        principal: &Principal,
        action: Action,
        resource: &Resource,
        ruling: &Ruling,
    ) -> Self {
        let outcome = if ruling.allowed { Outcome::Allowed } else { Outcome::Denied };
        let reason = (!ruling.errors.is_empty()).then(|| ruling.errors.join("; "));
        Self {
            actor: principal.to_string(),
            action: action.to_string(),
            resource: resource.to_string(),
            outcome,
            policies: ruling.policies.iter().map(|policy| policy.id.clone()).collect(),
            reason,
        }
    }

    /// The same, with what else there is to say.
    pub(crate) fn because(self, reason: impl Into<String>) -> Self {
        let reason = reason.into().chars().take(MAX_REASON_CHARS).collect();
        Self { reason: Some(reason), ..self }
    }
}

/// An event as it was written, with its place among the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditRecord {
    /// Its place, from 1.
    pub(crate) id: u64,
    /// When it was.
    pub(crate) at: String,
    /// See [`AuditEvent::actor`].
    pub(crate) actor: String,
    /// See [`AuditEvent::action`].
    pub(crate) action: String,
    /// See [`AuditEvent::resource`].
    pub(crate) resource: String,
    /// See [`AuditEvent::outcome`].
    pub(crate) outcome: Outcome,
    /// See [`AuditEvent::policies`].
    pub(crate) policies: Vec<String>,
    /// See [`AuditEvent::reason`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The digest of all of the above, and of the record before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Digest>,
}

impl AuditRecord {
    /// The digest that seals this record to the one before it.
    pub(crate) fn seal(&self, before: Option<&Self>) -> Digest {
        let before = before.and_then(|record| record.digest);
        let unsealed = Self { digest: None, ..self.clone() };
        let before = before.map(|digest| digest.to_string()).unwrap_or_default();
        let line = serde_json::to_string(&unsealed).unwrap_or_default();
        Digest::of(format!("{before}\n{line}").as_bytes())
    }
}

/// Writes a time to the millisecond: at one precision, text sorts as time.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Where events are handed in.
#[derive(Debug)]
pub(crate) struct Audit {
    store: AuditStore,
    relay: Option<Arc<Relay>>,
    queue: mpsc::Sender<Queued>,
    lost: Arc<AtomicU64>,
}

/// What the writer is told.
#[derive(Debug)]
enum Queued {
    /// To write it, some time.
    Event(AuditEvent, Timestamp),
    /// To say when all before it is written.
    Flush(oneshot::Sender<()>),
}

impl Audit {
    /// Opens the audit log in the folder `data`, and passes it on to `syslog`.
    pub(crate) async fn open(
        syslog: Option<Syslog>,
        data: &Path,
        wait: Duration,
    ) -> Result<Self, StoreError> {
        let store = AuditStore::open(&data.join(DATABASE), wait).await?;
        let relay = match syslog {
            Some(syslog) => Some(Arc::new(Relay::start(store.clone(), syslog).await?)),
            None => None,
        };
        let (queue, queued) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { store: store.clone(), relay: relay.clone(), lost: lost.clone() };
        tokio::spawn(writer.run(queued));
        Ok(Self { store, relay, queue, lost })
    }

    /// Writes an event. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// It is not, so what it is about must not be done.
    pub(crate) async fn record(&self, event: AuditEvent) -> Result<(), StoreError> {
        say(&event);
        let records = self.store.append(vec![(event, Timestamp::now())]).await?;
        tell(self.relay.as_deref(), &records);
        Ok(())
    }

    /// Has an event written some time. Never waits: if too many wait already, it is
    /// counted instead, and the count is written.
    pub(crate) fn note(&self, event: AuditEvent) {
        say(&event);
        if self.queue.try_send(Queued::Event(event, Timestamp::now())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many records wait because the syslog cannot be reached.
    pub(crate) fn waiting(&self) -> u64 {
        self.relay.as_ref().map_or(0, |relay| relay.waiting())
    }

    /// Waits until all that was noted is written.
    pub(crate) async fn flush(&self) {
        let (tell, told) = oneshot::channel();
        if self.queue.send(Queued::Flush(tell)).await.is_ok() {
            // Without an answer the writer is gone, and so is what waited.
            drop(told.await);
        }
    }

    /// Writes all that was noted, and closes the database.
    pub(crate) async fn close(&self) {
        self.flush().await;
        self.relay.iter().for_each(|relay| relay.stop());
        self.store.close().await;
    }
}

/// Writes what was noted.
struct Writer {
    store: AuditStore,
    relay: Option<Arc<Relay>>,
    lost: Arc<AtomicU64>,
}

impl Writer {
    async fn run(self, mut queued: mpsc::Receiver<Queued>) {
        let mut batch = Vec::with_capacity(AT_ONCE);
        while queued.recv_many(&mut batch, AT_ONCE).await > 0 {
            let (mut events, mut flushed) = (Vec::with_capacity(batch.len()), Vec::new());
            for item in batch.drain(..) {
                match item {
                    Queued::Event(event, at) => events.push((event, at)),
                    Queued::Flush(tell) => flushed.push(tell),
                }
            }
            self.write(events).await;
            for tell in flushed {
                // Whoever asked may have stopped waiting.
                let _ = tell.send(());
            }
        }
    }

    async fn write(&self, mut events: Vec<(AuditEvent, Timestamp)>) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            events.push((not_written(lost), Timestamp::now()));
        }
        if events.is_empty() {
            return;
        }
        let count = events.len() as u64;
        match self.store.append(events).await {
            Ok(records) => tell(self.relay.as_deref(), &records),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, count, "could not write to the audit log");
                self.lost.fetch_add(count + lost, Ordering::Relaxed);
            }
        }
    }
}

/// Has an event in the server's own log, too.
fn say(event: &AuditEvent) {
    tracing::info!(
        actor = %event.actor, action = %event.action, resource = %event.resource,
        outcome = event.outcome.as_str(), policies = ?event.policies, reason = event.reason,
        "audit"
    );
}

/// That denials were not written.
fn not_written(count: u64) -> AuditEvent {
    AuditEvent {
        actor: "Server".to_owned(),
        action: "audit".to_owned(),
        resource: crate::policy::Place::own().to_string(),
        outcome: Outcome::Denied,
        policies: Vec::new(),
        reason: Some(format!("{count} denials could not be written; they are in the server's log")),
    }
}

fn tell(relay: Option<&Relay>, records: &[AuditRecord]) {
    if let (Some(relay), Some(last)) = (relay, records.last()) {
        relay.tell(last.id);
    }
}
