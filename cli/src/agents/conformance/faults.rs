//! What other installers were seen to do wrong, one test for each.

use super::layouts::{WITH_COMMENTS, WITH_TRAILING_COMMAS, layouts};
use super::*;

/// add-mcp, `ToolHive` and Docker lose the comments of JSON and YAML; `codex mcp
/// add` lays out the tables of other servers again.
#[test]
fn no_comment_is_dropped() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let linked = agent.link(&text, "weather", &launch()).expect(name);
            let count = |text: &str| text.matches("mine").count();
            assert_eq!(count(&linked.text), count(&text), "{}: {name}", agent.id());
            let mut rest = linked.text.as_str();
            for line in text.lines().filter(|line| line.contains("mine")) {
                let comment = line.find(['/', '#']).map_or(line, |start| &line[start..]);
                let comment = &comment[..comment.find("mine").unwrap() + "mine".len()];
                let found = rest.find(comment);
                assert!(found.is_some(), "{}: {name}: {comment}", agent.id());
                rest = &rest[found.unwrap() + comment.len()..];
            }
        }
    }
}

/// Claude Code takes a comment for damage, and starts with empty settings;
/// Droid has no servers then, and says nothing.
#[test]
fn comments_are_refused_by_an_agent_that_would_call_them_corrupt() {
    for agent in ALL {
        let Format::Json(dialect) = agent.format() else { continue };
        let comments = if dialect.has_comments() { &[] } else { WITH_COMMENTS };
        let commas = if dialect.has_trailing_commas() { &[] } else { WITH_TRAILING_COMMAS };
        for (name, text) in comments.iter().chain(commas) {
            let result = agent.link(text, "weather", &launch());
            let is_broken = matches!(result, Err(EditError::Broken { .. }));
            assert!(is_broken, "{}: {name}", agent.id());
        }
    }
}

/// Nor is one ever brought in, whatever the agent reads.
#[test]
fn what_is_written_is_strict_json() {
    for agent in ALL {
        let Format::Json(_) = agent.format() else { continue };
        for (name, text) in layouts(*agent) {
            if serde_json::from_str::<Value>(&text).is_err() {
                continue;
            }
            let linked = agent.link(&text, "weather", &launch()).expect(name);
            assert!(serde_json::from_str::<Value>(&linked.text).is_ok(), "{}: {name}", agent.id());
        }
    }
}

/// An installer was seen to "edit" a file that was cut off, and to report success.
#[test]
fn no_part_of_a_file_is_taken_for_the_whole() {
    for agent in ALL {
        let Format::Json(_) = agent.format() else { continue };
        let whole = agent.link(r#"{"theme":"dark"}"#, "weather", &launch()).unwrap().text;
        for end in 1..whole.len() {
            let result = agent.link(&whole[..end], "other", &launch());
            assert!(matches!(result, Err(EditError::Broken { .. })), "{}: {end}", agent.id());
        }
    }
    // A part of TOML or YAML can be a whole as well: it is refused, or kept.
    for (id, text) in [
        ("codex", "model = \"o5\"\n\n[mcp_servers.a]\ncommand = \"x\"\nargs = [\"y\", \"z\"]\n"),
        ("goose", "a: \"b\"\nextensions:\n  a:\n    cmd: 'x'\n    args: [y, z]\n"),
    ] {
        let agent = agent(id);
        for end in 0..text.len() {
            if let Ok(linked) = agent.link(&text[..end], "weather", &launch()) {
                let footprint = linked.footprint.unwrap();
                let unlinked = agent.unlink(&linked.text, "weather", footprint);
                let expected = if text[..end].trim().is_empty() { "" } else { &text[..end] };
                assert_eq!(unlinked.as_deref(), Ok(expected), "{id}: {end}");
            }
        }
    }
}

/// install-mcp, smithery and APM take what they cannot read for empty, and
/// write over it: all other servers are lost. (That a *file* which cannot be
/// read is not empty is shown in `settings_file`.)
#[test]
fn other_servers_are_never_lost() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let others = agent.entries(&text).unwrap();
            let linked = agent.link(&text, "weather", &launch()).expect(name);
            let mut after = agent.entries(&linked.text).unwrap();
            after.retain(|(key, _)| key != "weather");
            assert_eq!(after, others, "{}: {name}", agent.id());
        }
    }
}

/// APM resolves references, and writes what they stand for in clear.
#[test]
fn no_reference_to_a_secret_is_resolved() {
    for agent in ALL {
        let env = json!({ "TOKEN": "${TOKEN}", "KEY": "${env:KEY}", "ID": "${input:id}" });
        let before = agent.set("", "other", &json!({ "command": "x", "env": env })).unwrap().text;
        let linked = agent.link(&before, "weather", &launch()).unwrap();
        for reference in ["${TOKEN}", "${env:KEY}", "${input:id}"] {
            assert_eq!(linked.text.matches(reference).count(), 1, "{}", agent.id());
        }
        let kept = agent.find(&linked.text, "other").unwrap();
        assert_eq!(kept, agent.find(&before, "other").unwrap(), "{}", agent.id());
    }
}

/// Nearly all of them write the file that Cline reads no more.
#[test]
fn cline_has_its_settings_where_it_reads_them() {
    let places = paths::places(mcpkg_core::System::Linux);
    let cline = agent("cline");
    let dead = cline.abandoned_path(&places).unwrap();
    assert!(dead.to_string_lossy().contains("globalStorage"), "{}", dead.display());
    assert!(!cline.settings_paths(Scope::User, &places).contains(&dead));
    assert!(!cline.traces(&places).iter().any(|trace| dead.starts_with(trace)));
}

/// add-mcp writes a `type` that is not in Codex's schema.
#[test]
fn codex_gets_no_key_that_it_does_not_know() {
    let entry = agent("codex").entry("weather", &launch());
    let keys: Vec<_> = entry.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["command", "args"]);
}
