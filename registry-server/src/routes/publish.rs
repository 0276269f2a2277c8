//! `/v1/publish`: a new release.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::bodies::{PublishForm, Received};
use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::publish::Outcome;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(publish))]
pub(super) struct Api;

/// Publishes a release: 201 if it is new, 200 if it was there.
///
/// The connection ends with the answer, and the answer says so: what is left of
/// the body, be it a refused gigabyte, is nobody's next request.
#[utoipa::path(post, path = "/v1/publish", tag = "publish",
    request_body(content_type = "multipart/form-data", content = PublishForm, description = "The parts `server.json`, `bundle` and `artifact`"),
    responses(
        (status = 200, description = "It was there", body = ref("#/components/schemas/ReleaseDocument")),
        (status = 201, description = "It is published", body = ref("#/components/schemas/ReleaseDocument")),
        (status = 403, description = "Not theirs to publish"),
        Received,
        (status = 409, description = "Other content is there"),
        (status = 415, description = "No form"),
        (status = 422, description = "Refused"),
    ))]
pub(super) async fn publish(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> impl IntoResponse {
    ([(header::CONNECTION, "close")], outcome(&app, &caller, request).await)
}

async fn outcome(app: &App, caller: &Caller, request: Request) -> Result<Response, ApiError> {
    let Outcome { release, is_new } = app.publish(caller, request).await?;
    let location = format!("{}/v1/packages/{}/{}", app.public_url, release.name, release.version);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let (document, _) = app.own.release_document(release).await?;
    Ok((status, [(header::LOCATION, location)], Json(document)).into_response())
}
