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
//! | `/v1/log/indexes` | POST | [`log`] |
//! | `/v1/removals` | GET | [`sources`] |
//! | `/v1/sources` | GET | [`sources`] |
//! | `/source/{source}/v1/…` | all that reads | the same, of a registry that is mirrored |
//! | `/v1/review`, `/v1/review/…` | GET, POST | [`review`] |
//! | `/v1/access/can-i`, `/.well-known/oauth-protected-resource` | GET | [`access`] |
//! | `/v0.1/…`, `/v0/…`, `/registry/{registry}/…` | | [`official`] |
//! | `/openapi.json` | GET | [`openapi`] |
//! | `/healthz`, `/readyz` | GET | [`health`] |
//!
//! HEAD goes wherever GET does. Answers do not depend on `Accept`. Every error
//! is a problem document (RFC 9457), that of an unknown address included.

mod access;
mod addresses;
mod blobs;
mod bodies;
mod health;
mod log;
mod official;
mod openapi;
mod packages;
mod publish;
mod releases;
mod review;
mod search;
mod sources;
mod statements;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::access::{METADATA, Need, Needs, guard as authorise};
use crate::app::App;
use crate::cache::Document;
use crate::conditional::is_known;
use crate::error::ApiError;

/// The longest path with its query, in bytes: the longest name, version and
/// query, each percent-encoded, and room to spare.
const MAX_TARGET_LEN: usize = 2048;

/// An address, what it needs of whoever asks, and what is done there.
type Address<P = &'static str> = (P, Need, MethodRouter<App>);

/// The addresses that read: the registry's own releases, or those of a source.
fn reading() -> Vec<Address> {
    use Need::{Everything, Handler, Package};
    let release = "/v1/packages/{namespace}/{name}/{version}";
    let evidence = "/v1/packages/{namespace}/{name}/{version}/evidence";
    vec![
        ("/v1/packages/{namespace}/{name}", Package, get(packages::show)),
        (release, Package, get(releases::show)),
        (evidence, Package, get(releases::evidence)),
        ("/v1/blobs/{digest}", Handler, get(blobs::show)),
        ("/v1/search", Handler, get(search::search)),
        ("/v1/removals", Everything, get(sources::removals)),
        ("/v1/log", Everything, get(log::show)),
        ("/v1/log/checkpoint", Everything, get(log::checkpoint)),
        ("/v1/log/checkpoints/{*path}", Everything, get(log::checkpoints)),
        ("/v1/log/indexes", Everything, post(log::indexes)),
        ("/v1/log/tile/{*path}", Everything, get(log::tile)),
        ("/v1/log/entries/{*path}", Everything, get(log::entries)),
    ]
}

/// What else the registry itself has.
fn others() -> Vec<Address> {
    use Need::{Everything, Handler, Nothing};
    let review = "/v1/review/{namespace}/{name}/{version}";
    let approve = "/v1/review/{namespace}/{name}/{version}/approve";
    let reject = "/v1/review/{namespace}/{name}/{version}/reject";
    vec![
        ("/v1/publish", Handler, post(publish::publish)),
        ("/v1/statements", Handler, post(statements::state)),
        ("/v1/sources", Everything, get(sources::list)),
        ("/v1/review", Handler, get(review::list)),
        (review, Handler, get(review::show)),
        (approve, Handler, post(review::approve)),
        (reject, Handler, post(review::reject)),
        ("/v1/access/can-i", Handler, get(access::can_i)),
        (METADATA, Nothing, get(access::metadata)),
        (METADATA_BELOW, Nothing, get(access::metadata_below)),
        ("/healthz", Nothing, get(health::alive)),
        ("/readyz", Nothing, get(health::ready)),
        ("/openapi.json", Nothing, get(openapi::show)),
    ]
}

/// See [`METADATA`].
const METADATA_BELOW: &str = "/.well-known/oauth-protected-resource/{*path}";

/// Every address.
fn table() -> Vec<Address<String>> {
    let faces = [
        ("", reading()),
        ("", others()),
        ("/source/{source}", reading()),
        ("/v0.1", official::reading()),
        ("/v0.1", official::others()),
        ("/v0", official::reading()),
        ("/v0", official::others()),
        ("/registry/{registry}/v0.1", official::reading()),
        ("/registry/{registry}/v0", official::reading()),
    ];
    let below = |(prefix, face): (&str, Vec<Address>)| {
        let prefix = prefix.to_owned();
        face.into_iter().map(move |(path, need, it)| (format!("{prefix}{path}"), need, it))
    };
    faces.into_iter().flat_map(below).collect()
}

/// What each group of routes says of its operations, and below which address they are.
pub(crate) fn documents() -> Vec<(&'static str, OpenApi)> {
    let mut all = Vec::new();
    for prefix in ["", "/source/{source}"] {
        all.extend([
            (prefix, packages::Api::openapi()),
            (prefix, releases::Api::openapi()),
            (prefix, blobs::Api::openapi()),
            (prefix, search::Api::openapi()),
            (prefix, sources::ReadingApi::openapi()),
            (prefix, log::Api::openapi()),
        ]);
    }
    all.extend([
        ("", publish::Api::openapi()),
        ("", statements::Api::openapi()),
        ("", sources::Api::openapi()),
        ("", review::Api::openapi()),
        ("", access::Api::openapi()),
        ("", health::Api::openapi()),
        ("", openapi::Api::openapi()),
        ("/v0.1", official::ReadingApi::openapi()),
        ("/v0.1", official::OtherApi::openapi()),
        ("/v0", official::ReadingApi::openapi()),
        ("/v0", official::OtherApi::openapi()),
        ("/registry/{registry}/v0.1", official::ReadingApi::openapi()),
        ("/registry/{registry}/v0", official::ReadingApi::openapi()),
    ]);
    all
}

/// Every address, and what is done there.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new();
    let mut needs = Needs::new();
    for (path, need, handler) in table() {
        router = router.route(&path, handler);
        needs.insert(path, need);
    }
    router
        .fallback(|| async { ApiError::NotFound("this address was".to_owned()) })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        // Publishing counts its bytes itself; so does the MCP registry's API.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state((app.clone(), Arc::new(needs)), authorise))
        .layer(from_fn(official::cors))
        .layer(from_fn(guard))
        .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
        .with_state(app)
}

/// The same, where it is only served over TLS: browsers shall not come in plain again.
pub(crate) fn over_tls(router: Router) -> Router {
    let layer = SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, A_YEAR);
    router.layer(layer)
}

/// Of this host alone: others below the same name are not ours to speak for (RFC 6797).
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

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

/// Every address, as documents write it.
#[cfg(test)]
pub(crate) fn addresses() -> Vec<String> {
    table().into_iter().map(|(path, ..)| path.replace("{*", "{")).collect()
}

#[cfg(test)]
mod tests;
