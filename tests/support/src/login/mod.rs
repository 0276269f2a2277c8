//! An identity provider of the test's own, and a door in front of a registry.
//!
//! [`TestIdentityProvider`] signs real tokens and checks what it is given as the RFCs say: codes are
//! good once and tied to a verifier, refresh tokens rotate and one that is used twice ends
//! the log-in, proofs are verified. [`Gate`] lets through to a registry whoever shows a
//! token that this issuer made for it.

mod answers;
mod gate;
mod proof;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::answers::{authorize, describe, device, job, keys, register, revoke, token};
use crate::background::Background;

pub use self::gate::Gate;

/// The name that the issuer knows the command by.
pub const CLIENT: &str = "mcpkg";

/// Beside what was asked for: who says yes to it.
const PERSON: &str = "person";

/// How an issuer differs from the plainest.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What it is called, if not by its own address.
    pub url: Option<String>,
    /// Whether it ties tokens to keys.
    pub dpop: bool,
    /// Whether proofs have to hold a nonce, here and at the gate.
    pub nonces: bool,
    /// How long an access token is good, in seconds.
    pub lifetime_seconds: u64,
    /// Changes its description of itself.
    pub describe: fn(&mut Value),
    /// Changes what it answers to a request for a token.
    pub grant: fn(&mut Value),
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            url: None,
            dpop: true,
            nonces: false,
            lifetime_seconds: 300,
            describe: |_| (),
            grant: |_| (),
        }
    }
}

/// An identity provider, until it is dropped.
pub struct TestIdentityProvider {
    server: Background,
    desk: Arc<Desk>,
}

struct Desk {
    url: String,
    rules: Rules,
    key: EncodingKey,
    public: Jwk,
    counter: AtomicU64,
    state: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// Codes for browsers, with what was asked for.
    codes: HashMap<String, HashMap<String, String>>,
    /// Log-ins on another device, by the code to type.
    devices: HashMap<String, Waiting>,
    /// Refresh tokens that are good, with what they are for.
    refresh: HashMap<String, HashMap<String, String>>,
    spent: HashSet<String>,
    proofs: HashSet<String>,
    /// The grant types that were asked for, in their order.
    asked: Vec<String>,
    /// The programs that became known here.
    registered: Vec<Value>,
    /// Every secret that was given out.
    secrets: Vec<String>,
    is_told_to_slow_down: bool,
}

/// A log-in on another device.
struct Waiting {
    code: String,
    asked: HashMap<String, String>,
    /// What somebody has said to it.
    said: Option<Said>,
}

#[derive(Clone, Copy)]
enum Said {
    Yes,
    No,
}

impl TestIdentityProvider {
    /// Starts the plainest.
    pub fn start() -> Self {
        Self::start_with(Rules::default())
    }

