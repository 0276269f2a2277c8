//! The state that the services share, and the routes they answer on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::authorities::Authorities;
use super::faults::{Fault, Faults};
use super::oidc::Issuer;
use super::refusal::Refusal;
use super::rekor::Log;
use super::{fulcio, rekor, tsa};

/// Below this path, the services hide what `sigstore-sign` would notice.
pub(super) const CARELESS: &str = "/careless";

/// One Sigstore, without the server in front of it.
pub(super) struct Services {
    pub(super) url: String,
    pub(super) issuer: Issuer,
    pub(super) log: Log,
    /// The keys that the trusted root holds.
    pub(super) trusted: Authorities,
    /// Other keys under the same names, made when a fault first asks for them.
    stranger: LazyLock<Authorities>,
    faults: Mutex<Faults>,
    serial_number: AtomicU64,
}

impl Services {
    /// Makes services with fresh keys. `url` is where they will answer.
    pub(super) fn generate(url: String) -> Self {
        Self {
            issuer: Issuer::generate(&url),
            url,
            log: Log::default(),
            trusted: Authorities::generate(),
            stranger: LazyLock::new(Authorities::generate),
            faults: Mutex::default(),
            serial_number: AtomicU64::new(1),
        }
    }

    /// The trusted keys, or a stranger's.
    pub(super) fn signer(&self, is_stranger: bool) -> &Authorities {
        if is_stranger { &self.stranger } else { &self.trusted }
    }

    /// What the log calls itself in its checkpoints.
    pub(super) fn origin(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// A number that no timestamp has yet (RFC 3161, section 2.4.2).
    pub(super) fn next_serial_number(&self) -> u64 {
        self.serial_number.fetch_add(1, Ordering::Relaxed)
    }

    /// The faults that are on now.
    pub(super) fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns a fault on.
    pub(super) fn break_with(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).add(fault);
    }

    /// Turns all faults off.
    pub(super) fn repair(&self) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::default();
    }
}

/// What a handler knows: the services, and which of the faults its client sees.
#[derive(Clone)]
struct Desk {
    services: Arc<Services>,
    visible: fn(&Faults) -> Faults,
}

impl Desk {
    fn faults(&self) -> Faults {
        (self.visible)(&self.services.faults())
    }
}

/// All routes: for everybody, and for the in-process signer.
pub(super) fn router(services: &Arc<Services>) -> Router {
    let desk = |visible| Desk { services: Arc::clone(services), visible };
    signing_routes(desk(Faults::clone))
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/jwks", get(keys))
        .route("/github/token", get(github_token))
        .with_state(desk(Faults::clone))
        .nest(CARELESS, signing_routes(desk(Faults::unnoticed)))
}

fn signing_routes<S: Clone + Send + Sync + 'static>(desk: Desk) -> Router<S> {
    Router::new()
        .route("/api/v2/signingCert", post(signing_certificate))
        .route("/api/v2/log/entries", post(log_entry))
        .route("/api/v1/timestamp", post(timestamp))
        .with_state(desk)
}

async fn signing_certificate(
    State(desk): State<Desk>,
    Json(request): Json<fulcio::Request>,
) -> Result<impl IntoResponse, Refusal> {
    let chain = fulcio::issue(&desk.services, &request, &desk.faults())?;
    Ok((StatusCode::CREATED, Json(chain)))
}

async fn log_entry(
    State(desk): State<Desk>,
    Json(request): Json<rekor::Request>,
) -> Result<impl IntoResponse, Refusal> {
    let entry = rekor::append(&desk.services, request.into_entry()?, &desk.faults())?;
    Ok((StatusCode::CREATED, Json(entry)))
}

async fn timestamp(State(desk): State<Desk>, request: Bytes) -> Result<impl IntoResponse, Refusal> {
    let answer = tsa::answer(&desk.services, &request, &desk.faults())?;
    let media_type = [(header::CONTENT_TYPE, "application/timestamp-reply")];
    Ok((StatusCode::CREATED, media_type, answer))
}

async fn discovery(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.services.issuer.discovery())
}

async fn keys(State(desk): State<Desk>) -> impl IntoResponse {
    Json(desk.services.issuer.keys().clone())
}

#[derive(Deserialize)]
struct TokenRequest {
    audience: String,
}

async fn github_token(
    State(desk): State<Desk>,
    Query(request): Query<TokenRequest>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let request_token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or_else(|| Refusal::unauthorized("no bearer token"))?;
    Ok(Json(desk.services.issuer.answer(request_token, &request.audience)?))
}
