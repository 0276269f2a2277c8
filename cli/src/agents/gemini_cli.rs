//! Gemini CLI: `~/.gemini/settings.json`, and `.gemini/settings.json` in a project.
//!
//! Source: Gemini CLI 0.61.0, run on Linux in November 2026: it takes comments,
//! and a trailing comma is fatal. google-gemini/gemini-cli at 5411f11,
//! `packages/cli/src/config/settings.ts`.

use super::described::{Described, not_local, plain};
use super::{Dialect, Format};

/// Google's agent for the terminal.
pub(super) const GEMINI_CLI: Described = Described {
    id: "gemini-cli",
    display_name: "Gemini CLI",
    format: Format::Json(Dialect::Comments),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".gemini").join("settings.json")],
    project: &[".gemini/settings.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".gemini")],
    entry: plain,
    // That goes for the user's own servers too.
    next_step: |_| {
        Some(
            "Gemini CLI starts no server in folders that you do not trust: \
             start it there and say so",
        )
    },
};
