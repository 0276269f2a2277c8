//! What says which message a line is.

use super::message::{Fault, Id, Message, Request, Subject, text};
use crate::surface::folded;

/// The longest id, in bytes as written.
const MAX_ID_LEN: usize = 1024;

/// The longest name that parameters give, in bytes as written, escapes and all.
const MAX_NAME_LEN: usize = 16 * 1024;

/// The longest method, in bytes as written.
const MAX_METHOD_LEN: usize = 1024;

/// The longest key that can mean something to us, with each character as an escape.
const MAX_KEY_LEN: usize = 64;

/// What a scanner keeps of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    key: Key,
    inner: Inner,
    /// What is being kept, and how much of it at most; `None` if nothing is.
    kept: Option<(Vec<u8>, usize)>,
    seen: [bool; 5],
    id: Option<Given>,
    method: Option<String>,
    request: Option<Id>,
    subject: Subject,
}

/// What stands under `id`.
#[derive(Clone, Debug)]
enum Given {
    Null,
    Id(Id),
}

/// The keys of a message that say what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Key {
    Id,
    Method,
    Params,
    Result,
    Error,
    #[default]
    Other,
}

/// The keys of parameters that say whom they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inner {
    Name,
    Uri,
    RequestId,
    #[default]
    Other,
}

const KEYS: [(Key, &str); 5] = [
    (Key::Id, "id"),
    (Key::Method, "method"),
    (Key::Params, "params"),
    (Key::Result, "result"),
    (Key::Error, "error"),
];

const INNER: [(Inner, &str); 3] =
    [(Inner::Name, "name"), (Inner::Uri, "uri"), (Inner::RequestId, "requestId")];

impl Facts {
    /// More of what is being kept.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if let Some((kept, limit)) = &mut self.kept {
            // One byte over the limit shows that it was longer.
            let room = (*limit + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// How many brackets are open at least where nothing is looked at.
    pub(super) fn floor(&self) -> usize {
        if self.key == Key::Params { 3 } else { 2 }
    }

    /// The quote of a key in the object that is so deep.
    pub(super) fn start_key(&mut self, depth: usize) {
        if depth == 1 || (depth == 2 && self.key == Key::Params) {
            self.kept = Some((vec![b'"'], MAX_KEY_LEN));
        }
    }

    pub(super) fn end_key(&mut self, depth: usize) -> Result<(), Fault> {
        self.keep(b"\"");
        let Some((kept, limit)) = self.kept.take() else { return Ok(()) };
        let text = if kept.len() > limit { None } else { text(&kept) };
        if depth == 1 {
            self.key = Key::Other;
            let Some(text) = text else { return Ok(()) };
            let folded = folded(&text);
            let Some(index) = KEYS.iter().position(|(_, word)| *word == folded) else {
                return Ok(());
            };
            let (key, word) = KEYS[index];
            // Some readers take the first, some the last, and some any case.
            if *word != text || std::mem::replace(&mut self.seen[index], true) {
                return Err(Fault::Key);
            }
            self.key = key;
        } else {
            self.inner = Inner::Other;
            let Some(text) = text else { return Ok(()) };
            let folded_text = folded(&text);
            let Some((inner, word)) = INNER.iter().find(|(_, word)| folded(word) == folded_text)
            else {
                return Ok(());
            };
            let is_set = match inner {
                Inner::Name => self.subject.name.is_some(),
                Inner::Uri => self.subject.uri.is_some(),
                Inner::RequestId => self.request.is_some(),
                Inner::Other => false,
            };
            if *word != text || is_set {
                self.subject.is_ambiguous = true;
            } else {
                self.inner = *inner;
            }
        }
        Ok(())
    }

    /// The first byte of a value in the object that is so deep.
    pub(super) fn start_value(&mut self, depth: usize, byte: u8) -> Result<(), Fault> {
        // Most of a message is deeper, and says nothing of which one it is.
        if depth > 2 {
            return Ok(());
        }
        let limit = match (depth, self.key) {
            (1, Key::Id) => MAX_ID_LEN,
            (1, Key::Method) => MAX_METHOD_LEN,
            (1, Key::Params) => {
                self.inner = Inner::Other;
                return Ok(());
            }
            (2, Key::Params) if self.inner != Inner::Other => MAX_NAME_LEN,
            _ => return Ok(()),
        };
        if matches!(byte, b'{' | b'[') {
            if depth == 2 {
                self.subject.is_ambiguous = true;
                self.inner = Inner::Other;
                return Ok(());
            }
            return Err(if self.key == Key::Id { Fault::Id } else { Fault::Shape });
        }
        self.kept = Some((vec![byte], limit));
        Ok(())
    }

    /// A text, a number or a word has ended.
    pub(super) fn end_value(&mut self, depth: usize) -> Result<(), Fault> {
        let Some((kept, limit)) = self.kept.take() else { return Ok(()) };
        let is_whole = kept.len() <= limit;
        match (depth, self.key) {
            (1, Key::Id) if is_whole && kept == b"n" => self.id = Some(Given::Null),
            (1, Key::Id) => {
                let id = if is_whole { Id::read(&kept) } else { None };
                self.id = Some(Given::Id(id.ok_or(Fault::Id)?));
            }
            (1, Key::Method) => {
                let method = if is_whole { text(&kept) } else { None };
                self.method = Some(method.ok_or(Fault::Shape)?);
            }
            _ => self.end_inner(&kept, is_whole),
        }
        Ok(())
    }

    fn end_inner(&mut self, kept: &[u8], is_whole: bool) {
        let text = if is_whole { text(kept) } else { None };
        match self.inner {
            Inner::Name => self.subject.name = text,
            Inner::Uri => self.subject.uri = text,
            Inner::RequestId => self.request = Id::read(kept),
            Inner::Other => return,
        }
        let is_read = match self.inner {
            Inner::Name => self.subject.name.is_some(),
            Inner::Uri => self.subject.uri.is_some(),
            _ => true,
        };
        self.subject.is_ambiguous |= !is_read;
        self.inner = Inner::Other;
    }

    /// Which message it is, once all of it was seen.
    pub(super) fn message(&self) -> Result<Message, Fault> {
        let [_, has_method, _, has_result, has_error] = self.seen;
        match (&self.method, has_result, has_error, &self.id) {
            (Some(method), false, false, Some(Given::Id(id))) => Ok(Message::Request(Request {
                id: id.clone(),
                method: method.clone(),
                subject: self.subject.clone(),
            })),
            (Some(method), false, false, None) => {
                Ok(Message::Notification { method: method.clone(), request: self.request.clone() })
            }
            (Some(_), false, false, Some(Given::Null)) => Err(Fault::Id),
            (None, true, false, Some(Given::Id(id))) if !has_method => {
                Ok(Message::Response { id: id.clone(), is_error: false })
            }
            (None, false, true, Some(Given::Id(id))) if !has_method => {
                Ok(Message::Response { id: id.clone(), is_error: true })
            }
            (None, false, true, None | Some(Given::Null)) if !has_method => Ok(Message::LostError),
            (None, true, false, _) if !has_method => Err(Fault::Id),
            _ => Err(Fault::Shape),
        }
    }
}
