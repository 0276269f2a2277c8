//! What an operator does with webhooks from the command line.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Config;
use crate::server::DATABASE;
use crate::start_error::{StartError, StorageError};
use crate::store::{Delivery, DeliveryState, Store, StoreError};

/// What was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Undelivered {
    /// Each message, the oldest first.
    pub deliveries: Vec<UndeliveredMessage>,
}

/// A message that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndeliveredMessage {
    /// The webhook.
    pub webhook: String,
    /// The id that its receiver sees.
    pub message: String,
    /// Whether it was given up.
    pub is_dead: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, unless it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is sent.
    pub body: String,
}

/// What is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retried {
    /// How many messages.
    pub messages: u64,
}

/// What the registry of `config` has not delivered, be it that it runs or not.
///
/// # Errors
///
/// The database cannot be read.
pub async fn undelivered(config: &Config) -> Result<Undelivered, StartError> {
    let path = config.data.join(DATABASE);
    let read = async {
        let store = Store::open_read_only(&path, config.limits.database()).await?;
        let deliveries = store.undelivered().await?;
        store.close().await;
        Ok(Undelivered { deliveries: deliveries.into_iter().map(message).collect() })
    };
    read.await.map_err(|error: StoreError| failed(config, error))
}

/// Has a running registry try again at once what it has not delivered, to one webhook or
/// to all. What was given up counts too.
///
/// # Errors
///
/// The database cannot be written.
pub async fn retry_webhooks(config: &Config, webhook: Option<&str>) -> Result<Retried, StartError> {
    let path = config.data.join(DATABASE);
    let write = async {
        let store = Store::open(&path, config.limits.database()).await?;
        let messages = store.retry(webhook, Timestamp::now()).await?;
        store.close().await;
        Ok(Retried { messages })
    };
    write.await.map_err(|error: StoreError| failed(config, error))
}

fn failed(config: &Config, error: StoreError) -> StartError {
    StartError::Storage { path: config.data.clone(), source: StorageError::from(error) }
}

fn message(delivery: Delivery) -> UndeliveredMessage {
    let is_dead = delivery.state == DeliveryState::Dead;
    UndeliveredMessage {
        webhook: delivery.webhook,
        message: delivery.message,
        is_dead,
        attempts: delivery.attempts,
        due_at: (!is_dead).then_some(delivery.due_at),
        problem: delivery.problem,
        body: delivery.body,
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deliveries.is_empty() {
            return f.write_str("everything was delivered");
        }
        for it in &self.deliveries {
            let state = if it.is_dead { "given up" } else { "waiting" };
            let problem = it.problem.as_deref().unwrap_or("not tried yet");
            writeln!(
                f,
                "{} {} {state} after {} attempts: {problem}",
                it.webhook, it.message, it.attempts
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages are tried again", self.messages)
    }
}
