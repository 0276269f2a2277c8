//! `/auth/…`: a proof for a token.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use mcpkg_core::domain::DomainMethod;

use super::body::JsonBody;
use crate::access::Need;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::NoQuery;
use crate::official::{DomainProofBody, TokenAnswer, TokenBody};
use crate::routes::Address;
use crate::routes::bodies::Received;

pub(super) fn routes() -> [Address; 4] {
    [
        ("/auth/dns", Need::Proof, post(dns)),
        ("/auth/http", Need::Proof, post(http)),
        ("/auth/oidc", Need::Proof, post(oidc)),
        ("/auth/github-oidc", Need::Proof, post(github_oidc)),
    ]
}

/// Gives a token to whoever signs with a key that a domain lists in DNS.
#[utoipa::path(post, path = "/auth/dns", tag = "auth", request_body = DomainProofBody, responses(
    (status = 200, description = "A token for the domain and what is below it", body = TokenAnswer),
    (status = 401, description = "The proof does not hold"),
    (status = 403, description = "The domain's names are not open"),
    Received,
))]
pub(super) async fn dns(
    State(app): State<App>,
    _: NoQuery,
    JsonBody(body): JsonBody<DomainProofBody>,
) -> Result<Response, ApiError> {
    Ok(secret(app.exchange_domain(DomainMethod::Dns, body).await?))
}

/// Gives a token to whoever signs with a key that a domain's host lists.
#[utoipa::path(post, path = "/auth/http", tag = "auth", request_body = DomainProofBody, responses(
    (status = 200, description = "A token for the domain", body = TokenAnswer),
    (status = 401, description = "The proof does not hold"),
    (status = 403, description = "The domain's names are not open"),
    Received,
))]
pub(super) async fn http(
    State(app): State<App>,
    _: NoQuery,
    JsonBody(body): JsonBody<DomainProofBody>,
) -> Result<Response, ApiError> {
    Ok(secret(app.exchange_domain(DomainMethod::WellKnown, body).await?))
}

/// Gives a token for one of an issuer that the configuration names.
#[utoipa::path(post, path = "/auth/oidc", tag = "auth", request_body = TokenBody, responses(
    (status = 200, description = "A token for the names of the issuer", body = TokenAnswer),
    (status = 401, description = "The token proves nothing"),
    (status = 403, description = "The token is from an event that strangers can trigger"),
    Received,
))]
pub(super) async fn oidc(
    State(app): State<App>,
    _: NoQuery,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<Response, ApiError> {
    Ok(secret(app.exchange_token(body).await?))
}

/// The same, where `mcp-publisher` asks in a job of GitHub Actions.
#[utoipa::path(post, path = "/auth/github-oidc", tag = "auth", request_body = TokenBody, responses(
    (status = 200, description = "A token for the names of the issuer", body = TokenAnswer),
    (status = 401, description = "The token proves nothing"),
    (status = 403, description = "The token is from an event that strangers can trigger"),
    Received,
))]
pub(super) async fn github_oidc(
    state: State<App>,
    query: NoQuery,
    body: JsonBody<TokenBody>,
) -> Result<Response, ApiError> {
    oidc(state, query, body).await
}

/// An answer that no cache may keep.
fn secret(answer: TokenAnswer) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}
