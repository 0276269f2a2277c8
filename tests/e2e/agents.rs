//! Every agent: found where it is, linked in its own format, and left as it was.

use serde_json::Value;

use crate::fixture::{Fixture, NAME};

/// Settings as their owners have them, one for each kind of editor.
const SETTINGS: [(&str, &str, &str); 6] = [
    ("claude-code", ".claude.json", "{\"theme\":\"dark\"}"),
    ("gemini-cli", ".gemini/settings.json", "{\n  // mine\n  \"mcpServers\": {}\n}\n"),
    ("zed", ".config/zed/settings.json", "// mine\n{\n\t\"vim_mode\": true,\n}\n"),
    ("codex", ".codex/config.toml", "\u{feff}model = \"o5\" # mine\r\n\r\n[tui]\r\nb = nan"),
    ("goose", ".config/goose/config.yaml", "extensions: {} # mine\nGOOSE_MODEL: o5\n"),
    ("opencode", ".config/opencode/opencode.json", "{\n  \"mcp\": {\n  }, // mine\n}"),
];

#[test]
fn every_kind_of_settings_is_linked_and_given_back() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    for (_, path, text) in SETTINGS {
        developer.file(path, text);
    }
    let planned = developer.ok(&["install", NAME, "--dry-run"]);
    for (id, path, text) in SETTINGS {
        assert_eq!(developer.read(path), text, "{id}: a dry run writes nothing");
        assert!(planned.stdout.contains(path), "{id}: its difference is shown\n{planned}");
    }
    developer.ok(&["install", NAME, "--yes"]);
    for (id, path, text) in SETTINGS {
        let after = developer.read(path);
        assert!(after.contains(NAME) && after.contains("weather"), "{id}\n{after}");
        assert_eq!(after.contains("mine"), text.contains("mine"), "{id}\n{after}");
        assert_eq!(after.starts_with('\u{feff}'), text.starts_with('\u{feff}'), "{id}");
    }
    let codex = developer.read(".codex/config.toml");
    assert!(!codex.replace("\r\n", "").contains('\n'), "every line ends as before\n{codex}");
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["remove", NAME]);
    for (id, path, text) in SETTINGS {
        assert_eq!(developer.read(path), text, "{id}");
    }
}

#[test]
fn a_file_of_our_own_comes_and_goes_with_the_server() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file(".continue/config.yaml", "mcpServers: []\n");
    developer.ok(&["install", NAME, "--yes", "--agent", "continue"]);
    let ours = ".continue/mcpServers/mcpkg.json";
    let settings: Value = serde_json::from_str(&developer.read(ours)).unwrap();
    assert_eq!(settings["mcpServers"]["weather"]["args"][1], NAME);
    developer.ok(&["remove", NAME]);
    assert!(!developer.path().join(ours).exists());
    assert_eq!(developer.read(".continue/config.yaml"), "mcpServers: []\n");
}

#[test]
fn what_a_second_reader_does_not_agree_with_is_not_written() {
    let fixture = Fixture::with_weather();
    for (agent, path, text) in [
        ("codex", ".codex/config.toml", "mcp_servers = { a = {} }\n"),
        ("codex", ".codex/config.toml", "[mcp_servers.a]\n[mcp_servers.a]\n"),
        ("goose", ".config/goose/config.yaml", "extensions: &a\n  b: {}\nc: *a\n"),
        ("goose", ".config/goose/config.yaml", "extensions:\n\tb: {}\n"),
        ("gemini-cli", ".gemini/settings.json", "{\"a\": 1,}"),
    ] {
        let developer = fixture.developer();
        developer.file(path, text);
        let args = ["install", NAME, "--yes", "--agent", agent];
        let outcome = developer.refused(&args, 1, &["E_SETTINGS"]);
        assert_eq!(developer.read(path), text, "{agent}");
        assert!(outcome.stderr.contains("by hand, it would be"), "{outcome}");
        assert!(outcome.stderr.contains(NAME), "the snippet\n{outcome}");
        assert!(!developer.lock_path().exists());
    }
}

#[test]
fn cline_moves_its_settings_before_there_are_new_ones() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let old =
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json";
    developer.file(old, "{\"mcpServers\": {\"mine\": {}}}");
    developer.refused(&["install", NAME, "--yes", "--agent", "cline"], 1, &["E_SETTINGS"]);
    let listed = developer.ok(&["agents"]);
    assert!(listed.stdout.contains("start it once"), "{listed}");

    let new = ".cline/data/settings/cline_mcp_settings.json";
    developer.file(new, "{\"mcpServers\": {\"mine\": {}}}");
    developer.ok(&["install", NAME, "--yes", "--agent", "cline"]);
    let settings: Value = serde_json::from_str(&developer.read(new)).unwrap();
    assert_eq!(settings["mcpServers"]["weather"]["transport"]["args"][1], NAME);
    assert_eq!(developer.read(old), "{\"mcpServers\": {\"mine\": {}}}");
}

#[test]
fn each_agent_is_listed_with_its_place_and_the_environment_moves_it() {
    let mut developer = mcpkg_test_support::world!();
    developer.file("moved/config.toml", "");
    let moved = developer.path().join("moved").display().to_string();
    developer.set([("CODEX_HOME".to_owned(), moved.clone())]);
    let listed = developer.ok(&["agents", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 23);
    let codex = listed.iter().find(|agent| agent["id"] == "codex").unwrap();
    assert_eq!(codex["user"], format!("{moved}/config.toml"));
    assert_eq!((&codex["found"], &codex["format"]), (&true.into(), &"TOML".into()));
    let found = listed.iter().filter(|agent| agent["found"] == true).count();
    assert_eq!(found, 1, "nothing else is here");
}

#[test]
fn the_trust_that_an_agent_asks_for_is_said_after_an_install_in_a_project() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let args = ["install", NAME, "--yes", "--scope", "project", "--agent", "codex,amp,copilot-cli"];
    let outcome = developer.ok(&args);
    for sentence in ["folders that you trust", "amp mcp approve", "GitHub Copilot CLI reads"] {
        assert!(outcome.stderr.contains(sentence), "{outcome}");
    }
    assert!(developer.read(".codex/config.toml").contains("\"--project\""));
}
