//! Cline: `~/.cline/data/settings/cline_mcp_settings.json`, for VS Code, the
//! terminal and `JetBrains` alike.
//!
//! Until June 2026 it was a file in VS Code's `globalStorage`, which most other
//! installers still write. Cline reads that one once, to move it, and never
//! again. Source: Cline's command 3.0.65, run on Linux in November 2026, and
//! cline/cline at 21cb8d2, `mcp-settings-legacy-migration.ts` and
//! `src/services/mcp/schemas.ts`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Agent, Dialect, Format, Launch, Places, Scope, Variable};

/// The Cline agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cline;

impl Agent for Cline {
    fn id(&self) -> &'static str {
        "cline"
    }

    fn display_name(&self) -> &'static str {
        "Cline (VS Code, CLI, JetBrains)"
    }

    fn settings_paths(&self, scope: Scope, places: &Places) -> Vec<PathBuf> {
        match scope {
            Scope::User => vec![match places.moved(Variable::ClineMcpSettingsPath) {
                Some(file) => file.to_owned(),
                None => data(places).join("settings").join("cline_mcp_settings.json"),
            }],
            Scope::Project | Scope::Local => Vec::new(),
        }
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        vec![data(places)]
    }

    fn abandoned_path(&self, places: &Places) -> Option<PathBuf> {
        let storage = "Code/User/globalStorage/saoudrizwan.claude-dev/settings";
        let folder = places.application_settings().join(Path::new(storage));
        Some(folder.join("cline_mcp_settings.json"))
    }

    fn format(&self) -> Format {
        Format::Json(Dialect::Strict)
    }

    fn root_key(&self) -> &'static str {
        "mcpServers"
    }

    fn entry(&self, _key: &str, launch: &Launch) -> Value {
        let transport = json!({ "type": "stdio", "command": launch.command, "args": launch.args });
        json!({ "transport": transport, "disabled": false })
    }

    fn next_step(&self, _scope: Scope) -> Option<&'static str> {
        None
    }
}

fn data(places: &Places) -> PathBuf {
    match places.moved(Variable::ClineDataDir) {
        Some(folder) => folder.to_owned(),
        None => places.folder(Variable::ClineDir, ".cline").join("data"),
    }
}
