//! Tokens of other issuers (`OpenID` Connect), which prove who somebody is.
//!
//! A token says what it is signed with, and nothing of that is believed (RFC 8725): the
//! algorithms are ours, the key is the issuer's own, and the two have to fit. Keys are
//! fetched when one is asked for that we do not have, once a minute at most, so that
//! made-up tokens do not make us ask.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use mcpkg_core::Digest;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::OfficialError;
use super::replay::Used;
use crate::config::{IssuerConfig, is_guarded};

/// The algorithms that a token may be signed with. None with a shared secret, of which
/// the public key would be one.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

/// How far clocks may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(10);
/// The longest token, in bytes, and the longest document of an issuer.
const MAX_TOKEN_LEN: usize = 16 * 1024;
const MAX_DOCUMENT_LEN: usize = 256 * 1024;
/// How long an issuer may take, and how often its keys are fetched at most.
const TIMEOUT: Duration = Duration::from_secs(5);
const FETCH_EVERY: Duration = Duration::from_mins(1);

/// What is handed in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct TokenBody {
    /// The token, whose only audience is this registry.
    oidc_token: String,
}

/// What a token shows.
#[derive(Debug)]
pub(super) struct Shown {
    /// Who issued it, and what that is good for.
    pub(super) issuer: IssuerConfig,
    /// What they say.
    pub(super) claims: Map<String, Value>,
}

/// Whose tokens count.
#[derive(Debug)]
pub(super) struct Issuers {
    list: Vec<Issuer>,
    audience: String,
    http: Client,
}

#[derive(Debug)]
struct Issuer {
    config: IssuerConfig,
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    set: Option<JwkSet>,
    fetched: Option<Instant>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuers {
    pub(super) fn new(issuers: &[IssuerConfig], audience: &str) -> reqwest::Result<Self> {
        let http = Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        let issuer =
            |config: &IssuerConfig| Issuer { config: config.clone(), keys: Mutex::default() };
        Ok(Self { list: issuers.iter().map(issuer).collect(), audience: audience.to_owned(), http })
    }

    /// What a token shows, the first time that it is shown.
    pub(super) async fn check(
        &self,
        TokenBody { oidc_token: token }: TokenBody,
        used: &Used,
        now: Timestamp,
    ) -> Result<Shown, OfficialError> {
        let token = token.trim();
        if token.len() > MAX_TOKEN_LEN {
            return Err(OfficialError::Token("it is too long"));
        }
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| OfficialError::Token("it is no signed token"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(OfficialError::Token("it is signed with an algorithm that does not count"));
        }
        let kid = header.kid.ok_or(OfficialError::Token("it does not name its key"))?;
        let (signed, unverified) =
            parts(token).ok_or(OfficialError::Token("it is no signed token"))?;
        let issuer = unverified.get("iss").and_then(Value::as_str);
        let mut issuers = self.list.iter();
        let issuer = issuers
            .find(|it| Some(it.config.issuer.as_str()) == issuer)
            .ok_or(OfficialError::Token("its issuer is not one whose tokens count"))?;
        let key = issuer.key(&kid, &self.http).await?;
        let key = key.ok_or(OfficialError::Token("its key is not the issuer's"))?;
        let claims = verify(token, header.alg, &key, &issuer.config.issuer)?;
        self.check_audience(&claims, now)?;
        issuer.check_claims(&claims)?;
        let until = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
        // By its id, or else by what is signed: not by the signature, of which there can
        // be a second one.
        let id = claims.get("jti").and_then(Value::as_str).unwrap_or(signed);
        let proof = Digest::of(format!("{}\n{id}", issuer.config.issuer).as_bytes());
        used.once(proof, until.saturating_add(LEEWAY).unwrap_or(until), now)?;
        Ok(Shown { issuer: issuer.config.clone(), claims })
    }

    fn check_audience(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), OfficialError> {
        let audience = match claims.get("aud") {
            Some(Value::String(audience)) => audience,
            Some(Value::Array(several)) => match several.as_slice() {
                [Value::String(audience)] => audience,
                _ => return Err(OfficialError::Audience("it has several audiences")),
            },
            _ => return Err(OfficialError::Audience("it has no audience")),
        };
        if *audience != self.audience {
            return Err(OfficialError::Audience("it has another audience"));
        }
        let issued = claims.get("iat").and_then(Value::as_i64).unwrap_or(i64::MAX);
        if issued > now.as_second() + LEEWAY.as_secs() {
            return Err(OfficialError::Audience("it was not issued in the past"));
        }
        Ok(())
    }
}

impl Issuer {
    /// The issuer's key of this id, if it has one.
    async fn key(&self, kid: &str, http: &Client) -> Result<Option<Jwk>, OfficialError> {
        let mut keys = self.keys.lock().await;
        let found = keys.set.as_ref().and_then(|set| set.find(kid)).cloned();
        let is_recent = keys.fetched.is_some_and(|fetched| fetched.elapsed() < FETCH_EVERY);
        if found.is_some() || is_recent {
            return Ok(found);
        }
        keys.fetched = Some(Instant::now());
        let set = self.fetch(http).await.map_err(OfficialError::Issuer)?;
        let found = set.find(kid).cloned();
        keys.set = Some(set);
        Ok(found)
    }

