//! `/v1/access/can-i?action=…&resource=…` and
//! `/.well-known/oauth-protected-resource…`: what a client may do, and how it comes to.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mcpkg_core::Code;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, ResourceMetadata};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{NoQuery, StrictQuery};
use crate::policy::{Action, Resource, Ruling};

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(can_i, metadata, metadata_below))]
pub(super) struct Api;

/// Answers of this kind are for whoever asked alone.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// The query string.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// What the caller would do.
    action: String,
    /// With what: a package's name, `registry`, `registry:<name>` or `source:<name>`.
    resource: String,
}

/// Whether the caller may, and by which policies.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct Answer {
    principal: String,
    action: String,
    resource: String,
    allowed: bool,
    policies: Vec<String>,
}

/// Says whether the caller may do something, whether there is such a thing or not.
#[utoipa::path(get, path = "/v1/access/can-i", tag = "access", params(Params), responses(
    (status = 200, description = "Whether they may", body = Answer),
))]
pub(super) async fn can_i(
    State(app): State<App>,
    caller: Caller,
    StrictQuery(params): StrictQuery<Params>,
) -> Result<Response, ApiError> {
    let malformed = |error: &dyn std::fmt::Display| ApiError::malformed(Code::Request, error);
    let action: Action = params.action.parse().map_err(|error| malformed(&error))?;
    let resource: Resource = params.resource.parse().map_err(|error| malformed(&error))?;
    let Ruling { allowed, policies, .. } = app.rule(&caller, action, &resource);
    let answer = Answer {
        principal: caller.principal.to_string(),
        action: action.to_string(),
        resource: resource.to_string(),
        allowed,
        policies: policies.into_iter().map(|policy| policy.id).collect(),
    };
    Ok(([(header::CACHE_CONTROL, PRIVATE)], Json(answer)).into_response())
}

/// Says how to get a token for this server.
#[utoipa::path(get, path = "/.well-known/oauth-protected-resource", tag = "access", responses(
    (status = 200, description = "Where tokens come from (RFC 9728)", body = ResourceMetadata),
    (status = 404, description = "No tokens are needed"),
))]
pub(super) async fn metadata(State(app): State<App>, _: NoQuery) -> Result<Response, ApiError> {
    metadata_of(&app, "")
}

/// Says how to get a token for one registry of this server.
#[utoipa::path(get, path = "/.well-known/oauth-protected-resource/{path}", tag = "access",
    params(
        ("path" = String, Path, description = "`registry/` or `source/`, and its name"),
    ),
    responses(
        (status = 200, description = "Where tokens come from (RFC 9728)", body = ResourceMetadata),
        (status = 404, description = "No tokens are needed"),
    ))]
pub(super) async fn metadata_below(
    State(app): State<App>,
    Path(path): Path<String>,
    _: NoQuery,
) -> Result<Response, ApiError> {
    metadata_of(&app, &format!("/{path}"))
}

fn metadata_of(app: &App, path: &str) -> Result<Response, ApiError> {
    let metadata = app.access.metadata(path);
    let metadata = metadata.ok_or_else(|| ApiError::NotFound("this address was".to_owned()))?;
    Ok(Json(metadata).into_response())
}
