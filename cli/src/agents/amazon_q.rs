//! Amazon Q: `~/.aws/amazonq/mcp.json`, and `.amazonq/mcp.json` in a project.
//!
//! Source: aws/amazon-q-developer-cli at 15cc8f3,
//! `crates/chat-cli/src/util/paths.rs`, read in November 2026. Kiro's command
//! is its successor.

use std::path::Path;

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// Amazon's agent for the terminal.
pub(super) const AMAZON_Q: Described = Described {
    id: "amazon-q",
    display_name: "Amazon Q Developer CLI (superseded by Kiro CLI)",
    format: Format::Json(Dialect::Strict),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(Path::new(".aws/amazonq/mcp.json"))],
    project: &[".amazonq/mcp.json"],
    local: not_local,
    traces: |places| vec![places.home.join(Path::new(".aws/amazonq"))],
    entry: plain,
    next_step: nothing_to_do,
};
