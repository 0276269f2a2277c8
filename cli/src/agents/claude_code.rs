//! Claude Code: `~/.claude.json`, `.mcp.json` in a project, and for one user in one
//! project `/projects/<the project's path>/mcpServers` in `~/.claude.json`.
//!
//! Source: Claude Code 2.1.197, run on Linux in November 2026. A comment in
//! `~/.claude.json` makes it declare the file corrupt, move it to a backup and
//! start with empty settings, hence the strict dialect. It rewrites that file
//! all the time while it runs. It makes the part for a project when it is first started
//! there, with more in it than servers, so we make none. How it writes such a path on
//! Windows was not seen.

use mcpkg_core::System;

use super::described::{Described, stdio};
use super::{Dialect, Format, Scope, Section, Variable};

/// Anthropic's agent for the terminal.
pub(super) const CLAUDE_CODE: Described = Described {
    id: "claude-code",
    display_name: "Claude Code",
    format: Format::Json(Dialect::Strict),
    root_key: "mcpServers",
    user: |places| {
        let folder = places.moved(Variable::ClaudeConfigDir).unwrap_or(&places.home);
        vec![folder.join(".claude.json")]
    },
    project: &[".mcp.json"],
    local: |places| {
        let project = places.project.to_str().filter(|_| places.system != System::Windows)?;
        Some(Section::at(&["projects", project]))
    },
    traces: |places| {
        let mut traces = vec![places.home.join(".claude"), places.home.join(".claude.json")];
        traces.extend(places.moved(Variable::ClaudeConfigDir).map(ToOwned::to_owned));
        traces
    },
    entry: stdio,
    next_step: |scope| {
        (scope == Scope::Project).then_some(
            "Claude Code asks each user to approve a project's servers: \
             start it in the project and run /mcp",
        )
    },
};
