//! A client of the registry that is as quick as the machine allows.

use std::time::Duration;

use mcpkg_core::Digest;
use mcpkg_core::api::{LogDocument, PackageIndex, ReleaseDocument, part};
use mcpkg_test_support::Submission;
use mcpkg_test_support::http::file;
use reqwest::multipart::Form;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;

/// How long a request may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client, whose connections are kept open.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The connection broke, or there was none.
    #[error("no answer: {0:?}")]
    Gone(#[from] reqwest::Error),
    /// The server answered something else than success.
    #[error("{path} was answered {status}: {body}")]
    Refused { path: String, status: StatusCode, body: String },
    /// The body is not what the address is for.
    #[error("the answer to {path} cannot be read: {reason}")]
    Malformed { path: String, reason: String },
}

impl Client {
    pub(crate) fn new(url: &str) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// Gets `path`, which has to succeed.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let request = self.http.get(format!("{}{path}", self.url));
        Ok(exchange(path, request).await?.1)
    }

    pub(crate) async fn log(&self) -> Result<LogDocument, Failure> {
        self.json("/v1/log").await
    }

    pub(crate) async fn checkpoint(&self) -> Result<String, Failure> {
        let path = "/v1/log/checkpoint";
        String::from_utf8(self.get(path).await?).map_err(|error| malformed(path, &error))
    }

    /// The index of a package, for someone who has seen a tree of this size.
    pub(crate) async fn index(&self, name: &str, seen: u64) -> Result<PackageIndex, Failure> {
        self.json(&format!("/v1/packages/{name}?seen={seen}")).await
    }

    /// A release, for someone who has accepted a tree of this size.
    pub(crate) async fn release(
        &self,
        name: &str,
        version: &str,
        at: u64,
    ) -> Result<ReleaseDocument, Failure> {
        self.json(&format!("/v1/packages/{name}/{version}?at={at}")).await
    }

    pub(crate) async fn blob(&self, digest: Digest) -> Result<Vec<u8>, Failure> {
        self.get(&format!("/v1/blobs/{digest}")).await
    }

    /// Publishes; gives the status, which is a success, and the release.
    pub(crate) async fn publish(
        &self,
        submission: &Submission,
    ) -> Result<(StatusCode, ReleaseDocument), Failure> {
        let mut form = Form::new().part(part::SERVER_JSON, file(&submission.server_json));
        for bundle in &submission.bundles {
            form = form.part(part::BUNDLE, file(bundle));
        }
        for artifact in &submission.artifacts {
            form = form.part(part::ARTIFACT, file(artifact));
        }
        let path = "/v1/publish";
        let request = self.http.post(format!("{}{path}", self.url)).multipart(form);
        let (status, body) = exchange(path, request).await?;
        Ok((status, parse(path, &body)?))
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        parse(path, &self.get(path).await?)
    }
}

async fn exchange(path: &str, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?.to_vec();
    if status.is_success() {
        return Ok((status, body));
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Err(Failure::Refused { path: path.to_owned(), status, body })
}

fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| malformed(path, &error))
}

fn malformed(path: &str, error: &dyn std::error::Error) -> Failure {
    Failure::Malformed { path: path.to_owned(), reason: error.to_string() }
}

impl Failure {
    /// Whether it is what a server that was killed looks like.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}
