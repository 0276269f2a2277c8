//! What a server gets while it is inspected: row 45, for a start that nobody uses.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// Writes down the variables that it starts with, and shows nothing.
const SERVER: &str = r#"#!/bin/sh
export -p >> "$HOME/seen"
while read -r line; do
  id=${line##*\"id\":}
  echo "{\"jsonrpc\":\"2.0\",\"id\":${id%%[,\}]*},\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}"
done
"#;

#[test]
fn what_is_inspected_has_an_environment_made_from_nothing_and_no_secret_in_it() {
    let fixture = Fixture::empty();
    Program::new(NAME, SERVER)
        .user_config(json!({
            "key": { "type": "string", "title": "Key", "sensitive": true, "required": true },
            "kept": { "type": "string", "title": "Another", "sensitive": true },
            "units": { "type": "string", "title": "Units", "default": "metric" },
        }))
        .env(json!({
            "KEY": "${user_config.key}",
            "KEPT": "${user_config.kept}",
            "UNITS": "${user_config.units}",
        }))
        .permissions(&json!({
            "env": { "allow": ["GITHUB_TOKEN", "UNSET"] },
            "secrets": ["key", "kept"],
        }))
        .publish(&fixture);
    let developer = fixture.developer();
    let kept = developer.file("kept", "key_in_a_file");
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).unwrap();
    let kept = format!("kept=file:{}", kept.display());
    let install = ["install", NAME, "--yes", "--secret", "key=env:THE_KEY"];
    developer.ok(&[install.as_slice(), &["--secret", &kept]].concat());
    let folder = developer.path().join(".local/state/mcpkg/servers").join(NAME);

    let secrets = ["ghp_granted", "key_by_reference", "npm_of_the_shell"];
    let start = |args: &[&str]| {
        let variables = ["GITHUB_TOKEN", "THE_KEY", "NPM_TOKEN"].into_iter().zip(secrets);
        let output = developer.command(args).envs(variables).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let seen = fs::read_to_string(folder.join("seen")).unwrap();
        fs::remove_file(folder.join("seen")).unwrap();
        seen
    };
    let seen = start(&["inspect", "weather"]);
    for secret in secrets.into_iter().chain(["key_in_a_file"]) {
        assert!(!seen.contains(secret), "{secret}\n{seen}");
    }
    let home = folder.display();
    let (first, second) = seen.split_at(seen.len() / 2);
    assert_eq!(first, second, "once for each generation of the protocol");
    let variables: Vec<_> = first
        .lines()
        .filter_map(|line| line.strip_prefix("export "))
        // The shell's own.
        .filter(|line| !line.starts_with("PWD") && !line.starts_with("OLDPWD"))
        .filter(|line| !line.starts_with("PATH=") && !line.starts_with("TMPDIR="))
        .collect();
    let expected = [
        "GITHUB_TOKEN='none'".to_owned(),
        format!("HOME='{home}'"),
        "KEPT='none'".to_owned(),
        "KEY='none'".to_owned(),
        "PYTHONDONTWRITEBYTECODE='1'".to_owned(),
        "UNITS='metric'".to_owned(),
    ];
    assert_eq!(variables, expected, "{seen}");
    let command = developer.command(&["inspect"]);
    let path = command.get_envs().find(|(name, _)| *name == "PATH");
    let path = path.and_then(|(_, path)| path).unwrap().to_str().unwrap();
    assert!(seen.contains(&format!("PATH='{path}'")), "{path}\n{seen}");

    // It starts with them when somebody uses it.
    let seen = start(&["run", "weather"]);
    let secrets = ["GITHUB_TOKEN='ghp_granted'", "KEPT='key_in_a_file'", "KEY='key_by_reference'"];
    for variable in secrets {
        assert!(seen.contains(variable), "{variable}\n{seen}");
    }
    assert!(!seen.contains("npm_of_the_shell"), "{seen}");
}
