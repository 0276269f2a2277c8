//! GitHub Copilot CLI: `~/.copilot/mcp-config.json`, and `.github/mcp.json` in a project.
//!
//! Source: Copilot CLI 1.0.102, run on Linux in November 2026: it reads
//! comments and trailing commas, and rewrites the file without them;
//! `COPILOT_HOME` moves it, and `XDG_CONFIG_HOME` does not. In a project it
//! reads `.mcp.json` too, which is left to Claude Code: the two want other
//! entries.

use serde_json::json;

use super::described::{Described, not_local};
use super::{Dialect, Format, Scope, Variable};

/// GitHub's agent for the terminal.
pub(super) const COPILOT_CLI: Described = Described {
    id: "copilot-cli",
    display_name: "GitHub Copilot CLI",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.folder(Variable::CopilotHome, ".copilot").join("mcp-config.json")],
    project: &[".github/mcp.json"],
    local: not_local,
    traces: |places| vec![places.folder(Variable::CopilotHome, ".copilot")],
    // Which tools it may offer. That is not the place where tools are limited:
    // the guard in `mcpkg run` is, for every agent.
    entry: |_, launch| {
        json!({
            "type": "local",
            "command": launch.command,
            "args": launch.args,
            "tools": ["*"],
        })
    },
    next_step: |scope| {
        (scope == Scope::Project).then_some(
            "GitHub Copilot CLI reads a project's servers only in folders that you trust: \
             start it there and say so",
        )
    },
};
