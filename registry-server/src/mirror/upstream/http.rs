//! A source at another registry.
//!
//! It answers itself: a redirect is followed nowhere, because whoever can make one
//! could point us at a host of our own network. Plain http is for this machine alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use mcpkg_core::PackageName;
use mcpkg_core::api::{IndexesRequest, Problem, SignedIndexes};
use mcpkg_core::log::MAX_NOTE_LEN;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{Answer, Body, MAX_JSON_BYTES, Resource, Upstream, UpstreamError};
use crate::config::ConfigError;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a source may be silent within a body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a small answer may take as a whole, and a large one at least.
const PATIENCE: Duration = Duration::from_mins(1);
/// The slowest answer, in bytes a second: slower is a source that holds on to us on
/// purpose.
const MIN_BYTES_PER_SECOND: u64 = 16 * 1024;
/// The longest problem document, in bytes.
const MAX_PROBLEM_BYTES: u64 = 64 * 1024;

/// A source at an address.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    base: Url,
    client: Client,
    patience: Duration,
}

impl Http {
    /// A client of the source at `base`, whose certificate may also be by one of those
    /// in the file `ca`.
    pub(crate) fn new(base: &Url, ca: Option<&Path>) -> Result<Self, ConfigError> {
        let failed = |source: reqwest::Error| ConfigError::Client { source: Box::new(source) };
        let mut client = Client::builder()
            .user_agent(concat!("mcpkg-registry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT);
        if let Some(path) = ca {
            let pem = fs::read(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(failed)?;
            client = client.tls_certs_merge(certificates);
        }
        Ok(Self { base: base.clone(), client: client.build().map_err(failed)?, patience: PATIENCE })
    }

    /// The address of something, by its path.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        // The configuration admits no address that cannot be a base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }

    async fn get(&self, path: String, limit_bytes: u64) -> Result<Body, UpstreamError> {
        let url = self.url(&path);
        let allowed = self.patience + Duration::from_secs(limit_bytes / MIN_BYTES_PER_SECOND);
        let deadline = Instant::now() + allowed;
        let response = send(self.client.get(url), &path, deadline).await?;
        Ok(bounded(response, path, limit_bytes, deadline))
    }

    async fn post_names(&self, names: &[PackageName]) -> Result<SignedIndexes, UpstreamError> {
        let path = "v1/log/indexes".to_owned();
        let request = IndexesRequest { names: names.to_vec() };
        let deadline = Instant::now() + self.patience;
        let request = self.client.post(self.url(&path)).json(&request);
        let response = send(request, &path, deadline).await?;
        let limit_bytes = MAX_NOTE_LEN as u64 * (names.len() as u64 + 1);
        let limit_bytes = limit_bytes.min(4 * MAX_JSON_BYTES);
        let bytes = whole(bounded(response, path.clone(), limit_bytes, deadline)).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| UpstreamError::Malformed { address: path, reason: error.to_string() })
    }
}

impl Upstream for Http {
    fn open<'a>(&'a self, resource: &'a Resource, limit_bytes: u64) -> Answer<'a, Body> {
        Box::pin(self.get(resource.to_string(), limit_bytes))
    }

    fn indexes<'a>(&'a self, names: &'a [PackageName]) -> Answer<'a, SignedIndexes> {
        Box::pin(self.post_names(names))
    }
}

async fn send(
    request: RequestBuilder,
    address: &str,
    deadline: Instant,
) -> Result<Response, UpstreamError> {
    let response = timeout_at(deadline, request.send())
        .await
        .map_err(|_| UpstreamError::TooSlow(address.to_owned()))?
        .map_err(|source| transport(address, source))?;
    let (status, address) = (response.status(), address.to_owned());
    match status {
        StatusCode::OK => Ok(response),
        status if status.is_redirection() => Err(UpstreamError::Redirect(address)),
        StatusCode::GONE => Err(UpstreamError::TakenDown(address)),
        StatusCode::NOT_FOUND => Err(UpstreamError::Missing { address }),
        // Who may ask, and how often, is no word on what was asked for.
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(UpstreamError::Status { address, status: status.as_u16() })
        }
        status if status.is_client_error() => {
            let body = bounded(response, address.clone(), MAX_PROBLEM_BYTES, deadline);
            let problem = serde_json::from_slice::<Problem>(&whole(body).await?);
            Err(match problem {
                Ok(Problem { code, detail, .. }) => {
                    let detail = detail.chars().take(300).collect();
                    UpstreamError::Refused { address, code, detail }
                }
                Err(_) => UpstreamError::Status { address, status: status.as_u16() },
            })
        }
        status => Err(UpstreamError::Status { address, status: status.as_u16() }),
    }
}

/// The body of `response`, of at most `limit_bytes` and until `deadline`.
fn bounded(response: Response, address: String, limit_bytes: u64, deadline: Instant) -> Body {
    let start = (response, address, 0_u64);
    stream::try_unfold(start, move |(mut response, address, read_bytes)| async move {
        let chunk = match timeout_at(deadline, response.chunk()).await {
            Err(_) => return Err(UpstreamError::TooSlow(address)),
            Ok(Err(source)) => return Err(transport(&address, source)),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(chunk))) => chunk,
        };
        let read_bytes = read_bytes + chunk.len() as u64;
        if read_bytes > limit_bytes {
            return Err(UpstreamError::TooLong { address, limit_bytes });
        }
        Ok(Some((chunk, (response, address, read_bytes))))
    })
    .boxed()
}

async fn whole(mut body: Body) -> Result<Vec<u8>, UpstreamError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

fn transport(address: &str, source: reqwest::Error) -> UpstreamError {
    if source.is_timeout() {
        return UpstreamError::TooSlow(address.to_owned());
    }
    // The whole address may be nobody's business who reads our answers.
    let source = Box::new(source.without_url());
    UpstreamError::Transport { address: address.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::Router;
    use mcpkg_core::{Code, Coded as _};

    use super::*;

    /// A source whose every answer is one byte more, and one more, and never all of them.
    async fn dripping() -> Url {
        let router = Router::new().fallback(|| async {
            let drops = tokio::time::interval(Duration::from_millis(2));
            let drops = stream::unfold(drops, |mut drops| async {
                drops.tick().await;
                Some((Ok::<_, Infallible>("x"), drops))
            });
            axum::body::Body::from_stream(drops)
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/").parse().unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_drips_is_given_up() {
        let http = Http::new(&dripping().await, None).unwrap();
        let http = Http { patience: Duration::from_millis(200), ..http };
        let (began, mut drops) = (Instant::now(), 0);
        let mut body = http.open(&Resource::Checkpoint, 10_000).await.unwrap();
        let error = loop {
            match body.next().await {
                Some(Ok(bytes)) => drops += bytes.len(),
                Some(Err(error)) => break error,
                None => panic!("it ended"),
            }
        };
        assert!(matches!(error, UpstreamError::TooSlow(_)), "{error}");
        assert_eq!((error.code(), error.is_passing()), (Code::Transport, true));
        assert!(drops > 0 && began.elapsed() >= http.patience, "{drops} bytes");
        let name = "io.github.acme/weather".parse().unwrap();
        let error = http.indexes(&[name]).await.unwrap_err();
        assert!(matches!(error, UpstreamError::TooSlow(_)), "{error}");
    }
}
