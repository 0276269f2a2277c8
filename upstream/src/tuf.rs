//! Fetching the files of a TUF repository, for both programs.
//!
//! What it answers is verified in [`mcpkg_verify::tuf`], which opens no socket.

use std::time::Duration;

use mcpkg_verify::tuf::{Fetched, SourceError, TufSource};
use reqwest::StatusCode;
use url::Url;

/// How long one file may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A TUF repository at a URL.
#[derive(Clone, Debug)]
pub struct HttpRepository {
    client: reqwest::Client,
    base: Url,
}

/// A client for repositories. It follows no redirect: what it is sent elsewhere for could
/// as well be read from a file of ours.
///
/// # Errors
///
/// If the system has no root certificates.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("mcpkg/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
}

impl HttpRepository {
    /// The one at `base`, which ends in a slash.
    pub fn new(client: reqwest::Client, base: Url) -> Self {
        Self { client, base }
    }

    async fn get(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let url = self.base.join(path)?;
        let mut response = self.client.get(url).send().await?;
        // Object stores say *forbidden* of what they do not have.
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
            return Ok(None);
        }
        if response.status() != StatusCode::OK {
            return Err(format!("it answered with status {}", response.status()).into());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if (bytes.len() + chunk.len()) as u64 > max_bytes {
                return Err(format!("it sent more than {max_bytes} bytes").into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }
}

impl TufSource for HttpRepository {
    fn fetch<'a>(&'a self, path: &'a str, max_bytes: u64) -> Fetched<'a> {
        Box::pin(self.get(path, max_bytes))
    }
}
