//! `/v1/packages/{namespace}/{name}/{version}`: everything about one release.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::answer;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::ReleasePath;

/// Shows one release, yanked or not: a lockfile may still point at it.
pub(super) async fn show(
    State(app): State<App>,
    ReleasePath { name, version }: ReleasePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.release(name, version).await?))
}

/// Shows its evidence alone, for those who audit.
pub(super) async fn evidence(
    State(app): State<App>,
    ReleasePath { name, version }: ReleasePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.evidence(&name, &version).await?))
}
