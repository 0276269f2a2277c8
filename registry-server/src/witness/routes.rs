//! The address of a witness, and the status codes of its answers.
//!
//! `POST /add-checkpoint` is all there is, and `GET /healthz`. Whoever sends a
//! checkpoint shows that the log signed it, and need show nothing else.
//!
//! | status | when |
//! |---|---|
//! | 200 | signed; the body is signature lines |
//! | 400 | it is no request, or its old size is larger than its checkpoint |
//! | 403 | no known key of the log has signed it |
//! | 404 | the log is not known here |
//! | 408, 413 | it comes too slowly, or is too long |
//! | 409 | it does not go on from what was signed last, whose size is the body |
//! | 422 | the proof does not hold |
//! | 500, 503, 507 | what was signed is not known, or cannot be kept |

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use mcpkg_core::log::{MAX_ADD_CHECKPOINT_LEN, SignatureLine};
use mcpkg_core::{Code, Coded as _};
use tower_http::catch_panic::CatchPanicLayer;

use super::judge::Refusal;
use super::service::{CosignError, Witness};
use super::state::StateError;
use crate::error::{ApiError, problem};

/// How the size of a tree is sent.
///
/// Source: C2SP tlog-witness, "add-checkpoint".
const TREE_SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Every address, and what is done there. A request has `patience` to arrive.
pub(super) fn router(witness: Arc<Witness>, patience: Duration) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async { ApiError::NotFound("this address was".to_owned()) })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        // The one handler that reads a body counts its bytes itself.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
        .with_state((witness, patience))
}

async fn add_checkpoint(
    State((witness, patience)): State<(Arc<Witness>, Duration)>,
    body: Body,
) -> Response {
    let body = match tokio::time::timeout(patience, read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(unread)) => return unread.into_response(),
        Err(_) => return Unread::TooSlow.into_response(),
    };
    match witness.add_checkpoint(&body).await {
        Ok(line) => signed(&line),
        Err(error) => error.into_response(),
    }
}

/// Why a body was not read.
enum Unread {
    TooLong,
    TooSlow,
    Cut,
}

async fn read(body: Body) -> Result<Vec<u8>, Unread> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Unread::Cut)?;
        if bytes.len() + piece.len() > MAX_ADD_CHECKPOINT_LEN {
            return Err(Unread::TooLong);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn signed(line: &SignatureLine) -> Response {
    text(StatusCode::OK, TEXT, format!("{line}\n"))
}

fn text(status: StatusCode, kind: HeaderValue, body: String) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, NO_STORE)];
    (status, headers, body).into_response()
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let (status, code, detail) = match self {
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::Limit,
                format!("the request is longer than {MAX_ADD_CHECKPOINT_LEN} bytes"),
            ),
            Self::TooSlow => {
                let detail = "the request took too long to arrive".to_owned();
                (StatusCode::REQUEST_TIMEOUT, Code::Limit, detail)
            }
            Self::Cut => {
                (StatusCode::BAD_REQUEST, Code::Request, "the request was cut off".to_owned())
            }
        };
        problem(status, code, detail, None, Vec::new())
    }
}

impl IntoResponse for CosignError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Refused(refusal) => status_of(refusal),
            Self::State(StateError::File { source, .. }) if is_full(source) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Self::State(StateError::File { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::State(_) | Self::Clock | Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = &self as &dyn std::error::Error, %status, "a request failed");
            // Which file, and why, is for the operator.
            let detail = "the witness failed, and has signed nothing".to_owned();
            return problem(status, self.code(), detail, None, Vec::new());
        }
        if let Self::Refused(Refusal::OtherSize { latest: size, .. } | Refusal::Fork { size }) =
            self
        {
            return text(status, TREE_SIZE, format!("{size}\n"));
        }
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        let detail = causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"));
        problem(status, self.code(), detail, self.hint(), Vec::new())
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Request(_) | Refusal::OldSize { .. } => StatusCode::BAD_REQUEST,
        Refusal::Unsigned(_) => StatusCode::FORBIDDEN,
        Refusal::UnknownLog(_) => StatusCode::NOT_FOUND,
        Refusal::OtherSize { .. } | Refusal::Fork { .. } => StatusCode::CONFLICT,
        Refusal::Proof(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
