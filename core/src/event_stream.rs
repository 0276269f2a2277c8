//! Server-sent events: what a remote server answers with where it has several messages.
//!
//! An [`EventStream`] is fed the bytes of a body, however they are cut, and gives each
//! event once its blank line was there. What a stream ends in the middle of is no event.
//!
//! Source: WHATWG HTML, section 9.2, "Server-sent events".

use std::time::Duration;

/// Reads one event after another.
#[derive(Debug)]
pub struct EventStream {
    max_bytes: usize,
    /// The line that is being read.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which a line feed may belong to.
    is_after_return: bool,
    is_first_line: bool,
    data: Vec<u8>,
    kind: Vec<u8>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it holds: its lines, with a line feed between them.
    pub data: Vec<u8>,
    /// Whether it is of the usual kind, `message`.
    pub is_message: bool,
}

/// An event that has more bytes than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {0} bytes")]
pub struct TooLong(pub usize);

impl EventStream {
    /// A stream in which no event is longer than this.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            line: Vec::new(),
            is_after_return: false,
            is_first_line: true,
            data: Vec::new(),
            kind: Vec::new(),
            last_id: None,
            retry: None,
        }
    }

    /// The id of the newest event that had one: what to go on after.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants us to wait before we ask again.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The events that end in `bytes`.
    ///
    /// # Errors
    ///
    /// [`TooLong`], after which the stream is no use any more.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.is_after_return) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + self.data.len() + part.len() > self.max_bytes {
                return Err(TooLong(self.max_bytes));
            }
            self.line.extend_from_slice(part);
            bytes = rest;
            if let Some(&ending) = rest.first() {
                self.is_after_return = ending == b'\r';
                bytes = &rest[1..];
                events.extend(self.end_line());
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.is_first_line) {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.is_empty() {
            let data = std::mem::take(&mut self.data);
            let kind = std::mem::take(&mut self.kind);
            let is_message = matches!(kind.as_slice(), b"" | b"message");
            // Each line of data brought its line feed.
            let data = data.strip_suffix(b"\n")?.to_vec();
            return Some(Event { data, is_message });
        }
        let colon = text.iter().position(|b| *b == b':');
        let (field, value) = text.split_at(colon.unwrap_or(text.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => self.kind = value.to_vec(),
            b"id" if !value.contains(&0) => {
                self.last_id = std::str::from_utf8(value).ok().map(str::to_owned);
            }
            b"retry" => {
                let number = std::str::from_utf8(value)
                    .ok()
                    .filter(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
                let millis = number.and_then(|it| it.parse().ok());
                self.retry = millis.map(Duration::from_millis).or(self.retry);
            }
            // A comment, or what nobody knows.
            _ => (),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, bool)> {
        let mut stream = EventStream::new(1024);
        let events = stream.feed(text.as_bytes()).unwrap();
        let shown = |it: Event| (String::from_utf8(it.data).unwrap(), it.is_message);
        events.into_iter().map(shown).collect()
    }

    #[test]
    fn events_are_read_as_browsers_read_them() {
        let message = |text: &str| (text.to_owned(), true);
        for (text, expected) in [
            ("data: {}\n\n", vec![message("{}")]),
            ("\u{feff}data:{}\r\n\r\n", vec![message("{}")]),
            ("data: a\rdata: b\r\r", vec![message("a\nb")]),
            ("data:  a\n\n", vec![message(" a")]),
            ("data\n\n", vec![message("")]),
            (": keep alive\n\ndata: a\n\n", vec![message("a")]),
            ("event: message\ndata: a\n\n", vec![message("a")]),
            ("event: ping\ndata: a\n\ndata: b\n\n", vec![("a".to_owned(), false), message("b")]),
            ("event: ping\n\ndata: b\n\n", vec![message("b")]),
            ("Data: a\nother: b\ndata: c\n\n", vec![message("c")]),
            ("data: never ended\n", vec![]),
            ("\n\n\n", vec![]),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_to_go_on_after_and_when_is_kept() {
        let mut stream = EventStream::new(1024);
        assert_eq!((stream.last_id(), stream.retry()), (None, None));
        stream.feed(b"id: 7\nretry: 250\n\nid: 8\0\nretry: x\n\n").unwrap();
        assert_eq!(stream.last_id(), Some("7"));
        assert_eq!(stream.retry(), Some(Duration::from_millis(250)));
        stream.feed(b"id\n\n").unwrap();
        assert_eq!(stream.last_id(), Some(""));
    }

    #[test]
    fn an_event_without_end_is_cut() {
        let mut stream = EventStream::new(16);
        assert_eq!(stream.feed(b"data: 0123456789\n\n").unwrap().len(), 1);
        assert_eq!(stream.feed(b"data: 0123456789a"), Err(TooLong(16)));
        let mut stream = EventStream::new(16);
        let lines = "data: 1\n".repeat(10);
        assert_eq!(stream.feed(lines.as_bytes()), Err(TooLong(16)));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(
            text in "((data|id|event|retry|:|x)?(: ?[a-z{}0-9é]{0,4})?(\n|\r|\r\n|\n\n)){0,12}",
            cuts in prop::collection::vec(0..64_usize, 0..6),
        ) {
            let mut whole = EventStream::new(1024);
            let expected = whole.feed(text.as_bytes()).unwrap();
            let mut pieces = EventStream::new(1024);
            let (mut found, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                found.extend(pieces.feed(piece).unwrap());
                rest = after;
            }
            found.extend(pieces.feed(rest).unwrap());
            prop_assert_eq!(found, expected);
            prop_assert_eq!(pieces.last_id(), whole.last_id());
            prop_assert_eq!(pieces.retry(), whole.retry());
        }
    }
}
