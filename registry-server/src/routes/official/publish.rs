//! `/publish`, `/validate` and `…/status`: what `mcp-publisher` does once it has a token.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{patch, post};

use super::body::{JsonBody, WholeBody};
use crate::access::{Caller, Need};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{NoQuery, ServerPath, ServerVersionPath};
use crate::official::{StatusBody, Validation, render_row, validate};
use crate::routes::bodies::Received;
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
        Received,
        (status = 409, description = "Other content is there, a signed release, or a source has the name"),
        (status = 422, description = "Not a valid `server.json`"),
    ))]
pub(super) async fn publish(
    State(app): State<App>,
    caller: Caller,
    _: NoQuery,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let row = app.publish_unsigned(&caller, authorization(&headers), &body).await?;
    Ok(json(render_row(&row, &app.own_address)?))
}

/// Says what is off with a `server.json`, and publishes nothing.
#[utoipa::path(post, path = "/validate", tag = "publish",
    request_body(content_type = "application/json", content = ref("#/components/schemas/ServerDetail")),
    responses(
        (status = 200, description = "What is off", body = Validation),
        Received,
    ))]
pub(super) async fn check(_: NoQuery, WholeBody(body): WholeBody) -> Json<Validation> {
    Json(validate(&body))
}

/// Gives one version that was published unsigned another status.
#[utoipa::path(patch, path = "/servers/{serverName}/versions/{version}/status", tag = "publish",
    security(("registryToken" = [])),
    params(
        ServerPath,
        ("version" = String, Path, description = "The version"),
    ),
    request_body = StatusBody,
    responses(
        (status = 200, description = "It has that status", body = ref("#/components/schemas/ServerResponse")),
        (status = 401, description = "No valid token"),
        (status = 403, description = "Not theirs to change"),
        (status = 404, description = "Not found"),
        Received,
        (status = 409, description = "A source has the name"),
    ))]
pub(super) async fn change_one(
    State(app): State<App>,
    caller: Caller,
    ServerVersionPath { name, version }: ServerVersionPath,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Response, ApiError> {
    let (token, which) = (authorization(&headers), (&name, Some(version.as_str())));
    let rows = app.change_listed_status(&caller, token, which, body).await?;
    let row = rows.first().ok_or(ApiError::Panic)?;
    Ok(json(render_row(row, &app.own_address)?))
}

/// Gives every version that was published unsigned another status, all or none.
#[utoipa::path(patch, path = "/servers/{serverName}/status", tag = "publish",
    security(("registryToken" = [])),
    params(ServerPath),
    request_body = StatusBody,
    responses(
        (status = 200, description = "They have that status",
         body = ref("#/components/schemas/AllVersionsStatusResponse")),
        (status = 401, description = "No valid token"),
        (status = 403, description = "Not theirs to change"),
        (status = 404, description = "Not found"),
        Received,
        (status = 409, description = "A source has the name"),
    ))]
pub(super) async fn change_all(
    State(app): State<App>,
    caller: Caller,
    ServerPath(name): ServerPath,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Response, ApiError> {
    let token = authorization(&headers);
    let rows = app.change_listed_status(&caller, token, (&name, None), body).await?;
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
