//! Bytes through a relay, however they are cut.

use std::io::{self, Read};

use mcpkg_core::guard::MAX_LOOK;
use proptest::prelude::*;

use super::*;

/// Gives its bytes in pieces of these lengths, again and again.
struct Pieces<'a> {
    bytes: &'a [u8],
    lengths: Vec<usize>,
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        let length = length.min(self.bytes.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Ok(length)
    }
}

/// What comes out if all messages but some pass, and what was decided on.
fn through(bytes: &[u8], lengths: &[usize], id_to_refuse: i64) -> (Vec<u8>, usize) {
    let pieces = Pieces { bytes, lengths: lengths.to_vec(), next: 0 };
    let (mut out, mut decisions) = (Vec::new(), 0);
    relay(pieces, &Outlet::new(&mut out), |seen| {
        decisions += 1;
        match seen {
            Seen::Message(mcpkg_core::guard::Message::Response { id, .. }, _)
                if id == mcpkg_core::guard::Id::Number(id_to_refuse) =>
            {
                Passage::Replace(b"instead\n".to_vec())
            }
            Seen::Message(..) => Passage::Pass,
            Seen::Fault(_) => Passage::Drop,
        }
    })
    .unwrap();
    (out, decisions)
}

/// A response with its id last, as the reference implementation writes it.
fn long(id: i64, length: usize) -> String {
    let text = "x".repeat(length);
    format!(
        r#"{{"result":{{"content":[{{"type":"text","text":"{text}"}}]}},"jsonrpc":"2.0","id":{id}}}"#
    )
}

fn any_line() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let message = prop_oneof![
        any::<String>().prop_map(|text| serde_json::json!({ "id": 1, "result": text }).to_string()),
        (0_usize..300).prop_map(|length| long(1, length)),
        Just(r#" { "method" : "notifications/x" , "params" : [ 1.5e3, { } ] } "#.to_owned()),
        "[a-z =;:\"]{0,20}",
    ];
    (message, end).prop_map(|(message, end)| message + end)
}

proptest! {
    #[test]
    fn what_passes_passes_byte_for_byte_however_it_is_cut(
        lines in prop::collection::vec(any_line(), 0..12),
        lengths in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let bytes = lines.concat().into_bytes();
        let (out, _) = through(&bytes, &lengths, -1);
        prop_assert_eq!(out, bytes);
    }
}

#[test]
fn a_long_message_passes_as_a_stream_and_is_taken_back_by_its_last_bracket() {
    let sizes = [MAX_LOOK - 200, MAX_LOOK, MAX_LOOK + 1, 3 * MAX_LOOK];
    for length in sizes.into_iter().chain(MAX_LOOK - 80..MAX_LOOK - 60) {
        let text = format!("{}\n{}\n", long(1, length), long(2, 5));
        for lengths in [[CHUNK_LIKE].as_slice(), &[1, 70_000]] {
            let (out, decisions) = through(text.as_bytes(), lengths, -1);
            assert_eq!((out.len(), decisions), (text.len(), 2), "{length}");
            assert!(out == text.as_bytes(), "{length}");
            let (out, _) = through(text.as_bytes(), lengths, 1);
            let out = String::from_utf8(out).unwrap();
            let mut lines = out.lines().rev();
            assert_eq!(lines.next(), Some(long(2, 5).as_str()), "what follows is not touched");
            assert_eq!(lines.next(), Some("instead"));
            if let Some(begun) = lines.next() {
                let whole = long(1, length);
                let broken_off = format!("{}\0", &whole[..whole.len() - 1]);
                assert!(begun == broken_off, "all but its bracket");
            }
        }
    }
}

const CHUNK_LIKE: usize = 64 * 1024;

#[test]
fn a_long_line_that_turns_out_to_be_no_message_is_broken_off() {
    let second = r#"{"id":2,"result":{}}"#;
    for (what, text) in [
        ("two messages", format!("{}{second}\n", long(1, 2 * MAX_LOOK))),
        ("a return", format!("{}\r{second}\n", long(1, 2 * MAX_LOOK))),
        ("an id twice", long(1, 2 * MAX_LOOK).replace(r#""id":1"#, r#""id":1,"id":2"#) + "\n"),
        ("no end", format!("{}\n", &long(1, 2 * MAX_LOOK)[..2 * MAX_LOOK])),
        ("text", format!("{}{second}\n", "x".repeat(2 * MAX_LOOK))),
        ("blanks", format!("{second}{}\n", " ".repeat(2 * MAX_LOOK))),
    ] {
        let (out, _) = through(format!("{text}{second}\n").as_bytes(), &[CHUNK_LIKE], -1);
        let out = String::from_utf8(out).unwrap();
        let messages = out.lines().filter(|line| line.contains(r#""id":2"#));
        assert_eq!(messages.collect::<Vec<_>>(), [second], "{what}");
    }
}

#[test]
fn what_is_no_message_goes_no_further_and_the_next_line_does() {
    let good = "{\"id\":3,\"result\":{}}\n";
    let lines =
        b"{\"id\":1,\"result\":\n{\"tools\":[]}}\n[{}]\n\0{\"a\":1}\n{\"id\":1,\"result\":\"\xff\"}\n";
    let (out, decisions) = through(&[lines, good.as_bytes()].concat(), &[7], -1);
    assert_eq!((out, decisions), (good.as_bytes().to_vec(), 6));
    let (out, _) = through(b"{\"id\":3,\"result\":{}}", &[7], -1);
    assert_eq!(out, b"{\"id\":3,\"result\":{}}", "the last line needs no end");
}

#[test]
fn an_answer_of_ours_waits_for_the_end_of_a_long_line() {
    let mut out = Vec::new();
    let outlet = Outlet::new(&mut out);
    outlet.part(b"{\"begun\":").unwrap();
    outlet.line(b"ours\n").unwrap();
    outlet.part(b"1}\n").unwrap();
    outlet.end().unwrap();
    outlet.line(b"next\n").unwrap();
    drop(outlet);
    assert_eq!(out, b"{\"begun\":1}\nours\nnext\n");
}
