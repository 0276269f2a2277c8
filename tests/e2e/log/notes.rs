//! Signed notes that are malformed, or signed otherwise than they should be.

use mcpkg_core::log::{SignedNote, SigningKey};
use serde_json::json;

use super::{INSTALL, moved, refused, with_index};
use crate::fixture::Fixture;

type Change = fn(&str) -> String;

/// A line that somebody whom nobody knows has signed.
fn by_a_stranger(note: &str) -> String {
    let stranger = SigningKey::from_seed("stranger.example", [9; 32]).unwrap();
    let mut signed = SignedNote::parse(note.as_bytes()).unwrap();
    signed.add(stranger.sign("something else\n"));
    signed.to_string()
}

/// Flips the last byte of the first signature, or of the last.
fn flip(note: &str, is_first: bool) -> String {
    let at = if is_first { note.find("\n\n").unwrap() + 2 } else { note.len() - 1 };
    let end = note[at..].find('\n').map_or(note.len() - 1, |length| at + length);
    let end = if is_first { end } else { note.len() - 1 };
    // The last characters of base64 may carry no bits, so one further in.
    let mut bytes = note.as_bytes().to_vec();
    bytes[end - 8] = if bytes[end - 8] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

const BAD: [(&str, Change); 7] = [
    ("the first signature is another", |note| flip(note, true)),
    ("the last signature is another", |note| flip(note, false)),
    ("a carriage return", |note| note.replacen('\n', "\r\n", 1)),
    ("a NUL", |note| note.replacen('\n', "\0\n", 1)),
    ("no blank line", |note| note.replacen("\n\n", "\n", 1)),
    ("a signature that is none", |note| format!("{note}\u{2014} nobody\n")),
    ("no signature at all", |note| note[..note.find("\n\n").unwrap() + 2].to_owned()),
];

#[test]
fn a_note_that_is_malformed_or_badly_signed_is_refused() {
    let fixture = Fixture::with_weather();
    for (what, change) in BAD {
        for part in ["checkpoint", "index"] {
            let developer = fixture.developer();
            let liar = with_index(&fixture, move |index| {
                index["log"][part] = change(index["log"][part].as_str().unwrap()).into();
            });
            moved(&developer, fixture.registry.url(), &liar);
            refused(&developer, "E_NOTE", &format!("{part}: {what}"));
        }
        let developer = fixture.developer();
        let liar = fixture.edited(move |release| {
            let receipt = release["log"]["receipt"].as_str().unwrap();
            let at = receipt.find("\n\n").unwrap() + 2;
            release["log"]["receipt"] =
                json!(format!("{}{}", &receipt[..at], change(&receipt[at..])));
        });
        moved(&developer, fixture.registry.url(), &liar);
        developer.ok(&["registry", "list"]);
        let outcome = developer.run(&INSTALL);
        assert_eq!(outcome.codes(), ["E_NOTE"], "receipt: {what}\n{outcome}");
    }
    let zeros: Change = |note| note.replacen("\n1\n", "\n01\n", 1);
    for part in ["checkpoint", "index"] {
        let developer = fixture.developer();
        let liar = with_index(&fixture, move |index| {
            index["log"][part] = zeros(index["log"][part].as_str().unwrap()).into();
        });
        moved(&developer, fixture.registry.url(), &liar);
        refused(&developer, "E_NOTE", &format!("{part}: leading zeros"));
    }
}

#[test]
fn signatures_by_others_are_fine() {
    let fixture = Fixture::with_weather();
    let liar = with_index(&fixture, |index| {
        for part in ["checkpoint", "index"] {
            index["log"][part] = by_a_stranger(index["log"][part].as_str().unwrap()).into();
        }
    });
    fixture.developer_at(liar.url()).ok(&INSTALL);
}
