//! `/v1/packages/{namespace}/{name}/{version}?at=…`: everything about one release.

use axum::http::HeaderMap;
use axum::response::Response;

use serde::Deserialize;

use super::answer;
use super::bodies::Evidence;
use crate::error::ApiError;
use crate::extract::{NoQuery, ReleasePath, StrictQuery};
use crate::mirror::Shelf;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(show, evidence))]
pub(super) struct Api;

/// The query string.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The size of the checkpoint that the client has accepted.
    at: Option<u64>,
}

/// Shows one release, yanked or not: a lockfile may still point at it.
#[utoipa::path(get, path = "/v1/packages/{namespace}/{name}/{version}", tag = "packages",
    params(ReleasePath, Params),
    responses(
        (status = 200, description = "The release", body = ref("#/components/schemas/ReleaseDocument")),
        (status = 403, description = "Not given out"),
        (status = 404, description = "Not found"),
        (status = 410, description = "Taken down"),
    ))]
pub(super) async fn show(
    shelf: Shelf,
    ReleasePath { name, version }: ReleasePath,
    StrictQuery(params): StrictQuery<Params>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, shelf.release(name, version, params.at).await?))
}

/// Shows its evidence alone, for those who audit.
#[utoipa::path(get, path = "/v1/packages/{namespace}/{name}/{version}/evidence", tag = "packages",
    params(ReleasePath),
    responses(
        (status = 200, description = "The Sigstore bundles", content_type = "application/json", body = Evidence),
        (status = 403, description = "Not given out"),
        (status = 404, description = "Not found"),
        (status = 410, description = "Taken down"),
    ))]
pub(super) async fn evidence(
    shelf: Shelf,
    ReleasePath { name, version }: ReleasePath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, shelf.evidence(&name, &version).await?))
}
