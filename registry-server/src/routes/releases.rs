//! `/v1/packages/{namespace}/{name}/{version}?at=…`: everything about one release.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use serde::Deserialize;

use super::answer;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{NoQuery, ReleasePath, StrictQuery};

/// The query string.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The size of the checkpoint that the client has accepted.
    at: Option<u64>,
}

/// Shows one release, yanked or not: a lockfile may still point at it.
pub(super) async fn show(
    State(app): State<App>,
    ReleasePath { name, version }: ReleasePath,
    StrictQuery(params): StrictQuery<Params>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.release(name, version, params.at).await?))
}

/// Shows its evidence alone, for those who audit.
pub(super) async fn evidence(
    State(app): State<App>,
    ReleasePath { name, version }: ReleasePath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.evidence(&name, &version).await?))
}
