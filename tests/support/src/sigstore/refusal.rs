//! How a service says no.

use std::fmt::Display;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A request that a service refuses: the status, and why.
///
/// The reason goes to the client, as the real services send theirs, so that a
/// failing test shows it.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {reason}")]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    /// Refuses with a status and a reason.
    pub(super) fn new(status: StatusCode, reason: impl Display) -> Self {
        Self { status, reason: reason.to_string() }
    }

    /// The request does not make sense, or a signature in it is not right.
    pub(super) fn bad_request(reason: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// The service is having a bad day.
    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the service is not available")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.reason).into_response()
    }
}
