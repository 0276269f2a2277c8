//! Installing, listing, verifying again, removing.

use std::fs;

use insta::assert_snapshot;
use mcpkg_test_support::mount::Mount;
use mcpkg_test_support::{Draft, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme};

/// What a user sees, with what differs from run to run replaced.
fn seen(text: &str, world: &World, fixture: &Fixture) -> String {
    let text = text
        .replace(&world.path().display().to_string(), "[HOME]")
        .replace(fixture.registry.url(), "[REGISTRY]")
        .replace(env!("CARGO_BIN_EXE_mcpkg"), "[MCPKG]");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        for dated in ["signed", "logged"] {
            let Some(at) = line.find(&format!("{dated} 20")) else { continue };
            let rest = line.find(", as entry").unwrap_or(line.len());
            line.replace_range(at..rest, &format!("{dated} [TIME]"));
        }
        if line.starts_with(" confinement ") {
            "[THE LEVEL OF THIS MACHINE]".clone_into(line);
        }
    }
    lines.join("\n")
}

#[test]
fn an_install_shows_who_built_it_pins_it_and_links_it() {
    let fixture = Fixture::empty();
    let mut draft = Draft::new(NAME, "1.2.0");
    let meta = "io.modelcontextprotocol.registry/publisher-provided";
    draft.server["_meta"] = json!({ meta: { "mcpkg": { "permissions": {
        "network": { "allow": ["api.weather.example:443"] },
        "secrets": ["api_key"],
    } } } });
    draft.artifacts[0].manifest["user_config"] = json!({
        "api_key": { "type": "string", "title": "API key", "sensitive": true, "required": true },
        "units": { "type": "string", "title": "Units" },
    });
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));

    let developer = fixture.developer();
    let outcome = developer.ok(&[
        "install",
        NAME,
        "--yes",
        "--set",
        "units=metric",
        "--secret",
        "api_key=env:WEATHER_KEY",
    ]);
    assert_snapshot!(seen(&outcome.stderr, &developer, &fixture));
    let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    let entry = json!({
        "type": "stdio",
        "command": env!("CARGO_BIN_EXE_mcpkg"),
        "args": ["run", NAME],
    });
    assert_eq!(settings, json!({ "mcpServers": { "weather": entry } }));

    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    for pinned in
        ["repository_id", "api.weather.example:443", "tree-sha256:", "env:WEATHER_KEY", "metric"]
    {
        assert!(lock.contains(pinned) || lock.contains(&camel(pinned)), "{pinned}\n{lock}");
    }
}

fn camel(word: &str) -> String {
    word.replace("repository_id", "repositoryId")
}

#[test]
fn installing_again_changes_nothing_and_needs_no_approval() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let state = |developer: &World| {
        let modified =
            |path| fs::metadata(developer.path().join(path)).unwrap().modified().unwrap();
        (modified(".claude.json"), modified(".config/mcpkg/mcpkg.lock"), developer.files())
    };
    let before = state(&developer);
    developer.ok(&["install", NAME]);
    assert_eq!(state(&developer), before);
}

#[test]
fn without_a_terminal_approval_is_a_flag() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let outcome = developer.refused(&["install", NAME], 2, &["E_PERMISSION"]);
    assert!(outcome.stderr.contains("--yes"), "{outcome}");
    assert!(!developer.lock_path().exists());
    assert_eq!(developer.read(".claude.json"), "{}\n");
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let before = developer.files();
    let outcome = developer.ok(&["install", NAME, "--dry-run"]);
    assert_snapshot!(seen(&outcome.stdout, &developer, &fixture), @r#"
    --- [HOME]/.claude.json
    +++ [HOME]/.claude.json
    @@ -1 +1,12 @@
    -{}
    +{
    +  "mcpServers": {
    +    "weather": {
    +      "type": "stdio",
    +      "command": "[MCPKG]",
    +      "args": [
    +        "run",
    +        "io.github.acme/weather"
    +      ]
    +    }
    +  }
    +}
    "#);
    // What the registry's log was seen to be is remembered; nothing else is.
    let is_state = |path: &String| path.starts_with(".local/state/mcpkg/lo");
    let after: Vec<_> = developer.files().into_iter().filter(|path| !is_state(path)).collect();
    assert_eq!(after, before);
    developer.ok(&["install", NAME, "--yes"]);
    let linked = developer.read(".claude.json");
    developer.ok(&["remove", "weather", "--dry-run"]);
    assert_eq!(developer.read(".claude.json"), linked);
}

#[test]
fn removing_gives_the_bytes_back() {
    let fixture = Fixture::with_weather();
    for before in ["{}\n", "{\"theme\":\"dark\"}", "{\n\t\"mcpServers\": {\n\t}\n}\n", ""] {
        let developer = fixture.developer();
        developer.file(".claude.json", before);
        developer.ok(&["install", NAME, "--yes"]);
        assert_ne!(developer.read(".claude.json"), before);
        developer.ok(&["remove", NAME]);
        if before.is_empty() {
            assert!(!developer.path().join(".claude.json").exists(), "an empty file says nothing");
        } else {
            assert_eq!(developer.read(".claude.json"), before);
        }
        let outcome = developer.refused(&["remove", NAME], 1, &["E_NOT_FOUND"]);
        assert!(outcome.stderr.contains("mcpkg list"), "{outcome}");
    }
}

