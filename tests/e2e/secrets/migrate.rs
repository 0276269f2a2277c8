//! Literal secrets in the settings of agents, before and after.

use mcpkg_test_support::{World, world};
use serde_json::{Value, json};

use super::keep_in_file;
use crate::fixture::{Fixture, NAME};
use crate::program::Program;

const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
const PASSWORD: &str = "correct horse battery";

fn settings() -> Value {
    json!({
        "numStartups": 3,
        "mcpServers": {
            "github": {
                "type": "stdio",
                "command": "sh",
                "args": ["-c", "echo length=${#GITHUB_TOKEN} $MODE"],
                "env": { "MODE": "ro", "GITHUB_TOKEN": TOKEN, "DB_PASSWORD": PASSWORD },
            },
            "remote": {
                "type": "http",
                "url": "https://mcp.example/",
                "headers": { "Authorization": format!("Bearer {TOKEN}") },
            },
            "careful": { "type": "stdio", "command": "x", "env": { "API_TOKEN": "${API_TOKEN}" } },
        },
    })
}

/// Somebody with secrets in the settings of three agents.
fn careless() -> World {
    let world = world!();
    keep_in_file(&world, "correct horse");
    world.file(".claude.json", format!("{:#}", settings()));
    let vscode = format!(
        "{{\n\t// mine\n\t\"servers\": {{\n\t\t\"github\": {{ \"command\": \"npx\", \"env\": {{ \"GITHUB_TOKEN\": \"{TOKEN}\" }} }}, // here\n\t}},\n}}\n"
    );
    world.file(".config/Code/User/mcp.json", vscode);
    world.file(".cursor/mcp.json", "{ broken");
    world
}

#[test]
fn secrets_leave_the_settings_and_the_servers_still_get_them() {
    let world = careless();
    let before = world.read(".claude.json");
    let dry = world.ok(&["migrate", "--dry-run"]);
    for secret in [TOKEN, PASSWORD] {
        assert!(!dry.to_string().contains(secret), "{dry}");
    }
    assert!(dry.stdout.contains("-        \"GITHUB_TOKEN\": \"ghp_…\""), "{dry}");
    assert!(dry.stdout.contains("GITHUB_TOKEN=store:github.GITHUB_TOKEN"), "{dry}");
    assert!(dry.stderr.contains("Cursor"), "what cannot be read is said: {dry}");
    assert_eq!(world.read(".claude.json"), before);

    world.refused(&["migrate"], 2, &["E_PERMISSION"]);
    let outcome = world.ok(&["migrate", "--yes", "--json"]);
    for secret in [TOKEN, PASSWORD] {
        assert!(!outcome.to_string().contains(secret), "{outcome}");
        for file in world.files() {
            let content = std::fs::read(world.path().join(&file)).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(secret), "{file}");
        }
    }
    let after: Value = serde_json::from_str(&world.read(".claude.json")).unwrap();
    let servers = &after["mcpServers"];
    assert_eq!(servers["careful"], settings()["mcpServers"]["careful"]);
    assert_eq!(servers["github"]["env"], json!({ "MODE": "ro" }));
    assert_eq!(servers["remote"]["headers"]["Authorization"], "Bearer ${REMOTE_AUTHORIZATION}");
    assert_eq!(after["numStartups"], 3);
    let vscode = world.read(".config/Code/User/mcp.json");
    assert!(vscode.contains("\t// mine\n") && vscode.contains(", // here"), "{vscode}");
    assert!(vscode.contains("GITHUB_TOKEN=store:github.GITHUB_TOKEN"), "one secret, one name");
    assert_eq!(world.read(".cursor/mcp.json"), "{ broken");

    // As the agent starts it.
    let github = &servers["github"];
    let args: Vec<&str> =
        github["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let output = world.command(&args).env("MODE", "ro").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "length=40 ro\n", "{output:?}");

    // Once more finds nothing; undone, everything is as it was.
    let again = world.ok(&["migrate", "--yes"]);
    assert!(again.stderr.contains("0 secrets"), "{again}");
    world.refused(&["migrate", "--restore"], 2, &["E_PERMISSION"]);
    let restored = world.ok(&["migrate", "--restore", "--yes"]);
    assert!(!restored.to_string().contains(TOKEN), "{restored}");
    let after: Value = serde_json::from_str(&world.read(".claude.json")).unwrap();
    assert_eq!(after.to_string(), settings().to_string(), "with the order of everything");
}

