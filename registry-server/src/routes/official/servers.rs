//! `/servers…`: what is listed.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use crate::access::Need;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{LooseQuery, ServerPath, ServerVersionPath};
use crate::official::{Audience, Params, deleted};
use crate::routes::{Address, answer};

/// Whether deleted versions are shown.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Including {
    /// Whether deleted versions are shown.
    #[param(value_type = Option<bool>)]
    include_deleted: Option<String>,
}

pub(super) fn routes() -> [Address; 3] {
    [
        ("/servers", Need::Handler, get(list)),
        ("/servers/{serverName}/versions", Need::Handler, get(versions)),
        ("/servers/{serverName}/versions/{version}", Need::Handler, get(show)),
    ]
}

/// Lists servers, by name and version; what has changed, by when it did.
#[utoipa::path(get, path = "/servers", tag = "servers", params(Params), responses(
    (status = 200, description = "A page", body = ref("#/components/schemas/ServerList")),
))]
pub(super) async fn list(
    State(app): State<App>,
    audience: Audience,
    LooseQuery(params): LooseQuery<Params>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Ok(answer(&headers, app.server_page(&audience, params.try_into()?).await?))
}

/// Lists the versions of a server, the newest first.
#[utoipa::path(get, path = "/servers/{serverName}/versions", tag = "servers",
    params(ServerPath, Including),
    responses(
        (status = 200, description = "All versions", body = ref("#/components/schemas/ServerList")),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn versions(
    State(app): State<App>,
    audience: Audience,
    ServerPath(name): ServerPath,
    LooseQuery(params): LooseQuery<Including>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let deleted = deleted(params.include_deleted.as_deref())?;
    Ok(answer(&headers, app.server_versions(&audience, &name, deleted).await?))
}

/// Shows one version of a server; `latest` is the newest.
#[utoipa::path(get, path = "/servers/{serverName}/versions/{version}", tag = "servers",
    params(
        ServerPath,
        ("version" = String, Path, description = "A version, or `latest`"),
        Including,
    ),
    responses(
        (status = 200, description = "It", body = ref("#/components/schemas/ServerResponse")),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn show(
    State(app): State<App>,
    audience: Audience,
    ServerVersionPath { name, version }: ServerVersionPath,
    LooseQuery(params): LooseQuery<Including>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let deleted = deleted(params.include_deleted.as_deref())?;
    Ok(answer(&headers, app.server(&audience, &name, &version, deleted).await?))
}
