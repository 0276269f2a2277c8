//! `/v1/log/…`: the log as static files, for those who check it.
//!
//! | address | what | may be cached |
//! |---|---|---|
//! | `/v1/log` | which log, and by which keys | no |
//! | `/v1/log/checkpoint` | the newest checkpoint | for some seconds |
//! | `/v1/log/tile/<L>/<N>[.p/<W>]` | hashes | for ever |
//! | `/v1/log/tile/entries/<N>[.p/<W>]`, `/v1/log/entries/<N>[.p/<W>]` | entries | for ever |
//! | `/v1/log/checkpoints/<N>` | the first checkpoint of each size, which receipts end with | no |
//! | `/v1/log/indexes` | POST: the signed indexes of up to 1000 packages, all of one tree | no |
//!
//! They are the files below `log/` in the data folder, at the same paths, but for
//! partial tiles that were narrower once: those are cut from the wider one.
//!
//! Source: C2SP tlog-tiles.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use mcpkg_core::api::{IndexesRequest, LogDocument, MAX_INDEXES, SignedIndexes};
use mcpkg_core::log::{TilePath, write_bundle};
use mcpkg_core::{Digest, PackageName};

use crate::blobs::blocking;
use crate::conditional::{entity_tag, is_known};
use crate::error::ApiError;
use crate::extract::{FilePath, NoQuery};
use crate::log::size_of;
use crate::mirror::Shelf;

/// The longest request for signed indexes, in bytes: a thousand of the longest names, in
/// quotes.
const MAX_REQUEST_BYTES: usize = MAX_INDEXES * (PackageName::MAX_LEN + 8);

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show, checkpoint, tile, entries, checkpoints, indexes))]
pub(super) struct Api;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const SHORTLY: HeaderValue = HeaderValue::from_static("public, max-age=2");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Says which log this is.
#[utoipa::path(get, path = "/v1/log", tag = "log", responses(
    (status = 200, description = "Which log it is", body = ref("#/components/schemas/LogDocument")),
))]
pub(super) async fn show(shelf: Shelf, headers: HeaderMap) -> Result<Response, ApiError> {
    let log = shelf.log.clone();
    let successions = blocking(move || log.successions()).await?;
    let trust = shelf.log.trust();
    let (origin, key) = (trust.origin().to_owned(), trust.key.clone());
    let document = serde_json::to_vec(&LogDocument { origin, key, successions });
    Ok(answer(&headers, document.map_err(|_| ApiError::Panic)?, JSON, NO_CACHE))
}

/// Sends the newest checkpoint.
#[utoipa::path(get, path = "/v1/log/checkpoint", tag = "log", responses(
    (status = 200, description = "A signed note", content_type = "text/plain; charset=utf-8", body = String),
))]
pub(super) async fn checkpoint(
    shelf: Shelf,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    shelf.refuse_if_silent().await?;
    let snapshot = shelf.log.served();
    Ok(answer(&headers, snapshot.checkpoint.clone().into_bytes(), TEXT, SHORTLY))
}

/// Sends a tile.
#[utoipa::path(get, path = "/v1/log/tile/{path}", tag = "log",
    params(
        ("path" = String, Path, description = "As in tlog-tiles"),
    ),
    responses(
        (status = 200, description = "Hashes, or entries", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn tile(
    shelf: Shelf,
    FilePath(path): FilePath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(format!("the tile `{}` was", path.escape_debug()));
    // Whatever is no tile is not there, as on a file server.
    let tile: TilePath = path.parse().map_err(|_| missing())?;
    let bytes = blocking(move || shelf.log.tile(tile)).await?.ok_or_else(missing)?;
    Ok(answer(&headers, bytes, OCTETS, FOR_EVER))
}

/// Sends a bundle of entries.
#[utoipa::path(get, path = "/v1/log/entries/{path}", tag = "log",
    params(
        ("path" = String, Path, description = "As in tlog-tiles"),
    ),
    responses(
        (status = 200, description = "Entries", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn entries(
    shelf: Shelf,
    FilePath(path): FilePath,
    query: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    tile(shelf, FilePath(format!("entries/{path}")), query, headers).await
}

/// Sends the first checkpoints of 256 sizes, each after its length as entries are.
#[utoipa::path(get, path = "/v1/log/checkpoints/{path}", tag = "log",
    params(
        ("path" = String, Path, description = "As for entries"),
    ),
    responses(
        (status = 200, description = "Signed notes", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn checkpoints(
    shelf: Shelf,
    FilePath(path): FilePath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound(format!("the file `{}` was", path.escape_debug()));
    let file: TilePath = format!("entries/{path}").parse().map_err(|_| missing())?;
    if file.is_partial() {
        return Err(missing());
    }
    let newest = shelf.log.newest_size();
    let notes = blocking(move || shelf.log.checkpoints(file.index)).await?;
    let published = notes.into_iter().filter(|note| size_of(note) <= newest);
    let bytes = write_bundle(published).filter(|bytes| !bytes.is_empty()).ok_or_else(missing)?;
    Ok(answer(&headers, bytes, OCTETS, NO_CACHE))
}

/// Sends the signed indexes of many packages, all of one tree.
#[utoipa::path(post, path = "/v1/log/indexes", tag = "log",
    request_body(content_type = "application/json", content = ref("#/components/schemas/IndexesRequest"), description = "`names`: up to 1000 of them"),
    responses(
        (status = 200, description = "The indexes", body = ref("#/components/schemas/SignedIndexes")),
    ))]
pub(super) async fn indexes(
    shelf: Shelf,
    _: NoQuery,
    request: Request,
) -> Result<Json<SignedIndexes>, ApiError> {
    let body = to_bytes(request.into_body(), MAX_REQUEST_BYTES)
        .await
        .map_err(|_| ApiError::request("the body is longer than any of ours, or was cut"))?;
    let IndexesRequest { names } = serde_json::from_slice(&body)
        .map_err(|error| ApiError::request(format!("the body cannot be read: {error}")))?;
    if names.is_empty() || names.len() > MAX_INDEXES {
        let found = names.len();
        let expected = format!("`names` has {found} names, expected 1 to {MAX_INDEXES}");
        return Err(ApiError::request(expected));
    }
    shelf.refuse_if_silent().await?;
    Ok(Json(shelf.signed_indexes(&names).await?))
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
