//! Claude Code: `~/.claude.json`, and `.mcp.json` in a project.
//!
//! Source: Claude Code 2.1.197, run on Linux in November 2026. A comment in
//! `~/.claude.json` makes it declare the file corrupt, move it to a backup and
//! start with empty settings, hence the strict dialect. It rewrites that file
//! all the time while it runs.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Agent, Dialect, Launch, Places, Scope};

/// Anthropic's agent for the terminal.
#[derive(Clone, Copy, Debug)]
pub struct ClaudeCode;

impl Agent for ClaudeCode {
    fn id(&self) -> &'static str {
        "claude-code"
    }

    fn display_name(&self) -> &'static str {
        "Claude Code"
    }

    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf> {
        Some(match scope {
            Scope::User => {
                places.claude_config_dir.as_ref().unwrap_or(&places.home).join(".claude.json")
            }
            Scope::Project => places.project.join(".mcp.json"),
        })
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        let mut traces = vec![places.home.join(".claude"), places.home.join(".claude.json")];
        traces.extend(places.claude_config_dir.clone());
        traces
    }

    fn dialect(&self) -> Dialect {
        Dialect::Strict
    }

    fn root_key(&self) -> &'static str {
        "mcpServers"
    }

    fn entry(&self, launch: &Launch) -> Value {
        json!({ "type": "stdio", "command": launch.command, "args": launch.args })
    }

    fn next_step(&self, scope: Scope) -> Option<&'static str> {
        (scope == Scope::Project).then_some(
            "Claude Code asks each user to approve a project's servers: \
             start it in the project and run /mcp",
        )
    }
}
