//! Fetching from a registry: bounded, and from nobody else.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderValue, LOCATION};
use tokio::runtime::Runtime;
use url::{Host, Url};

use crate::error::{Result, UpstreamError};

/// The longest tarball or wheel, in bytes. The largest that npm serves are half of it.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// The longest document, in bytes: PyPI's list of a project's files has some megabytes.
pub const MAX_DOCUMENT_BYTES: u64 = 32 << 20;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_mins(5);
/// How long a server may be silent.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of registries. It follows no redirect, and asks nobody over plain http but
/// this machine.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Client`] if the system has no root certificates.
    pub fn new() -> Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("mcpkg/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| UpstreamError::Client(Box::new(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| UpstreamError::Client(Box::new(error)))?;
        Ok(Self { http, runtime })
    }

    /// Gets a document of `url`'s server; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::file`].
    pub fn document(&self, url: &Url, accept: &'static str) -> Result<Option<Vec<u8>>> {
        self.get(url, Some(accept), MAX_DOCUMENT_BYTES)
    }

    /// Gets a file.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Address`] for what is neither https nor on this machine,
    /// [`UpstreamError::Transport`], also for a redirect, and [`UpstreamError::TooLong`]
    /// as soon as there is a byte too many.
    pub fn file(&self, url: &Url) -> Result<Vec<u8>> {
        self.get(url, None, MAX_FILE_BYTES)?.ok_or_else(|| failed(url, "has no such file", None))
    }

    fn get(
        &self,
        url: &Url,
        accept: Option<&'static str>,
        allowed: u64,
    ) -> Result<Option<Vec<u8>>> {
        check(url)?;
        let mut request = self.http.get(url.clone());
        if let Some(accept) = accept {
            request = request.header(ACCEPT, HeaderValue::from_static(accept));
        }
        self.runtime.block_on(async {
            let cut = |error: reqwest::Error| {
                failed(url, "could not be read", Some(Box::new(error.without_url())))
            };
            let mut response = request.send().await.map_err(cut)?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                status if status.is_redirection() => {
                    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                    let to = to.unwrap_or("nowhere").chars().take(200).collect();
                    return Err(UpstreamError::Redirect { url: url.to_string(), to });
                }
                status => {
                    let source = format!("it answered with status {status}").into();
                    return Err(failed(url, "does not answer", Some(source)));
                }
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(cut)? {
                if (bytes.len() + chunk.len()) as u64 > allowed {
                    return Err(UpstreamError::TooLong { url: url.to_string(), allowed });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(bytes))
        })
    }

    /// Runs `work` on our runtime.
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

fn failed(
    url: &Url,
    what: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> UpstreamError {
    UpstreamError::Transport { url: url.to_string(), what, source }
}

/// Refuses what is neither https nor on this machine, and what holds a password.
pub fn check(url: &Url) -> Result<()> {
    let refused = |what| Err(UpstreamError::Address { url: url.to_string(), what });
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UpstreamError::Address {
            url: "an address".to_owned(),
            what: "one with a name or a password in it",
        });
    }
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => return refused("no address of a server"),
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        _ => refused("not https"),
    }
}

/// `base` with `segments` after it, each escaped.
pub fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // `check` refuses what has no host, and those are the ones that cannot be a base.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
