//! Warp: `~/.warp/.mcp.json`, and the same in a project.
//!
//! Source: docs.warp.dev/agents/capabilities/mcp, and Warp's own skill
//! `agent-add-mcp` of August 2026; read in November 2026. Before, servers were
//! entered in its window alone. How strictly it reads is not known.

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// The Warp terminal.
pub(super) const WARP: Described = Described {
    id: "warp",
    display_name: "Warp",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".warp").join(".mcp.json")],
    project: &[".warp/.mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".warp")],
    entry: plain,
    next_step: nothing_to_do,
};
