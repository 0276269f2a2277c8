//! `/openapi.json`: what all of this is, for programs.

use axum::http::HeaderMap;
use axum::response::Response;
use mcpkg_core::Digest;

use super::answer;
use crate::cache::Document;
use crate::conditional::entity_tag;
use crate::extract::NoQuery;
use crate::openapi;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
pub(super) struct Api;

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses(
    (status = 200, description = "The document", content_type = "application/json", body = Object),
))]
pub(super) async fn show(_: NoQuery, headers: HeaderMap) -> Response {
    let body = openapi::json();
    let tag = entity_tag(Digest::of(&body));
    answer(&headers, Document { body, tag, size: 0, snapshot: None, expires: None, listing: None })
}
