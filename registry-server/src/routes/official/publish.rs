//! `/publish`, `/validate` and `…/status`: what `mcp-publisher` does once it has a token.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{patch, post};

use super::body::{JsonBody, WholeBody};
use crate::access::Need;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{NoQuery, ServerPath, ServerVersionPath};
use crate::official::{StatusBody, Validation, render_row, validate};
use crate::routes::{Address, JSON};
use crate::store::ServerRow;

pub(super) fn routes() -> [Address; 4] {
    [
        ("/publish", Need::Proof, post(publish)),
        ("/validate", Need::Proof, post(check)),
        ("/servers/{serverName}/versions/{version}/status", Need::Proof, patch(change_one)),
        ("/servers/{serverName}/status", Need::Proof, patch(change_all)),
    ]
}

/// Publishes a `server.json` without a signature. It is listed as unsigned.
#[utoipa::path(post, path = "/publish", tag = "publish", security(("registryToken" = [])),
    request_body(content_type = "application/json", content = ref("#/components/schemas/ServerDetail")),
    responses(
        (status = 200, description = "It is listed", body = ref("#/components/schemas/ServerResponse")),
        (status = 401, description = "No valid token"),
        (status = 403, description = "Not theirs to publish"),
        (status = 408, description = "Too slow"),
        (status = 409, description = "Other content is there, or a signed release"),
        (status = 413, description = "Too large"),
        (status = 422, description = "Not a valid `server.json`"),
    ))]
pub(super) async fn publish(
    State(app): State<App>,
    _: NoQuery,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let row = app.publish_unsigned(authorization(&headers), &body).await?;
    Ok(json(render_row(&row, &app.own_address)?))
}

/// Says what is off with a `server.json`, and publishes nothing.
#[utoipa::path(post, path = "/validate", tag = "publish",
    request_body(content_type = "application/json", content = ref("#/components/schemas/ServerDetail")),
    responses(
        (status = 200, description = "What is off", body = Validation),
        (status = 408, description = "Too slow"),
        (status = 413, description = "Too large"),
    ))]
pub(super) async fn check(_: NoQuery, WholeBody(body): WholeBody) -> Json<Validation> {
    Json(validate(&body))
}

/// Gives one version that was published unsigned another status.
#[utoipa::path(patch, path = "/servers/{serverName}/versions/{version}/status", tag = "publish",
    security(("registryToken" = [])),
    params(
        ("serverName" = String, Path, description = "The name, its slash encoded"),
        ("version" = String, Path, description = "The version"),
    ),
    request_body = StatusBody,
    responses(
        (status = 200, description = "It has that status", body = ref("#/components/schemas/ServerResponse")),
        (status = 401, description = "No valid token"),
        (status = 403, description = "Not theirs to change"),
        (status = 404, description = "Not found"),
        (status = 408, description = "Too slow"),
        (status = 413, description = "Too large"),
    ))]
pub(super) async fn change_one(
    State(app): State<App>,
    ServerVersionPath { name, version }: ServerVersionPath,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Response, ApiError> {
    let token = authorization(&headers);
    let rows = app.change_listed_status(token, &name, Some(&version), body).await?;
    let row = rows.first().ok_or(ApiError::Panic)?;
    Ok(json(render_row(row, &app.own_address)?))
}

/// Gives every version that was published unsigned another status, all or none.
#[utoipa::path(patch, path = "/servers/{serverName}/status", tag = "publish",
    security(("registryToken" = [])),
    params(("serverName" = String, Path, description = "The name, its slash encoded")),
    request_body = StatusBody,
    responses(
        (status = 200, description = "They have that status",
         body = ref("#/components/schemas/AllVersionsStatusResponse")),
        (status = 401, description = "No valid token"),
        (status = 403, description = "Not theirs to change"),
        (status = 404, description = "Not found"),
        (status = 408, description = "Too slow"),
        (status = 413, description = "Too large"),
    ))]
pub(super) async fn change_all(
    State(app): State<App>,
    ServerPath(name): ServerPath,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Response, ApiError> {
    let rows = app.change_listed_status(authorization(&headers), &name, None, body).await?;
    let shown: Result<Vec<String>, ApiError> =
        rows.iter().map(|row: &ServerRow| render_row(row, &app.own_address)).collect();
    let servers = shown?.join(",");
    Ok(json(format!("{{\"updatedCount\":{},\"servers\":[{servers}]}}", rows.len())))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, JSON)], Bytes::from(text)).into_response()
}
