//! A company's identity provider: what it says of itself, its keys, and its tokens.
//!
//! Its keys are real, and a test can have it sign anything. It counts how often its
//! keys are fetched.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::background::Background;

/// How long its tokens are valid, in seconds.
const LIFETIME_SECONDS: i64 = 300;

/// A key that signs tokens or proofs.
#[derive(Clone)]
pub struct TestKey {
    key: EncodingKey,
    algorithm: Algorithm,
    jwk: Jwk,
}

/// An issuer of tokens, at a free port of the loopback interface, until it is dropped.
pub struct TestIssuer {
    server: Background,
    state: Arc<State>,
}

struct State {
    keys: Mutex<Vec<TestKey>>,
    metadata: Mutex<Value>,
    fetches: AtomicUsize,
}

impl TestKey {
    /// A key on the curve P-256.
    pub fn ecdsa() -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system has randomness");
        Self::new(EncodingKey::from_ec_der(pair.serialized_der()), Algorithm::ES256)
    }

    /// An RSA key of 2048 bits.
    pub fn rsa() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256);
        let pem = pair.expect("the system has randomness").serialize_pem();
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("it is an RSA key");
        Self::new(key, Algorithm::RS256)
    }

    fn new(key: EncodingKey, algorithm: Algorithm) -> Self {
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).expect("the key is public, too");
        jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256));
        Self { key, algorithm, jwk }
    }

    /// Its name: its thumbprint (RFC 7638).
    pub fn id(&self) -> String {
        self.jwk.thumbprint(ThumbprintHash::SHA256)
    }

    /// It as a JSON Web Key, without a name.
    pub fn public(&self) -> Value {
        let mut jwk = serde_json::to_value(&self.jwk).expect("it is JSON");
        let members = jwk.as_object_mut().expect("it is an object");
        members.retain(|name, _| !["kid", "alg"].contains(&name.as_str()));
        jwk
    }

    /// The header of what it signs: change what should be wrong.
    pub fn header(&self, kind: &str) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "typ": kind, "kid": self.id() })
    }

    /// Signs `claims` under `header`, whatever they say.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm);
        format!("{signed}.{}", signature.expect("the key is of the algorithm"))
    }

    /// The claims of a proof that `token` is its holder's, for one request.
    pub fn proof_claims(&self, method: &str, url: &str, token: &str) -> Value {
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has randomness");
        json!({
            "jti": URL_SAFE_NO_PAD.encode(random),
            "htm": method,
            "htu": url,
            "iat": Timestamp::now().as_second(),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(token)),
        })
    }

    /// The header of a proof.
    pub fn proof_header(&self) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "typ": "dpop+jwt", "jwk": self.public() })
    }

    /// A proof that `token` is its holder's, for one request (RFC 9449).
    pub fn proof(&self, method: &str, url: &str, token: &str) -> String {
        self.sign(&self.proof_header(), &self.proof_claims(method, url, token))
    }
}

impl TestIssuer {
    /// Starts one with this key. It answers when this returns.
    pub fn start(key: TestKey) -> Self {
        let mut state = None;
        let server = Background::serve(|url| {
            let made = Arc::new(State {
                keys: Mutex::new(vec![key]),
                metadata: Mutex::new(json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") })),
                fetches: AtomicUsize::default(),
            });
            state = Some(Arc::clone(&made));
            let described = Arc::clone(&made);
            Router::new()
                .route(
                    "/.well-known/openid-configuration",
                    get(async move || Json(lock(&described.metadata).clone())),
                )
                .route("/jwks", get(async move || Json(made.key_set())))
        });
        Self { server, state: state.expect("the router was made") }
    }

    /// Its address, as its tokens have it.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// How often its keys were fetched.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// Has it say something else of itself.
    pub fn describe(&self, name: &str, value: Value) {
        lock(&self.state.metadata)[name] = value;
    }

    /// Gives it another key, instead of those that it had.
    pub fn rotate(&self, key: TestKey) {
        *lock(&self.state.keys) = vec![key];
    }

    /// The key that it signs with.
    pub fn key(&self) -> TestKey {
        lock(&self.state.keys)[0].clone()
    }

    /// The claims of a token for `audience` about `subject`: change what should be wrong.
    pub fn claims(&self, audience: &str, subject: &str) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": self.url(),
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": format!("{subject}-{now}"),
        })
    }

    /// Signs `claims` as an access token (RFC 9068).
    pub fn sign(&self, claims: &Value) -> String {
        let key = self.key();
        key.sign(&key.header("at+jwt"), claims)
    }
}

impl State {
    fn key_set(&self) -> Value {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let keys = lock(&self.keys);
        let named = keys.iter().map(|key| {
            let mut jwk = key.public();
            jwk["kid"] = key.id().into();
            jwk
        });
        json!({ "keys": named.collect::<Vec<_>>() })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
