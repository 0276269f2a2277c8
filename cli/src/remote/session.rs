//! A session with a remote server, as far as there is one: in protocol 2026-07-28 each
//! request stands for itself, and a server says nothing on its own.

use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mcpkg_core::event_stream::EventStream;
use mcpkg_core::guard::{Id, Message, Request, not_started};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;
use url::Url;

use super::exchange::Stated;
use super::failure::Failure;
use super::{MAX_MESSAGE, Report, host};
use crate::login;

/// How long a server has to take note that we go.
const GOODBYE: Duration = Duration::from_secs(3);

/// How long until a stream that has ended is asked for again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// A session.
pub(super) struct Session {
    pub(super) http: reqwest::Client,
    /// What the server is called here.
    name: String,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) agreed: Mutex<Agreed>,
    /// Who the user is there. One request at a time asks for another token.
    pub(super) login: Option<tokio::sync::Mutex<login::Session>>,
    report: Report,
}

/// What `initialize` came to.
#[derive(Clone, Default)]
pub(super) struct Agreed {
    /// Which session it is, if the server keeps one.
    pub(super) session: Option<HeaderValue>,
    /// The version of the protocol.
    pub(super) protocol: Option<String>,
}

impl Session {
    pub(super) fn new(
        http: reqwest::Client,
        name: String,
        url: Url,
        headers: HeaderMap,
        login: Option<tokio::sync::Mutex<login::Session>>,
        report: Report,
    ) -> Self {
        Self { http, name, url, headers, agreed: Mutex::default(), login, report }
    }

    /// Sends a request, and its answer or why there is none. Whether the session goes on.
    pub(super) async fn answer(
        &self,
        request: &Request,
        line: Option<Vec<u8>>,
        out: &Sender<Vec<u8>>,
    ) -> bool {
        let outcome = match line {
            Some(line) => self.ask(request, line, out).await,
            None => Err(Failure::TooLongToSend),
        };
        match outcome {
            Ok(()) => true,
            Err(failure) => {
                self.fail(Some(&request.id), &failure, out).await;
                !matches!(failure, Failure::Forgotten)
            }
        }
    }

    /// Sends what wants no answer. Whether the session goes on.
    pub(super) async fn tell(
        &self,
        message: &Message,
        line: Option<Vec<u8>>,
        out: &Sender<Vec<u8>>,
    ) -> bool {
        let outcome = match line {
            Some(line) => self.state(message, line).await,
            None => Err(Failure::TooLongToSend),
        };
        match outcome {
            Ok(()) => true,
            Err(failure) => {
                self.fail(None, &failure, out).await;
                !matches!(failure, Failure::Forgotten)
            }
        }
    }

    /// Says what went wrong, and answers with it what is without an answer.
    async fn fail(&self, id: Option<&Id>, failure: &Failure, out: &Sender<Vec<u8>>) {
        let notice = failure.notice(&host(&self.url), &self.name);
        let hint = notice.hint.as_deref();
        let answer = id.map(|id| not_started(id, notice.code, &notice.sentence, hint));
        (self.report)(notice);
        if let Some(answer) = answer {
            // An agent that is gone is told nothing.
            let _ = out.send(answer).await;
        }
    }

    /// Reads what the server says on its own, if it does.
    pub(super) async fn listen(self: Rc<Self>, out: Sender<Vec<u8>>) {
        let mut wait = AGAIN.0;
        let mut after: Option<String> = None;
        loop {
            let Ok(Some(response)) = self.stream(after.as_deref()).await else { return };
            let mut stream = EventStream::new(MAX_MESSAGE);
            let read = self.events(response, Stated::Nothing, &mut stream, &out).await;
            if let Some(id) = stream.last_id() {
                (after, wait) = (Some(id.to_owned()), AGAIN.0);
            }
            if let Err(failure) = read {
                // What it says on its own is no answer to anything.
                (self.report)(failure.notice(&host(&self.url), &self.name));
            }
            tokio::time::sleep(stream.retry().unwrap_or(wait).clamp(AGAIN.0, AGAIN.1)).await;
            wait = (wait * 2).min(AGAIN.1);
        }
    }

    /// Tells the server that we go, if it keeps a session.
    pub(super) async fn leave(&self) {
        if self.agreed().session.is_some() {
            let request = self.http.delete(self.url.clone()).headers(self.common(None));
            // It may not care, and forgets us by itself.
            let _ = timeout(GOODBYE, self.send(request)).await;
        }
    }

    pub(super) fn agreed(&self) -> Agreed {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
