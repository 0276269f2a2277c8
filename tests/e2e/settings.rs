//! Settings files as they are found: edited correctly, or left byte for byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value;

use crate::fixture::{Fixture, NAME};

#[test]
fn a_file_that_cannot_be_edited_safely_is_left_and_nothing_is_installed() {
    let fixture = Fixture::with_weather();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for settings in [
        "{\"mcpServers\": {",
        "{\"mcpServers\": []}",
        "{\"mcpServers\": null}",
        "[]",
        "{\"mcpServers\": {}, \"mcpServers\": {}}",
        "{\"mcpServers\": {\"weather\": {}, \"weather\": {}}}",
        "{ // a comment, which Claude Code takes for damage\n}",
        "{\"a\": 1,}",
        "{\"mcpServers\": {\"weather\": {\"command\": \"somebody else's\"}}}",
        &deep,
    ] {
        let developer = fixture.developer();
        developer.file(".claude.json", settings);
        let outcome = developer.refused(&["install", NAME, "--yes"], 1, &["E_SETTINGS"]);
        assert_eq!(developer.read(".claude.json"), settings, "{outcome}");
        assert!(!developer.lock_path().exists(), "{settings}");
    }
}

#[test]
fn comments_order_and_style_of_every_agent_are_kept() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    let vscode = "{\n\t// mine\n\t\"inputs\": [],\n\t\"servers\": {\n\t\t\"b\": { \"url\": \"x\" }, // b\n\t},\n}\n";
    let cursor = "\u{feff}{\r\n  \"z\": 1,\r\n  \"mcpServers\": {},\r\n  \"a\": 2\r\n}\r\n";
    developer.file(".config/Code/User/mcp.json", vscode);
    developer.file(".cursor/mcp.json", cursor);
    developer.ok(&["install", NAME, "--yes", "--agent", "vscode,cursor"]);
    let after = developer.read(".config/Code/User/mcp.json");
    for kept in ["\t// mine\n", "{ \"url\": \"x\" }, // b", "\"servers\": {\n"] {
        assert!(after.contains(kept), "{after}");
    }
    let after = developer.read(".cursor/mcp.json");
    assert!(after.starts_with("\u{feff}{\r\n  \"z\": 1,\r\n"), "{after}");
    assert!(!after.replace("\r\n", "").contains('\n'), "every line ends as before\n{after}");
    developer.ok(&["remove", NAME]);
    assert_eq!(developer.read(".config/Code/User/mcp.json"), vscode);
    assert_eq!(developer.read(".cursor/mcp.json"), cursor);
}

#[test]
fn a_link_is_written_through_and_a_mode_is_kept() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    fs::remove_file(developer.path().join(".claude.json")).unwrap();
    let target = developer.file("dotfiles/claude.json", "{}");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("dotfiles/claude.json", developer.path().join(".claude.json")).unwrap();
    developer.ok(&["install", NAME, "--yes"]);
    assert!(developer.path().join(".claude.json").is_symlink());
    let settings: Value = serde_json::from_str(&developer.read("dotfiles/claude.json")).unwrap();
    assert!(settings["mcpServers"]["weather"].is_object());
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn several_servers_leave_a_file_as_they_found_it() {
    let fixture = Fixture::with_weather();
    let tides = mcpkg_test_support::Draft::new("io.github.acme/tides", "1.0.0");
    fixture.registry.accept(&tides.sign(&fixture.sigstore, &crate::fixture::acme()));
    for order in [["weather", "tides"], ["tides", "weather"]] {
        let developer = fixture.developer();
        developer.file(".claude.json", "{\"theme\": \"dark\"}");
        developer.ok(&["install", NAME, "--yes"]);
        developer.ok(&["install", "io.github.acme/tides", "--yes"]);
        for name in order {
            developer.ok(&["remove", name]);
        }
        assert_eq!(developer.read(".claude.json"), "{\"theme\": \"dark\"}", "{order:?}");
    }
}

#[test]
fn a_readonly_folder_is_a_clear_error_and_changes_nothing() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.file(".cursor/mcp.json", "{}");
    let folder = developer.path().join(".cursor");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = developer.run(&["install", NAME, "--yes", "--agent", "cursor"]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(outcome.codes().len(), 1, "{outcome}");
    assert_eq!(developer.read(".cursor/mcp.json"), "{}");
    assert!(!developer.lock_path().exists());
}
