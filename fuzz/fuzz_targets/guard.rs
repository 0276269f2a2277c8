//! An agent and a server that say anything to each other, with the guard between them.
//!
//! - Nothing makes it panic, and what is well-formed to it is so to other readers.
//! - Whatever the server tries, an agent that reads as carelessly as any is shown no tool
//!   but the pinned one, and no call of another reaches the server.
//!
//! The input is lines; the first byte of each says who sends it, and an odd one that it
//! is cut in the middle.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::guard::{Event, Guard, Line, Scanner, Terms, ToClient, ToServer};
use mcpkg_core::surface::{Item, Kind, Surface};
use serde_json::{Value, json};

fn pinned() -> Value {
    json!({ "name": "a", "description": "b" })
}

/// What a line is, fed in two pieces.
fn scan(line: &[u8], cut: usize) -> Line {
    let mut scanner = Scanner::default();
    let (first, second) = line.split_at(cut.min(line.len()));
    for mut piece in [first, second] {
        while !piece.is_empty() {
            let (length, event) = scanner.feed(piece);
            piece = &piece[length..];
            assert!(!matches!(event, Event::Line(_)), "there is no line end in it");
        }
    }
    scanner.end()
}

/// The id as a client may look it up: by what it looks like.
fn loose(id: &Value) -> String {
    match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a careless agent knows.
#[derive(Default)]
struct Agent {
    lists: BTreeSet<String>,
}

impl Agent {
    fn sent(&mut self, message: &Value) {
        let id = loose(&message["id"]);
        if message["method"] == "tools/list" {
            self.lists.insert(id);
        } else if message["method"].is_string() {
            self.lists.remove(&id);
        }
    }

    fn reads(&self, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { return };
        if !self.lists.contains(&loose(&message["id"])) {
            return;
        }
        for tool in message["result"]["tools"].as_array().into_iter().flatten() {
            // Under another version of the protocol than was pinned, fields may be missing.
            let pinned = pinned();
            let is_of_it = |(key, value): (&String, &Value)| pinned.get(key) == Some(value);
            let is_pinned = tool["name"] == pinned["name"]
                && tool.as_object().is_some_and(|fields| fields.iter().all(is_of_it));
            assert!(is_pinned, "a tool that nobody pinned is shown: {tool}");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut surface = Surface::under("1");
    let (name, item) = Item::read(Kind::Tool, &pinned()).expect("it is a tool");
    surface.add(Kind::Tool, name, item).expect("there is room");
    let terms = Terms { server: "a/b".to_owned(), pinned: vec![surface], ..Terms::default() };
    let mut guard = Guard::new(terms);
    let mut agent = Agent::default();

    for line in bytes.split(|byte| *byte == b'\n') {
        let [sender, line @ ..] = line else { continue };
        let cut = if sender % 2 == 1 { line.len() / 2 } else { line.len() };
        let scanned = scan(line, cut);
        assert_eq!(scanned, Scanner::line(line), "however it is cut");
        if let Line::Message(_) = scanned {
            // Half of a surrogate pair, numbers past a double and deep nesting aside, which
            // some readers refuse, all take it for one object.
            let value = serde_json::from_slice::<Value>(line);
            let is_odd = |error: &serde_json::Error| {
                let said = error.to_string();
                ["surrogate", "number out of range", "recursion limit", "hex escape"]
                    .iter()
                    .any(|odd| said.contains(odd))
            };
            assert!(value.as_ref().err().is_none_or(is_odd), "others do not read it");
        }
        if sender & 2 == 0 {
            let passage = match scanned {
                Line::Message(message) => guard.from_client(message, Some(line)),
                Line::Prose => ToServer::Pass,
                Line::Fault(fault) => guard.fault_from_client(fault),
            };
            if passage == ToServer::Pass
                && let Ok(message) = serde_json::from_slice::<Value>(line)
            {
                agent.sent(&message);
                if message["method"] == "tools/call" {
                    assert_eq!(message["params"]["name"], "a", "a call that nobody allows");
                }
            }
        } else {
            let passage = match scanned {
                Line::Message(message) => guard.from_server(message, Some(line)),
                Line::Prose => ToClient::Pass,
                Line::Fault(fault) => guard.fault_from_server(fault),
            };
            match passage {
                ToClient::Pass => agent.reads(line),
                ToClient::Replace(other) => agent.reads(&other),
                ToClient::Drop => (),
            }
        }
        guard.take_notices();
    }
});
