//! `lock` and `sync`: from what a project wants to the same on every machine.

use mcpkg_test_support::{Draft, World};
use serde_json::{Value, json};

use super::{asking, data, network, publish};
use crate::fixture::{Fixture, NAME};

const WANTED: &str = "# what we use\n[servers]\n\"io.github.acme/weather\" = \"^1.2\" # stable\n";

/// Another machine with the same project.
fn colleague(fixture: &Fixture, project: &World, files: &[&str]) -> World {
    let colleague = fixture.developer();
    for file in files {
        colleague.file(file, project.read(file));
    }
    colleague
}

/// The entries of a project in Claude Code's settings.
fn linked(world: &World) -> Value {
    let settings: Value = serde_json::from_str(&world.read(".mcp.json")).unwrap();
    settings["mcpServers"].clone()
}

#[test]
fn a_project_is_locked_here_and_synced_there() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file("mcpkg.toml", WANTED);
    developer.refused(&["lock"], 2, &["E_PERMISSION"]);
    assert!(!developer.path().join("mcpkg.lock").exists());
    developer.ok(&["lock", "--yes"]);
    let lock = developer.read("mcpkg.lock");
    assert!(!developer.store_path().join("trees").exists(), "nothing is installed");
    developer.ok(&["lock"]);
    assert_eq!(developer.read("mcpkg.lock"), lock, "the same again is the same bytes");
    developer.ok(&["sync"]);
    assert_eq!(linked(&developer)["weather"]["args"], json!(["run", "--project", NAME]));

    // What is newer by now is nobody's business there.
    publish(&fixture, &Draft::new(NAME, "1.3.0"));
    let lock = developer.read("mcpkg.lock");
    for flag in ["--locked", "--frozen"] {
        let colleague = colleague(&fixture, &developer, &["mcpkg.toml", "mcpkg.lock"]);
        colleague.ok(&["sync", flag]);
        assert_eq!(linked(&colleague), linked(&developer));
        assert_eq!(colleague.read("mcpkg.lock"), lock);
        colleague.ok(&["verify"]);
    }
}

#[test]
fn a_lock_that_is_not_what_is_wanted_is_something_to_do() {
    let fixture = Fixture::empty();
    publish(&fixture, &asking(NAME, "1.2.0", &network(&["a.example.com:443"])));
    let developer = fixture.developer();
    developer.refused(&["sync", "--locked"], 1, &["E_NOT_FOUND"]);
    developer.file("mcpkg.toml", WANTED);
    developer.ok(&["lock", "--yes"]);
    developer.ok(&["sync", "--locked"]);
    let name = format!("\"{NAME}\"");
    for (servers, kind) in [
        (format!("{name} = \"^2\""), "version"),
        (format!("{name} = {{ version = \"^1.2\", permissions = {{}} }}"), "granted"),
        (format!("{name} = {{ version = \"*\", secrets = {{ k = \"env:K\" }} }}"), "secret"),
        (format!("{name} = \"*\"\n\"io.github.acme/tides\" = \"*\""), "missing"),
        (String::new(), "unwanted"),
    ] {
        let lock = developer.read("mcpkg.lock");
        developer.file("mcpkg.toml", format!("[servers]\n{servers}\n"));
        let outcome = developer.run(&["sync", "--locked", "--json"]);
        assert_eq!(outcome.code, Some(4), "{outcome}");
        assert_eq!(data(&outcome.stdout)["mismatches"][0]["kind"], kind, "{outcome}");
        assert_eq!(developer.read("mcpkg.lock"), lock);
        developer.ok(&["sync", "--frozen"]);
    }
    // Narrower grants and references come into the lock without a new release.
    let terms = "permissions = {}, secrets = { k = \"env:K\" }";
    developer.file("mcpkg.toml", format!("[servers]\n{name} = {{ version = \"*\", {terms} }}\n"));
    developer.ok(&["sync"]);
    let lock = developer.read("mcpkg.lock");
    assert!(!lock.contains("a.example.com") && lock.contains("env:K"), "{lock}");
}

