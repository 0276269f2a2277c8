//! Claude Desktop: `claude_desktop_config.json` in the user's settings.
//!
//! Source: the paths on which the installers of neondatabase/add-mcp,
//! smithery-ai/cli, mcpm.sh, fastmcp and snyk-agent-scan agree, read in
//! November 2026. On Linux docker/mcp-gateway alone writes `claude` in lower
//! case.

use super::described::{Described, not_local, plain};
use super::{Dialect, Format};

/// Anthropic's desktop application.
pub(super) const CLAUDE_DESKTOP: Described = Described {
    id: "claude-desktop",
    display_name: "Claude Desktop",
    format: Format::Json(Dialect::Strict),
    root_key: "mcpServers",
    user: |places| {
        let folder = places.application_settings().join("Claude");
        vec![folder.join("claude_desktop_config.json")]
    },
    project: &[],
    local: not_local,
    traces: |places| vec![places.application_settings().join("Claude")],
    entry: plain,
    next_step: |_| {
        Some("Claude Desktop reads its settings when it starts: quit it and open it again")
    },
};