    async fn fetch(
        &self,
        http: &Client,
    ) -> Result<JwkSet, Box<dyn std::error::Error + Send + Sync>> {
        let address = if let Some(keys) = &self.config.keys {
            keys.clone()
        } else {
            let issuer = self.config.issuer.trim_end_matches('/');
            let address = format!("{issuer}/.well-known/openid-configuration");
            let found: Discovery = document(http, &address).await?;
            if found.issuer != self.config.issuer || !is_guarded(&found.jwks_uri) {
                return Err("its discovery document is of another issuer".into());
            }
            found.jwks_uri
        };
        document(http, &address).await
    }

    /// Whether the token is one of those that the configuration means.
    fn check_claims(&self, claims: &Map<String, Value>) -> Result<(), OfficialError> {
        let has = |(name, wanted): (&String, &String)| match claims.get(name) {
            Some(Value::String(found)) => found == wanted,
            Some(Value::Array(several)) => several.iter().any(|it| it == wanted),
            _ => false,
        };
        if !self.config.claims.iter().all(has) {
            return Err(OfficialError::Token("it lacks a claim that the configuration asks for"));
        }
        match claims.get("event_name").and_then(Value::as_str) {
            Some(event @ ("pull_request_target" | "workflow_run")) => {
                Err(OfficialError::Event(event.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// What is signed of a token, and its claims, which nobody has verified.
fn parts(token: &str) -> Option<(&str, Map<String, Value>)> {
    let (signed, _) = token.rsplit_once('.')?;
    let (_, payload) = signed.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    Some((signed, serde_json::from_slice(&payload).ok()?))
}

fn verify(
    token: &str,
    algorithm: Algorithm,
    key: &Jwk,
    issuer: &str,
) -> Result<Map<String, Value>, OfficialError> {
    let unfit = OfficialError::Token("its key does not fit its algorithm");
    let said = key.common.key_algorithm.map(|said| said.to_string());
    if said.is_some_and(|said| said != format!("{algorithm:?}")) {
        return Err(unfit);
    }
    let Ok(key) = DecodingKey::from_jwk(key) else { return Err(unfit) };
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY.as_secs().unsigned_abs();
    validation.validate_nbf = true;
    // Looked at by us, because more than one is one too many.
    validation.validate_aud = false;
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
        .map(|checked| checked.claims)
        .map_err(|_| OfficialError::Token("its signature is wrong, or its time is over"))
}

async fn document<T: serde::de::DeserializeOwned>(
    http: &Client,
    address: &str,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
    let mut response = http.get(address).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MAX_DOCUMENT_LEN {
            return Err("its document is too long".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&bytes)?)
}
