//! The hosts that a server was granted.

use std::io::Write as _;
use std::net::TcpListener;

use serde_json::json;

use super::server::{Level, Victim};

/// Somebody who answers, and where.
fn somebody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever connected may be gone already.
            let _ = stream.unwrap().write_all(b"hello");
        }
    });
    port
}

#[test]
fn a_granted_address_is_reached_and_its_neighbour_is_not() {
    let (granted, other) = (somebody(), somebody());
    let allow = format!("127.0.0.1:{granted}");
    let victim = Victim::of(&json!({ "network": { "allow": [allow] } }), &[]);
    let attempts = [format!("fetch 127.0.0.1:{granted}"), format!("fetch 127.0.0.1:{other}")];
    let tried = victim.tries(Level::Strong, &attempts);
    if tried.was_at(Level::Strong) {
        assert_eq!(tried.came_of(&attempts[0]), "done", "{}", tried.outcome);
        assert_eq!(tried.came_of(&attempts[1]), "ECONNREFUSED", "{}", tried.outcome);
    }
}

#[test]
fn a_list_of_hosts_that_cannot_be_held_to_is_refused() {
    let allow = json!({ "network": { "allow": ["api.example.com:443"] } });
    let victim = Victim::of(&allow, &[]);
    let tried = victim.tries(Level::Medium, &["variables"]);
    assert_eq!(tried.outcome.codes(), ["E_CONFINEMENT"], "{}", tried.outcome);
    assert_eq!((tried.outcome.code, tried.outcome.stdout.as_str()), (Some(3), ""));
}
