//! Pages in a browser may read this API, whoever serves them (the Fetch standard).
//!
//! There are no cookies and nothing else that a browser would add by itself, so a page
//! learns nothing that its reader could not have asked for.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// What the API begins with, everywhere that it is.
const PREFIXES: [&str; 3] = ["/v0/", "/v0.1/", "/registry/"];

const ANYBODY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization, Content-Type");
/// A day: what is allowed does not change.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Answers what a browser asks first, and says with every answer who may read it.
pub(in crate::routes) async fn cors(request: Request, next: Next) -> Response {
    if !PREFIXES.iter().any(|prefix| request.uri().path().starts_with(prefix)) {
        return next.run(request).await;
    }
    let mut response = if request.method() == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        allow(response.headers_mut());
        response
    } else {
        next.run(request).await
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    response
}

fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
