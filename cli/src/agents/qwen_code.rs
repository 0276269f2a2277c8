//! Qwen Code: `~/.qwen/settings.json`, and `.qwen/settings.json` in a project.
//!
//! Source: Qwen Code 0.15.10, run on Linux in November 2026: it takes comments,
//! and rewrites the file when it starts. It comes from Gemini CLI, and is as
//! strict about trailing commas.

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// Alibaba's agent for the terminal.
pub(super) const QWEN_CODE: Described = Described {
    id: "qwen-code",
    display_name: "Qwen Code",
    format: Format::Json(Dialect::Comments),
    root_key: "mcpServers",
    user: |places| vec![places.home.join(".qwen").join("settings.json")],
    project: &[".qwen/settings.json"],
    local: not_local,
    traces: |places| vec![places.home.join(".qwen")],
    entry: plain,
    next_step: nothing_to_do,
};
