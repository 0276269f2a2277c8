//! Claude Desktop: `claude_desktop_config.json` in the user's settings.
//!
//! Source: the paths on which the installers of neondatabase/add-mcp,
//! smithery-ai/cli, mcpm.sh, fastmcp and snyk-agent-scan agree, read in
//! November 2026. On Linux docker/mcp-gateway alone writes `claude` in lower
//! case.

use std::path::PathBuf;

use super::{Agent, Dialect, Places, Scope};

/// Anthropic's desktop application.
#[derive(Clone, Copy, Debug)]
pub struct ClaudeDesktop;

impl Agent for ClaudeDesktop {
    fn id(&self) -> &'static str {
        "claude-desktop"
    }

    fn display_name(&self) -> &'static str {
        "Claude Desktop"
    }

    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf> {
        match scope {
            Scope::User => Some(
                places.application_settings().join("Claude").join("claude_desktop_config.json"),
            ),
            Scope::Project => None,
        }
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        vec![places.application_settings().join("Claude")]
    }

    fn dialect(&self) -> Dialect {
        Dialect::Strict
    }

    fn root_key(&self) -> &'static str {
        "mcpServers"
    }

    fn next_step(&self, _scope: Scope) -> Option<&'static str> {
        Some("Claude Desktop reads its settings when it starts: quit it and open it again")
    }
}
