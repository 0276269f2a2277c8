//! One request of HTTP, and what is made of its answer.

use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_core::event_stream::EventStream;
use mcpkg_core::guard::{Line, Message, Request, Scanner};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use super::MAX_MESSAGE;
use super::failure::Failure;
use super::lines::one_line;
use super::session::Session;
use crate::login::{Challenge, Tried};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// The longest id of a session, in bytes. Source: none; servers use a UUID, or a token.
const MAX_SESSION_ID: usize = 4096;

/// The longest body of an answer that says that something failed, in bytes.
const MAX_ERROR: usize = 64 * 1024;

/// How often an answer that has ended is asked for again, without an event in between.
const MAX_TRIES: u32 = 5;

/// How long until it is, at least and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// What the messages of a stream are in answer to.
#[derive(Clone, Copy)]
pub(super) enum Stated<'a> {
    /// To a request, which the stream ends with the answer of.
    Request(&'a Request),
    /// To nothing.
    Nothing,
}

impl Session {
    /// Sends a request, and passes on everything that comes with its answer.
    pub(super) async fn ask(
        &self,
        request: &Request,
        line: Vec<u8>,
        out: &Sender<Vec<u8>>,
    ) -> Result<(), Failure> {
        let mut headers = self.common(protocol_of(&line).as_deref());
        add_words(&mut headers, request);
        let response = self.post(headers, line).await?;
        let status = response.status();
        let session = response.headers().get(SESSION).cloned();
        if !status.is_success() {
            let body = read(response, MAX_ERROR).await.unwrap_or_default();
            // An error of the protocol comes with a status of its own since 2026-07-28.
            return match answer_in(one_line(body), request) {
                Some(answer) => pass(answer, out).await,
                None => Err(Failure::Status(status.as_u16())),
            };
        }
        let is_first = request.method == "initialize";
        if is_first {
            self.learn_session(session)?;
        }
        match kind_of(&response) {
            Kind::Json => {
                let body = read(response, MAX_MESSAGE).await?;
                let answer = answer_in(one_line(body), request)
                    .ok_or(Failure::Nonsense("it is not the answer to what was asked"))?;
                if is_first {
                    self.learn_protocol(&answer);
                }
                pass(answer, out).await
            }
            Kind::Events => self.events_to_the_answer(response, request, out).await,
            Kind::Other => Err(Failure::Nonsense("its answer is neither JSON nor events")),
        }
    }

    /// Sends what wants no answer.
    pub(super) async fn state(&self, message: &Message, line: Vec<u8>) -> Result<(), Failure> {
        let mut headers = self.common(protocol_of(&line).as_deref());
        if let Message::Notification { method, .. } = message {
            headers.extend(word(method).map(|method| (METHOD, method)));
        }
        let response = self.post(headers, line).await?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status.as_u16())) }
    }

    /// Asks for what the server says on its own, or said after the event `after`. `None`
    /// if it says nothing on its own.
    pub(super) async fn stream(&self, after: Option<&str>) -> Result<Option<Response>, Failure> {
        let mut headers = self.common(None);
        headers.insert(ACCEPT, HeaderValue::from_static(EVENTS));
        headers.extend(after.and_then(word).map(|after| (LAST_EVENT, after)));
        let request = self.http.get(self.url.clone()).headers(headers);
        let response = checked(self, self.send(request).await?)?;
        let is_stream =
            response.status().is_success() && matches!(kind_of(&response), Kind::Events);
        Ok(is_stream.then_some(response))
    }

    /// Passes on the messages of a stream. Whether the one that was wanted was among them.
    pub(super) async fn events(
        &self,
        mut response: Response,
        to: Stated<'_>,
        stream: &mut EventStream,
        out: &Sender<Vec<u8>>,
    ) -> Result<bool, Failure> {
        while let Some(chunk) = response.chunk().await.map_err(Failure::of)? {
            let events = stream.feed(&chunk).map_err(|_| Failure::TooLong)?;
            for event in events {
                // An event without data says what to go on after.
                if !event.is_message || event.data.is_empty() {
                    continue;
                }
                let line = one_line(event.data);
                let Line::Message(message) = Scanner::line(&line) else {
                    return Err(Failure::Nonsense("an event is no message"));
                };
                let is_answer = match (&message, to) {
                    (Message::Response { id, .. }, Stated::Request(request)) => *id == request.id,
                    _ => false,
                };
                if let (true, Stated::Request(request)) = (is_answer, to)
                    && request.method == "initialize"
                {
                    self.learn_protocol(&line);
                }
                pass(line, out).await?;
                if is_answer {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Passes on a stream up to the answer. Where it ends before that, it is asked for
    /// what came after the last event: a server may hang up while it works.
    async fn events_to_the_answer(
        &self,
        response: Response,
        request: &Request,
        out: &Sender<Vec<u8>>,
    ) -> Result<(), Failure> {
        let (mut response, mut after, mut tries) = (response, None, 0);
        loop {
            let mut stream = EventStream::new(MAX_MESSAGE);
            let read = self.events(response, Stated::Request(request), &mut stream, out).await;
            if let Some(id) = stream.last_id() {
                (after, tries) = (Some(id.to_owned()), 0);
            }
            match read {
                Ok(true) => return Ok(()),
                // What can be gone on with is, and else it is over.
                Ok(false) | Err(Failure::Unreachable(_)) if after.is_some() => (),
                Ok(false) => return Err(Failure::Ended),
                Err(failure) => return Err(failure),
            }
            tries += 1;
            if tries > MAX_TRIES {
                return Err(Failure::Ended);
            }
            let wait = stream.retry().unwrap_or(Duration::from_secs(1));
            tokio::time::sleep(wait.clamp(AGAIN.0, AGAIN.1)).await;
            response = self.stream(after.as_deref()).await?.ok_or(Failure::Ended)?;
        }
    }

    async fn post(&self, mut headers: HeaderMap, line: Vec<u8>) -> Result<Response, Failure> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, accept);
        let request = self.http.post(self.url.clone()).headers(headers).body(line);
        checked(self, self.send(request).await?)
    }

    /// Sends a request with the token that there is, and again if another one may be let
    /// in.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let Some(login) = &self.login else { return request.send().await.map_err(Failure::of) };
        let mut request = request.build().map_err(Failure::of)?;
        let mut tried = Tried::default();
        loop {
            let again = request.try_clone();
            login
                .lock()
                .await
                .sign(&mut request)
                .await
                .map_err(|error| Failure::of_login(&error))?;
            let response = self.http.execute(request).await.map_err(Failure::of)?;
            let login = login.lock().await;
            login.hear(response.headers());
            let Some(next) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
                return Ok(response);
            };
            let renewed = login.renew(response.headers(), &mut tried).await;
            if !renewed.map_err(|error| Failure::of_login(&error))? {
                return Ok(response);
            }
            request = next;
        }
    }

    /// The headers of every request: the server's own, and which session and protocol.
    pub(super) fn common(&self, protocol: Option<&str>) -> HeaderMap {
        let agreed = self.agreed();
        let mut headers = self.headers.clone();
        let spoken = protocol.or(agreed.protocol.as_deref());
        headers.extend(spoken.and_then(word).map(|it| (PROTOCOL, it)));
        // What names its protocol itself is of no session.
        headers.extend(agreed.session.filter(|_| protocol.is_none()).map(|it| (SESSION, it)));
        headers
    }

    fn learn_session(&self, session: Option<HeaderValue>) -> Result<(), Failure> {
        let is_visible = |it: &HeaderValue| {
            it.len() <= MAX_SESSION_ID && it.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        if !session.as_ref().is_none_or(is_visible) {
            return Err(Failure::Nonsense("its session has an id that cannot be sent"));
        }
        let session = session.map(|mut it| {
            it.set_sensitive(true);
            it
        });
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).session = session;
        Ok(())
    }

    fn learn_protocol(&self, answer: &[u8]) {
        #[derive(Deserialize)]
        struct Answer {
            result: Option<Initialized>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Initialized {
            protocol_version: Option<String>,
        }
        let answer = serde_json::from_slice::<Answer>(answer).ok();
        let protocol = answer.and_then(|it| it.result).and_then(|it| it.protocol_version);
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).protocol = protocol;
    }
}

