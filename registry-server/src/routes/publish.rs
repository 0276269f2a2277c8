//! `/v1/publish`: a new release.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::ApiError;
use crate::publish::Outcome;

/// Publishes a release: 201 if it is new, 200 if it was there.
///
/// The connection ends with the answer, and the answer says so: what is left of
/// the body, be it a refused gigabyte, is nobody's next request.
pub(super) async fn publish(State(app): State<App>, request: Request) -> impl IntoResponse {
    ([(header::CONNECTION, "close")], outcome(&app, request).await)
}

async fn outcome(app: &App, request: Request) -> Result<Response, ApiError> {
    let Outcome { release, is_new } = app.publish(request).await?;
    let location = format!("{}/v1/packages/{}/{}", app.public_url, release.name, release.version);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let (document, _) = app.release_document(release).await?;
    Ok((status, [(header::LOCATION, location)], Json(document)).into_response())
}
