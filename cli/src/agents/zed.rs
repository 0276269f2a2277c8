//! Zed: `settings.json` of the whole editor, of a user or a project.
//!
//! Source: zed-industries/zed, `crates/paths/src/paths.rs` at 010c9b6, and
//! `crates/settings_content`, read in November 2026. On macOS it reads
//! `~/.config/zed`, and not Application Support.

use std::path::PathBuf;

use mcpkg_core::System;

use super::described::{Described, not_local, plain};
use super::{Dialect, Format, Places, Scope, Variable};

/// The Zed editor.
pub(super) const ZED: Described = Described {
    id: "zed",
    display_name: "Zed",
    format: Format::Json(Dialect::Jsonc),
    root_key: "context_servers",
    user: |places| vec![folder(places).join("settings.json")],
    project: &[".zed/settings.json"],
    local: not_local,
    traces: |places| vec![folder(places)],
    entry: plain,
    next_step: |scope| {
        (scope == Scope::Project).then_some(
            "Zed starts a project's servers only in a worktree that you trust: \
             open the project and say so",
        )
    },
};

fn folder(places: &Places) -> PathBuf {
    match (places.system, places.moved(Variable::FlatpakXdgConfigHome)) {
        (System::Linux, Some(config_home)) => config_home.join("zed"),
        (System::Linux | System::Darwin, _) => places.dot_config().join("zed"),
        (System::Windows, _) => places.application_settings().join("Zed"),
    }
}
