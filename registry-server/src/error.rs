//! What a client is told when a request fails.
//!
//! Everything below the routes reports what went wrong in its own terms, with a
//! code. This is the only file that knows status codes. What a client did wrong
//! is told in full; what we did wrong is told in a sentence, and the causes go
//! to the log.

use std::error::Error;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mcpkg_core::api::{Cause, Problem};
use mcpkg_core::policy::Refusal;
use mcpkg_core::{Code, Coded};

use crate::blobs::BlobError;
use crate::log::LogError;
use crate::publish::PublishError;
use crate::store::StoreError;

/// What a problem's type starts with; the code follows.
const PROBLEM_TYPE: &str = "https://mcpkg.dev/problems/";

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Part of the request is malformed.
    #[error("{detail}")]
    Malformed {
        /// What kind of part.
        code: Code,
        /// Which part, and what was expected.
        detail: String,
    },
    /// The request's target is longer than any of ours.
    #[error("the address is {0} bytes long")]
    AddressTooLong(usize),
    /// There is nothing at this address.
    #[error("{0} not found")]
    NotFound(String),
    /// There is something, and it takes other methods.
    #[error("this address does not take that method")]
    Method,
    /// The range starts after the end.
    #[error("the blob has {size_bytes} bytes, and the range lies beyond them")]
    Range {
        /// How long the blob is.
        size_bytes: u64,
    },
    /// A release was not accepted.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be read or written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A defect of ours.
    #[error("the server has a defect")]
    Panic,
}

impl ApiError {
    /// Something malformed, with the code and the words of `error`.
    pub(crate) fn malformed(code: Code, error: &dyn fmt::Display) -> Self {
        Self::Malformed { code, detail: error.to_string() }
    }

    /// A request that is not one of ours.
    pub(crate) fn request(detail: impl Into<String>) -> Self {
        Self::Malformed { code: Code::Request, detail: detail.into() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::AddressTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Publish(error) => status_of_publish(error),
            Self::Store(error) => status_of_store(error),
            Self::Blob(error) => status_of_blob(error),
            Self::Log(error) => status_of_log(error),
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to say: all of it where the client is at fault, and where we are, no
    /// more than the kind of fault.
    fn detail(&self, status: StatusCode) -> String {
        // Which domain did not answer, and nothing of what was found on the way to it.
        if let Self::Publish(error @ PublishError::Authority(_)) = self
            && status.is_server_error()
        {
            return error.to_string();
        }
        if status.is_server_error() && !matches!(self, Self::Blob(BlobError::Damaged { .. })) {
            return match self.code() {
                Code::Unavailable => "the registry is busy",
                Code::Storage => "the registry's storage failed; what was acknowledged is safe",
                Code::Clock => "the registry's clock is wrong, so it signs nothing",
                Code::Witness => "too few witnesses vouch for the log",
                Code::LogFork => "the registry's log must not be signed until a person has looked",
                _ => "the registry failed",
            }
            .to_owned();
        }
        let mut detail = self.to_string();
        for cause in std::iter::successors(self.source(), |&cause| cause.source()) {
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
        }
        detail
    }
}

fn status_of_publish(error: &PublishError) -> StatusCode {
    match error {
        PublishError::Store(error) => status_of_store(error),
        PublishError::Blob(error) => status_of_blob(error),
        PublishError::Log(error) => status_of_log(error),
        PublishError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        PublishError::Authority(error) if error.code() == Code::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        PublishError::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        PublishError::TooLarge { .. } | PublishError::TooMany { .. } => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        PublishError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        PublishError::OtherContent { .. }
        | PublishError::Lookalike { .. }
        | PublishError::Conflict { .. }
        | PublishError::Already(_) => StatusCode::CONFLICT,
        PublishError::Unknown(_) => StatusCode::NOT_FOUND,
        PublishError::Rebound { .. } | PublishError::Rebuilder(_) | PublishError::Authority(_) => {
            StatusCode::FORBIDDEN
        }
        PublishError::Refused(refusals) if refusals.iter().all(is_about_who) => {
            StatusCode::FORBIDDEN
        }
        PublishError::Parts(_) | PublishError::Cut(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Whether a rule is about who signed, and not about what.
fn is_about_who(refusal: &Refusal) -> bool {
    use Code::{Namespace, OidcEvent, Publisher, PublisherId};
    matches!(refusal.code(), Namespace | OidcEvent | Publisher | PublisherId)
}

fn status_of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::Busy(_) | StoreError::Locked(_) | StoreError::File(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        StoreError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_log(error: &LogError) -> StatusCode {
    match error {
        LogError::Store(error) => status_of_store(error),
        // To the client we are a gateway to a disk, and the disk answered wrong.
        LogError::Damaged { .. } | LogError::Apply { .. } => StatusCode::BAD_GATEWAY,
        LogError::Entry(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ if error.is_full() => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn status_of_blob(error: &BlobError) -> StatusCode {
    match error {
        // To the client we are a gateway to a disk, and the disk answered wrong.
        BlobError::Damaged { .. } => StatusCode::BAD_GATEWAY,
        BlobError::File { .. } if error.is_full() => StatusCode::INSUFFICIENT_STORAGE,
        BlobError::File { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Coded for ApiError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed { code, .. } => *code,
            Self::AddressTooLong(_) => Code::Limit,
            Self::Method | Self::Range { .. } => Code::Request,
            Self::NotFound(_) => Code::NotFound,
            Self::Publish(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Panic => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Publish(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Log(error) => error.hint(),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = &self as &dyn Error, %status, "a request failed");
        }
        let causes = match &self {
            Self::Publish(PublishError::Refused(refusals)) => refusals.iter().map(cause).collect(),
            _ => Vec::new(),
        };
        let mut response = problem(status, self.code(), self.detail(status), self.hint(), causes);
        let headers = response.headers_mut();
        if let Self::Range { size_bytes } = self
            && let Ok(range) = HeaderValue::try_from(format!("bytes */{size_bytes}"))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        response
    }
}

/// The answer to a request that failed: a problem document (RFC 9457).
pub(crate) fn problem(
    status: StatusCode,
    code: Code,
    detail: String,
    hint: Option<&str>,
    causes: Vec<Cause>,
) -> Response {
    let problem = Problem {
        kind: format!("{PROBLEM_TYPE}{code}"),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail,
        code,
        hint: hint.map(str::to_owned),
        causes,
    };
    let mut response = (status, axum::Json(problem)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, SECONDS_TO_WAIT);
    }
    response
}

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const SECONDS_TO_WAIT: HeaderValue = HeaderValue::from_static("5");

fn cause(refusal: &Refusal) -> Cause {
    Cause { code: refusal.code(), detail: refusal.to_string() }
}
