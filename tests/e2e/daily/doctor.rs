//! `doctor`: each problem with what mends it.

use std::fs;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use mcpkg_test_support::{Outcome, world};
use serde_json::Value;

use super::data;
use crate::escape::server::skipped;
use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// The checks that found something to do.
fn problems(outcome: &Outcome) -> Vec<String> {
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

/// The check of an area.
#[track_caller]
fn check(outcome: &Outcome, area: &str) -> Value {
    let report = data(&outcome.stdout);
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["area"] == area).unwrap_or_else(|| panic!("{outcome}")).clone()
}

#[test]
fn the_last_failure_of_a_server_is_told_with_its_fix_until_it_starts() {
    let fixture = Fixture::empty();
    Program::new(NAME, "#!/bin/sh\nexit 0\n").publish(&fixture);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let trees = developer.store_path().join("trees");
    let tree = fs::read_dir(trees).unwrap().next().unwrap().unwrap().path();
    fs::write(tree.join("extra"), "").unwrap();
    developer.refused(&["run", "weather"], 3, &["E_TREE"]);
    fs::remove_file(tree.join("extra")).unwrap();
    let outcome = developer.run(&["doctor", "--json"]);
    assert_eq!(problems(&outcome), [format!("failure {NAME}")]);
    let failure = check(&outcome, "failure");
    assert!(failure["message"].as_str().unwrap().contains("[E_TREE], on 20"), "{failure}");
    assert!(failure["fix"].as_str().unwrap().contains("puts the pinned files back"), "{failure}");
    developer.ok(&["run", "weather"]);
    developer.ok(&["doctor"]);
}

#[test]
fn a_key_store_that_is_not_there_is_told_with_its_fix() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let config = developer.read(".config/mcpkg/config.toml");
    developer
        .file(".config/mcpkg/config.toml", format!("{config}\n[secrets]\nstore = \"system\"\n"));
    let outcome = developer.run(&["doctor", "--json"]);
    assert_eq!(problems(&outcome), ["secrets key store"], "{outcome}");
    assert!(check(&outcome, "secrets")["fix"].is_string());
    // Without the demand, the file does.
    developer.file(".config/mcpkg/config.toml", config);
    let outcome = developer.ok(&["doctor", "--json"]);
    let message = check(&outcome, "secrets")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("new ones go into the encrypted file"), "{message}");
}

#[test]
fn a_log_that_was_last_seen_long_ago_is_told_with_its_fix() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let log = fixture.log(&[(NAME, "1.2.0")]);
    let logs = developer.path().join(".local/state/mcpkg/logs");
    let file = fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    for (days, expected) in [(6, vec![]), (8, vec!["registry test".to_owned()])] {
        let seen = Timestamp::now() - SignedDuration::from_hours(days * 24);
        let mut memory: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert!(memory["checkpoint"].is_string(), "{memory}");
        memory["checkpoint"] = log.checkpoint(seen).into();
        fs::write(&file, memory.to_string()).unwrap();
        let outcome = developer.run(&["doctor", "--json"]);
        assert_eq!(problems(&outcome), expected, "{outcome}");
        let check = check(&outcome, "registry");
        assert!(check["message"].as_str().unwrap().contains(&format!("{days} days")), "{check}");
        if days == 8 {
            assert_eq!(check["fix"], "`mcpkg outdated` asks for the newest checkpoint");
        }
    }
    developer.ok(&["outdated"]);
    developer.ok(&["doctor"]);
}

#[test]
fn the_level_of_confinement_here_is_told() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let strong = developer.ok(&["doctor", "--json"]);
    let message = check(&strong, "confinement")["message"].as_str().unwrap().to_owned();
    if !message.contains("at level strong") {
        return skipped(&format!("this machine has no level strong: {message}"));
    }
    let command = developer.command(&["doctor", "--json"]);
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" doctor --json";
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-current-user", "--keep-caps", "sh", "-c", forbid]);
    outer.arg(command.get_program()).env_clear().current_dir(developer.path());
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let medium = Outcome::from(outer.output().unwrap());
    assert_eq!(medium.code, Some(0), "{medium}");
    let message = check(&medium, "confinement")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("at level medium, because"), "{message}");
}
