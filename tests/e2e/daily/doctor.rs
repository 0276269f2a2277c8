//! `doctor`: each problem with what mends it.

use std::fs;

use mcpkg_test_support::world;
use serde_json::Value;

use super::data;
use crate::fixture::{Fixture, NAME};

/// The checks that found something to do.
fn problems(outcome: &mcpkg_test_support::Outcome) -> Vec<String> {
    let report = data(&outcome.stdout);
    let checks = report["checks"].as_array().unwrap().iter();
    let is_problem = |check: &&Value| check.get("fix").is_some();
    let word = |check: &Value| {
        format!("{} {}", check["area"].as_str().unwrap(), check["subject"].as_str().unwrap())
    };
    checks.filter(is_problem).map(word).collect()
}

#[test]
fn a_machine_in_order_has_nothing_to_do_and_each_fault_is_named() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let outcome = developer.ok(&["doctor", "--json"]);
    assert_eq!(problems(&outcome), [""; 0], "{outcome}");
    assert!(outcome.stdout.contains("its log was last seen less than an hour ago"), "{outcome}");

    let examined = || {
        let outcome = developer.run(&["doctor", "--json"]);
        assert_eq!(outcome.code, Some(4), "{outcome}");
        problems(&outcome)
    };
    let settings = developer.read(".claude.json");
    developer.file(".claude.json", "{ \"mcpServers\": ");
    assert_eq!(examined(), ["agent Claude Code (user)"]);
    developer.file(".claude.json", settings);

    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.file(".config/mcpkg/mcpkg.lock", "<<<<<<< ours\n");
    assert_eq!(examined(), ["lock user"]);
    developer.file(".config/mcpkg/mcpkg.lock", lock);

    let trees = developer.store_path().join("trees");
    fs::rename(&trees, developer.store_path().join("moved")).unwrap();
    assert_eq!(examined(), [format!("store {NAME}")]);
    developer.ok(&["sync", "--scope", "user"]);
    developer.ok(&["doctor"]);

    fs::remove_file(developer.path().join(".config/mcpkg/trusted_root.json")).unwrap_or_default();
    let config = developer.read(".config/mcpkg/config.toml");
    let pinned = config.lines().find(|line| line.starts_with("log_key")).unwrap();
    developer.file(".config/mcpkg/config.toml", config.replace(pinned, ""));
    assert!(examined().contains(&"registry test".to_owned()));
}

#[test]
fn an_empty_machine_is_told_how_to_begin() {
    let world = world!();
    let outcome = world.run(&["doctor"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert!(outcome.stdout.contains("fix: `mcpkg registry add <name> <url>`"), "{outcome}");
}

#[test]
fn a_project_needs_us_where_its_agents_look() {
    let fixture = Fixture::with_weather();
    let mut developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes", "--scope", "project"]);
    let outcome = developer.run(&["doctor", "--json"]);
    assert_eq!((outcome.code, problems(&outcome)), (Some(4), vec!["program mcpkg".to_owned()]));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_mcpkg"));
    let folder = program.parent().unwrap().display();
    developer.set([("PATH".to_owned(), format!("/usr/bin:/bin:{folder}"))]);
    developer.ok(&["doctor"]);
}
