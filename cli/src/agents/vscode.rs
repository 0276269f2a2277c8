//! VS Code: `mcp.json` in the user's settings, and `.vscode/mcp.json` in a project.
//!
//! `settings.json` is never read for servers. Source: microsoft/vscode-docs,
//! `docs/agents/reference/mcp-configuration.md` at a5dc2e3, read in November 2026.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Agent, Dialect, Launch, Places, Scope};

/// Microsoft's editor, with GitHub Copilot.
#[derive(Clone, Copy, Debug)]
pub struct VsCode;

impl Agent for VsCode {
    fn id(&self) -> &'static str {
        "vscode"
    }

    fn display_name(&self) -> &'static str {
        "VS Code"
    }

    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf> {
        let folder = match scope {
            Scope::User => places.application_settings().join("Code").join("User"),
            Scope::Project => places.project.join(".vscode"),
        };
        Some(folder.join("mcp.json"))
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        vec![places.application_settings().join("Code"), places.home.join(".vscode")]
    }

    fn dialect(&self) -> Dialect {
        Dialect::Jsonc
    }

    fn root_key(&self) -> &'static str {
        "servers"
    }

    fn entry(&self, launch: &Launch) -> Value {
        json!({ "type": "stdio", "command": launch.command, "args": launch.args })
    }

    fn next_step(&self, _scope: Scope) -> Option<&'static str> {
        Some("VS Code asks whether to trust a server when it first starts")
    }
}
