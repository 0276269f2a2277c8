//! Where settings are, on each system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpkg_core::System;
use serde_json::Value;

use super::*;

const SYSTEMS: [(System, &str); 3] =
    [(System::Linux, "linux"), (System::Darwin, "macos"), (System::Windows, "windows")];

pub(super) fn places(system: System) -> Places {
    Places {
        system,
        home: "/home/ada".into(),
        config_home: "/home/ada/.config".into(),
        app_data: None,
        moved: BTreeMap::new(),
        project: "/work/lovelace".into(),
    }
}

/// Agents that look in the same place of the home directory on every system,
/// and in the project.
const EVERYWHERE: &[(&str, &str, Option<&str>)] = &[
    ("claude-code", ".claude.json", Some(".mcp.json")),
    ("cursor", ".cursor/mcp.json", Some(".cursor/mcp.json")),
    ("copilot-cli", ".copilot/mcp-config.json", Some(".github/mcp.json")),
    ("windsurf", ".codeium/windsurf/mcp_config.json", None),
    ("cline", ".cline/data/settings/cline_mcp_settings.json", None),
    ("continue", ".continue/mcpServers/mcpkg.json", Some(".continue/mcpServers/mcpkg.json")),
    ("codex", ".codex/config.toml", Some(".codex/config.toml")),
    ("gemini-cli", ".gemini/settings.json", Some(".gemini/settings.json")),
    ("qwen-code", ".qwen/settings.json", Some(".qwen/settings.json")),
    ("opencode", ".config/opencode/opencode.jsonc", Some("opencode.jsonc")),
    ("factory-droid", ".factory/mcp.json", Some(".factory/mcp.json")),
    ("kiro", ".kiro/settings/mcp.json", Some(".kiro/settings/mcp.json")),
    ("amazon-q", ".aws/amazonq/mcp.json", Some(".amazonq/mcp.json")),
    ("lm-studio", ".lmstudio/mcp.json", None),
    ("warp", ".warp/.mcp.json", Some(".warp/.mcp.json")),
    ("crush", ".config/crush/crush.json", Some(".crush.json")),
    ("junie", ".junie/mcp/mcp.json", Some(".junie/mcp/mcp.json")),
];

/// Agents that do not: on Linux, macOS and Windows.
const BY_SYSTEM: &[(&str, [&str; 3], Option<&str>)] = &[
    (
        "claude-desktop",
        [
            ".config/Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
        ],
        None,
    ),
    (
        "vscode",
        [
            ".config/Code/User/mcp.json",
            "Library/Application Support/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
        ],
        Some(".vscode/mcp.json"),
    ),
    (
        "vscode-insiders",
        [
            ".config/Code - Insiders/User/mcp.json",
            "Library/Application Support/Code - Insiders/User/mcp.json",
            "AppData/Roaming/Code - Insiders/User/mcp.json",
        ],
        Some(".vscode/mcp.json"),
    ),
    (
        "zed",
        [
            ".config/zed/settings.json",
            ".config/zed/settings.json",
            "AppData/Roaming/Zed/settings.json",
        ],
        Some(".zed/settings.json"),
    ),
    (
        "goose",
        [
            ".config/goose/config.yaml",
            ".config/goose/config.yaml",
            "AppData/Roaming/Block/goose/config/config.yaml",
        ],
        None,
    ),
    (
        "amp",
        [
            ".config/amp/settings.json",
            ".config/amp/settings.json",
            "AppData/Roaming/amp/settings.json",
        ],
        Some(".amp/settings.json"),
    ),
];

#[test]
fn settings_are_where_each_system_has_them() {
    let everywhere = EVERYWHERE.iter().map(|&(id, path, project)| (id, [path; 3], project));
    let rows: Vec<_> = everywhere.chain(BY_SYSTEM.iter().copied()).collect();
    assert_eq!(rows.len(), ALL.len());
    for (id, user, project) in rows {
        let agent = agent(id);
        for ((system, _), path) in SYSTEMS.into_iter().zip(user) {
            let places = places(system);
            let expected = Path::new("/home/ada").join(path);
            assert_eq!(agent.settings_path(Scope::User, &places), Some(expected), "{id}");
            let in_project = agent.settings_path(Scope::Project, &places);
            let expected = project.map(|path| Path::new("/work/lovelace").join(path));
            assert_eq!(in_project, expected, "{id}");
            assert!(!agent.traces(&places).is_empty(), "{id}");
        }
    }
    assert!(by_id("Cursor").is_none());
}

#[test]
fn an_agent_has_one_id_and_no_two_files_are_edited_in_two_ways() {
    let places = places(System::Linux);
    let mut seen: BTreeMap<PathBuf, (Format, &str, Value)> = BTreeMap::new();
    for (index, agent) in ALL.iter().enumerate() {
        assert!(ALL[..index].iter().all(|other| other.id() != agent.id()), "{}", agent.id());
        for scope in [Scope::User, Scope::Project] {
            for path in agent.settings_paths(scope, &places) {
                let entry = agent.entry("weather", &launch());
                let way = (agent.format(), agent.root_key(), entry);
                let first = seen.entry(path).or_insert_with(|| way.clone());
                assert_eq!(first, &way, "{}", agent.id());
            }
        }
    }
}

