//! Windsurf: `~/.codeium/windsurf/mcp_config.json`. It has no settings for a project.
//!
//! Source: docs.windsurf.com/windsurf/cascade/mcp, and the installers of
//! stacklok/toolhive, neondatabase/add-mcp and smithery-ai/cli, which agree;
//! read in November 2026. How strictly it reads is not known.

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// The Windsurf editor.
pub(super) const WINDSURF: Described = Described {
    id: "windsurf",
    display_name: "Windsurf",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".codeium").join("windsurf").join("mcp_config.json")],
    project: &[],
    local: not_local,
    traces: |places| vec![places.home.join(".codeium").join("windsurf")],
    entry: plain,
    next_step: nothing_to_do,
};
