//! A registry that lies: an honest one, with somebody in between.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::background::Background;

/// What a registry answers, as the liar may change it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Changes the body as JSON, and nothing else of it.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_slice(&self.body).expect("the answer is JSON");
        change(&mut body);
        self.body = body.to_string().into_bytes();
        self
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        let headers = vec![("location".to_owned(), to.to_owned())];
        Self { status: 302, headers, body: Vec::new() }
    }
}

type Lie = dyn Fn(&str, Answer) -> Answer + Send + Sync;

/// A registry that passes every request on to an honest one, and may change
/// what comes back.
pub struct LyingRegistry {
    server: Background,
    between: Arc<Between>,
}

struct Between {
    upstream: String,
    client: reqwest::Client,
    lie: Box<Lie>,
    heard: Mutex<Vec<Heard>>,
}

/// A request, as it was heard on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The path and the query.
    pub target: String,
    /// The body.
    pub body: Vec<u8>,
}

impl LyingRegistry {
    /// Lies about what the registry at `upstream` says: `lie` gets the path of
    /// each request with the honest answer, and returns what is sent.
    pub fn start(
        upstream: &str,
        lie: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let between = Arc::new(Between {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: reqwest::Client::new(),
            lie: Box::new(lie),
            heard: Mutex::default(),
        });
        let state = Arc::clone(&between);
        let server = Background::serve(|_| Router::new().fallback(answer).with_state(state));
        Self { server, between }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Every request so far, in the order in which they came.
    pub fn heard(&self) -> Vec<Heard> {
        self.between.heard.lock().expect("nobody panics with it").clone()
    }
}

async fn answer(State(between): State<Arc<Between>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let target = request.uri().path_and_query().map_or(path.as_str(), |target| target.as_str());
    let url = format!("{}{target}", between.upstream);
    let target = target.to_owned();
    let (head, body) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).cloned();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the request is whole");
    let request = Heard { target: target.clone(), body: body.to_vec() };
    between.heard.lock().expect("nobody panics with it").push(request);
    let honest = between.client.request(head.method, url).body(body);
    let honest = kind.into_iter().fold(honest, |to, kind| to.header(CONTENT_TYPE, kind));
    let honest = honest.send().await.expect("the honest registry answers");
    let status = honest.status().as_u16();
    let headers = honest
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding"))
        .map(|(name, value)| {
            (name.to_string(), value.to_str().expect("headers are text").to_owned())
        })
        .collect();
    let body: Bytes = honest.bytes().await.expect("the honest registry's answer is whole");
    let answer = (between.lie)(&path, Answer { status, headers, body: body.to_vec() });

    let mut response = answer.body.into_response();
    *response.status_mut() = answer.status.try_into().expect("the liar sends a status code");
    for (name, value) in answer.headers {
        let name: axum::http::HeaderName = name.parse().expect("the liar sends headers");
        response.headers_mut().insert(name, value.parse().expect("the liar sends headers"));
    }
    response
}