#[test]
fn the_environment_moves_settings() {
    for (variable, id, path) in [
        (Variable::ClaudeConfigDir, "claude-code", "/moved/.claude.json"),
        (Variable::ClineDataDir, "cline", "/moved/settings/cline_mcp_settings.json"),
        (Variable::ClineDir, "cline", "/moved/data/settings/cline_mcp_settings.json"),
        (Variable::ClineMcpSettingsPath, "cline", "/moved"),
        (Variable::CodexHome, "codex", "/moved/config.toml"),
        (Variable::CopilotHome, "copilot-cli", "/moved/mcp-config.json"),
        (Variable::CrushGlobalConfig, "crush", "/moved/crush.json"),
        (Variable::FlatpakXdgConfigHome, "zed", "/moved/zed/settings.json"),
        (Variable::GoosePathRoot, "goose", "/moved/config/config.yaml"),
    ] {
        let moved = BTreeMap::from([(variable, PathBuf::from("/moved"))]);
        let places = Places { moved, ..places(System::Linux) };
        let found = agent(id).settings_path(Scope::User, &places);
        assert_eq!(found.as_deref(), Some(Path::new(path)), "{}", variable.name());
    }
    let roaming = Places { app_data: Some("/roaming".into()), ..places(System::Windows) };
    let path = agent("vscode").settings_path(Scope::User, &roaming);
    assert_eq!(path.as_deref(), Some(Path::new("/roaming/Code/User/mcp.json")));
    let config = Places { config_home: "/config".into(), ..places(System::Linux) };
    let path = agent("goose").settings_path(Scope::User, &config);
    assert_eq!(path.as_deref(), Some(Path::new("/config/goose/config.yaml")));
    let path = agent("copilot-cli").settings_path(Scope::User, &config);
    assert_eq!(path.as_deref(), Some(Path::new("/home/ada/.copilot/mcp-config.json")));
}

/// The table of clients lies beside the repository where this was developed.
#[test]
fn agents_agree_with_the_table_of_clients() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/clients.json");
    let Ok(table) = std::fs::read_to_string(path) else {
        eprintln!("skipped: there is no {path}");
        return;
    };
    let table: Value = serde_json::from_str(&table).unwrap();
    let clients = table["clients"].as_array().unwrap();
    for agent in ALL {
        let client = clients.iter().find(|client| client["id"] == agent.id()).unwrap();
        agrees(*agent, client);
    }
}

fn agrees(agent: &dyn Agent, client: &Value) {
    let id = agent.id();
    assert_eq!(client["display_name"], agent.display_name(), "{id}");
    // Continue has a file of ours beside the user's own, which is YAML.
    let drop_in = (id == "continue").then(|| client["scopes"]["drop_in"]["path"].as_str().unwrap());
    if drop_in.is_none() {
        let root_key = client["root_key"].as_str().unwrap();
        assert_eq!(root_key.split(' ').next(), Some(agent.root_key()), "{id}");
        let dialect = client["dialect"].as_str().unwrap();
        let expected = match client["format"].as_str().unwrap() {
            "toml" => Format::Toml,
            "yaml" => Format::Yaml,
            _ if dialect == "strict" || dialect.starts_with("strict (") => {
                Format::Json(Dialect::Strict)
            }
            _ if dialect.starts_with("comments ok") => Format::Json(Dialect::Comments),
            _ => Format::Json(Dialect::Jsonc),
        };
        assert_eq!(agent.format(), expected, "{id}");
    }
    let entry = agent.entry("weather", &launch());
    for key in entry.as_object().unwrap().keys() {
        assert!(client["stdio"].get(key).is_some(), "{id}: {key}");
    }
    // Continue takes Claude's shape in JSON, which has no type.
    if drop_in.is_none() {
        let has_type = client["stdio"].get("type").is_some();
        assert_eq!(has_type, entry.get("type").is_some(), "{id}");
    }
    for (system, name) in SYSTEMS {
        let expected = drop_in.or_else(|| client["scopes"]["user"]["paths"][name].as_str());
        let expected = expected
            .unwrap()
            .replace("${XDG_CONFIG_HOME:-~/.config}", "/home/ada/.config")
            .replace("%APPDATA%", "/home/ada/AppData/Roaming")
            .replace("%USERPROFILE%", "/home/ada")
            .replace('~', "/home/ada")
            .replace('\\', "/");
        let path = agent.settings_path(Scope::User, &places(system)).unwrap();
        // A remark may follow the path.
        let path = path.to_str().unwrap();
        let rest = expected.strip_prefix(path);
        let is_path = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        assert!(is_path, "{id} on {name}: {path} is not {expected}");
    }
    let in_project = agent.settings_paths(Scope::Project, &places(System::Linux));
    let expected = client["scopes"]["project"]["path"].as_str();
    assert!(expected.is_some() || in_project.is_empty() || drop_in.is_some(), "{id}");
    if let (Some(expected), [path, ..]) = (expected, in_project.as_slice()) {
        let path = path.strip_prefix("/work/lovelace").unwrap().to_str().unwrap();
        assert!(expected.split(' ').any(|word| word == path), "{id}: {path} is not {expected}");
    }
}
