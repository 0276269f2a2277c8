//! A door in front of a registry.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Response};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::proof::{self, About};
use super::{CLIENT, TestIdentityProvider, answer};
use crate::background::Background;

/// A registry that lets in whoever has a token of an issuer's for it, until it is dropped.
pub struct Gate {
    server: Background,
    door: Arc<Door>,
}

struct Door {
    url: String,
    upstream: String,
    issuer: String,
    keys: JwkSet,
    nonce: Option<&'static str>,
    client: reqwest::Client,
    describe: Box<dyn Fn(&mut Value) + Send + Sync>,
    state: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    proofs: HashSet<String>,
    /// Tokens that are not taken any more.
    distrusted: HashSet<String>,
    seen: Vec<String>,
    /// The status of each answer, beside what was asked for.
    asked: Vec<(u16, String)>,
}

impl Gate {
    /// A door in front of the registry at `upstream`, for users of `issuer`.
    pub fn start(upstream: &str, issuer: &TestIdentityProvider) -> Self {
        Self::start_with(None, upstream, issuer, |_| ())
    }

    /// The same, called `url`, with a description of itself that somebody changes.
    pub fn start_with(
        url: Option<&str>,
        upstream: &str,
        issuer: &TestIdentityProvider,
        describe: impl Fn(&mut Value) + Send + Sync + 'static,
    ) -> Self {
        let desk = &issuer.desk;
        let mut door = None;
        let server = Background::serve(|own| {
            let made = Arc::new(Door {
                url: url.unwrap_or(own).to_owned(),
                upstream: upstream.to_owned(),
                issuer: desk.url.clone(),
                keys: JwkSet { keys: vec![desk.public.clone()] },
                nonce: desk.rules.nonces.then_some("a-nonce-of-the-registry"),
                client: reqwest::Client::builder().no_proxy().build().expect("it needs nothing"),
                describe: Box::new(describe),
                state: Mutex::default(),
            });
            door = Some(Arc::clone(&made));
            Router::new().fallback(come).with_state(made)
        });
        Self { server, door: door.expect("the router was made") }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Takes none of the tokens any more that it has seen.
    pub fn distrust_all(&self) {
        let mut book = self.door.book();
        let seen = book.seen.clone();
        book.distrusted.extend(seen);
    }

    /// What was asked for since the last time, each with the status of the answer.
    pub fn asked(&self) -> Vec<(u16, String)> {
        std::mem::take(&mut self.door.book().asked)
    }
}

impl Door {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The claims of an access token for this registry.
    fn claims(&self, token: &str) -> Result<Value, &'static str> {
        const WRONG: &str = "invalid_token";
        let header = jsonwebtoken::decode_header(token).map_err(|_| WRONG)?;
        let key = header.kid.and_then(|id| self.keys.find(&id)).ok_or(WRONG)?;
        let key = DecodingKey::from_jwk(key).map_err(|_| WRONG)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = 0;
        validation.set_audience(&[&self.url]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        let checked = jsonwebtoken::decode::<Value>(token, &key, &validation);
        checked.map(|token| token.claims).map_err(|_| WRONG)
    }

    /// Why somebody does not come in, as the error of a challenge.
    fn check(&self, method: &str, path: &str, headers: &HeaderMap) -> Result<(), &'static str> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let shown = text(AUTHORIZATION.as_str()).ok_or("")?;
        let (scheme, token) = shown.split_once(' ').ok_or("invalid_token")?;
        let claims = self.claims(token)?;
        let mut book = self.book();
        book.seen.push(token.to_owned());
        if book.distrusted.contains(token) {
            return Err("invalid_token");
        }
        match (scheme, claims["cnf"]["jkt"].as_str()) {
            ("Bearer", None) => Ok(()),
            ("DPoP", Some(expected)) => {
                let url = format!("{}{path}", self.url);
                let about = About { method, url: &url, token: Some(token), nonce: self.nonce };
                let proof = text("dpop").ok_or("invalid_dpop_proof")?;
                match proof::check(proof, &about, &mut book.proofs) {
                    Ok(found) if found == expected => Ok(()),
                    Err("another nonce") => Err("use_dpop_nonce"),
                    _ => Err("invalid_dpop_proof"),
                }
            }
            // A token that is tied to a key opens nothing without it.
            _ => Err("invalid_token"),
        }
    }

    fn document(&self) -> Value {
        let mut document = json!({
            "resource": self.url, "authorization_servers": [self.issuer],
            "scopes_supported": ["read"], "mcpkg_client_id": CLIENT,
        });
        (self.describe)(&mut document);
        document
    }

    fn refuse(&self, error: &str) -> Response<Body> {
        let scheme = if error.contains("dpop") { "DPoP" } else { "Bearer" };
        let error = if error.is_empty() { String::new() } else { format!(", error=\"{error}\"") };
        let at = format!("{}/.well-known/oauth-protected-resource", self.url);
        let challenge = format!("{scheme} resource_metadata=\"{at}\"{error}");
        let mut response = answer(401, &json!({}));
        response.headers_mut().insert("www-authenticate", challenge.parse().expect("it is plain"));
        if let Some(nonce) = self.nonce {
            response.headers_mut().insert("dpop-nonce", nonce.parse().expect("it is plain"));
        }
        response
    }
}

async fn come(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    let target = request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned();
    let method = request.method().to_string();
    let response = serve(&door, request, &method, &target).await;
    door.book().asked.push((response.status().as_u16(), format!("{method} {target}")));
    response
}

async fn serve(door: &Door, request: Request, method: &str, target: &str) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/.well-known/oauth-protected-resource" {
        return answer(200, &door.document());
    }
    if let Err(error) = door.check(method, head.uri.path(), &head.headers) {
        return door.refuse(error);
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the request is whole");
    let mut onward =
        door.client.request(head.method, format!("{}{target}", door.upstream)).body(body);
    for (name, value) in &head.headers {
        // What was for the door, and how this one message came here.
        if !matches!(name.as_str(), "authorization" | "dpop" | "host" | "content-length") {
            onward = onward.header(name, value);
        }
    }
    let found = onward.send().await.expect("the registry answers");
    let mut response = Response::builder().status(found.status());
    for (name, value) in found.headers() {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding") {
            response = response.header(name, value);
        }
    }
    let body = found.bytes().await.expect("the registry's answer is whole");
    response.body(body.into()).expect("it is a response")
}
