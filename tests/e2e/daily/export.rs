//! `export`.

use std::fs;

use serde_json::json;

use super::data;
use crate::fixture::{Fixture, NAME};

#[test]
fn what_is_exported_was_verified_first() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let exported = data(&developer.ok(&["export"]).stdout);
    let server = &exported["servers"][0];
    assert_eq!((&server["name"], &server["version"]), (&json!(NAME), &json!("1.2.0")));
    assert!(server["publisher"].as_str().unwrap().starts_with("github.com/acme/weather#"));
    let folder = server["artifact"]["folder"].as_str().unwrap().to_owned();
    let entries = data(&developer.ok(&["export", "agents"]).stdout);
    let entry = json!({ "command": env!("CARGO_BIN_EXE_mcpkg"), "args": ["run", NAME] });
    assert_eq!(entries, json!({ "mcpServers": { "weather": entry } }));

    let file = std::path::Path::new(&folder).join("server/extra.js");
    fs::write(file, "changed").unwrap();
    let outcome = developer.refused(&["export"], 3, &["E_TREE"]);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn what_agents_are_held_to_is_made_from_a_verified_lock() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let at = ["--program", "/usr/bin/mcpkg"];
    let servers = data(&developer.ok(&[["export", "managed-mcp"], at].concat()).stdout);
    let entry = json!({ "type": "stdio", "command": "/usr/bin/mcpkg", "args": ["run", NAME] });
    assert_eq!(servers, json!({ "mcpServers": { "weather": entry } }));
    let args = ["export", "managed-settings", "--program", "/usr/bin/mcpkg", "--deny", "postmark"];
    let settings = data(&developer.ok(&args).stdout);
    let command = json!([{ "serverCommand": ["/usr/bin/mcpkg", "run", NAME] }]);
    assert_eq!(settings["allowedMcpServers"], command);
    assert_eq!(settings["deniedMcpServers"], json!([{ "serverName": "postmark" }]));
    let policy = data(&developer.ok(&["export", "vscode-policy"]).stdout);
    assert_eq!(policy["McpGalleryServiceUrl"], fixture.registry.url());
    assert_eq!(policy["ChatMCP"], "registry");
    developer.refused(&["export", "vscode-policy", "--registry", "nobodys"], 2, &["E_CONFIG"]);

    let folder = data(&developer.ok(&["export"]).stdout);
    let folder = folder["servers"][0]["artifact"]["folder"].as_str().unwrap().to_owned();
    fs::write(std::path::Path::new(&folder).join("server/extra.js"), "changed").unwrap();
    for form in ["managed-mcp", "managed-settings"] {
        let outcome = developer.refused(&["export", form], 3, &["E_TREE"]);
        assert_eq!(outcome.stdout, "");
    }
}
