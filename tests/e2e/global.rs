//! What every command takes: `--offline`, `--verbose`, `--color`, and other names for
//! some commands.

use std::fs;

use crate::fixture::{Fixture, NAME};

#[test]
fn offline_asks_nobody_and_what_needs_the_network_says_so() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    developer.file("dist/server.json", "{}");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let release = "io.github.acme/weather@1.2.0";
    // With a registry that would answer, so that nothing else keeps them from it.
    for command in [
        ["install", NAME, "--yes"].as_slice(),
        &["update", "--yes"],
        &["outdated"],
        &["lock"],
        &["sync", "--scope", "user"],
        &["sync", "--locked", "--scope", "user"],
        &["search", "weather"],
        &["info", NAME],
        &["publish"],
        &["rebuild", release],
        &["yank", release],
        &["deprecate", release],
        &["restore", release],
        &["publisher", "show", NAME],
        &["registry", "add", "other", "https://mcpkg.example"],
        &["trust", "update"],
        &["log", "watch", "--once"],
    ] {
        let args = [&["--offline"], command].concat();
        let outcome = developer.refused(&args, 1, &["E_OFFLINE"]);
        assert!(outcome.stderr.contains(command[0]), "{outcome}");
    }
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);

    // The rest works, where there is nobody to ask.
    drop(fixture);
    for command in [
        ["list"].as_slice(),
        &["verify"],
        &["verify", release],
        &["log", "verify"],
        &["audit"],
        &["export"],
        &["permissions", "show", "weather"],
        &["tools", "weather"],
        &["agents"],
        &["registry", "list"],
        &["trust", "list"],
        &["secret", "list"],
        &["doctor"],
        &["sync", "--frozen", "--scope", "user"],
        &["remove", "weather", "--dry-run"],
    ] {
        developer.ok(&[&["--offline"], command].concat());
    }

    // What is not in the store cannot come from anywhere.
    fs::remove_dir_all(developer.store_path().join("trees")).unwrap();
    let frozen = ["--offline", "sync", "--frozen", "--scope", "user"];
    let outcome = developer.refused(&frozen, 1, &["E_OFFLINE"]);
    assert!(outcome.stderr.contains("not in the store"), "{outcome}");
}

#[test]
fn verbose_says_which_files_and_bytes_and_quiet_says_nothing() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let plain = developer.ok(&["install", NAME, "--yes", "--dry-run"]);
    let more = developer.ok(&["-v", "install", NAME, "--yes", "--dry-run"]);
    let home = developer.path().display().to_string();
    for said in [
        format!("{home}/.config/mcpkg/config.toml"),
        format!("{home}/.claude.json"),
        format!("from {}", fixture.registry.url()),
    ] {
        assert!(more.stderr.contains(&said), "{said}\n{more}");
        assert!(!plain.stderr.contains(&format!("reads {said}")), "{plain}");
    }
    assert_eq!(more.stdout, plain.stdout, "data is the same");
    let quiet = developer.ok(&["install", NAME, "--yes", "--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    assert_eq!(developer.run(&["list", "-v", "-q"]).code, Some(2));
}

#[test]
fn colours_are_for_terminals_or_as_asked() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let has_colours = |args: &[&str]| developer.run(args).stderr.contains("\u{1b}[");
    let info = ["install", NAME, "--yes"];
    assert!(!has_colours(&info), "into a pipe");
    assert!(has_colours(&[&["--color", "always"], &info[..]].concat()));
    assert!(!has_colours(&[&["--color", "never"], &info[..]].concat()));
    assert_eq!(developer.run(&["list", "--color", "sometimes"]).code, Some(2));
    let outcome = developer.run(&["--color", "always", "info", "io.github.acme/nothing"]);
    assert!(outcome.stderr.contains("\u{1b}[") && outcome.code == Some(1), "{outcome}");
}

#[test]
fn other_names_do_the_same() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["add", NAME, "--yes"]);
    assert_eq!(developer.ok(&["ls", "--json"]).stdout, developer.ok(&["list", "--json"]).stdout);
    assert!(developer.ok(&["ls"]).stdout.contains(NAME));
    assert_eq!(
        developer.ok(&["perms", "show", "weather"]).stdout,
        developer.ok(&["permissions", "show", "weather"]).stdout
    );
    developer.ok(&["upgrade"]);
    developer.ok(&["rm", "weather"]);
    assert!(!developer.ok(&["ls"]).stdout.contains(NAME));
    assert_eq!(developer.read(".claude.json"), "{}\n");
}
