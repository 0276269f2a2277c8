//! An entry loses its secrets and nothing else, and gets them back.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::super::literals;
use super::*;

const SECRET: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

fn rewritten(agent: &str, entry: &Value) -> (Rewritten, usize) {
    let literals = literals(entry);
    let names: Vec<StoreName> =
        (0..literals.len()).map(|index| format!("a.{index}").parse().unwrap()).collect();
    (rewrite(agent, entry, &literals, &names, "/opt/mcpkg"), literals.len())
}

#[test]
fn what_was_taken_out_is_put_back() {
    for entry in [
        json!({ "command": "npx", "args": ["-y", "x"], "env": { "A": "1", "TOKEN": SECRET, "B": "2" } }),
        json!({ "command": "x", "args": ["--token", SECRET], "env": { "K": SECRET } }),
        json!({ "type": "local", "command": ["npx", "x"], "environment": { "TOKEN": SECRET } }),
        json!({ "url": "https://x/", "headers": { "Authorization": format!("Bearer {SECRET}") } }),
    ] {
        let (Rewritten { entry: new, edits, stays }, count) = rewritten("claude-code", &entry);
        assert!(count > 0 && stays.is_empty());
        assert!(!new.to_string().contains("ghp_"), "{new}");
        assert!(!serde_json::to_string(&edits).unwrap().contains("ghp_"));
        let secret = |_: &StoreName| Secret::read(SECRET.as_bytes()).ok();
        assert_eq!(undo(&new, &edits, secret), Some(entry.clone()));
        assert_eq!(undo(&entry, &edits, secret), None, "not as we left it");
    }
}

#[test]
fn a_local_server_is_started_by_us_and_gets_the_variable() {
    let entry = json!({ "command": "npx", "args": ["-y", "x"], "env": { "TOKEN": SECRET } });
    let (Rewritten { entry: new, .. }, _) = rewritten("zed", &entry);
    assert_eq!(
        new,
        json!({
            "command": "/opt/mcpkg",
            "args": ["secret", "exec", "--env", "TOKEN=store:a.0", "--", "npx", "-y", "x"],
            "env": {},
        })
    );
}

#[test]
fn what_an_agent_cannot_fill_in_stays() {
    let entry = json!({ "url": "https://x/", "headers": { "X-Api-Key": SECRET } });
    let (Rewritten { entry: new, edits, stays }, _) = rewritten("zed", &entry);
    assert!(new == entry && edits.is_empty() && stays == [0]);
    let (Rewritten { entry: new, .. }, _) = rewritten("cursor", &entry);
    assert_eq!(new["headers"]["X-Api-Key"], "${env:A_0}");
}

/// An entry of a local server, with secrets among its variables and arguments.
fn entry() -> impl Strategy<Value = Value> {
    let texts = || select(vec![SECRET, "plain", "", "--token", "--", "store:a", "${A}"]);
    let variables = btree_map(select(vec!["TOKEN", "A/B~c", "MODE", "é"]), texts(), 0..4);
    let words = vec(texts(), 1..4);
    (variables, words, any::<bool>()).prop_map(|(env, words, is_list)| {
        if is_list {
            json!({ "x": 1, "command": words, "environment": env, "y": [] })
        } else {
            json!({ "env": env, "command": "npx", "args": words, "z": null })
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entry_loses_its_secrets_and_gets_them_back(
        entry in entry(),
        agent in select(vec!["claude-code", "vscode", "opencode", "crush", "zed"]),
    ) {
        let (Rewritten { entry: new, edits, stays }, count) = rewritten(agent, &entry);
        prop_assert_eq!(new.to_string().matches(SECRET).count(), stays.len());
        let again = literals(&new).len();
        prop_assert_eq!(again, stays.len(), "{} of {}: {}", again, count, new);
        let secret = |_: &StoreName| Secret::read(SECRET.as_bytes()).ok();
        prop_assert_eq!(undo(&new, &edits, secret), Some(entry));
    }
}
