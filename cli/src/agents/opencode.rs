//! `OpenCode`: `opencode.jsonc` or one of its other names, of a user or a project.
//!
//! Source: `OpenCode` 1.18.33, run on Linux in November 2026, and
//! anomalyco/opencode, `packages/web/src/content/docs/mcp-servers.mdx` at
//! 00a9a98. It reads comments and trailing commas under each of the names.

use serde_json::json;

use super::described::{Described, not_local, nothing_to_do};
use super::{Dialect, Format};

/// The `OpenCode` agent.
pub(super) const OPENCODE: Described = Described {
    id: "opencode",
    display_name: "OpenCode",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcp",
    user: |places| {
        let folder = places.dot_config().join("opencode");
        ["opencode.jsonc", "opencode.json", "config.json"].map(|name| folder.join(name)).to_vec()
    },
    project: &[
        "opencode.jsonc",
        "opencode.json",
        ".opencode/opencode.jsonc",
        ".opencode/opencode.json",
    ],
    local: not_local,
    traces: |places| vec![places.dot_config().join("opencode")],
    // The command and its arguments are one list.
    entry: |_, launch| {
        let command: Vec<_> = std::iter::once(&launch.command).chain(&launch.args).collect();
        json!({ "type": "local", "command": command, "enabled": true })
    },
    next_step: nothing_to_do,
};
