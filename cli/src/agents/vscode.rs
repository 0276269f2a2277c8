//! VS Code and its Insiders edition: `mcp.json` in the user's settings, and
//! `.vscode/mcp.json` in a project, which both read.
//!
//! `settings.json` is never read for servers. Source: microsoft/vscode-docs,
//! `docs/agents/reference/mcp-configuration.md` at a5dc2e3, read in November 2026.

use super::described::{Described, not_local, stdio};
use super::{Dialect, Format};

/// Microsoft's editor, with GitHub Copilot.
pub(super) const VSCODE: Described = Described {
    id: "vscode",
    display_name: "VS Code",
    format: Format::Json(Dialect::Jsonc),
    root_key: "servers",
    user: |places| vec![places.application_settings().join("Code").join("User").join("mcp.json")],
    project: &[".vscode/mcp.json"],
    local: not_local,
    traces: |places| vec![places.application_settings().join("Code"), places.home.join(".vscode")],
    entry: stdio,
    next_step: |_| Some("VS Code asks whether to trust a server when it first starts"),
};

/// The same editor, one month ahead.
pub(super) const VSCODE_INSIDERS: Described = Described {
    id: "vscode-insiders",
    display_name: "VS Code Insiders",
    user: |places| {
        let folder = places.application_settings().join("Code - Insiders");
        vec![folder.join("User").join("mcp.json")]
    },
    traces: |places| {
        let settings = places.application_settings().join("Code - Insiders");
        vec![settings, places.home.join(".vscode-insiders")]
    },
    ..VSCODE
};
