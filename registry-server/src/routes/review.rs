//! `/v1/review…`: releases that wait for a person.
//!
//! | address | methods | |
//! |---|---|---|
//! | `/v1/review?outcome=…&cursor=…` | GET | those that the caller may say something of |
//! | `/v1/review/{namespace}/{name}/{version}?source=…` | GET | what there is to judge |
//! | `…/approve`, `…/reject` | POST | what they say |
//!
//! A release from a source is named with `source`. Whoever may not approve is told that
//! there is nothing.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use mcpkg_core::review::{NewVote, Outcome, Review, ReviewLine, ReviewList, Verdict};
use mcpkg_core::{Code, json};
use serde::Deserialize;

use crate::admission::Asker;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{JsonBody, ReleasePath, StrictQuery};
use crate::mirror::Shelf;

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, show, approve, reject))]
pub(super) struct Api;

/// The longest body, in bytes: the longest reason with every character escaped.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The query string of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// What was decided of them [default: `quarantined`].
    outcome: Option<String>,
    /// What `nextCursor` of the page before says.
    #[param(value_type = Option<i64>)]
    cursor: Option<String>,
}

/// The query string of a release.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// The source that the release is from, unless it is published here.
    source: Option<String>,
}

/// Lists releases.
#[utoipa::path(get, path = "/v1/review", tag = "review", params(ListParams), responses(
    (status = 200, description = "Those that the caller may say something of", body = ref("#/components/schemas/ReviewList")),
))]
pub(super) async fn list(
    State(app): State<App>,
    asker: Asker,
    StrictQuery(params): StrictQuery<ListParams>,
) -> Result<Json<ReviewList>, ApiError> {
    let malformed = |error: &dyn std::fmt::Display| ApiError::malformed(Code::Request, error);
    let outcome = params.outcome.as_deref().unwrap_or(Outcome::Quarantined.as_str());
    let outcome = outcome.parse().map_err(|error| malformed(&error))?;
    let cursor = params.cursor.as_deref().map(str::parse).transpose();
    let cursor = cursor.map_err(|error| malformed(&error))?.unwrap_or_default();
    Ok(Json(app.reviews(&asker, outcome, cursor).await?))
}

/// Shows a release.
#[utoipa::path(get, path = "/v1/review/{namespace}/{name}/{version}", tag = "review",
    params(ReleasePath, Params),
    responses(
        (status = 200, description = "What there is to judge", body = ref("#/components/schemas/Review")),
        (status = 404, description = "Not found"),
    ))]
pub(super) async fn show(
    State(app): State<App>,
    asker: Asker,
    ReleasePath { name, version }: ReleasePath,
    StrictQuery(params): StrictQuery<Params>,
) -> Result<Json<Review>, ApiError> {
    let shelf = shelf(&app, &params)?;
    Ok(Json(app.review(&asker, shelf, &name, &version).await?))
}

/// Lets a release in.
#[utoipa::path(post, path = "/v1/review/{namespace}/{name}/{version}/approve", tag = "review",
    params(ReleasePath, Params),
    request_body(content_type = "application/json", content = ref("#/components/schemas/NewVote"), description = "The digest of what was shown, and a reason"),
    responses(
        (status = 200, description = "What is decided now", body = ref("#/components/schemas/ReviewLine")),
        (status = 403, description = "Not theirs to judge"),
        (status = 404, description = "Not found"),
        (status = 409, description = "It is not what was looked at"),
        (status = 415, description = "No JSON"),
    ))]
pub(super) async fn approve(
    state: State<App>,
    asker: Asker,
    release: ReleasePath,
    query: StrictQuery<Params>,
    _: JsonBody,
    request: Request,
) -> Result<Json<ReviewLine>, ApiError> {
    vote(state, asker, release, query, request, Verdict::Approve).await
}

/// Keeps a release out.
#[utoipa::path(post, path = "/v1/review/{namespace}/{name}/{version}/reject", tag = "review",
    params(ReleasePath, Params),
    request_body(content_type = "application/json", content = ref("#/components/schemas/NewVote"), description = "The digest of what was shown, and a reason"),
    responses(
        (status = 200, description = "What is decided now", body = ref("#/components/schemas/ReviewLine")),
        (status = 403, description = "Not theirs to judge"),
        (status = 404, description = "Not found"),
        (status = 409, description = "It is not what was looked at"),
        (status = 415, description = "No JSON"),
    ))]
pub(super) async fn reject(
    state: State<App>,
    asker: Asker,
    release: ReleasePath,
    query: StrictQuery<Params>,
    _: JsonBody,
    request: Request,
) -> Result<Json<ReviewLine>, ApiError> {
    vote(state, asker, release, query, request, Verdict::Reject).await
}

async fn vote(
    State(app): State<App>,
    asker: Asker,
    ReleasePath { name, version }: ReleasePath,
    StrictQuery(params): StrictQuery<Params>,
    request: Request,
    verdict: Verdict,
) -> Result<Json<ReviewLine>, ApiError> {
    let shelf = shelf(&app, &params)?;
    let too_long = |_| ApiError::request(format!("expected at most {MAX_BODY_BYTES} bytes"));
    let body = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(too_long)?;
    let malformed = |error: &dyn std::fmt::Display| ApiError::malformed(Code::Request, error);
    let body = json::parse(&body, MAX_BODY_BYTES).map_err(|error| malformed(&error))?;
    let vote: NewVote = json::from_value(&body).map_err(|error| malformed(&error))?;
    Ok(Json(app.vote(&asker, shelf, (&name, &version), verdict, &vote).await?))
}

fn shelf<'a>(app: &'a App, params: &Params) -> Result<&'a Shelf, ApiError> {
    let unknown = || ApiError::NotFound("this source was".to_owned());
    match &params.source {
        None => Ok(&app.own),
        Some(name) => app.mirror.shelf(name).ok_or_else(unknown),
    }
}
