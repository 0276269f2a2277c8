//! What happened to users of MCP servers and of packages, walked again: what was tried,
//! and which control stops it. One test for each.
//!
//! | incident | test |
//! |---|---|
//! | postmark-mcp, 2025: a clone with a later line of its own | `publishers` |
//! | `TanStack`, CVE-2026-45321: valid provenance from a poisoned pipeline | `publishers` |
//! | event-stream, 2018: a new maintainer's new dependency | `publishers` |
//! | Shai-Hulud, s1ngularity, 2025: install scripts that take tokens | `machines` |
//! | Smithery, 2025: `..` in a path at the host | `machines` |
//! | mcp-remote, CVE-2025-6514: an address handed to a shell | `machines` |
//! | `SANDWORM_MODE`, 2026: a rogue server in agents' settings | `settings` |
//! | `MCPoison`, CVE-2025-54136: an approved entry gets another command | `settings` |
//! | "stdio = exec", 2026: `npx -c …` in an entry | `settings` |
//! | GitHub MCP, 2025: an issue's text steers the agent | `tools` |
//! | tool poisoning and rug pulls: descriptions change after approval | `tools` |
//!
//! Two of them no sandbox stops, because nothing is done that was not granted:
//! postmark-mcp sent to the host that it was for, and GitHub's server did as its agent
//! asked. Those tests show that too, and then what does stop them.

mod machines;
mod publishers;
mod settings;
mod tools;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

use mcpkg_test_support::{Outcome, World};
use serde_json::Value;

/// What `mcpkg` printed as data.
#[track_caller]
fn data(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
}

/// The kinds of what an audit finds that asks nobody.
#[track_caller]
fn findings(world: &World) -> Vec<String> {
    let outcome = world.run(&["audit", "--offline", "--json"]);
    let report = data(&outcome);
    let findings = report["findings"].as_array().unwrap().iter();
    let kinds: Vec<_> = findings.map(|it| it["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcome.code, Some(if kinds.is_empty() { 0 } else { 4 }), "{outcome}");
    kinds
}

/// Somebody on the network, who answers everybody, and what they were sent first.
fn host() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.unwrap(), [0; 256]);
            let length = stream.read(&mut bytes).unwrap_or_default();
            // Whoever connected may be gone already, and so may the test.
            let _ = stream.write_all(b"HTTP/1.0 202 Accepted\r\n\r\n");
            let _ = sender.send(bytes[..length].to_vec());
        }
    });
    (port, received)
}
