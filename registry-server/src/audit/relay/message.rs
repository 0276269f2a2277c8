//! A record as a syslog reads it.
//!
//! ```text
//! <108>1 2026-11-28T10:00:00.000Z - mcpkg-registry 4711 audit - {"id":1,…}
//! ```
//!
//! Facility 13 is that of audits, and the severity is *warning* for what was denied.
//! The message is the line that `audit export` writes, in ASCII, so that no receiver
//! needs to know how it is encoded.
//!
//! Source: RFC 5424, sections 6.2 and 6.5.

use std::fmt::Write as _;

use crate::audit::{AuditRecord, Outcome};

/// The facility `log audit`.
const FACILITY: u8 = 13;

/// A record as a syslog reads it.
pub(super) fn message(record: &AuditRecord) -> String {
    let severity = match record.outcome {
        Outcome::Allowed => 6,
        Outcome::Denied => 4,
    };
    let priority = FACILITY * 8 + severity;
    let process = std::process::id();
    let json = serde_json::to_string(record).unwrap_or_default();
    let mut message = format!("<{priority}>1 {} - mcpkg-registry {process} audit - ", record.at);
    for character in json.chars() {
        if character.is_ascii() {
            message.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(message, "\\u{unit:04x}");
            }
        }
    }
    message
}
