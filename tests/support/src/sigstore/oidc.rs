//! The `OpenID` Connect issuer: signs tokens, and publishes the key to check
//! them with.
//!
//! One key stands for every issuer. Fulcio fetches GitHub's keys from GitHub;
//! ours is told to check tokens that claim to be GitHub's against this key, so
//! that a certificate can say `https://token.actions.githubusercontent.com`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

use super::github::GITHUB_ISSUER;
use super::identity::GITLAB_ISSUER;
use super::refusal::Refusal;

/// What a token for Fulcio is addressed to.
pub(super) const AUDIENCE: &str = "sigstore";

/// How long a token is valid, in seconds. GitHub's are valid for five minutes.
const LIFETIME_SECONDS: i64 = 300;

/// The claims of a token that was checked.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// A claim that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is a string, or the refusal to go on without it.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::unauthorized(format!("no claim `{name}`")))
    }

    /// Whether a claim is there, and true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }
}

/// Signs tokens, and checks them as Fulcio does.
pub(super) struct Issuer {
    url: String,
    key: EncodingKey,
    key_id: String,
    keys: JwkSet,
    /// The jobs that may ask for tokens, by their request token.
    jobs: Mutex<HashMap<String, Map<String, Value>>>,
}

impl Issuer {
    /// Makes an issuer with a fresh key.
    pub(super) fn generate(url: &str) -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system has randomness");
        let key = EncodingKey::from_ec_der(pair.serialized_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("the key is P-256");
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256);
        jwk.common.key_id = Some(key_id.clone());
        Self {
            url: url.to_owned(),
            key,
            key_id,
            keys: JwkSet { keys: vec![jwk] },
            jobs: Mutex::default(),
        }
    }

    /// The URL that e-mail identities have as `iss`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Signs `claims`, after adding the audience and the times that are missing.
    pub(super) fn token(&self, mut claims: Map<String, Value>, audience: &str) -> String {
        let now = Timestamp::now().as_second();
        for (name, value) in [
            ("aud", json!(audience)),
            ("iat", json!(now)),
            ("nbf", json!(now)),
            ("exp", json!(now + LIFETIME_SECONDS)),
        ] {
            claims.entry(name).or_insert(value);
        }
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("claims are JSON")
    }

    /// Checks everything about a token that Fulcio checks.
    ///
    /// The algorithm comes from our own list and never from the token, which
    /// could otherwise ask for `none`, or for our public key to be taken as an
    /// HMAC secret (RFC 8725, section 3.1).
    pub(super) fn check(&self, token: &str) -> Result<Claims, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(Refusal::unauthorized)?;
        let key = header.kid.as_deref().and_then(|key_id| self.keys.find(key_id));
        let key = key.ok_or_else(|| Refusal::unauthorized("the key is not the issuer's"))?;
        let key = DecodingKey::from_jwk(key).map_err(Refusal::unauthorized)?;

        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[self.url.as_str(), GITHUB_ISSUER, GITLAB_ISSUER]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        let checked = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(Refusal::unauthorized)?;

        let issued_at = checked.claims.get("iat").and_then(Value::as_i64);
        if issued_at.is_none_or(|issued_at| issued_at > Timestamp::now().as_second()) {
            return Err(Refusal::unauthorized("the token was not issued in the past"));
        }
        Ok(Claims(checked.claims))
    }

    /// Lets a job ask for tokens; returns its `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub(super) fn admit(&self, claims: Map<String, Value>) -> String {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let request_token = format!("request-{}-{}", jobs.len(), self.key_id);
        jobs.insert(request_token.clone(), claims);
        request_token
    }

    /// Answers a job that asks for a token: `{"value": "<token>"}`.
    pub(super) fn answer(&self, request_token: &str, audience: &str) -> Result<Value, Refusal> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let claims = jobs.get(request_token).cloned();
        let claims = claims.ok_or_else(|| Refusal::unauthorized("no such job"))?;
        Ok(json!({ "value": self.token(claims, audience) }))
    }

    /// The discovery document (`OpenID` Connect Discovery 1.0, section 3).
    pub(super) fn discovery(&self) -> Value {
        json!({
            "issuer": self.url,
            "jwks_uri": format!("{}/.well-known/jwks", self.url),
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        })
    }

    /// The public key, as a JSON Web Key Set (RFC 7517, section 5).
    pub(super) fn keys(&self) -> &JwkSet {
        &self.keys
    }
}

impl Refusal {
    /// The token is not one that we accept.
    pub(super) fn unauthorized(reason: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason)
    }
}
