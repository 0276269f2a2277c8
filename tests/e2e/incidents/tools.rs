//! What reached a model, and what it was made to call.

use std::process::Command;

use serde_json::json;

use crate::escape::server::{Level, Tried, Victim};
use crate::fixture::{Fixture, NAME};
use crate::guard::agent::Agent;
use crate::guard::{changing_server, last_failure};
use crate::program::Program;

/// GitHub MCP (2025-05): the text of an issue told the agent to read a private
/// repository and to publish what it found. The server did as it was asked.
///
/// This is no flaw of a package, and neither a signature nor a sandbox stops it. What
/// does: the tools that write are not callable, whatever the agent was told; and the
/// server was granted to read, so that it cannot write where a tool would.
#[test]
fn github_mcp_an_agent_that_was_talked_into_it_calls_no_denied_tool() {
    let fixture = Fixture::empty();
    Program::new(NAME, changing_server()).args(&["create_issue"]).publish(&fixture);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["inspect", "weather"]);

    // Signed, pinned and confined, and still it is called: by itself nothing stops that.
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.call("create_issue")["result"]["content"][0]["text"], "create_issue");
    agent.end();

    // With a list, what is not on it is neither shown nor called.
    developer.ok(&["tools", "weather", "--allow", "forecast"]);
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast"]);
    for tool in ["create_issue", "change"] {
        let answer = agent.call(tool);
        assert_eq!(answer["error"]["data"]["code"], "E_TOOL_DENIED", "{answer}");
    }
    assert_eq!(agent.call("forecast")["result"]["content"][0]["text"], "forecast");
    agent.end();

    // And a grant to read is none to write.
    let victim = Victim::of(&json!({ "filesystem": { "read": ["${workspace}"] } }), &[]);
    victim.world.file("project/.git/config", "");
    victim.world.file("project/private", "mine\n");
    let project = std::fs::canonicalize(victim.world.path().join("project")).unwrap();
    let (read, write) =
        (format!("read {}/private", project.display()), format!("write {}/new", project.display()));
    for (level, denied) in [(Level::Strong, "EROFS"), (Level::Medium, "EACCES")] {
        let mut run: Command = victim.command(level);
        run.current_dir(&project);
        let tried = Tried::of(run, &[&read, &write]);
        // At this level a project with places that no server gets is not granted at all.
        if tried.outcome.codes() == ["E_CONFINEMENT"] && level == Level::Medium {
            continue;
        }
        if tried.was_at(level) {
            assert_eq!(tried.came_of(&read), "done", "{}", tried.outcome);
            assert_eq!(tried.came_of(&write), denied, "{}", tried.outcome);
        }
    }
}

/// Tool poisoning, and the rug pull: a description that a model obeys is changed after
/// its user has read it.
///
/// What stops it: what was read is pinned, field by field, and compared at each start,
/// over updates too.
#[test]
fn a_rug_pull_is_withheld_at_every_start_after_it() {
    let fixture = Fixture::empty();
    let server = changing_server();
    Program::new(NAME, server.clone()).publish(&fixture);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["inspect", "weather"]);
    let pinned = developer.read(".config/mcpkg/mcpkg.lock");

    // In a session: the text that would have the model read a key does not reach it.
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    agent.call("change");
    let answer = agent.ask("tools/list", &json!({}));
    assert!(!answer.to_string().contains("id_ed25519"), "{answer}");
    assert_eq!(agent.call("forecast")["error"]["data"]["code"], "E_SURFACE_CHANGED");
    agent.end();
    assert!(last_failure(&developer, NAME).contains("E_SURFACE_CHANGED"));
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), pinned);

    // With an update, which keeps what was pinned: a tool that joins is withheld until
    // somebody has looked, at this start and at the next.
    Program::new(NAME, server).version("1.3.0").args(&["read_all_mail"]).publish(&fixture);
    developer.ok(&["update", "--yes"]);
    for _ in 0..2 {
        let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
        assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
        assert_eq!(agent.call("read_all_mail")["error"]["data"]["code"], "E_SURFACE_CHANGED");
        agent.end();
    }
    let outcome = developer.refused(&["inspect", "weather"], 3, &["E_SURFACE_CHANGED"]);
    assert!(outcome.stderr.contains("read_all_mail"), "the difference is shown\n{outcome}");
    developer.ok(&["inspect", "weather", "--accept-surface"]);
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools().len(), 4);
    agent.end();
}
