//! An agent learns why there is no server.

use super::agent::initialize;
use super::*;

#[test]
fn an_agent_is_told_why_a_server_was_not_started() {
    let (_fixture, developer) = installed(b"#!/bin/sh\nexit 7\n", &[]);
    let trees = developer.store_path().join("trees");
    let tree = fs::read_dir(trees).unwrap().next().unwrap().unwrap().path();
    fs::write(tree.join("extra"), "").unwrap();
    let discover = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });
    for (name, method, params, code, exit_code) in [
        ("weather", "initialize", initialize(&json!({})), "E_TREE", 3),
        ("weather", "server/discover", discover, "E_TREE", 3),
        ("nobody", "initialize", initialize(&json!({})), "E_NOT_FOUND", 1),
    ] {
        let mut agent = Agent::start(&developer, &[name]);
        let answer = agent.ask(method, &params);
        assert_eq!(answer["id"], 1);
        assert_eq!(answer["error"]["data"]["code"], code, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(code), "{answer}");
        assert_eq!(agent.end(), Some(exit_code), "{name}");
    }
    let failure = last_failure(&developer, NAME);
    assert!(
        failure.contains("E_TREE") && failure.contains("puts the pinned files back"),
        "{failure}"
    );
}
