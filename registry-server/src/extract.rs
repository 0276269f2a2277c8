//! From the strings of a request to values: a handler starts with valid data.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;
use mcpkg_core::{Code, Digest, PackageName, Version};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The package that a path names: `{namespace}/{name}`.
#[derive(Debug)]
pub(crate) struct PackagePath(pub(crate) PackageName);

/// The release that a path names: `{namespace}/{name}/{version}`.
#[derive(Debug)]
pub(crate) struct ReleasePath {
    /// The package.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
}

/// The blob that a path names: `{digest}`.
#[derive(Debug)]
pub(crate) struct BlobPath(pub(crate) Digest);

/// That there is no query: a misspelt one must not be ignored.
#[derive(Debug)]
pub(crate) struct NoQuery;

/// A query string in which every parameter is known.
#[derive(Debug)]
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<S: Send + Sync> FromRequestParts<S> for PackagePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [namespace, short] = segments(parts, state, Code::Name).await?;
        package_name(&namespace, &short).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ReleasePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [namespace, short, version] = segments(parts, state, Code::Name).await?;
        Ok(Self {
            name: package_name(&namespace, &short)?,
            version: version.parse().map_err(|error| ApiError::malformed(Code::Version, &error))?,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for BlobPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [digest] = segments(parts, state, Code::Digest).await?;
        digest.parse().map(Self).map_err(|error| ApiError::malformed(Code::Digest, &error))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The type denies unknown fields; serde denies those that come twice.
        let Query(query) = Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::request(error.body_text()))?;
        Ok(Self(query))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if let Some(query) = parts.uri.query() {
            return Err(ApiError::request(format!(
                "this address takes no query, and `{}` is one",
                query.escape_debug()
            )));
        }
        Ok(Self)
    }
}

fn package_name(namespace: &str, short: &str) -> Result<PackageName, ApiError> {
    format!("{namespace}/{short}").parse().map_err(|error| ApiError::malformed(Code::Name, &error))
}

/// The variable segments of the path, decoded.
async fn segments<const N: usize, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    code: Code,
) -> Result<[String; N], ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::malformed(code, &"the address is not UTF-8"))?;
    let segments: Vec<String> = params.iter().map(|(_, segment)| segment.to_owned()).collect();
    segments.try_into().map_err(|_| ApiError::Panic)
}
