//! `/x/dev.mcpkg/…`: what our own clients need beyond that API.
//!
//! The MCP registry leaves `/x/<reverse DNS>/` to those who extend it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use crate::access::Need;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{NoQuery, ServerPath, ServerVersionPath};
use crate::official::Audience;
use crate::routes::bodies::Known;
use crate::routes::{Address, answer};

pub(super) fn routes() -> [Address; 1] {
    [("/x/dev.mcpkg/servers/{serverName}/versions/{version}", Need::Handler, get(show))]
}

/// Shows the evidence of a release: the same document as below `/v1`. Of an entry that
/// is not signed, the original, where it is from, and what is off with it.
#[utoipa::path(get, path = "/x/dev.mcpkg/servers/{serverName}/versions/{version}", tag = "servers",
    params(
        ServerPath,
        ("version" = String, Path, description = "A version"),
    ),
    responses(
        (status = 200, description = "What is known", body = Known),
        (status = 403, description = "Not given out"),
        (status = 404, description = "Not found"),
        (status = 410, description = "Taken down"),
    ))]
pub(super) async fn show(
    State(app): State<App>,
    audience: Audience,
    ServerVersionPath { name, version }: ServerVersionPath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.evidence_of(&audience, name, &version).await?))
}
