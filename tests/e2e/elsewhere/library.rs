//! A server elsewhere that is not ours: the protocol's own library, over HTTP.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::guard::agent::Agent;
use crate::guard::changing_server;

/// The server of `tests/changing`, which ends with the test.
struct Library(Child);

impl Library {
    fn start() -> (Self, String) {
        changing_server();
        let program = Path::new(env!("CARGO_BIN_EXE_mcpkg")).with_file_name("changing-server");
        let mut child = Command::new(program).arg("--http").stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        (Self(child), address.trim_end().to_owned())
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_protocols_own_library_is_spoken_to_in_both_generations() {
    let (_library, url) = Library::start();
    let fixture = Fixture::empty();
    let mut document = server("1.2.0", &format!("{url}/mcp"));
    document["remotes"][0] = json!({ "type": "streamable-http", "url": format!("{url}/mcp") });
    publish(&fixture, &document);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let outcome = developer.ok(&["inspect", "weather"]);
    assert!(outcome.stderr.contains("Tomorrow's weather in a city"), "{outcome}");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(r#"protocols = ["2025-11-25", "2026-07-28"]"#), "{lock}");

    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    assert_eq!(agent.call("shuffle")["result"]["content"][0]["text"], "shuffle");
    assert_eq!(agent.tools(), ["shuffle", "change", "forecast"]);
    agent.call("change");
    assert_eq!(agent.tools(), ["shuffle", "change"], "what was changed is withheld");
    let answer = agent.call("forecast");
    assert_eq!(answer["error"]["data"]["code"], "E_SURFACE_CHANGED", "{answer}");
    assert_eq!(agent.end(), Some(0));
}
