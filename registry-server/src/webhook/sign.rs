//! What is sent, and how it is signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::log::SigningKey;
use serde_json::json;

use crate::store::Event;

/// The id of the message that an event becomes: the same however often it is made, and
/// another for every event of every shelf.
pub(super) fn message_id(shelf: &str, event: &Event) -> String {
    let text = format!("{shelf}\n{}\n{}\n{}\n{}", event.number, event.at, event.kind, event.data);
    format!("msg_{}", &Digest::of(text.as_bytes()).to_hex()[..32])
}

/// The body of it.
pub(super) fn body(source: Option<&str>, event: &Event) -> String {
    let mut data = event.data.clone();
    if let (Some(source), Some(members)) = (source, data.as_object_mut()) {
        members.insert("source".to_owned(), source.into());
    }
    json!({ "type": event.kind, "timestamp": event.at, "data": data }).to_string()
}

/// The headers that go with a body that is sent at `now`.
///
/// The time is of this attempt, so that a receiver can refuse what is old: it is what
/// keeps a recorded message from being sent again.
pub(super) fn headers(
    key: &SigningKey,
    id: &str,
    now: Timestamp,
    body: &str,
) -> [(&'static str, String); 3] {
    let seconds = now.as_second();
    let signature = key.sign_message(format!("{id}.{seconds}.{body}").as_bytes());
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", format!("v1a,{}", STANDARD.encode(signature))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: i64) -> Event {
        Event {
            number,
            kind: "release.held".to_owned(),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
            data: json!({ "name": "acme/weather" }),
        }
    }

    #[test]
    fn an_event_has_one_id_and_every_other_another() {
        let id = message_id("own", &event(1));
        assert_eq!(id, message_id("own", &event(1)));
        for other in [message_id("public", &event(1)), message_id("own", &event(2))] {
            assert_ne!(id, other);
        }
        // What separates the parts that are signed is in none of them.
        assert!(id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'));
    }

    #[test]
    fn a_message_says_what_happened_where_and_when() {
        assert_eq!(
            body(Some("public"), &event(1)),
            r#"{"type":"release.held","timestamp":"2026-11-01T00:00:00Z","data":{"name":"acme/weather","source":"public"}}"#
        );
    }
}