#[test]
fn what_is_no_longer_locked_is_unlinked() {
    let fixture = Fixture::with_weather();
    publish(&fixture, &Draft::new("io.github.acme/tides", "1.0.0"));
    let developer = fixture.developer();
    developer.file("mcpkg.toml", format!("{WANTED}\"io.github.acme/tides\" = \"*\"\n"));
    developer.ok(&["sync", "--yes"]);
    assert_eq!(linked(&developer).as_object().unwrap().len(), 2);
    let mine = json!({ "command": "mine" });
    let mut settings: Value = serde_json::from_str(&developer.read(".mcp.json")).unwrap();
    settings["mcpServers"]["mine"] = mine.clone();
    developer.file(".mcp.json", settings.to_string());

    developer.file("mcpkg.toml", WANTED);
    developer.ok(&["sync"]);
    let entries = linked(&developer);
    assert_eq!(entries["mine"], mine, "what is not ours stays");
    assert!(entries["weather"].is_object() && entries.get("tides").is_none(), "{entries}");
    assert!(!developer.read("mcpkg.lock").contains("tides"));
}

#[test]
fn a_lock_from_elsewhere_takes_nobodys_entry_and_grants_nothing_unasked() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file("mcpkg.toml", WANTED);
    developer.ok(&["sync", "--yes"]);
    let files = ["mcpkg.toml", "mcpkg.lock"];

    let taken = colleague(&fixture, &developer, &files);
    let mine = "{\"mcpServers\":{\"weather\":{\"command\":\"mine\"}}}";
    taken.file(".mcp.json", mine);
    taken.refused(&["sync", "--locked"], 1, &["E_SETTINGS"]);
    assert_eq!(taken.read(".mcp.json"), mine);

    let widened = colleague(&fixture, &developer, &files);
    let lock = widened.read("mcpkg.lock");
    let grant = "[server.granted.network]\nallow = [\"evil.example:443\"]\n\n";
    let at = lock.find("[[server.agent]]").unwrap();
    widened.file("mcpkg.lock", format!("{}{grant}{}", &lock[..at], &lock[at..]));
    for flag in ["--locked", "--frozen"] {
        widened.refused(&["sync", flag], 3, &["E_PERMISSION"]);
        assert!(!widened.path().join(".mcp.json").exists());
    }

    let other = colleague(&fixture, &developer, &files);
    let pinned = lock.lines().find(|line| line.starts_with("tree = ")).unwrap();
    let zeros = format!("tree = \"tree-sha256:{}\"", "0".repeat(64));
    other.file("mcpkg.lock", lock.replace(pinned, &zeros));
    // Asked, the log says that this was never in it; and what is signed has another tree.
    for (flag, code) in [("--locked", "E_LOG_PROOF"), ("--frozen", "E_IMMUTABLE")] {
        other.refused(&["sync", flag], 3, &[code]);
    }
}

#[test]
fn an_install_in_a_project_says_so_in_its_file_and_leaves_the_rest() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file("mcpkg.toml", "# ours\n[servers]\n");
    let install = ["install", NAME, "--yes", "--scope", "project"];
    developer.ok(&install);
    let wanted = "# ours\n[servers]\n\"io.github.acme/weather\" = \"^1.2.0\"\n";
    assert_eq!(developer.read("mcpkg.toml"), wanted);
    developer.ok(&install);
    assert_eq!(developer.read("mcpkg.toml"), wanted);
    developer.ok(&["sync", "--locked"]);
    developer.ok(&["remove", NAME, "--scope", "project"]);
    assert_eq!(developer.read("mcpkg.toml"), "# ours\n[servers]\n");
}

#[test]
fn two_syncs_at_once_are_one_sync() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file("mcpkg.toml", WANTED);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let developer = &developer;
            scope.spawn(move || developer.ok(&["sync", "--yes"]));
        }
    });
    developer.ok(&["sync", "--locked"]);
    assert_eq!(linked(&developer).as_object().unwrap().len(), 1);
}

#[test]
fn an_unsolved_merge_is_named_by_its_line() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file("mcpkg.toml", WANTED);
    developer.ok(&["lock", "--yes"]);
    let lock = developer.read("mcpkg.lock");
    developer.file("mcpkg.lock", format!("<<<<<<< ours\n{lock}=======\n{lock}>>>>>>> theirs\n"));
    for args in [["sync", "--locked"], ["sync", "--frozen"], ["lock", "--yes"]] {
        let outcome = developer.refused(&args, 1, &["E_LOCK"]);
        assert!(outcome.stderr.contains("at line 1"), "{outcome}");
    }
}
