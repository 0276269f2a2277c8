//! What `mcpkg run` starts, with what, and what it refuses to start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mcpkg_test_support::World;
use mcpkg_test_support::sigstore::Identity;
use serde_json::json;

use crate::fixture::{Fixture, NAME};
use crate::program::Program;

/// A package of a shell script that prints its arguments, folder and
/// environment, published and installed as anybody would.
struct Installed {
    fixture: Fixture,
    developer: World,
}

fn install(permissions: &serde_json::Value, flags: &[&str]) -> Installed {
    let mut permissions = permissions.clone();
    // What the script starts; the shell that runs it need not be granted.
    permissions["run"] = json!(["env", "sort"]);
    let script =
        "#!/bin/sh\nprintf 'arg=%s\\n' \"$@\"\nprintf 'cwd=%s\\n' \"$(pwd)\"\nenv | sort\nexit 7\n";
    let fixture = Fixture::empty();
    Program::new(NAME, script)
        .args(&["--units=${user_config.units}", "${user_config.folders}", "${HOME}"])
        .env(json!({ "KEY": "${user_config.key}" }))
        .user_config(json!({
            "units": { "type": "string", "title": "Units", "default": "metric" },
            "folders": { "type": "directory", "title": "Folders", "multiple": true },
            "key": { "type": "string", "title": "Key", "sensitive": true },
        }))
        .permissions(&permissions)
        .publish(&fixture);
    let developer = fixture.developer();
    developer.ok(&[["install", NAME, "--yes"].as_slice(), flags].concat());
    Installed { fixture, developer }
}

impl Installed {
    /// The unpacked files.
    fn tree(&self) -> PathBuf {
        let trees = self.developer.store_path().join("trees");
        fs::read_dir(trees).unwrap().next().unwrap().unwrap().path()
    }
}

/// Makes a file of the store writable, as nothing but an attacker would.
fn open(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_server_gets_its_arguments_a_clean_environment_and_its_exit_code_is_passed_on() {
    let permissions = json!({ "env": { "allow": ["WEATHER_STATION"] }, "secrets": ["key"] });
    let flags =
        ["--set", "folders=/a b", "--set", "folders=${HOME}", "--secret", "key=env:THE_KEY"];
    let Installed { developer, .. } = install(&permissions, &flags);
    let output = developer
        .command(&["run", "weather"])
        .env("GITHUB_TOKEN", "ghp_stays_with_the_agent")
        .env("WEATHER_STATION", "oslo")
        .env("THE_KEY", "the secret")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(7), "{stdout}");
    let home = developer.path().display().to_string();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[..4],
        ["arg=--units=metric", "arg=/a b", "arg=${HOME}", &format!("arg={home}")],
        "a user's value is never expanded\n{stdout}"
    );
    let cwd = format!("cwd={home}/.local/state/mcpkg/servers/io.github.acme/weather");
    for (expected, is_there) in [
        (cwd.as_str(), true),
        ("KEY=the secret", true),
        ("WEATHER_STATION=oslo", true),
        ("GITHUB_TOKEN=", false),
        ("THE_KEY=", false),
    ] {
        assert_eq!(lines.iter().any(|line| line.starts_with(expected)), is_there, "{stdout}");
    }
}

/// Row 44: by no command that starts them, passes them on or reads what they say.
#[test]
fn files_that_are_not_the_pinned_ones_are_not_started() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 6] = [
        ("changed", |tree| {
            open(&tree.join("server/run"));
            fs::write(tree.join("server/run"), "#!/bin/sh\necho pwned\n").unwrap();
        }),
        ("added", |tree| fs::write(tree.join("extra"), "").unwrap()),
        ("removed", |tree| fs::remove_file(tree.join("manifest.json")).unwrap()),
        ("made executable", |tree| open(&tree.join("manifest.json"))),
        ("no longer executable", |tree| {
            let mode = fs::Permissions::from_mode(0o444);
            fs::set_permissions(tree.join("server/run"), mode).unwrap();
        }),
        ("replaced by a link", |tree| {
            fs::remove_file(tree.join("server/run")).unwrap();
            std::os::unix::fs::symlink("/bin/true", tree.join("server/run")).unwrap();
        }),
    ];
    let installed = install(&json!({}), &[]);
    for (what, change) in changes {
        change(&installed.tree());
        let outcome = installed.developer.refused(&["run", "weather"], 3, &["E_TREE"]);
        assert_eq!(outcome.stdout, "", "{what}: nothing was started");
        for args in [
            ["verify", "weather"].as_slice(),
            &["inspect", "weather"],
            &["export", "json"],
            &["export", "agents"],
            &["export", "managed-mcp"],
            &["migrate", "--into", "gh=weather", "--yes"],
        ] {
            let outcome = installed.developer.refused(args, 3, &["E_TREE"]);
            assert_eq!(outcome.stdout, "", "{what}: {args:?}");
        }
        installed.developer.ok(&["install", NAME]);
        let again = installed.developer.run(&["run", "weather"]);
        assert_eq!(again.code, Some(7), "{what}: an install mends it\n{again}");
    }
    fs::remove_dir_all(installed.tree()).unwrap();
    installed.developer.refused(&["run", "weather"], 1, &["E_NOT_FOUND"]);
}

#[test]
fn a_projects_lock_is_used_only_where_the_settings_say_so() {
    let Installed { fixture, developer } = install(&json!({}), &[]);
    // A hostile project brings a lock that names the server, with nothing in it
    // that was ever verified.
    let lock = developer.read(".config/mcpkg/mcpkg.lock").replace("tree-sha256:", "tree-sha256:0");
    let lock: String = lock
        .lines()
        .map(|line| match line.strip_prefix("tree = \"tree-sha256:0") {
            Some(rest) => format!("tree = \"tree-sha256:0{}\n", &rest[1..]),
            None => format!("{line}\n"),
        })
        .collect();
    developer.file("mcpkg.lock", lock);
    assert_eq!(developer.run(&["run", "weather"]).code, Some(7));
    developer.refused(&["run", "--project", "weather"], 3, &["E_PERMISSION"]);
    // And who approves it without a look starts nothing that was not verified.
    developer.ok(&["secret", "approve", "weather", "--yes"]);
    developer.refused(&["run", "--project", "weather"], 1, &["E_NOT_FOUND"]);
    drop(fixture);
}

#[test]
fn a_missing_secret_is_named_and_its_place_too() {
    let fixture = Fixture::empty();
    let mut draft = mcpkg_test_support::Draft::new(NAME, "1.2.0");
    draft.artifacts[0].manifest["user_config"] = json!({
        "key": { "type": "string", "title": "API key", "sensitive": true, "required": true },
    });
    fixture.registry.accept(&draft.sign(&fixture.sigstore, &Identity::github("acme/weather")));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes", "--secret", "key=env:THE_KEY"]);
    let outcome = developer.refused(&["run", "weather"], 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains("THE_KEY"), "{outcome}");
}
