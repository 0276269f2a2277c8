//! What a project's lock may not do to somebody who has not seen it.

use std::fs;

use super::{MARKER, published, with_input};
use crate::fixture::NAME;

#[test]
fn a_projects_lock_gets_no_secret_that_was_not_approved() {
    let fixture = published("environment");
    let developer = fixture.developer();
    developer.ok(&[
        "install",
        NAME,
        "--yes",
        "--scope",
        "project",
        "--agent",
        "claude-code",
        "--secret",
        "api_key=env:WEATHER_KEY",
    ]);
    let run = |lock: &str| {
        developer.file("mcpkg.lock", lock);
        let mut command = developer.command(&["run", "--project", "weather"]);
        command
            .env("WEATHER_KEY", MARKER)
            .env("AWS_SECRET", MARKER)
            .stdin(std::process::Stdio::null());
        mcpkg_test_support::Outcome::from(command.output().unwrap())
    };
    let approved = developer.read("mcpkg.lock");
    let outcome = run(&approved);
    assert_eq!(outcome.stdout, "length=24\n", "who installs it has approved it: {outcome}");

    let touched = developer.path().join("touched");
    let changes = [
        ("another variable", approved.replace("env:WEATHER_KEY", "env:AWS_SECRET")),
        (
            "a program",
            approved.replace("env:WEATHER_KEY", &format!("cmd:touch {}", touched.display())),
        ),
        ("a file", approved.replace("env:WEATHER_KEY", "file:/etc/hostname")),
        (
            "a secret of another server",
            approved.replace("env:WEATHER_KEY", "store:io.github.acme/tides/key"),
        ),
        (
            "a setting",
            approved.replace(
                "[server.secrets]",
                "[server.config]\nhost = \"evil.example\"\n\n[server.secrets]",
            ),
        ),
        (
            "a right",
            approved.replace(
                "[server.secrets]",
                "[server.granted.network]\nallow = [\"evil.example:443\"]\n\n[server.secrets]",
            ),
        ),
    ];
    for (what, lock) in changes {
        assert_ne!(lock, approved, "{what}");
        let outcome = run(&lock);
        assert_eq!(
            (outcome.code, outcome.codes()),
            (Some(3), vec!["E_PERMISSION"]),
            "{what}: {outcome}"
        );
        assert!(
            outcome.stderr.contains("mcpkg secret approve io.github.acme/weather"),
            "{outcome}"
        );
        // Nor is it taken over, and so approved, without a look.
        let install = ["install", NAME, "--yes", "--scope", "project", "--agent", "claude-code"];
        developer.refused(&install, 3, &["E_PERMISSION"]);
        assert!(!touched.exists() && outcome.stdout.is_empty(), "{what}");
    }

    // Seen and approved, it is started; in another project it is not.
    let lock = approved.replace("env:WEATHER_KEY", "env:AWS_SECRET");
    developer.file("mcpkg.lock", &lock);
    let shown = developer.ok(&["secret", "approve", "weather", "--yes"]);
    assert!(shown.stderr.contains("api_key from env:AWS_SECRET"), "{shown}");
    assert_eq!(run(&lock).stdout, "length=24\n");
    developer.refused(&["secret", "approve", "weather"], 2, &["E_PERMISSION"]);
    let other = developer.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("mcpkg.lock"), &lock).unwrap();
    let mut command = developer.command(&["run", "--project", "weather"]);
    let output = command.current_dir(&other).env("AWS_SECRET", MARKER).output().unwrap();
    assert_eq!(mcpkg_test_support::Outcome::from(output).codes(), ["E_PERMISSION"]);

    // The user's own lock is the user's word.
    developer.ok(&["install", NAME, "--yes", "--secret", "api_key=cmd:echo hello"]);
    assert_eq!(with_input(&developer, &["run", "weather"], "\n").stdout, "length=5\n");
}
