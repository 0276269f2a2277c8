//! `/v1/packages/{namespace}/{name}?seen=…`: the releases of a package.

use axum::http::HeaderMap;
use axum::response::Response;

use serde::Deserialize;

use super::answer;
use crate::error::ApiError;
use crate::extract::{PackagePath, StrictQuery};
use crate::mirror::Shelf;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show))]
pub(super) struct Api;

/// The query string.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The size of a tree of the log that the client has seen.
    seen: Option<u64>,
}

/// Lists all releases, yanked ones included.
#[utoipa::path(get, path = "/v1/packages/{namespace}/{name}", tag = "packages",
    params(PackagePath, Params),
    responses(
        (status = 200, description = "The signed index", body = ref("#/components/schemas/PackageIndex")),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn show(
    shelf: Shelf,
    PackagePath(name): PackagePath,
    StrictQuery(params): StrictQuery<Params>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, shelf.index(name, params.seen).await?))
}
