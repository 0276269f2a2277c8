//! `/v1/packages/{namespace}/{name}?seen=…`: the releases of a package.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use serde::Deserialize;

use super::answer;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{PackagePath, StrictQuery};

/// The query string.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The size of a tree of the log that the client has seen.
    seen: Option<u64>,
}

/// Lists all releases, yanked ones included.
pub(super) async fn show(
    State(app): State<App>,
    PackagePath(name): PackagePath,
    StrictQuery(params): StrictQuery<Params>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.index(name, params.seen).await?))
}
