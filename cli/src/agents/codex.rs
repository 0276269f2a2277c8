//! Codex: `~/.codex/config.toml`, and `.codex/config.toml` in a project.
//!
//! Source: Codex 0.169.0, run on Linux in November 2026, and openai/codex,
//! `codex-rs/config/src/mcp_types.rs` at a2258bb. `CODEX_HOME` moves it. Keys
//! outside its schema, such as the `type` that add-mcp writes, are none of its.

use super::described::{Described, not_local, plain};
use super::{Format, Scope, Variable};

/// `OpenAI`'s agent for the terminal and the desktop.
pub(super) const CODEX: Described = Described {
    id: "codex",
    display_name: "OpenAI Codex CLI/desktop",
    format: Format::Toml,
    root_key: "mcp_servers",
    user: |places| vec![places.folder(Variable::CodexHome, ".codex").join("config.toml")],
    project: &[".codex/config.toml"],
    local: not_local,
    traces: |places| vec![places.folder(Variable::CodexHome, ".codex")],
    entry: plain,
    next_step: |scope| {
        (scope == Scope::Project).then_some(
            "Codex reads a project's settings only in folders that you trust: \
             start it there and say so",
        )
    },
};
