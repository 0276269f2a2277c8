//! For one user in one project: a part of the user's own settings.

use std::path::{Path, PathBuf};

use mcpkg_test_support::{Outcome, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME};

/// Somebody who has used Claude Code in two projects, and not in a third.
fn developer(fixture: &Fixture) -> (World, [PathBuf; 3]) {
    let developer = fixture.developer();
    let home = std::fs::canonicalize(developer.path()).unwrap();
    let projects = ["one", "two", "three"].map(|name| home.join(name));
    for project in &projects {
        std::fs::create_dir(project).unwrap();
    }
    let part = json!({ "allowedTools": [], "mcpServers": {} });
    let mut settings = json!({ "numStartups": 3, "projects": {} });
    for project in &projects[..2] {
        settings["projects"][project.to_str().unwrap()] = part.clone();
    }
    developer.file(".claude.json", format!("{settings:#}\n"));
    (developer, projects)
}

/// `mcpkg` in a folder.
fn run(developer: &World, folder: &Path, args: &[&str]) -> Outcome {
    developer.command(args).current_dir(folder).output().unwrap().into()
}

#[track_caller]
fn ok(developer: &World, folder: &Path, args: &[&str]) -> Outcome {
    let outcome = run(developer, folder, args);
    assert_eq!(outcome.code, Some(0), "mcpkg {args:?}\n{outcome}");
    outcome
}

/// The servers in the part of a project.
fn servers(developer: &World, project: &Path) -> Value {
    let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    settings["projects"][project.to_str().unwrap()]["mcpServers"].clone()
}

const INSTALL: [&str; 5] = ["install", NAME, "--yes", "--scope", "local"];

#[test]
fn a_server_for_one_project_of_mine_is_linked_there_listed_and_taken_away() {
    let fixture = Fixture::with_weather();
    let (developer, [one, two, three]) = developer(&fixture);
    let before = developer.read(".claude.json");
    let dry = ok(&developer, &one, &[&INSTALL[..], &["--dry-run"]].concat());
    assert!(dry.stdout.contains("+        \"weather\""), "{dry}");
    assert_eq!(developer.read(".claude.json"), before);

    ok(&developer, &one, &INSTALL);
    let entry = &servers(&developer, &one)["weather"];
    assert_eq!(entry["args"], json!(["run", NAME]));
    assert!(entry["command"].as_str().unwrap().starts_with('/'), "a path: it is one person's");
    assert_eq!(servers(&developer, &two), json!({}));
    let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    assert_eq!(settings.get("mcpServers"), None, "nor for all projects");
    assert!(!one.join("mcpkg.lock").exists(), "the lock is the user's own");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(&format!("project = \"{}\"", one.display())), "{lock}");
    let list = developer.ok(&["list"]);
    assert!(list.stdout.contains(&format!("claude-code in {}", one.display())), "{list}");
    ok(&developer, &one, &INSTALL);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock, "twice is once");

    // Where Claude Code was never started, it has no part, and we make none.
    let outcome = run(&developer, &three, &INSTALL);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SETTINGS"]), "{outcome}");
    assert!(outcome.stderr.contains("start the agent in the project once"), "{outcome}");
    let cursor = [&INSTALL[..], &["--agent", "cursor"]].concat();
    assert_eq!(run(&developer, &one, &cursor).codes(), ["E_CONFIG"]);

    // In the other project and everywhere as well; then each is taken away by itself.
    ok(&developer, &two, &INSTALL);
    developer.ok(&["install", NAME, "--yes"]);
    let remove = ["remove", "weather", "--scope", "local"];
    ok(&developer, &two, &remove);
    assert_eq!(run(&developer, &two, &remove).codes(), ["E_NOT_FOUND"]);
    assert_eq!(servers(&developer, &two), json!({}));
    assert!(servers(&developer, &one)["weather"].is_object());
    developer.ok(&["remove", "weather"]);
    assert_eq!(developer.read(".claude.json"), before);
    assert!(!developer.ok(&["list"]).stdout.contains(NAME));
}

#[test]
fn what_is_wrong_in_the_part_of_a_project_is_found_and_mended() {
    let fixture = Fixture::with_weather();
    let (developer, [one, two, _]) = developer(&fixture);
    ok(&developer, &one, &INSTALL);
    let settings = developer.read(".claude.json");
    let audit = |folder: &Path| {
        let outcome = run(&developer, folder, &["audit", "--offline", "--json"]);
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings.map(|it| it["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(audit(&one), [""; 0]);
    let doctor = run(&developer, &one, &["doctor"]);
    assert!(doctor.stdout.contains("Claude Code (local)"), "{doctor}");

    let change = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&settings).unwrap();
        change(&mut value["projects"][one.to_str().unwrap()]["mcpServers"]);
        developer.file(".claude.json", format!("{value:#}\n"));
    };
    // From anywhere, as the lock says where the link is.
    change(&|servers| servers["weather"]["command"] = json!("sh"));
    assert_eq!(audit(&two), ["entryChanged"]);
    change(&|servers| servers["helper"] = json!({ "command": "node" }));
    assert_eq!(audit(&one), ["notFromMcpkg"]);
    change(&|servers| drop(servers.as_object_mut().unwrap().remove("weather")));
    assert_eq!(audit(&two), ["entryMissing"]);
    ok(&developer, &two, &["sync", "--locked", "--scope", "user"]);
    assert_eq!(audit(&two), [""; 0]);
    assert!(servers(&developer, &one)["weather"].is_object());
    assert_eq!(servers(&developer, &two), json!({}));

    // A project that is gone keeps nobody from the rest.
    developer.file(".claude.json", "{}\n");
    let outcome = ok(&developer, &two, &["sync", "--locked", "--scope", "user"]);
    assert!(outcome.stderr.contains(&one.display().to_string()), "{outcome}");
    assert_eq!(developer.read(".claude.json"), "{}\n");
}

#[test]
fn a_secret_in_the_part_of_a_project_is_taken_out_and_put_back() {
    let fixture = Fixture::empty();
    let (developer, [one, two, _]) = developer(&fixture);
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let mut value: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    value["projects"][one.to_str().unwrap()]["mcpServers"]["github"] =
        json!({ "command": "gh", "env": { "GITHUB_TOKEN": token } });
    let before = format!("{value:#}\n");
    developer.file(".claude.json", &before);
    crate::secrets::keep_in_file(&developer, "correct horse");
    ok(&developer, &one, &["migrate", "--yes"]);
    assert!(!developer.read(".claude.json").contains(token));
    let args = servers(&developer, &one)["github"]["args"].to_string();
    assert!(args.contains("GITHUB_TOKEN=store:github.GITHUB_TOKEN"), "{args}");
    // The record knows where it was.
    ok(&developer, &two, &["migrate", "--restore", "--yes"]);
    let after: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    assert_eq!(after, value);
}
