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
use mcpkg_core::api::{Cause, Problem, WithheldRelease};
use mcpkg_core::policy::Refusal;
use mcpkg_core::{Code, Coded};

use crate::access::{AccessError, Denial, Refused};
use crate::admission::{AdmissionError, ReviewError};
use crate::blobs::BlobError;
use crate::log::LogError;
use crate::mirror::MirrorError;
use crate::mirror::upstream::UpstreamError;
use crate::official::OfficialError;
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
    /// The body is not of the type it has to be.
    #[error("the body is not `{0}`, or does not say so")]
    MediaType(&'static str),
    /// There is something, and it takes other methods.
    #[error("this address does not take that method")]
    Method,
    /// Plain HTTP, at a port where TLS is spoken.
    #[error("this port speaks HTTPS, and this was plain HTTP")]
    NotTls,
    /// The range starts after the end.
    #[error("the blob has {size_bytes} bytes, and the range lies beyond them")]
    Range {
        /// How long the blob is.
        size_bytes: u64,
    },
    /// There is such a release, and it is not given out.
    #[error("{} is not given out: {}", .0.version, .0.reason)]
    Withheld(Box<WithheldRelease>),
    /// A source could not be followed, or something of it not be fetched.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The log goes on faster than it can be read.
    #[error("the log went on while it was read")]
    Moving,
    /// It is not known who asks, or they may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A release was not accepted.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// It could not be decided what is given out.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// A release is not shown for review, or nothing may be said of it.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob could not be read or written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Something is listed under this name, and no package is: nobody has signed it.
    #[error("`{0}` is listed here, and nobody has signed it")]
    Unsigned(String),
    /// Nothing was published through the MCP registry's API.
    #[error(transparent)]
    Official(#[from] OfficialError),
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
            Self::Malformed { .. } | Self::NotTls => StatusCode::BAD_REQUEST,
            Self::AddressTooLong(_) => StatusCode::URI_TOO_LONG,
            Self::NotFound(_) | Self::Unsigned(_) => StatusCode::NOT_FOUND,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Withheld(withheld) if withheld.code == Code::TakenDown => StatusCode::GONE,
            Self::Withheld(_) => StatusCode::FORBIDDEN,
            Self::Mirror(error) => status_of_mirror(error.inner()),
            Self::Moving => StatusCode::SERVICE_UNAVAILABLE,
            Self::Access(error) => status_of_access(error),
            Self::Publish(error) => status_of_publish(error),
            Self::Admission(error) => status_of_admission(error),
            Self::Review(error) => status_of_review(error),
            Self::Store(error) => status_of_store(error),
            Self::Blob(error) => status_of_blob(error),
            Self::Log(error) => status_of_log(error),
            Self::Official(error) => status_of_official(error),
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to say: all of it where the client is at fault, and where we are, no
    /// more than the kind of fault.
    fn detail(&self, status: StatusCode) -> String {
        if let Self::Official(error @ (OfficialError::Domain(_) | OfficialError::Issuer(_))) = self
            && status.is_server_error()
        {
            return error.to_string();
        }
        // Which domain did not answer, and nothing of what was found on the way to it.
        if let Self::Publish(error @ PublishError::Authority(_)) = self
            && status.is_server_error()
        {
            return error.to_string();
        }
        // What a source did is no secret of ours; how it was found out stays in the log.
        if let Self::Mirror(error) = self {
            return error.inner().to_string();
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

fn status_of_access(error: &AccessError) -> StatusCode {
    match error.refused() {
        Refused::Request => StatusCode::BAD_REQUEST,
        Refused::Unknown => StatusCode::UNAUTHORIZED,
        Refused::Later => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn status_of_publish(error: &PublishError) -> StatusCode {
    match error {
        PublishError::Store(error) | PublishError::Denied(Denial::Audit(error)) => {
            status_of_store(error)
        }
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
        PublishError::Quota { what: "bytes", .. } => StatusCode::PAYLOAD_TOO_LARGE,
        PublishError::Quota { .. } => StatusCode::TOO_MANY_REQUESTS,
        PublishError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        PublishError::OtherContent { .. }
        | PublishError::Lookalike { .. }
        | PublishError::FromSource { .. }
        | PublishError::Conflict { .. }
        | PublishError::Already(_) => StatusCode::CONFLICT,
        PublishError::Unknown(_) => StatusCode::NOT_FOUND,
        PublishError::Hidden(_)
        | PublishError::Denied(Denial::Policy(_))
        | PublishError::Rebound { .. }
        | PublishError::Rebuilder(_)
        | PublishError::Authority(_) => StatusCode::FORBIDDEN,
        PublishError::Refused(refusals) if refusals.iter().all(is_about_who) => {
            StatusCode::FORBIDDEN
        }
        PublishError::Parts(_) | PublishError::Cut(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn status_of_official(error: &OfficialError) -> StatusCode {
    use OfficialError as E;
    match error {
        E::Domain(error) if error.code() == Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        E::Issuer(_) => StatusCode::SERVICE_UNAVAILABLE,
        E::NoToken | E::Token(_) | E::Replay | E::Proof { .. } | E::Domain(_) => {
            StatusCode::UNAUTHORIZED
        }
        E::Audience(_) | E::Body(_) | E::Status(_) => StatusCode::BAD_REQUEST,
        E::Event(_) | E::NotOpen(_) | E::NotGranted { .. } | E::Denied(Denial::Policy(_)) => {
            StatusCode::FORBIDDEN
        }
        E::FromSource { .. } | E::Held { .. } | E::Exists { .. } => StatusCode::CONFLICT,
        E::Document(_) | E::Odd(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        E::Cut => StatusCode::REQUEST_TIMEOUT,
        E::Unknown(_) => StatusCode::NOT_FOUND,
        E::Store(error) | E::Denied(Denial::Audit(error)) => status_of_store(error),
    }
}

/// Whether a rule is about who signed, and not about what.
fn is_about_who(refusal: &Refusal) -> bool {
    use Code::{Namespace, OidcEvent, Publisher, PublisherId};
    matches!(refusal.code(), Namespace | OidcEvent | Publisher | PublisherId)
}

fn status_of_admission(error: &AdmissionError) -> StatusCode {
    match error {
        AdmissionError::Store(error) => status_of_store(error),
        AdmissionError::Blob(error) => status_of_blob(error),
        // To the client we are a gateway to a disk, and the disk answered wrong.
        AdmissionError::Missing(_) | AdmissionError::Metadata(_) | AdmissionError::Archive(_) => {
            StatusCode::BAD_GATEWAY
        }
    }
}

fn status_of_review(error: &ReviewError) -> StatusCode {
    match error {
        ReviewError::Unknown(_) => StatusCode::NOT_FOUND,
        ReviewError::Vote(_) => StatusCode::BAD_REQUEST,
        ReviewError::Changed => StatusCode::CONFLICT,
        ReviewError::Own => StatusCode::FORBIDDEN,
        ReviewError::Admission(error) => status_of_admission(error),
        ReviewError::Store(error) => status_of_store(error),
    }
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

fn status_of_mirror(error: &MirrorError) -> StatusCode {
    match error {
        MirrorError::Store(error) => status_of_store(error),
        MirrorError::Blob(error) => status_of_blob(error),
        MirrorError::Log(error) => status_of_log(error),
        MirrorError::Upstream(UpstreamError::TakenDown(_)) => StatusCode::GONE,
        MirrorError::Upstream(error) if error.is_passing() => StatusCode::SERVICE_UNAVAILABLE,
        MirrorError::Behind { .. }
        | MirrorError::Never
        | MirrorError::Silent(_)
        | MirrorError::NotImported(_) => StatusCode::SERVICE_UNAVAILABLE,
        // We are a gateway to the source, and the source answered wrong.
        _ => StatusCode::BAD_GATEWAY,
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
            Self::MediaType(_) | Self::Method | Self::Range { .. } => Code::Request,
            Self::NotTls => Code::Transport,
            Self::NotFound(_) => Code::NotFound,
            Self::Withheld(withheld) => withheld.code,
            Self::Mirror(error) => error.code(),
            Self::Moving => Code::Unavailable,
            Self::Access(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Admission(error) => error.code(),
            Self::Review(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Unsigned(_) => Code::Provenance,
            Self::Official(error) => error.code(),
            Self::Panic => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Withheld(_) => Some("choose another version, or ask the server's operator"),
            Self::Mirror(error) => error.hint(),
            Self::Access(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Admission(error) => error.hint(),
            Self::Review(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::NotTls => Some("use the https:// address"),
            Self::Official(error) => error.hint(),
            Self::Unsigned(_) => Some(
                "what is not signed is not installed: ask its publisher to publish it with \
                 `mcpkg publish`",
            ),
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
        // The guard has more to say to somebody it does not know.
        if status == StatusCode::UNAUTHORIZED && !matches!(self, Self::Access(_)) {
            headers.insert(header::WWW_AUTHENTICATE, BEARER);
        }
        if let Self::Range { size_bytes } = &self
            && let Ok(range) = HeaderValue::try_from(format!("bytes */{size_bytes}"))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        // For the guard, which knows how to get a token.
        if let Self::Access(error) = self {
            response.extensions_mut().insert(error);
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
        error: detail.clone(),
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
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const SECONDS_TO_WAIT: HeaderValue = HeaderValue::from_static("5");

fn cause(refusal: &Refusal) -> Cause {
    Cause { code: refusal.code(), detail: refusal.to_string() }
}
