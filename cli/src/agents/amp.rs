//! Amp: `settings.json`, of a user or a project.
//!
//! Source: Amp 0.0.1790142911, run on Linux in November 2026: it reads comments
//! and trailing commas. The root key is one key with a dot in it. On Windows the
//! path is stacklok/toolhive's.

use mcpkg_core::System;

use super::described::{Described, not_local, plain};
use super::{Dialect, Format, Places, Scope};

/// Sourcegraph's agent.
pub(super) const AMP: Described = Described {
    id: "amp",
    display_name: "Sourcegraph Amp",
    format: Format::Json(Dialect::Jsonc),
    root_key: "amp.mcpServers",
    user: |places| vec![folder(places).join("settings.json")],
    project: &[".amp/settings.json"],
    local: not_local,
    traces: |places| vec![folder(places)],
    entry: plain,
    next_step: |scope| {
        (scope == Scope::Project)
            .then_some("Amp asks each user to approve a project's servers: run `amp mcp approve`")
    },
};

fn folder(places: &Places) -> std::path::PathBuf {
    match places.system {
        System::Linux | System::Darwin => places.home.join(".config").join("amp"),
        System::Windows => places.application_settings().join("amp"),
    }
}
