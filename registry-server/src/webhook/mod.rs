//! Telling others what happens: webhooks.
//!
//! ```text
//! a transaction ─ event ─> hand over, once for each webhook ─ delivery ─> POST ─ 2xx: delivered
//!                                                                │  else, or no answer
//!                                                                └─ later, and later … dead
//! ```
//!
//! Every message has an id, which stays the same however often it is sent: a receiver
//! gets it at least once, and drops what it has. It is signed as Standard Webhooks have
//! it, with a key that signs nothing else: `v1a`, Ed25519, over id, time and body, so
//! that a receiver needs no secret of ours and an old message cannot be sent again as a
//! new one.
//!
//! What is sent is about packages, and to an address that the operator has chosen; it is
//! still not sent to a private network unless that was allowed, because a name can be
//! made to mean another address at any time. No redirect is followed, and nothing of an
//! answer is read but its status.
//!
//! Source: [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks).

mod command;
mod news;
mod outbox;
mod receiver;
mod sign;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_core::log::SigningKey;

pub use command::{Retried, Undelivered, UndeliveredMessage, retry_webhooks, undelivered};
pub(crate) use outbox::deliver_for_ever;

use crate::config::{ConfigError, EventKind, WebhookFile};
use crate::key_file::{self, KeyFileError};
use receiver::Receiver;

/// Everybody who is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Webhooks {
    webhooks: Arc<Vec<Webhook>>,
}

/// Somebody who is told.
#[derive(Debug)]
struct Webhook {
    config: WebhookFile,
    key: SigningKey,
    receiver: Receiver,
}

impl Webhooks {
    /// Those of the configuration. Reads their keys.
    pub(crate) fn open(files: &[WebhookFile]) -> Result<Self, ConfigError> {
        let open = |config: &WebhookFile| {
            let key = key_file::read(&config.key).map_err(ConfigError::WebhookKey)?;
            let receiver = Receiver::new(config)?;
            Ok(Webhook { config: config.clone(), key, receiver })
        };
        let webhooks = files.iter().map(open).collect::<Result<Vec<_>, ConfigError>>()?;
        Ok(Self { webhooks: Arc::new(webhooks) })
    }

    /// Whether nobody is told anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.webhooks.is_empty()
    }
}

impl Webhook {
    fn wants(&self, kind: &str) -> bool {
        let events = &self.config.events;
        events.is_empty() || kind.parse().is_ok_and(|kind: EventKind| events.contains(&kind))
    }
}

/// Makes a key for webhooks at `path`, where there is nothing yet, and gives what
/// receivers verify with.
///
/// # Errors
///
/// The file exists, or cannot be written.
pub fn make_webhook_key(path: &Path) -> Result<String, KeyFileError> {
    let key = key_file::generate(path, "webhook")?;
    Ok(format!("whpk_{}", STANDARD.encode(key.public_key())))
}
