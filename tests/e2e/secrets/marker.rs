//! Row 46: a secret is in the environment of the one child, and nowhere else.
//!
//! A marker is planted as a secret, and everything is done with it that there is to
//! do. Then every file below the home folder is searched for it, every byte that was
//! printed, and the command lines and environments of the processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use mcpkg_test_support::{Outcome, World};

use super::{API_KEY, MARKER, keep_in_file, published, set, with_input};
use crate::fixture::NAME;

/// Whether some bytes hold the marker, also as JSON, hex or base64 would write it: it
/// is made of letters that all but the last two leave as they are.
fn holds_marker(bytes: &[u8]) -> bool {
    let hex = hex::encode(MARKER);
    // Of each alignment, the part that does not depend on what is around it.
    let encoded = ["czNjcjN0LW1hcmtlci", "MzY3IzdC1tYXJrZXIt", "zM2NyM3QtbWFya2VyL"];
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    has(MARKER) || has(&hex) || encoded.iter().any(|text| has(text))
}

#[track_caller]
fn assert_nowhere(world: &World, said: &[Outcome]) {
    for outcome in said {
        assert!(!holds_marker(outcome.to_string().as_bytes()), "{outcome}");
    }
    for file in world.files() {
        let content = fs::read(world.path().join(&file)).unwrap();
        assert!(!holds_marker(&content), "{file}");
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    use base64::Engine as _;
    for before in ["", "a", "ab"] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{before}{MARKER}"));
        assert!(holds_marker(encoded.as_bytes()), "{encoded}");
    }
    assert!(holds_marker(format!("\"{MARKER}\"").as_bytes()) && !holds_marker(b"nothing"));
}

#[test]
fn a_secret_is_seen_nowhere_but_in_the_childs_environment() {
    let fixture = published("environment");
    let developer = fixture.developer();
    keep_in_file(&developer, "correct horse");
    let mut said = vec![
        developer.ok(&["install", NAME, "--yes"]),
        set(&developer, API_KEY, MARKER),
        with_input(&developer, &["secret", "set", "free", "--json"], MARKER),
    ];
    for args in [
        ["secret", "list"].as_slice(),
        &["secret", "list", "--json"],
        &["secret", "which"],
        &["secret", "which", "--json"],
        &["list"],
        &["list", "--json"],
        &["info", NAME, "--json"],
        &["verify"],
        &["verify", "--json"],
        &["install", NAME, "--yes", "--dry-run"],
        &["install", NAME, "--yes", "--json"],
        &["permissions", "show", "weather", "--json"],
        &["outdated", "--json"],
        &["update", "--dry-run", "--json"],
        &["doctor", "--json"],
        &["audit", "--json"],
        &["export", "json"],
        &["export", "agents"],
        &["export", "managed-mcp"],
        &["export", "managed-settings"],
        &["migrate", "--dry-run", "--json"],
    ] {
        said.push(developer.ok(args));
    }
    // Mistakes that people make with a secret in hand, each of which is an error.
    let env = format!("T={MARKER}");
    for args in [
        ["install", NAME, "--yes", "--secret", &format!("api_key={MARKER}")].as_slice(),
        &["install", NAME, "--yes", "--set", &format!("api_key={MARKER}")],
        &["secret", "exec", "--env", &env, "--", "true"],
        &["secret", "exec", "--env", MARKER, "--", "true"],
    ] {
        let outcome = developer.run(args);
        assert_ne!(outcome.code, Some(0), "{outcome}");
        said.push(outcome);
    }
    said.push(with_input(&developer, &["secret", "set", "nul"], &format!("{MARKER}\0")));
    assert_nowhere(&developer, &said);

    // While the server runs: its environment has it, and no command line does.
    let mut command = developer.command(&["run", "weather"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "length=24\n");
    let tree = processes_below(child.id());
    let environments = tree.iter().filter(|id| holds_marker(&of_process(**id, "environ"))).count();
    assert_eq!(environments, 1, "the server has it, and nobody between");
    for id in &tree {
        assert!(!holds_marker(&of_process(*id, "cmdline")), "the command line of {id}");
        let limits = String::from_utf8(of_process(*id, "limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "no core is dumped of {id}");
    }
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, Some(7), "{outcome}");
    assert_nowhere(&developer, &[outcome]);

    // In a lock and in the configuration, where somebody wrote one by hand.
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.file(".config/mcpkg/mcpkg.lock", lock.replace(&format!("store:{API_KEY}"), MARKER));
    let outcome = developer.refused(&["run", "weather"], 1, &["E_LOCK"]);
    assert!(!holds_marker(outcome.to_string().as_bytes()), "{outcome}");
    developer.file(".config/mcpkg/mcpkg.lock", lock);
    developer.file(".config/mcpkg/config.toml", format!("[secrets]\npassphrase = \"{MARKER}\"\n"));
    let outcome = developer.refused(&["secret", "list"], 1, &["E_CONFIG"]);
    assert!(!holds_marker(outcome.to_string().as_bytes()), "{outcome}");
}

/// A process and everything that it started.
fn processes_below(id: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    std::iter::once(id).chain(children.flat_map(processes_below)).collect()
}

fn of_process(id: u32, what: &str) -> Vec<u8> {
    fs::read(Path::new("/proc").join(id.to_string()).join(what)).unwrap()
}
