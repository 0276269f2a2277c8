//! A remote MCP server: Streamable HTTP on loopback, which remembers what it was sent.
//!
//! It speaks both generations of the protocol, in plain JSON or in events. Its one tool
//! can be changed while it runs, and [`Whim`] makes it answer what no server should.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::background::Background;

/// The session that it gives out.
const SESSION: &str = "session-7";

/// What it does otherwise than a good server would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whim {
    /// Nothing.
    #[default]
    None,
    /// It answers in events, with a notification before each answer.
    Events,
    /// It ends each stream of events before the answer, and has it for who goes on.
    Interrupts,
    /// It answers calls of its tool with this status and no body.
    Status(u16),
    /// It sends whoever calls its tool to this address.
    Redirect(String),
    /// It answers calls of its tool with this body, as JSON.
    Body(Vec<u8>),
    /// It forgets every session once it has begun.
    Forgets,
}

/// A request that it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method of HTTP.
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The message; null if there is none.
    pub message: Value,
}

/// A remote server.
pub struct TestRemote {
    server: Background,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What a request has to show to be let in.
    authorization: Mutex<Option<String>>,
    whim: Mutex<Whim>,
    description: Mutex<String>,
    sent: Mutex<Vec<Sent>>,
}

impl TestRemote {
    /// A server that lets everybody in.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        "Tomorrow's weather in a city".clone_into(&mut *lock(&shared.description));
        let state = Arc::clone(&shared);
        let server = Background::serve(|_| Router::new().fallback(answer).with_state(state));
        Self { server, shared }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Lets in only who shows this from now on.
    pub fn ask_for(&self, authorization: &str) {
        *lock(&self.shared.authorization) = Some(authorization.to_owned());
    }

    /// Behaves like this from now on.
    pub fn behave(&self, whim: Whim) {
        *lock(&self.shared.whim) = whim;
    }

    /// Describes its tool like this from now on.
    pub fn describe(&self, description: &str) {
        description.clone_into(&mut *lock(&self.shared.description));
    }

    /// Every request so far, in the order in which they came.
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.shared.sent).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with it")
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("the request is whole");
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let target = head.uri.path_and_query().map_or("", |target| target.as_str()).to_owned();
    lock(&shared.sent).push(Sent {
        method: head.method.to_string(),
        target,
        headers: texts(&head.headers),
        message: message.clone(),
    });
    let shown = head.headers.get("authorization").and_then(|it| it.to_str().ok());
    let asked = lock(&shared.authorization).clone();
    if asked.is_some() && shown != asked.as_deref() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let whim = lock(&shared.whim).clone();
    match head.method {
        Method::POST => post(&shared, &whim, &head.headers, &message),
        Method::GET => get(&shared, &whim, &head.headers),
        Method::DELETE => StatusCode::NO_CONTENT.into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn post(shared: &Shared, whim: &Whim, headers: &HeaderMap, message: &Value) -> Response {
    let has_session = headers.get("mcp-session-id").is_some_and(|it| it == SESSION);
    let method = message["method"].as_str().unwrap_or_default();
    if *whim == Whim::Forgets && has_session && method != "notifications/initialized" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(id) = message.get("id").filter(|_| !method.is_empty()) else {
        return StatusCode::ACCEPTED.into_response();
    };
    let is_call = method == "tools/call";
    match whim {
        Whim::Status(status) if is_call => {
            return StatusCode::from_u16(*status).expect("a status").into_response();
        }
        Whim::Redirect(to) if is_call => {
            let status = StatusCode::TEMPORARY_REDIRECT;
            return (status, [("location", to.clone())]).into_response();
        }
        Whim::Body(body) if is_call => {
            return ([("content-type", "application/json")], body.clone()).into_response();
        }
        _ => (),
    }
    // The words beside a message say the same as the message.
    let named = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
    let word = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let is_told = named.is_none_or(|named| {
        word("mcp-protocol-version") == Some(named)
            && word("mcp-method") == Some(method)
            && (!is_call || word("mcp-name") == message["params"]["name"].as_str())
    });
    let is_known = named.is_some() || has_session || method == "initialize";
    if !is_told || !is_known {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result(shared, method, message) });
    let mut response = match whim {
        Whim::Events => {
            let note = json!({ "jsonrpc": "2.0", "method": "notifications/message",
                "params": { "level": "info", "data": "working" } });
            events(&format!(": a comment\n\ndata: {note}\n\nevent: message\ndata: {answer}\n\n"))
        }
        Whim::Interrupts => events(&format!("retry: 100\nid: {id}/{method}\ndata:\n\n")),
        // As a person would write it.
        _ => {
            let body = serde_json::to_vec_pretty(&answer).expect("JSON can be written");
            ([("content-type", "application/json; charset=utf-8")], body).into_response()
        }
    };
    if method == "initialize" {
        response.headers_mut().insert("mcp-session-id", SESSION.parse().expect("a header"));
    }
    response
}

/// What came after an event, or what it says on its own: nothing.
fn get(shared: &Shared, whim: &Whim, headers: &HeaderMap) -> Response {
    let after = headers.get("last-event-id").and_then(|it| it.to_str().ok());
    match after.and_then(|after| after.split_once('/')) {
        Some((id, method)) if *whim == Whim::Interrupts => {
            let id: Value = serde_json::from_str(id).expect("an id of ours");
            let result = result(shared, method, &Value::Null);
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            events(&format!("data: {answer}\n\n"))
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn events(text: &str) -> Response {
    ([("content-type", "text/event-stream")], text.to_owned()).into_response()
}

fn result(shared: &Shared, method: &str, message: &Value) -> Value {
    let capabilities = json!({ "tools": {} });
    match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": capabilities,
            "serverInfo": { "name": "remote", "version": "1" },
        }),
        "server/discover" => json!({
            "supportedVersions": ["2026-07-28"],
            "capabilities": capabilities,
            "serverInfo": { "name": "remote", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [{
            "name": "forecast",
            "description": *lock(&shared.description),
            "inputSchema": { "type": "object", "properties": {} },
        }] }),
        _ => {
            let said = message["params"]["name"].as_str().unwrap_or(method);
            json!({ "content": [{ "type": "text", "text": said }] })
        }
    }
}
