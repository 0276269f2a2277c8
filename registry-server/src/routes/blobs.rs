//! `/v1/blobs/{digest}`: the bytes of an artifact, a `server.json` or a bundle.
//!
//! What a digest names never changes, so it may be cached for ever. Only blobs
//! of releases are served: what an unfinished publish left behind is not there.

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use mcpkg_core::Digest;

use crate::access::Caller;
use crate::app::App;
use crate::blobs::BlobReader;
use crate::conditional::{entity_tag, is_known, is_range_of};
use crate::error::ApiError;
use crate::extract::{BlobPath, Reader};
use crate::mirror::Shelf;
use crate::range::{Asked, asked};

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
pub(super) struct Api;

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Sends a blob, or the part of it that a `Range` header asks for.
#[utoipa::path(get, path = "/v1/blobs/{digest}", tag = "blobs",
    params(
        ("digest" = String, Path, description = "`sha256:` and 64 hexadecimal digits"),
    ),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "Some of them", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 416, description = "The range lies beyond them"),
        (status = 403, description = "Not given out"),
        (status = 404, description = "Not found"),
        (status = 410, description = "Taken down"),
    ))]
pub(super) async fn show(
    State(app): State<App>,
    shelf: Shelf,
    caller: Caller,
    BlobPath(digest): BlobPath,
    reader: Reader,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.permit_blob(&caller, &shelf.store, digest).await?;
    let blob = shelf.blob(digest).await?;
    let tag = entity_tag(digest);
    if is_known(&headers, &tag) {
        return Ok(with_headers(Response::new(Body::empty()), digest, StatusCode::NOT_MODIFIED));
    }
    app.fetches.add(digest, shelf.source().map(|source| source.name().as_str()), reader.0);
    let bytes = shelf.blobs.open_blob(blob).await?;
    let (status, range) = part(&headers, &tag, bytes.size_bytes())?;
    let response = body(bytes, &method, status, range).await?;
    Ok(with_headers(response, digest, status))
}

/// Which bytes to send.
fn part(
    headers: &HeaderMap,
    tag: &HeaderValue,
    size_bytes: u64,
) -> Result<(StatusCode, Range<u64>), ApiError> {
    let header = headers.get(header::RANGE).filter(|_| is_range_of(headers, tag));
    match asked(header.and_then(|value| value.to_str().ok()), size_bytes) {
        Asked::Whole => Ok((StatusCode::OK, 0..size_bytes)),
        Asked::Part(range) => Ok((StatusCode::PARTIAL_CONTENT, range)),
        Asked::Nothing => Err(ApiError::Range { size_bytes }),
    }
}

async fn body(
    reader: BlobReader,
    method: &Method,
    status: StatusCode,
    range: Range<u64>,
) -> Result<Response, ApiError> {
    let (len, size_bytes) = (range.end - range.start, reader.size_bytes());
    let content_range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(reader.stream(range).await?),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(content_range)
    {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn with_headers(mut response: Response, digest: Digest, status: StatusCode) -> Response {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, OCTETS);
    headers.insert(header::ACCEPT_RANGES, BYTES);
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::ETAG, entity_tag(digest));
    response
}
