//! `/v1/packages/{namespace}/{name}`: the releases of a package.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::answer;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::PackagePath;

/// Lists all releases, yanked ones included.
pub(super) async fn show(
    State(app): State<App>,
    PackagePath(name): PackagePath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.index(name).await?))
}
