//! An agent learns why there is no server, or no more.

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

#[test]
fn an_agent_is_told_that_a_server_ended_before_it_answered() {
    // It answers nothing, and ends at the second line, in two ways.
    for (end, said) in [("exit 7", "exit code 7"), ("kill -9 $$", "exit code 137, by signal 9")] {
        let script = format!("#!/bin/sh\nread -r one\nread -r two\n{end}\n");
        let (_fixture, developer) = installed(script.as_bytes(), &[]);
        let mut agent = Agent::start(&developer, &["weather"]);
        let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
        agent.send(&ping(1));
        agent.send(&ping(2));
        for id in [1, 2] {
            let answer = agent.next();
            assert_eq!(answer["id"], id, "{answer}");
            assert_eq!(answer["error"]["data"]["code"], "E_SERVER_ENDED", "{answer}");
            assert!(answer["error"]["message"].as_str().unwrap().contains(said), "{answer}");
        }
        let code = agent.end();
        assert_eq!(code, Some(if end == "exit 7" { 7 } else { 137 }));
        assert!(last_failure(&developer, NAME).contains("E_SERVER_ENDED"));
        let doctor = developer.run(&["doctor"]);
        assert!(doctor.stdout.contains("has ended before it answered"), "{doctor}");
    }
}