    /// Starts one with these rules.
    pub fn start_with(rules: Rules) -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system has randomness");
        let key = EncodingKey::from_ec_der(pair.serialized_der());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("the key is P-256");
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256));
        let mut desk = None;
        let server = Background::serve(|own| {
            let url = rules.url.clone().unwrap_or_else(|| own.to_owned());
            let (counter, state) = (AtomicU64::new(0), Mutex::default());
            let made = Arc::new(Desk { url, rules, key, public, counter, state });
            desk = Some(Arc::clone(&made));
            Router::new()
                .route("/.well-known/oauth-authorization-server", get(describe))
                .route("/auth", get(authorize))
                .route("/device", post(device))
                .route("/token", post(token))
                .route("/revoke", post(revoke))
                .route("/register", post(register))
                .route("/job", get(job))
                .route("/keys", get(keys))
                .with_state(made)
        });
        Self { server, desk: desk.expect("the router was made") }
    }

    /// What it is called.
    pub fn url(&self) -> &str {
        &self.desk.url
    }

    /// Where it is.
    pub fn own_url(&self) -> &str {
        self.server.url()
    }

    /// Somebody types a code, and says yes.
    pub fn approve(&self, user_code: &str) {
        self.desk.say(user_code, Said::Yes);
    }

    /// The same, as somebody else than `ada`.
    pub fn approve_as(&self, user_code: &str, person: &str) {
        let mut books = self.desk.books();
        let waiting = books.devices.get_mut(user_code).expect("the code was given out");
        waiting.asked.insert(PERSON.to_owned(), person.to_owned());
        waiting.said = Some(Said::Yes);
    }

    /// Somebody types a code, and says no.
    pub fn decline(&self, user_code: &str) {
        self.desk.say(user_code, Said::No);
    }

    /// Tells the next who asks for a device's token to ask less often.
    pub fn slow_down(&self) {
        self.desk.books().is_told_to_slow_down = true;
    }

    /// Ends all log-ins.
    pub fn end_all(&self) {
        self.desk.books().refresh.clear();
    }

    /// What a job of a CI has in its environment that this issuer gives tokens to.
    pub fn job_environment(&self) -> Vec<(String, String)> {
        [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/job?version=2", self.own_url())),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "a-job".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The programs that became known, each as it described itself.
    pub fn registered(&self) -> Vec<Value> {
        self.desk.books().registered.clone()
    }

    /// The grant types that were asked for, in their order.
    pub fn asked(&self) -> Vec<String> {
        self.desk.books().asked.clone()
    }

    /// Every token and code that was given out.
    pub fn secrets(&self) -> Vec<String> {
        self.desk.books().secrets.clone()
    }
}

impl Desk {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, user_code: &str, said: Said) {
        let mut books = self.books();
        books.devices.get_mut(user_code).expect("the code was given out").said = Some(said);
    }

    fn fresh(&self, what: &str) -> String {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let text = format!("{what}-{number}-{}", hashed(&format!("{what} {number} {}", self.url)));
        self.books().secrets.push(text.clone());
        text
    }

    fn nonce(&self) -> Option<&'static str> {
        self.rules.nonces.then_some("a-nonce-of-the-issuer")
    }

    fn sign(&self, claims: &Value) -> String {
        let header =
            Header { kid: self.public.common.key_id.clone(), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.key).expect("claims are JSON")
    }

    /// Makes tokens for what was asked, tied to the key of `thumbprint`.
    fn grant(&self, asked: &HashMap<String, String>, thumbprint: Option<&str>) -> Value {
        let now = Timestamp::now().as_second();
        let lifetime = self.rules.lifetime_seconds;
        let person = asked.get(PERSON).map_or("ada", String::as_str);
        let (subject, email) = (subject(person), format!("{person}@acme.example"));
        let mut access = json!({
            "iss": self.url, "sub": subject, "email": email, "aud": asked["resource"], "iat": now,
            "exp": now + lifetime.cast_signed(), "scope": "read",
            "jti": self.counter.fetch_add(1, Ordering::Relaxed),
        });
        if let Some(thumbprint) = thumbprint {
            access["cnf"] = json!({ "jkt": thumbprint });
        }
        let identity = json!({
            "iss": self.url, "sub": subject, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": asked.get("nonce"), "email": email,
        });
        let (access, identity) = (self.sign(&access), self.sign(&identity));
        let refresh = self.fresh("refresh");
        let mut books = self.books();
        books.secrets.extend([access.clone(), identity.clone()]);
        let mut kept = asked.clone();
        kept.insert("thumbprint".to_owned(), thumbprint.unwrap_or_default().to_owned());
        books.refresh.insert(refresh.clone(), kept);
        let mut answer = json!({
            "access_token": access, "refresh_token": refresh, "id_token": identity,
            "token_type": if thumbprint.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": lifetime, "scope": "openid offline_access read",
        });
        (self.rules.grant)(&mut answer);
        answer
    }
}

/// What the issuer calls somebody: `7` is `ada`.
fn subject(person: &str) -> &str {
    if person == "ada" { "7" } else { person }
}

fn answer(status: u16, document: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(document.to_string().into()).expect("it is a response")
}

fn refuse(error: &str, nonce: Option<&str>) -> Response<Body> {
    let mut response = answer(400, &json!({ "error": error, "error_description": "no" }));
    if let Some(nonce) = nonce {
        response.headers_mut().insert("dpop-nonce", nonce.parse().expect("it is plain"));
    }
    response
}

fn form(bytes: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

/// The SHA-256 of a text, as PKCE and proofs have it.
fn hashed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
