//! A client of the registry, for tests with and without a runtime.

use std::sync::mpsc;
use std::time::Duration;

use mcpkg_core::Code;
use mcpkg_core::api::{Problem, part};
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::runtime::{self, Runtime};

use crate::ca::{Pair, TestCa};
use crate::submission::Submission;

/// How long a request may take before the test is told that it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends requests to one server, and waits for the answers.
///
/// It has a runtime of its own, so it can be used where there is none, and does
/// not mind where there is one.
pub struct Http {
    url: String,
    client: Client,
    // `Some` until it is dropped.
    runtime: Option<Runtime>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Http {
    /// A client of the server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self::with(url, Client::builder())
    }

    /// A client that trusts this authority alone, and shows this certificate.
    pub fn trusting(url: impl Into<String>, ca: &TestCa, identity: Option<&Pair>) -> Self {
        let root = Certificate::from_pem(ca.pem().as_bytes()).expect("the authority is PEM");
        let mut client = Client::builder().tls_certs_only([root]);
        if let Some(Pair { certificate, key }) = identity {
            let identity = Identity::from_pem(format!("{certificate}{key}").as_bytes());
            client = client.identity(identity.expect("the pair is PEM"));
        }
        Self::with(url, client)
    }

    fn with(url: impl Into<String>, client: ClientBuilder) -> Self {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let client =
            client.no_proxy().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        Self {
            url: url.into(),
            client: client.expect("a client needs nothing"),
            runtime: Some(runtime.expect("the system has a poller")),
        }
    }

    /// Where the server is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gets `path`, which is sent as it stands.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    /// Gets `path` with headers.
    #[track_caller]
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.request(Method::GET, path, headers).expect("the server answers")
    }

    /// Sends a request without a body.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Reply> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request)
    }

    /// Publishes, and waits for the answer.
    #[track_caller]
    pub fn publish(&self, submission: &Submission) -> Reply {
        self.try_publish(submission).expect("the server answers")
    }

    /// Publishes to a server that may not live to answer.
    pub fn try_publish(&self, submission: &Submission) -> reqwest::Result<Reply> {
        let mut form = Form::new().part(part::SERVER_JSON, file(&submission.server_json));
        for bundle in &submission.bundles {
            form = form.part(part::BUNDLE, file(bundle));
        }
        for artifact in &submission.artifacts {
            form = form.part(part::ARTIFACT, file(artifact));
        }
        self.post_form(form)
    }

    /// Publishes a form as it is.
    pub fn post_form(&self, form: Form) -> reqwest::Result<Reply> {
        self.send(self.client.post(format!("{}/v1/publish", self.url)).multipart(form))
    }

    /// Posts a body as it is.
    pub fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> reqwest::Result<Reply> {
        let request = self.client.post(format!("{}{path}", self.url));
        let kind = "application/json";
        self.send(request.header("content-type", kind).body(body.into()))
    }

    /// Posts JSON with headers.
    pub fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> reqwest::Result<Reply> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json").body(body.into());
        let with =
            |request: RequestBuilder, (name, value): &(&str, &str)| request.header(*name, *value);
        self.send(headers.iter().fold(request, with))
    }

    /// Sends a body as it is, with headers.
    #[track_caller]
    pub fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into())).expect("the server answers")
    }

    fn send(&self, request: RequestBuilder) -> reqwest::Result<Reply> {
        let (answer, answered) = mpsc::channel();
        let runtime = self.runtime.as_ref().expect("it was not dropped");
        runtime.spawn(async move { drop(answer.send(exchange(request).await)) });
        answered.recv().expect("the request ends")
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // Waiting for it would panic where there is a runtime already.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn exchange(request: RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await?.to_vec();
    Ok(Reply { status, headers, body })
}

/// A part as `mcpkg publish` sends it.
pub fn file(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("file")
}

impl Reply {
    /// The body as JSON of this type.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    /// The problem that the body is.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status, "{self}");
        problem
    }

    /// The status, and the stable code if it is an error.
    #[track_caller]
    pub fn outcome(&self) -> (u16, Option<Code>) {
        (self.status, (self.status >= 400).then(|| self.problem().code))
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
