//! `/v1/sources` and `/v1/removals`: which registries are mirrored, and what was taken down.

use axum::Json;
use axum::extract::State;
use mcpkg_core::api::{Removals, SourceList};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::NoQuery;
use crate::mirror::Shelf;

/// The operation that each source has, too.
#[derive(utoipa::OpenApi)]
#[openapi(paths(removals))]
pub(super) struct ReadingApi;

/// The other.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list))]
pub(super) struct Api;

/// Lists the registries that are mirrored here.
#[utoipa::path(get, path = "/v1/sources", tag = "sources", responses(
    (status = 200, description = "All of them", body = ref("#/components/schemas/SourceList")),
))]
pub(super) async fn list(State(app): State<App>, _: NoQuery) -> Result<Json<SourceList>, ApiError> {
    Ok(Json(app.mirror.list().await?))
}

/// Lists what was taken down.
#[utoipa::path(get, path = "/v1/removals", tag = "sources", responses(
    (status = 200, description = "All of it", body = ref("#/components/schemas/Removals")),
))]
pub(super) async fn removals(shelf: Shelf, _: NoQuery) -> Json<Removals> {
    Json((*shelf.all_removals()).clone())
}
