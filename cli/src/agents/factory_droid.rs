//! Factory Droid: `~/.factory/mcp.json`, and `.factory/mcp.json` in a project.
//!
//! Source: Droid 0.215.0, run on Linux in November 2026. On a comment or a
//! trailing comma it has no servers, and says nothing.

use serde_json::json;

use super::described::{Described, not_local, nothing_to_do};
use super::{Dialect, Format};

/// Factory's agent for the terminal.
pub(super) const FACTORY_DROID: Described = Described {
    id: "factory-droid",
    display_name: "Factory Droid",
    format: Format::Json(Dialect::Strict),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".factory").join("mcp.json")],
    project: &[".factory/mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".factory")],
    // With all that its own `droid mcp add` writes.
    entry: |_, launch| {
        json!({
            "type": "stdio",
            "command": launch.command,
            "args": launch.args,
            "disabled": false,
        })
    },
    next_step: nothing_to_do,
};
