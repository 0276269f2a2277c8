//! The addresses of the registry.
//!
//! | address | methods | |
//! |---|---|---|
//! | `/v1/packages/{namespace}/{name}` | GET | [`packages`] |
//! | `/v1/packages/{namespace}/{name}/{version}` | GET | [`releases`] |
//! | `/v1/packages/{namespace}/{name}/{version}/evidence` | GET | [`releases`] |
//! | `/v1/blobs/{digest}` | GET | [`blobs`] |
//! | `/v1/search` | GET | [`search`] |
//! | `/v1/publish` | POST | [`publish`] |
//! | `/v1/statements` | POST | [`statements`] |
//! | `/v1/log`, `/v1/log/…` | GET | [`log`] |
//! | `/healthz`, `/readyz` | GET | [`health`] |
//!
//! HEAD goes wherever GET does. Answers do not depend on `Accept`. Every error
//! is a problem document (RFC 9457), that of an unknown address included.

mod blobs;
mod health;
mod log;
mod packages;
mod publish;
mod releases;
mod search;
mod statements;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::cache::Document;
use crate::conditional::is_known;
use crate::error::ApiError;

/// The longest path with its query, in bytes: the longest name, version and
/// query, each percent-encoded, and room to spare.
const MAX_TARGET_LEN: usize = 2048;

/// Every address, and what is done there.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/v1/packages/{namespace}/{name}", get(packages::show))
        .route("/v1/packages/{namespace}/{name}/{version}", get(releases::show))
        .route("/v1/packages/{namespace}/{name}/{version}/evidence", get(releases::evidence))
        .route("/v1/blobs/{digest}", get(blobs::show))
        .route("/v1/search", get(search::search))
        .route("/v1/publish", post(publish::publish))
        .route("/v1/statements", post(statements::state))
        .route("/v1/log", get(log::show))
        .route("/v1/log/checkpoint", get(log::checkpoint))
        .route("/v1/log/tile/{*path}", get(log::tile))
        .route("/v1/log/entries/{*path}", get(log::entries))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(|| async { ApiError::NotFound("this address was".to_owned()) })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        // Publishing counts its bytes itself; nothing else reads a body.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(guard))
        .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
        .with_state(app)
}

/// What holds for every request and every answer.
async fn guard(request: Request, next: Next) -> Response {
    let len = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let mut response = if len > MAX_TARGET_LEN {
        ApiError::AddressTooLong(len).into_response()
    } else {
        next.run(request).await
    };
    // What we serve is data; a browser must not see a page or a script in it.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A document may change, so a cache asks each time; mostly the answer is 304.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers with a document, or with 304 to a client that has it.
fn answer(headers: &axum::http::HeaderMap, document: Document) -> Response {
    let is_known = is_known(headers, &document.tag);
    let body = if is_known { Body::empty() } else { Body::from(document.body) };
    let mut response = Response::new(body);
    if is_known {
        *response.status_mut() = axum::http::StatusCode::NOT_MODIFIED;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::ETAG, document.tag);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    response
}
