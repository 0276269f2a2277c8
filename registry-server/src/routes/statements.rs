//! `/v1/statements`: what is stated about what is published.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;
use crate::publish::Stated;

/// Logs a statement, which is the body: 201 if it is new, 200 if it was there.
///
/// The connection ends with the answer, as with a publish.
pub(super) async fn state(State(app): State<App>, request: Request) -> impl IntoResponse {
    ([(header::CONNECTION, "close")], outcome(&app, request).await)
}

async fn outcome(app: &App, request: Request) -> Result<Response, ApiError> {
    let Stated { statement, is_new } = app.state(request).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(app.logged_statement(statement).await?)).into_response())
}
