//! Where the secrets of servers are kept, and the one place where they are seen.

#[cfg(target_os = "linux")]
mod broker;
mod key_store;
mod marker;
mod migrate;
mod project;
mod terminal;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use mcpkg_test_support::{Outcome, World};
use serde_json::json;

use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// What no file and no line may hold.
const MARKER: &str = "s3cr3t-marker-9f27c1d0a4";

/// The name of the server's secret in the key store.
const API_KEY: &str = "io.github.acme/weather/api_key";

/// A server that needs a secret, published.
fn published(secret_in: &str) -> Fixture {
    // It says how long its secret is and whether its own command line has it, and then
    // waits for a line, so that a test can look at it.
    let script = "#!/bin/sh\nprintf 'length=%s\\n' \"${#API_KEY}\"\nread -r line\nexit 7\n";
    let program = Program::new(NAME, script).user_config(json!({
        "api_key": { "type": "string", "title": "API key", "sensitive": true, "required": true },
        "other": { "type": "string", "title": "Another", "sensitive": true },
    }));
    let program = match secret_in {
        "argument" => program.args(&["--key=${user_config.api_key}"]),
        _ => program.env(json!({ "API_KEY": "${user_config.api_key}" })),
    };
    let fixture = Fixture::empty();
    program.publish(&fixture);
    fixture
}

/// Has this world keep secrets in the encrypted file, with this passphrase.
pub(crate) fn keep_in_file(world: &World, passphrase: &str) {
    let path = world.file("passphrase", passphrase);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = world.path().join(".config/mcpkg/config.toml");
    let text = std::fs::read_to_string(&config).unwrap_or_default();
    let secrets = format!("\n[secrets]\npassphrase = \"file:{}\"\n", path.display());
    world.file(".config/mcpkg/config.toml", text + &secrets);
}

/// Runs `mcpkg` with this on its standard input.
fn with_input(world: &World, args: &[&str], input: &str) -> Outcome {
    let mut command = world.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Keeps a secret, and demands that this works.
#[track_caller]
fn set(world: &World, name: &str, secret: &str) -> Outcome {
    let outcome = with_input(world, &["secret", "set", name], &format!("{secret}\n"));
    assert_eq!(outcome.code, Some(0), "{outcome}");
    outcome
}

#[test]
fn a_secret_is_kept_in_a_file_where_there_is_no_key_store() {
    let fixture = published("environment");
    let developer = fixture.developer();
    keep_in_file(&developer, "correct horse\n");
    let outcome = developer.ok(&["install", NAME, "--yes"]);
    assert!(outcome.stderr.contains(&format!("mcpkg secret set {API_KEY}")), "{outcome}");
    let outcome = developer.refused(&["run", "weather"], 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains(&format!("`mcpkg secret set {API_KEY}` sets it")), "{outcome}");

    set(&developer, API_KEY, MARKER);
    let which = developer.ok(&["secret", "which"]).stdout;
    assert!(which.contains("the encrypted file of secrets"), "{which}");
    assert!(which.contains("the system's key store is not there"), "{which}");
    let list = developer.ok(&["secret", "list"]).stdout;
    let lines: Vec<Vec<&str>> =
        list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..3], [&format!("store:{API_KEY}"), "file", NAME], "{list}");
    assert_eq!(lines[1][1..3], ["not", "set"], "{list}");

    let run = with_input(&developer, &["run", "weather"], "\n");
    assert_eq!((run.code, run.stdout.trim()), (Some(7), "length=24"), "{run}");

    let removed = developer.ok(&["secret", "remove", API_KEY]);
    assert!(removed.stderr.contains("still takes it"), "{removed}");
    developer.refused(&["run", "weather"], 1, &["E_CONFIG"]);
    developer.refused(&["secret", "remove", API_KEY], 1, &["E_NOT_FOUND"]);
}

#[test]
fn the_file_opens_with_its_passphrase_alone_and_is_the_users() {
    let world = mcpkg_test_support::world!();
    // Headless, and nobody said where the passphrase is.
    let outcome = with_input(&world, &["secret", "set", "token"], MARKER);
    assert_eq!((outcome.code, outcome.codes()), (Some(1), vec!["E_SECRET"]), "{outcome}");
    assert!(outcome.stderr.contains("passphrase = "), "it says what to do: {outcome}");

    keep_in_file(&world, "correct horse");
    set(&world, "token", MARKER);
    let file = world.store_path().join("secrets/secrets.age");
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let exec = ["secret", "exec", "--env", "T=store:token", "--", "sh", "-c", "echo ${#T}"];
    assert_eq!(world.ok(&exec).stdout, "24\n");
    world.file("passphrase", "another");
    let outcome = world.refused(&exec, 1, &["E_SECRET"]);
    assert!(outcome.stderr.contains("is not the one that it was encrypted with"), "{outcome}");
    world.file("passphrase", "correct horse");
    let mut cut = bytes.clone();
    *cut.last_mut().unwrap() ^= 1;
    std::fs::write(&file, cut).unwrap();
    let outcome = world.refused(&exec, 1, &["E_SECRET"]);
    assert!(outcome.stderr.contains("it was cut off or changed"), "{outcome}");
    std::fs::write(&file, bytes).unwrap();
    world.ok(&exec);
}

#[test]
fn a_secret_that_is_an_argument_starts_nothing() {
    let fixture = published("argument");
    let developer = fixture.developer();
    let outcome = developer.ok(&["install", NAME, "--yes", "--secret", "api_key=env:THE_KEY"]);
    assert!(outcome.stderr.contains("takes a secret as an argument"), "{outcome}");
    let output = developer.command(&["run", "weather"]).env("THE_KEY", MARKER).output().unwrap();
    let outcome = Outcome::from(output);
    assert_eq!((outcome.code, outcome.codes()), (Some(3), vec!["E_CONFIG"]), "{outcome}");
    assert_eq!(outcome.stdout, "", "nothing was started");
}

#[test]
fn a_secret_comes_from_where_its_reference_says() {
    let fixture = published("environment");
    let developer = fixture.developer();
    let key = developer.file("key", format!("{MARKER}\n"));
    let mode =
        |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o600);
    let file = format!("api_key=file:{}", key.display());
    let command = format!("api_key=cmd:cat {}", key.display());
    for reference in [file.as_str(), &command] {
        developer.ok(&["install", NAME, "--yes", "--secret", reference]);
        let run = with_input(&developer, &["run", "weather"], "\n");
        assert_eq!((run.code, run.stdout.trim()), (Some(7), "length=24"), "{run}");
    }
    developer.ok(&["install", NAME, "--yes", "--secret", &file]);
    mode(0o640);
    let outcome = developer.refused(&["run", "weather"], 1, &["E_SECRET"]);
    assert!(outcome.stderr.contains("others can read"), "{outcome}");
    developer.ok(&["install", NAME, "--yes", "--secret", "api_key=cmd:false"]);
    developer.refused(&["run", "weather"], 1, &["E_SECRET"]);
}

#[test]
fn secrets_that_are_set_at_once_are_all_kept() {
    let world = mcpkg_test_support::world!();
    keep_in_file(&world, "correct horse");
    let names = ["one", "two", "three"];
    std::thread::scope(|scope| {
        for name in names {
            let world = &world;
            scope.spawn(move || set(world, name, MARKER));
        }
    });
    for name in names {
        let env = format!("T=store:{name}");
        let exec = ["secret", "exec", "--env", &env, "--", "sh", "-c", "echo ${#T}"];
        assert_eq!(world.ok(&exec).stdout, "24\n", "{name}");
    }
}
