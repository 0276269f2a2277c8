//! Junie: `~/.junie/mcp/mcp.json`, and the same in a project.
//!
//! Source: jetbrains.com/help/junie/model-context-protocol-mcp.html and
//! JetBrains/intellij-community, `JunieClient.kt` at 0fe47b3, read in November
//! 2026. How strictly it reads is not known.

use std::path::Path;

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// `JetBrains`' agent.
pub(super) const JUNIE: Described = Described {
    id: "junie",
    display_name: "JetBrains Junie",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(Path::new(".junie/mcp/mcp.json"))],
    project: &[".junie/mcp/mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".junie")],
    entry: plain,
    next_step: nothing_to_do,
};
