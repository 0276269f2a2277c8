//! Cursor: `~/.cursor/mcp.json`, and `.cursor/mcp.json` in a project.
//!
//! Source: Cursor's documentation, and the installers of stacklok/toolhive,
//! neondatabase/add-mcp, smithery-ai/cli and docker/mcp-gateway, which agree;
//! read in November 2026. It accepts comments in files written by hand.

use super::described::{Described, not_local, plain};
use super::{Dialect, Format, Scope};

/// The Cursor editor.
pub(super) const CURSOR: Described = Described {
    id: "cursor",
    display_name: "Cursor",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".cursor").join("mcp.json")],
    project: &[".cursor/mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".cursor")],
    entry: plain,
    // Approval on change came with the fix of CVE-2025-54136.
    next_step: |scope| {
        (scope == Scope::Project).then_some(
            "Cursor asks each user to approve a project's servers: \
             open the project and turn the server on in its MCP settings",
        )
    },
};
