//! `/v1/log/…`: the log as static files, for those who check it.
//!
//! | address | what | may be cached |
//! |---|---|---|
//! | `/v1/log` | which log, and by which keys | no |
//! | `/v1/log/checkpoint` | the newest checkpoint | for some seconds |
//! | `/v1/log/tile/<L>/<N>[.p/<W>]` | hashes | for ever |
//! | `/v1/log/tile/entries/<N>[.p/<W>]`, `/v1/log/entries/<N>[.p/<W>]` | entries | for ever |
//!
//! They are the files below `log/` in the data folder, at the same paths, but for
//! partial tiles that were narrower once: those are cut from the wider one.
//!
//! Source: C2SP tlog-tiles.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use mcpkg_core::Digest;
use mcpkg_core::api::LogDocument;
use mcpkg_core::log::TilePath;

use crate::app::App;
use crate::blobs::blocking;
use crate::conditional::{entity_tag, is_known};
use crate::error::ApiError;
use crate::extract::NoQuery;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const SHORTLY: HeaderValue = HeaderValue::from_static("public, max-age=2");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Says which log this is.
pub(super) async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let log = app.log.clone();
    let successions = blocking(move || log.successions()).await?;
    let trust = app.log.trust();
    let (origin, key) = (trust.origin().to_owned(), trust.key.clone());
    let document = serde_json::to_vec(&LogDocument { origin, key, successions });
    Ok(answer(&headers, document.map_err(|_| ApiError::Panic)?, JSON, NO_CACHE))
}

/// Sends the newest checkpoint.
pub(super) async fn checkpoint(State(app): State<App>, _: NoQuery, headers: HeaderMap) -> Response {
    let snapshot = app.log.served();
    answer(&headers, snapshot.checkpoint.clone().into_bytes(), TEXT, SHORTLY)
}

/// Sends a tile.
pub(super) async fn tile(
    State(app): State<App>,
    Path(path): Path<String>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(format!("the tile `{}` was", path.escape_debug()));
    // Whatever is no tile is not there, as on a file server.
    let tile: TilePath = path.parse().map_err(|_| missing())?;
    let log = app.log.clone();
    let bytes = blocking(move || log.tile(tile)).await?.ok_or_else(missing)?;
    Ok(answer(&headers, bytes, OCTETS, FOR_EVER))
}

/// Sends a bundle of entries.
pub(super) async fn entries(
    state: State<App>,
    Path(path): Path<String>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    tile(state, Path(format!("entries/{path}")), NoQuery, headers).await
}

fn answer(
    headers: &HeaderMap,
    bytes: Vec<u8>,
    content_type: HeaderValue,
    caching: HeaderValue,
) -> Response {
    let tag = entity_tag(Digest::of(&bytes));
    let is_known = is_known(headers, &tag);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(bytes) });
    if is_known {
        *response.status_mut() = axum::http::StatusCode::NOT_MODIFIED;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    response.headers_mut().insert(header::ETAG, tag);
    response
}
