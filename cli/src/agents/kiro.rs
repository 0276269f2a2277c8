//! Kiro, the editor and the command: `~/.kiro/settings/mcp.json`, and the same in a project.
//!
//! Source: kiro.dev/docs/mcp/configuration, and the installers of
//! stacklok/toolhive, neondatabase/add-mcp and docker/mcp-gateway, which agree;
//! read in November 2026. How strictly it reads is not known.

use std::path::Path;

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// Amazon's Kiro.
pub(super) const KIRO: Described = Described {
    id: "kiro",
    display_name: "Kiro IDE and Kiro CLI",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(Path::new(".kiro/settings/mcp.json"))],
    project: &[".kiro/settings/mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".kiro")],
    entry: plain,
    next_step: nothing_to_do,
};
