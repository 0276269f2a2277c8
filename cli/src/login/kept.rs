//! A log-in, as it is kept: in the system's key store, or in the encrypted file of
//! machines that have none, and nowhere else.
//!
//! The access token is kept beside the refresh token. It opens less, for minutes, and is
//! as well guarded there; without it each command would have to ask the issuer first, and
//! each question makes a new refresh token that could get lost.
//!
//! Log-ins have a drawer of their own in the key store: no `store:` reference leads there,
//! so no lock can hand one to a server.

use jiff::Timestamp;
use mcpkg_core::secret::StoreName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;
use zeroize::Zeroizing;

use super::dpop::ProofKey;
use super::{Identity, LoginError};
use crate::error::{Error, Result};
use crate::lock_file::Exclusive;
use crate::places::Places;
use crate::secrets::{Secret, SecretError, Stores};

/// A log-in at one registry.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The address that it is for: another registry of the same name gets nothing of it.
    pub(super) registry: Url,
    /// What its tokens are for.
    pub(super) resource: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) token_endpoint: Url,
    pub(super) revocation_endpoint: Option<Url>,
    pub(super) identity: Identity,
    pub(super) scope: Option<String>,
    pub(super) access: Text,
    pub(super) expires_at: Timestamp,
    pub(super) refresh: Option<Text>,
    /// The key that the tokens are tied to, if they are.
    pub(super) key: Option<Text>,
}

/// A secret that may be written: into what is a secret as a whole.
#[derive(Debug)]
pub(super) struct Text(pub(super) Secret);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Secret::of(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Kept {
    /// The log-in at the registry `name` at this address, if there is one.
    pub(super) fn read(name: &str, registry: &Url, stores: &Stores<'_>) -> Result<Option<Self>> {
        let Some(secret) = stores.get(&store_name(name)?)? else { return Ok(None) };
        let damaged = || Error::wrap(failed(name))(LoginError::Kept(name.to_owned()));
        let kept: Self = serde_json::from_str(secret.expose()).map_err(|_| damaged())?;
        Ok(Some(kept).filter(|kept| kept.registry == *registry))
    }

    /// Keeps it, in place of the one that was there.
    pub(super) fn write(&self, name: &str, stores: &Stores<'_>) -> Result<()> {
        // Grown beforehand, so that no copy is left behind.
        let mut text = Zeroizing::new(Vec::with_capacity(crate::secrets::MAX_BYTES));
        serde_json::to_writer(&mut *text, self).map_err(Error::Json)?;
        let secret = Secret::read(&text).map_err(|_| {
            Error::wrap(failed(name))(LoginError::Token("it is too long to be kept"))
        })?;
        stores.set(&store_name(name)?, &secret)?;
        Ok(())
    }

    /// Forgets the log-in at the registry `name`. Says whether there was one.
    pub(super) fn forget(name: &str, stores: &Stores<'_>) -> Result<bool> {
        match stores.remove(&store_name(name)?) {
            Ok(()) => Ok(true),
            Err(SecretError::Unknown(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The key that the tokens are tied to.
    pub(super) fn proof_key(&self) -> Result<Option<ProofKey>, LoginError> {
        self.key.as_ref().map(|key| ProofKey::of(key.0.copy())).transpose()
    }
}

/// Under which name a log-in is kept. That of a server has a slash, and of a registry none.
fn store_name(registry: &str) -> Result<StoreName> {
    let name = if registry.contains('/') {
        format!("{registry}/login")
    } else {
        format!("login.{registry}")
    };
    name.parse().map_err(|_| Error::Argument {
        what: "name for a registry",
        found: registry.to_owned(),
        reason: "it is too long".to_owned(),
    })
}

/// Waits until no other process changes the log-in at `name`.
pub(super) fn turn(name: &str, places: &Places) -> Result<Exclusive> {
    Exclusive::named(&format!("login-{}", name.replace('/', "+")), places)
}

pub(super) fn failed(name: &str) -> String {
    format!("could not use the log-in at `{name}`")
}
