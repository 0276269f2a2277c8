//! `/v1/statements`: what is stated about what is published.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::bodies::{Received, SigstoreBundle};
use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::publish::Stated;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(state))]
pub(super) struct Api;

/// Logs a statement, which is the body: 201 if it is new, 200 if it was there.
///
/// The connection ends with the answer, as with a publish.
#[utoipa::path(post, path = "/v1/statements", tag = "publish",
    request_body(content_type = "application/json", content = SigstoreBundle, description = "A Sigstore bundle"),
    responses(
        (status = 200, description = "It was there", body = ref("#/components/schemas/LoggedStatement")),
        (status = 201, description = "It is logged", body = ref("#/components/schemas/LoggedStatement")),
        (status = 403, description = "Not theirs to state"),
        (status = 404, description = "Not found"),
        Received,
        (status = 409, description = "The package has moved on"),
        (status = 415, description = "No JSON"),
        (status = 422, description = "Refused"),
    ))]
pub(super) async fn state(
    State(app): State<App>,
    caller: Caller,
    _: JsonBody,
    request: Request,
) -> impl IntoResponse {
    ([(header::CONNECTION, "close")], outcome(&app, &caller, request).await)
}

async fn outcome(app: &App, caller: &Caller, request: Request) -> Result<Response, ApiError> {
    let Stated { statement, is_new } = app.state(caller, request).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(app.own.logged_statement(statement).await?)).into_response())
}
