//! The keys of every issuer, as they are now.
//!
//! They are fetched when the first token comes, and again every hour, so that a key
//! that an issuer gives up is given up here. A key that is not known may be new, so
//! the issuer is asked again, at most once a minute: whoever makes up names of keys
//! must not be able to have it asked for each. An issuer that does not answer goes on
//! with the keys that it had, for a day.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::sync::Mutex;
use url::Url;

use super::discover::{DiscoverError, Keys, client, discover};
use super::key::PublicKey;
use crate::config::{AccessFile, ConfigError, IssuerFile, LoginFile, bare};

/// How old keys may be before the issuer is asked again.
const FRESH: Duration = Duration::from_hours(1);

/// How old they may be if it does not answer.
const STALE: Duration = Duration::from_hours(24);

/// How often an issuer is asked because of a key that is not known.
const BETWEEN_QUESTIONS: Duration = Duration::from_mins(1);

/// How often it is asked as long as nothing is known of its keys.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(5);

/// Everybody whose tokens count.
#[derive(Debug)]
pub(super) struct Issuers {
    client: Client,
    all: Vec<Issuer>,
}

/// Somebody whose tokens count.
#[derive(Debug)]
pub(super) struct Issuer {
    /// What the configuration says of it.
    pub(super) file: IssuerFile,
    known: RwLock<Option<Known>>,
    /// When it was asked last beyond what was due. Held while it is asked.
    asked: Mutex<Option<Instant>>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: Arc<Keys>,
    since: Instant,
}

impl Issuers {
    pub(super) fn new(access: &AccessFile) -> Result<Self, ConfigError> {
        let all = access.issuer.iter().map(|file| Issuer {
            file: file.clone(),
            known: RwLock::default(),
            asked: Mutex::default(),
        });
        Ok(Self { client: client(access)?, all: all.collect() })
    }

    /// The issuer that calls itself `iss`, to the letter.
    pub(super) fn find(&self, iss: &str) -> Option<&Issuer> {
        self.all.iter().find(|issuer| bare(&issuer.file.url) == iss)
    }

    /// The addresses of all. Where people log in comes first: that is the one that a
    /// client takes.
    pub(super) fn addresses(&self) -> Vec<String> {
        let (first, others): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|issuer| issuer.file.login.is_some());
        first.into_iter().chain(others).map(|it| bare(&it.file.url).to_owned()).collect()
    }

    /// How people log in.
    pub(super) fn login(&self) -> Option<&LoginFile> {
        self.all.iter().find_map(|issuer| issuer.file.login.as_ref())
    }

    /// The key of `issuer` that it calls `id`, or `None` if it has no such key.
    ///
    /// # Errors
    ///
    /// Nothing is known of its keys.
    pub(super) async fn key(
        &self,
        issuer: &Issuer,
        id: &str,
    ) -> Result<Option<PublicKey>, Arc<DiscoverError>> {
        let known = issuer.known();
        let is_fresh = known.as_ref().is_some_and(|known| known.since.elapsed() < FRESH);
        let found = known.as_ref().and_then(|known| known.keys.get(id).cloned());
        if is_fresh && found.is_some() {
            return Ok(found);
        }
        let asked = issuer.ask(&self.client, known.as_ref()).await;
        let known = issuer.known().filter(|known| known.since.elapsed() < STALE);
        match (known, asked) {
            (Some(known), _) => Ok(known.keys.get(id).cloned()),
            (None, Err(error)) => Err(Arc::new(error)),
            (None, Ok(())) => Ok(None),
        }
    }
}

impl Issuer {
    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn url(&self) -> &Url {
        &self.file.url
    }

    /// Asks for the keys, unless somebody else has since `before` was known, or that
    /// was not long ago.
    async fn ask(&self, client: &Client, before: Option<&Known>) -> Result<(), DiscoverError> {
        let mut asked = self.asked.lock().await;
        let now = self.known();
        if now.as_ref().map(|known| known.since) != before.map(|known| known.since) {
            return Ok(());
        }
        let pause = if now.is_some() { BETWEEN_QUESTIONS } else { BETWEEN_ATTEMPTS };
        if asked.is_some_and(|asked| asked.elapsed() < pause) {
            return now.map(drop).ok_or(DiscoverError::JustAsked);
        }
        *asked = Some(Instant::now());
        match discover(client, self.url()).await {
            Ok(keys) => {
                tracing::info!(issuer = %self.url(), keys = keys.len(), "fetched the issuer's keys");
                let known = Known { keys: Arc::new(keys), since: Instant::now() };
                // The first answer is not one too many: a key may be new right after it.
                if before.is_none() {
                    *asked = None;
                }
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                Ok(())
            }
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(issuer = %self.url(), error = cause, "the issuer's keys are not known");
                Err(error)
            }
        }
    }
}