#[test]
fn what_changed_since_is_not_restored_over() {
    let world = careless();
    world.ok(&["migrate", "--yes"]);
    let text = world.read(".claude.json").replace("\"sh\"", "\"bash\"");
    world.file(".claude.json", &text);
    let outcome = world.run(&["migrate", "--restore", "--yes"]);
    // The entry of `github` still starts with our words, so it is undone; what follows
    // them is its owner's.
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(world.read(".claude.json").contains("\"bash\""));

    let world = careless();
    world.ok(&["migrate", "--yes"]);
    let text = world.read(".claude.json").replace("Bearer ${", "Basic ${");
    world.file(".claude.json", &text);
    let outcome = world.run(&["migrate", "--restore", "--yes"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("has changed since"), "{outcome}");
    assert!(world.read(".claude.json").contains("Basic ${REMOTE_AUTHORIZATION}"));
}

#[test]
fn two_secrets_that_are_called_the_same_are_both_kept() {
    let world = world!();
    keep_in_file(&world, "correct horse");
    let settings = |secret: &str| {
        let args = ["-c", "echo $API_KEY"];
        json!({ "mcpServers": { "x": { "command": "sh", "args": args, "env": { "API_KEY": secret } } } })
    };
    world.file(".claude.json", settings("one-of-these-two").to_string());
    world.file(".cursor/mcp.json", settings("another-of-these").to_string());
    world.ok(&["migrate", "--yes"]);
    for (file, secret) in
        [(".claude.json", "one-of-these-two"), (".cursor/mcp.json", "another-of-these")]
    {
        let after: Value = serde_json::from_str(&world.read(file)).unwrap();
        let args = after["mcpServers"]["x"]["args"].as_array().unwrap();
        let args: Vec<&str> = args.iter().map(|it| it.as_str().unwrap()).collect();
        assert_eq!(world.ok(&args).stdout, format!("{secret}\n"), "{file}");
    }
}

/// A server that takes a token and a mode, and says what it got.
fn published() -> Fixture {
    let script = "#!/bin/sh\nprintf 'length=%s mode=%s\\n' \"${#GITHUB_TOKEN}\" \"$MODE\"\n";
    let fixture = Fixture::empty();
    Program::new(NAME, script)
        .env(json!({ "GITHUB_TOKEN": "${user_config.token}", "MODE": "${user_config.mode}" }))
        .user_config(json!({
            "token": { "type": "string", "title": "Token", "sensitive": true, "required": true },
            "mode": { "type": "string", "title": "Mode" },
        }))
        .publish(&fixture);
    fixture
}

#[test]
fn an_entry_becomes_the_installed_server_that_the_user_names_and_comes_back() {
    let fixture = published();
    let developer = fixture.developer();
    keep_in_file(&developer, "correct horse");
    developer.file(".cursor/mcp.json", "{}");
    developer.ok(&["install", NAME, "--yes", "--agent", "cursor"]);
    let entry = json!({
        "type": "stdio", "command": "npx", "args": ["-y", "@acme/weather"],
        "env": { "GITHUB_TOKEN": TOKEN, "MODE": "ro" },
    });
    let settings = json!({ "numStartups": 3, "mcpServers": { "gh": entry } });
    developer.file(".claude.json", format!("{settings:#}\n"));
    let lock = developer.read(".config/mcpkg/mcpkg.lock");

    let dry = developer.ok(&["migrate", "--into", "gh=weather", "--dry-run"]);
    assert!(!dry.to_string().contains(TOKEN), "{dry}");
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    let done = developer.ok(&["migrate", "--into", "gh=weather", "--yes", "--json"]);
    // Row 46: it was in one file, and is in none.
    assert!(!done.to_string().contains(TOKEN), "{done}");
    let has_token = |file: &String| {
        let bytes = std::fs::read(developer.path().join(file)).unwrap();
        bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes())
    };
    assert_eq!(developer.files().into_iter().find(has_token), None);
    let after: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    let mine = env!("CARGO_BIN_EXE_mcpkg");
    let ours = json!({ "type": "stdio", "command": mine, "args": ["run", NAME] });
    assert_eq!(after["mcpServers"]["gh"], ours);
    let run = developer.ok(&["run", "weather"]);
    assert_eq!(run.stdout, "length=40 mode=ro\n");
    // It is linked like any other.
    let audit = developer.ok(&["audit", "--offline", "--scope", "user"]);
    assert!(audit.stderr.contains("0 findings"), "{audit}");

    let back = developer.ok(&["migrate", "--restore", "--yes", "--json"]);
    assert!(!back.to_string().contains(TOKEN), "{back}");
    let after: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    assert_eq!(after.to_string(), settings.to_string());
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
}

#[test]
fn an_entry_that_has_what_the_server_does_not_take_stays_what_it_is() {
    let fixture = published();
    let developer = fixture.developer();
    keep_in_file(&developer, "correct horse");
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["remove", NAME]);
    developer.file(".cursor/mcp.json", "{}");
    developer.ok(&["install", NAME, "--yes", "--agent", "cursor"]);
    let npx = |env: &Value| json!({ "command": "npx", "args": ["x"], "env": env });
    let rows = [
        ("another variable", npx(&json!({ "GITHUB_TOKEN": TOKEN, "DEBUG": "1" }))),
        ("another secret", npx(&json!({ "OTHER_TOKEN": TOKEN }))),
        ("a reference", npx(&json!({ "GITHUB_TOKEN": "${GITHUB_TOKEN}" }))),
        ("a secret argument", json!({ "command": "npx", "args": ["x", TOKEN] })),
        ("a remote", json!({ "url": "https://mcp.example/" })),
    ];
    for (what, entry) in rows {
        let text = json!({ "mcpServers": { "gh": entry } }).to_string();
        developer.file(".claude.json", &text);
        let args = ["migrate", "--into", "gh=weather", "--yes"];
        let outcome = developer.refused(&args, 1, &["E_SETTINGS"]);
        assert!(!outcome.to_string().contains(TOKEN), "{what}\n{outcome}");
        assert_eq!(developer.read(".claude.json"), text, "{what}");
    }
    // Nor an entry, a server or a form that is none.
    for (into, code, exit_code) in [
        ("nobody=weather", "E_REQUEST", 2),
        ("gh=nobody", "E_NOT_FOUND", 1),
        ("gh", "E_REQUEST", 2),
    ] {
        developer.refused(&["migrate", "--into", into, "--yes"], exit_code, &[code]);
    }
}
