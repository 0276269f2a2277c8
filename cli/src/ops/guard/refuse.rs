//! What an agent is told of a server that was not started.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mcpkg_core::Coded as _;
use mcpkg_core::guard::{Id, Line, MAX_LOOK, Message, Scanner, not_started};

use crate::error::Error;

/// How long an agent has to say what it wants. They do so at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers the first request of the agent with why there is no server. An agent shows
/// that, where it would only show that the process has ended.
pub fn tell_agent(from: impl Read + Send + 'static, mut to: impl Write, error: &Error) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits for it any more if the time is up.
        let _ = sender.send(first_request(from));
    });
    let Ok(Some(id)) = receiver.recv_timeout(PATIENCE) else { return };
    let sentence = error.reasons().first().map(|reason| {
        let mut sentence = reason.message.clone();
        for cause in &reason.causes {
            sentence.push_str(": ");
            sentence.push_str(cause);
        }
        sentence
    });
    let answer = not_started(&id, error.code(), &sentence.unwrap_or_default(), error.hint());
    // The exit code and stderr say it too.
    let _ = to.write_all(&answer).and_then(|()| to.flush());
}

fn first_request(from: impl Read) -> Option<Id> {
    let mut from = BufReader::new(from.take(MAX_LOOK as u64));
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if let Line::Message(Message::Request(request)) = Scanner::line(&line) {
            return Some(request.id);
        }
    }
}
