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
