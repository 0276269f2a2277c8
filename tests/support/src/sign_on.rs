//! A single sign-on whose tokens are exchanged for one of a registry's: an `OpenID` Connect
//! issuer that signs whatever a test likes.
//!
//! The issuer of access tokens, which a registry takes as they are, is
//! [`TestIssuer`](crate::TestIssuer).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The id of its one key.
const KEY_ID: &str = "one";

/// A single sign-on, until it is dropped.
pub struct TestSignOn {
    url: String,
    key: EncodingKey,
    asked: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestSignOn {
    /// Starts one with a key of its own.
    pub fn start() -> Self {
        let pair = rcgen::KeyPair::generate().expect("the system has randomness");
        let key = EncodingKey::from_ec_der(pair.serialized_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("the key is P-256");
        jwk.common.key_id = Some(KEY_ID.to_owned());
        let keys = JwkSet { keys: vec![jwk] };
        let asked = Arc::new(AtomicUsize::new(0));
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = std::net::TcpListener::bind(loopback).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener can be polled");
        let url = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let counter = Arc::clone(&asked);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
            .route(
                "/keys",
                get(async move || {
                    counter.fetch_add(1, Ordering::Relaxed);
                    Json(keys)
                }),
            );
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("the system has a poller").block_on(async {
                let listener = TcpListener::from_std(listener).expect("it can be polled");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("it serves"),
                    _ = stopped => (),
                }
            });
        });
        Self { url, key, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// What its tokens name as their issuer.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A token with these claims, and the usual ones that they do not have.
    pub fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        self.token_with(&header, claims)
    }

    /// The same, with another header.
    pub fn token_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, &self.claims(claims), &self.key).expect("claims are JSON")
    }

    /// These claims, with the usual ones; one that is `null` is left out.
    pub fn claims(&self, claims: &Value) -> Map<String, Value> {
        let now = Timestamp::now().as_second();
        let mut all = claims.as_object().expect("claims are an object").clone();
        for (name, value) in [
            ("iss", json!(self.url)),
            ("sub", json!("release@acme.example")),
            ("iat", json!(now)),
            ("exp", json!(now + 300)),
        ] {
            all.entry(name).or_insert(value);
        }
        all.retain(|_, value| !value.is_null());
        all
    }
}

impl Drop for TestSignOn {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.transpose().expect("the issuer did not panic");
        }
    }
}