#[test]
fn a_project_has_a_lock_of_its_own_and_shared_settings() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&[
        "install",
        NAME,
        "--yes",
        "--scope",
        "project",
        "--agent",
        "claude-code,cursor",
    ]);
    assert!(developer.path().join("mcpkg.lock").exists());
    assert!(!developer.lock_path().exists());
    for settings in [".mcp.json", ".cursor/mcp.json"] {
        let settings: Value = serde_json::from_str(&developer.read(settings)).unwrap();
        let entry = &settings["mcpServers"]["weather"];
        assert_eq!(entry["command"], "mcpkg", "a path would be one person's");
        assert_eq!(entry["args"], json!(["run", "--project", NAME]));
    }
    let lock = developer.read("mcpkg.lock");
    assert!(!lock.contains(&developer.path().display().to_string()), "{lock}");
    developer.refused(
        &["install", NAME, "--yes", "--scope", "project", "--agent", "claude-desktop"],
        2,
        &["E_CONFIG"],
    );
}

#[test]
fn each_platform_gets_its_artifact_and_all_are_pinned() {
    let fixture = Fixture::empty();
    let here = mcpkg_core::Platform::current().unwrap().to_string();
    let other = if here == "darwin-aarch64" { "linux-x86_64" } else { "darwin-aarch64" };
    let both = Draft::new(NAME, "1.2.0").for_platforms(&[&here, other]);
    fixture.registry.accept(&both.sign(&fixture.sigstore, &acme()));
    let elsewhere = Draft::new("io.github.acme/tides", "1.0.0").for_platforms(&[other]);
    fixture.registry.accept(&elsewhere.sign(&fixture.sigstore, &acme()));

    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(&here) && lock.contains(other), "{lock}");
    let outcome =
        developer.refused(&["install", "io.github.acme/tides", "--yes"], 1, &["E_PLATFORM"]);
    assert!(outcome.stderr.contains(other), "{outcome}");
}

#[test]
fn a_secret_is_given_by_reference_and_never_written() {
    let fixture = Fixture::empty();
    let mut draft = Draft::new(NAME, "1.2.0");
    draft.artifacts[0].manifest["user_config"] =
        json!({ "api_key": { "type": "string", "title": "API key", "sensitive": true } });
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &acme()));
    let developer = fixture.developer();
    let marker = "hunter2-marker";
    for args in [
        ["install", NAME, "--yes", "--set", &format!("api_key={marker}")],
        ["install", NAME, "--yes", "--secret", &format!("api_key={marker}")],
    ] {
        let outcome = developer.refused(&args, 1, &["E_CONFIG"]);
        assert!(!outcome.to_string().contains(marker), "{outcome}");
        for file in developer.files() {
            let content = fs::read(developer.path().join(&file)).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(marker), "{file}");
        }
    }
    developer.refused(&["install", NAME, "--yes", "--set", "nothing=1"], 1, &["E_CONFIG"]);
}

#[test]
fn two_at_once_both_end_up_in_the_lock() {
    let fixture = Fixture::with_weather();
    fixture
        .registry
        .accept(&Draft::new("io.github.acme/tides", "1.0.0").sign(&fixture.sigstore, &acme()));
    let developer = fixture.developer();
    std::thread::scope(|scope| {
        for name in [NAME, "io.github.acme/tides", NAME, "io.github.acme/tides"] {
            let developer = &developer;
            scope.spawn(move || developer.ok(&["install", name, "--yes"]));
        }
    });
    let list = developer.ok(&["list"]).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    assert_eq!(settings["mcpServers"].as_object().unwrap().len(), 2);
}

#[test]
fn an_install_that_is_killed_leaves_nothing_that_does_not_work() {
    let fixture = Fixture::empty();
    let large = Draft::new(NAME, "1.2.0").with_bytes(8 << 20);
    fixture.registry.accept(&large.sign(&fixture.sigstore, &acme()));
    // Killed after each of many short times: somewhere in the download, while
    // unpacking, between the steps that commit.
    for milliseconds in (0..120).step_by(8) {
        let developer = fixture.developer();
        let mut child = developer.command(&["install", NAME, "--yes", "--quiet"]).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_millis(milliseconds);
        while std::time::Instant::now() < deadline && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Settings name only what the lock has, and the lock only what is there.
        let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
        if settings["mcpServers"]["weather"].is_object() || developer.lock_path().exists() {
            developer.ok(&["verify", NAME]);
        }
        developer.ok(&["install", NAME, "--yes"]);
        developer.ok(&["verify"]);
        let staging = developer.store_path().join("staging");
        assert_eq!(fs::read_dir(staging).unwrap().count(), 0, "what was left is swept away");
    }
}

#[test]
fn a_full_or_readonly_disk_is_a_clear_error_and_nothing_is_half_done() {
    let fixture = Fixture::with_weather();
    let large = Draft::new("io.github.acme/large", "1.0.0").with_bytes(4 << 20);
    fixture.registry.accept(&large.sign(&fixture.sigstore, &acme()));
    let developer = fixture.developer();
    let Some(mount) = Mount::over(developer.store_path(), "2m") else { return };
    let install = |name, exit_code, codes: &[&str]| {
        let outcome = developer.run(&["install", name, "--yes"]);
        assert_eq!((outcome.code, outcome.codes()), (Some(exit_code), codes.to_vec()), "{outcome}");
    };
    install("io.github.acme/large", 1, &["E_STORAGE"]);
    assert_eq!(developer.read(".claude.json"), "{}\n");
    assert!(!developer.lock_path().exists());
    assert_eq!(fs::read_dir(developer.store_path().join("staging")).unwrap().count(), 0);
    mount.set_read_only(true);
    install(NAME, 1, &["E_STORAGE"]);
    assert!(!developer.lock_path().exists());
    mount.set_read_only(false);
    install(NAME, 0, &[]);
}
