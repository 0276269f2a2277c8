//! The two pipes: a thread for each, because a pipe is waited for and nothing else can be
//! done meanwhile.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::thread;

use mcpkg_core::guard::{Event, Line, Message, Scanner};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::MAX_MESSAGE;

/// How many lines wait to be written. With a few of them a slow reader is felt at once.
const WAITING: usize = 4;

/// Something that the agent says.
pub(super) struct Said {
    /// What it is.
    pub(super) message: Message,
    /// Its line, unless that is longer than what is sent on.
    pub(super) line: Option<Vec<u8>>,
}

/// What the agent says. What is no message goes no further: the guard has said so.
pub(super) fn reader(input: PipeReader) -> Receiver<Said> {
    let (sender, receiver) = mpsc::channel(WAITING);
    thread::spawn(move || {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        let mut scanner = Scanner::default();
        while let Some(said) = next(&mut input, &mut scanner) {
            if sender.blocking_send(said).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next message; `None` at the end of what there is.
fn next(input: &mut BufReader<PipeReader>, scanner: &mut Scanner) -> Option<Said> {
    let (mut line, mut is_whole) = (Vec::new(), true);
    loop {
        let bytes = input.fill_buf().ok()?;
        if bytes.is_empty() {
            return None;
        }
        let (taken, event) = scanner.feed(bytes);
        is_whole &= line.len() + taken <= MAX_MESSAGE;
        if is_whole {
            line.extend_from_slice(&bytes[..taken]);
        } else {
            line = Vec::new();
        }
        input.consume(taken);
        match event {
            Event::Line(Line::Message(message)) => {
                return Some(Said { message, line: is_whole.then_some(line) });
            }
            Event::Line(Line::Prose | Line::Fault(_)) => (line, is_whole) = (Vec::new(), true),
            Event::Nothing | Event::Closing(_) | Event::Fault(_) => (),
        }
    }
}

/// Where lines for the agent go.
pub(super) fn writer(mut output: PipeWriter) -> Sender<Vec<u8>> {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
    thread::spawn(move || {
        while let Some(line) = receiver.blocking_recv() {
            if output.write_all(&line).is_err() {
                return;
            }
        }
    });
    sender
}

/// `body` as one line: outside of texts a line end is white space, and inside there is
/// none.
pub(super) fn one_line(mut body: Vec<u8>) -> Vec<u8> {
    for byte in &mut body {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    body.push(b'\n');
    body
}
