//! Continue: a file of our own, `mcpkg.json`, in its folder of servers.
//!
//! The user's own settings are YAML, and stay as they are: Continue reads every
//! file of `~/.continue/mcpServers`, and of the same folder in a project, also
//! JSON as Claude has it. Source: continuedev/continue at d0a3c0b,
//! `core/context/mcp/json/loadJsonMcpConfigs.ts`, read in November 2026.

use std::path::Path;

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// The Continue extension.
pub(super) const CONTINUE: Described = Described {
    id: "continue",
    display_name: "Continue",
    format: Format::Json(Dialect::Strict),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(Path::new(".continue/mcpServers/mcpkg.json"))],
    project: &[".continue/mcpServers/mcpkg.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".continue")],
    entry: plain,
    next_step: nothing_to_do,
};
