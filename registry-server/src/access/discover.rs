//! Fetching what an issuer says of itself, and its keys.
//!
//! Source: RFC 8414, section 3; OpenID Connect Discovery 1.0, section 4; RFC 7517,
//! section 5.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use reqwest::{Certificate, Client, NoProxy, Proxy, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::key::{PublicKey, WireKey};
use crate::config::{AccessFile, ConfigError, bare, is_safe};

/// How long one document may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest document, in bytes. Large issuers have some dozen keys of 2 KiB.
const MAX_BYTES: usize = 256 * 1024;

/// What no proxy is asked for: there, it would be another machine.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// The most keys that are read.
const MAX_KEYS: usize = 100;

/// Why an issuer's keys are not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoverError {
    #[error("could not fetch `{url}`")]
    Http { url: Url, source: reqwest::Error },
    #[error("`{url}` was answered with status {status}")]
    Status { url: Url, status: u16 },
    #[error("`{0}` is longer than {MAX_BYTES} bytes")]
    TooLong(Url),
    #[error("`{url}` is not the document it should be")]
    Malformed { url: Url, source: serde_json::Error },
    #[error("the issuer `{expected}` says that it is `{}`", found.escape_debug())]
    OtherIssuer { expected: String, found: String },
    #[error("the keys of `{issuer}` are at `{}`, which is neither https nor this machine", url.as_str().escape_debug())]
    Unsafe { issuer: String, url: Url },
    #[error("it did not answer a moment ago")]
    JustAsked,
    #[error("`{0}` has no key that could be used")]
    NoKey(Url),
}

/// The keys of an issuer, by their names.
pub(super) type Keys = HashMap<String, PublicKey>;

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// A client for all issuers. It follows no redirect: an issuer is where it says.
pub(super) fn client(access: &AccessFile) -> Result<Client, ConfigError> {
    let failed = |source: reqwest::Error| ConfigError::Client { source: Box::new(source) };
    let mut client = Client::builder()
        .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT);
    if let Some(path) = &access.ca {
        let pem =
            fs::read(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        client = client.tls_certs_merge(Certificate::from_pem_bundle(&pem).map_err(failed)?);
    }
    if let Some(url) = &access.proxy {
        let proxy = Proxy::https(url.clone()).map_err(failed)?;
        client = client.proxy(proxy.no_proxy(NoProxy::from_string(THIS_MACHINE)));
    }
    client.build().map_err(failed)
}

/// Fetches the keys of `issuer`.
pub(super) async fn discover(client: &Client, issuer: &Url) -> Result<Keys, DiscoverError> {
    let metadata = metadata(client, issuer).await?;
    let expected = bare(issuer);
    // Else one issuer could speak for another (RFC 8414, section 3.3).
    if metadata.issuer != expected {
        let expected = expected.to_owned();
        return Err(DiscoverError::OtherIssuer { expected, found: metadata.issuer });
    }
    let url = metadata.jwks_uri;
    if !is_safe(&url) {
        return Err(DiscoverError::Unsafe { issuer: expected.to_owned(), url });
    }
    let set: KeySet = get(client, &url).await?;
    let keys: Keys = set.keys.into_iter().take(MAX_KEYS).filter_map(named).collect();
    if keys.is_empty() { Err(DiscoverError::NoKey(url)) } else { Ok(keys) }
}

/// A key that has a name and is one of ours. Others are for other clients.
fn named(key: serde_json::Value) -> Option<(String, PublicKey)> {
    let key: WireKey = serde_json::from_value(key).ok()?;
    Some((key.kid.clone()?, key.read()?))
}

/// What the issuer says of itself, in either of the places that there are for it.
async fn metadata(client: &Client, issuer: &Url) -> Result<Metadata, DiscoverError> {
    let mut oauth = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    match get(client, &oauth).await {
        Err(DiscoverError::Status { .. }) => {
            let mut openid = issuer.clone();
            openid.set_path(&format!("{path}/.well-known/openid-configuration"));
            get(client, &openid).await
        }
        found => found,
    }
}

async fn get<T: DeserializeOwned>(client: &Client, url: &Url) -> Result<T, DiscoverError> {
    let failed = |source| DiscoverError::Http { url: url.clone(), source };
    let mut response = client.get(url.clone()).send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        let status = response.status().as_u16();
        return Err(DiscoverError::Status { url: url.clone(), status });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(DiscoverError::TooLong(url.clone()));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes)
        .map_err(|source| DiscoverError::Malformed { url: url.clone(), source })
}
