//! Asking a server, and waiting no longer than one has to.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use mcpkg_core::guard::{Id, Line, MAX_LOOK, Message, Scanner};
use mcpkg_core::{Code, json};
use serde_json::Value;

use crate::error::{Error, Result};

/// One client's side of the protocol.
pub(super) struct Conversation {
    input: Box<dyn Write + Send>,
    lines: Receiver<io::Result<Vec<u8>>>,
    last_id: i64,
}

impl Conversation {
    pub(super) fn new(
        input: impl Write + Send + 'static,
        output: impl Read + Send + 'static,
    ) -> Self {
        let (sender, lines) = mpsc::sync_channel(16);
        // It ends when the server does, or when nobody wants its lines.
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let line = next_line(&mut output);
                let is_last = !matches!(&line, Ok(line) if !line.is_empty());
                if sender.send(line).is_err() || is_last {
                    return;
                }
            }
        });
        Self { input: Box::new(input), lines, last_id: 0 }
    }

    /// Sends a request, and gives its result.
    pub(super) fn ask(&mut self, method: &str, params: &Value, deadline: Instant) -> Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&serde_json::json!({
            "jsonrpc": "2.0", "id": id, "method": method, "params": params,
        }))?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|source| {
                let source = io::Error::new(io::ErrorKind::TimedOut, source);
                unanswered(method, "start it yourself to see what it waits for", source)
            })?;
            let line =
                line.map_err(|source| unanswered(method, "report it to its author", source))?;
            if line.is_empty() {
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, "it has ended");
                return Err(unanswered(method, "start it yourself to see why", source));
            }
            match Scanner::line(&line) {
                Line::Message(Message::Response { id: Id::Number(found), is_error })
                    if found == id =>
                {
                    return result(method, &line, is_error);
                }
                Line::Message(Message::Request(request)) => self.decline(&request.id)?,
                _ => (),
            }
        }
    }

    /// Sends what wants no answer.
    pub(super) fn notify(&mut self, method: &str) -> Result<()> {
        self.send(&serde_json::json!({ "jsonrpc": "2.0", "method": method }))
    }

    /// Nobody is here whom a server could ask.
    fn decline(&mut self, id: &Id) -> Result<()> {
        let error = serde_json::json!({ "code": -32601, "message": "not while it is inspected" });
        self.send(&serde_json::json!({ "jsonrpc": "2.0", "id": id.to_json(), "error": error }))
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let line = format!("{message}\n");
        let sent = self.input.write_all(line.as_bytes()).and_then(|()| self.input.flush());
        sent.map_err(|source| unanswered("a message", "start it yourself to see why", source))
    }
}

/// The next line, or nothing at the end.
fn next_line(output: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let limit = MAX_LOOK as u64 + 1;
    output.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.len() > MAX_LOOK {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it sends too long a message"));
    }
    Ok(line)
}

fn result(method: &str, line: &[u8], is_error: bool) -> Result<Value> {
    let document = json::parse_rounding(line, MAX_LOOK).map_err(|source| Error::Failed {
        context: format!("the server's answer to `{method}` is not read alike by all"),
        code: Code::Message,
        hint: Some("report it to its author"),
        source: Box::new(source),
    })?;
    if is_error {
        let said = document.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
        let said = said.chars().take(200).collect::<String>();
        return Err(unanswered(method, "report it to its author", io::Error::other(said)));
    }
    Ok(document.get("result").cloned().unwrap_or_default())
}

fn unanswered(method: &str, hint: &'static str, source: io::Error) -> Error {
    Error::Failed {
        context: format!("the server does not answer `{method}`"),
        code: Code::Message,
        hint: Some(hint),
        source: Box::new(source),
    }
}
