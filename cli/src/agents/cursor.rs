//! Cursor: `~/.cursor/mcp.json`, and `.cursor/mcp.json` in a project.
//!
//! Source: Cursor's documentation, and the installers of stacklok/toolhive,
//! neondatabase/add-mcp, smithery-ai/cli and docker/mcp-gateway, which agree;
//! read in November 2026. It accepts comments in files written by hand.

use std::path::PathBuf;

use super::{Agent, Dialect, Places, Scope};

/// The Cursor editor.
#[derive(Clone, Copy, Debug)]
pub struct Cursor;

impl Agent for Cursor {
    fn id(&self) -> &'static str {
        "cursor"
    }

    fn display_name(&self) -> &'static str {
        "Cursor"
    }

    fn settings_path(&self, scope: Scope, places: &Places) -> Option<PathBuf> {
        let root = match scope {
            Scope::User => &places.home,
            Scope::Project => &places.project,
        };
        Some(root.join(".cursor").join("mcp.json"))
    }

    fn traces(&self, places: &Places) -> Vec<PathBuf> {
        vec![places.home.join(".cursor")]
    }

    fn dialect(&self) -> Dialect {
        Dialect::Jsonc
    }

    fn root_key(&self) -> &'static str {
        "mcpServers"
    }

    // Approval on change came with the fix of CVE-2025-54136.
    fn next_step(&self, scope: Scope) -> Option<&'static str> {
        (scope == Scope::Project).then_some(
            "Cursor asks each user to approve a project's servers: \
             open the project and turn the server on in its MCP settings",
        )
    }
}
