//! What we say ourselves, in place of a server.

use serde_json::{Value, json};

use super::{Id, Notice};
use crate::Code;

/// JSON-RPC's codes. Source: JSON-RPC 2.0, section 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    Parse = -32700,
    Request = -32600,
    Params = -32602,
    Internal = -32603,
}

/// An answer that says why there is no other. Without an id it answers nothing, and says
/// so of something that had none.
pub(super) fn error(id: Option<&Id>, error: Error, notice: &Notice) -> Vec<u8> {
    line(&json!({
        "jsonrpc": "2.0",
        "id": id.map_or(Value::Null, Id::to_json),
        "error": {
            "code": error as i32,
            "message": format!("{} ({})", notice.sentence, notice.code),
            "data": { "code": notice.code, "sentence": notice.sentence, "hint": notice.hint },
        },
    }))
}

/// A message as a line.
pub(super) fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// What an agent is told, in answer to its first request, of a server that could not be
/// started.
pub fn not_started(id: &Id, code: Code, sentence: &str, hint: Option<&str>) -> Vec<u8> {
    let hint = hint.map(str::to_owned);
    error(Some(id), Error::Internal, &Notice { code, sentence: sentence.to_owned(), hint })
}