/// Refuses an answer that says to go elsewhere, or that we may not be here.
fn checked(session: &Session, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    let code = status.as_u16();
    match status {
        _ if status.is_redirection() => Err(Failure::Redirect(code)),
        StatusCode::UNAUTHORIZED if session.login.is_some() && wants_token(&response) => {
            Err(Failure::LoggedOut)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::LockedOut(code)),
        StatusCode::NOT_FOUND if session.agreed().session.is_some() => Err(Failure::Forgotten),
        _ => Ok(response),
    }
}

/// Whether a refusal asks for a token, as one can be had by logging in.
fn wants_token(response: &Response) -> bool {
    let fields = response.headers().get_all(WWW_AUTHENTICATE).iter();
    fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(Challenge::read)
        .any(|challenge| matches!(challenge.scheme.as_str(), "bearer" | "dpop"))
}

/// The version of the protocol that a message names itself, as all do since 2026-07-28.
pub(super) fn protocol_of(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        params: Option<Params>,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Option<Meta>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
        version: Option<String>,
    }
    serde_json::from_slice::<Said>(line).ok()?.params?.meta?.version
}

/// What a request is, in the words that servers since 2026-07-28 want beside it.
fn add_words(headers: &mut HeaderMap, request: &Request) {
    headers.extend(word(&request.method).map(|method| (METHOD, method)));
    let subject = match request.method.as_str() {
        "tools/call" | "prompts/get" => &request.subject.name,
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => &request.subject.uri,
        _ => &None,
    };
    headers.extend(subject.as_deref().and_then(word).map(|name| (NAME, name)));
}

/// A text as the value of a header; in base64 if it could not be one otherwise.
///
/// Source: MCP 2026-07-28, "Streamable HTTP", "Value Encoding".
fn word(text: &str) -> Option<HeaderValue> {
    let is_plain = text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && text.trim() == text
        && !text.starts_with("=?base64?");
    if is_plain {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::from_str(&format!("=?base64?{}?=", STANDARD.encode(text))).ok()
}

enum Kind {
    Json,
    Events,
    Other,
}

fn kind_of(response: &Response) -> Kind {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(JSON) {
        Kind::Json
    } else if kind.eq_ignore_ascii_case(EVENTS) {
        Kind::Events
    } else {
        Kind::Other
    }
}

/// The line, if it is the answer to `request`.
fn answer_in(line: Vec<u8>, request: &Request) -> Option<Vec<u8>> {
    match Scanner::line(&line) {
        Line::Message(Message::Response { id, .. }) if id == request.id => Some(line),
        _ => None,
    }
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failure::of)? {
        if body.len() + chunk.len() > most {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Gives a line to the agent. One that is gone ends the session elsewhere.
async fn pass(line: Vec<u8>, out: &Sender<Vec<u8>>) -> Result<(), Failure> {
    out.send(line).await.map_err(|_| Failure::Ended)
}
