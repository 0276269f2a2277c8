//! From the strings of a request to values: a handler starts with valid data.

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use mcpkg_core::{Code, Digest, PackageName, Version};
use serde::de::DeserializeOwned;

use crate::access::{Caller, Peer};
use crate::app::App;
use crate::error::ApiError;
use crate::mirror::Shelf;
use crate::policy::Principal;

/// What the segment of a path is called that names a source.
const SOURCE: &str = "source";

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

/// Who asks, as far as that is known. There is no query, as with [`NoQuery`].
#[derive(Clone, Debug)]
pub(crate) struct Reader(pub(crate) String);

/// The file that a path names, whatever the rest of it: `{*path}`.
#[derive(Debug)]
pub(crate) struct FilePath(pub(crate) String);

/// The server that a path names in one segment: `{serverName}`.
#[derive(Debug)]
pub(crate) struct ServerPath(pub(crate) PackageName);

/// A version of a server that a path names: `{serverName}` and `{version}`.
#[derive(Debug)]
pub(crate) struct ServerVersionPath {
    /// The server.
    pub(crate) name: PackageName,
    /// Which version of it, whatever that looks like.
    pub(crate) version: String,
}

/// That there is no query: a misspelt one must not be ignored.
#[derive(Debug)]
pub(crate) struct NoQuery;

/// That the body says it is JSON.
#[derive(Debug)]
pub(crate) struct JsonBody;

/// A query string in which every parameter is known.
#[derive(Debug)]
pub(crate) struct StrictQuery<T>(pub(crate) T);

/// A query string in which others may be, as other registries have them.
#[derive(Debug)]
pub(crate) struct LooseQuery<T>(pub(crate) T);

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

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        NoQuery::from_request_parts(parts, state).await?;
        let peer = || Some(parts.extensions.get::<Peer>()?.address.ip().to_string());
        let caller = parts.extensions.get::<Caller>();
        let known = caller.and_then(|caller| match &caller.principal {
            Principal::User(user) => Some(user.id()),
            _ => Some(caller.circumstances.address?.to_string()),
        });
        Ok(Self(known.or_else(peer).unwrap_or_else(|| "unknown".to_owned())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [path] = segments(parts, state, Code::Request).await?;
        Ok(Self(path))
    }
}

impl FromRequestParts<App> for Shelf {
    type Rejection = ApiError;

    /// What the address is below: a source, or the registry itself.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::malformed(Code::Name, &"the address is not UTF-8"))?;
        let name = params.iter().find(|(key, _)| *key == SOURCE).map(|(_, name)| name);
        match name {
            None => Ok(app.own.clone()),
            Some(name) => app.mirror.shelf(name).cloned().ok_or_else(|| {
                ApiError::NotFound(format!("the source `{}` was", name.escape_debug()))
            }),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        // A form of a web page cannot say so without asking first (CORS).
        match kind {
            Some(kind) if kind.eq_ignore_ascii_case("application/json") => Ok(Self),
            _ => Err(ApiError::MediaType("application/json")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServerPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [name] = named(parts, state, ["serverName"]).await?;
        name.parse().map(Self).map_err(|error| ApiError::malformed(Code::Name, &error))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServerVersionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let [name, version] = named(parts, state, ["serverName", "version"]).await?;
        let name = name.parse().map_err(|error| ApiError::malformed(Code::Name, &error))?;
        Ok(Self { name, version })
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

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for LooseQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        refuse_token(parts.uri.query())?;
        let Query(query) = Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::request(error.body_text()))?;
        Ok(Self(query))
    }
}

/// Refuses a token in the query: addresses are logged, and tokens must not be.
///
/// Source: RFC 6750, section 5.3.
fn refuse_token(query: Option<&str>) -> Result<(), ApiError> {
    let keys = query.unwrap_or_default().split('&').map(|pair| pair.split('=').next());
    for key in keys.flatten() {
        if ["access_token", "token", "oidc_token", "registry_token"].contains(&key) {
            return Err(ApiError::malformed(
                Code::OidcToken,
                &"a token in the address is refused; it belongs into the `Authorization` header",
            ));
        }
    }
    Ok(())
}

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if let Some(query) = parts.uri.query() {
            refuse_token(Some(query))?;
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

/// The variable segments of these names, decoded.
async fn named<const N: usize, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    names: [&str; N],
) -> Result<[String; N], ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::request("the address is not UTF-8"))?;
    let found = names.map(|name| params.iter().find(|(key, _)| *key == name));
    if found.iter().any(Option::is_none) {
        return Err(ApiError::Panic);
    }
    Ok(found.map(|found| found.map_or_else(String::new, |(_, value)| value.to_owned())))
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
    let own = params.iter().filter(|(key, _)| *key != SOURCE);
    let segments: Vec<String> = own.map(|(_, segment)| segment.to_owned()).collect();
    segments.try_into().map_err(|_| ApiError::Panic)
}
