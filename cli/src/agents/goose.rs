//! Goose: `config.yaml`. It has no settings for a project.
//!
//! Source: block/goose, `crates/goose/src/agents/extension.rs` at 01cad15 and
//! `crates/goose/src/config/paths.rs` at 0780e22, read in November 2026.
//! `GOOSE_PATH_ROOT` moves it.

use std::path::{Path, PathBuf};

use mcpkg_core::System;
use serde_json::{Value, json};

use super::described::{Described, not_local, nothing_to_do};
use super::{Format, Launch, Places, Variable};

/// Block's agent.
pub(super) const GOOSE: Described = Described {
    id: "goose",
    display_name: "Goose",
    format: Format::Yaml,
    root_key: "extensions",
    user: |places| vec![folder(places).join("config.yaml")],
    project: &[],
    local: not_local,
    traces: |places| vec![folder(places)],
    entry,
    next_step: nothing_to_do,
};

fn folder(places: &Places) -> PathBuf {
    match (places.moved(Variable::GoosePathRoot), places.system) {
        (Some(root), _) => root.join("config"),
        (None, System::Linux | System::Darwin) => places.dot_config().join("goose"),
        (None, System::Windows) => {
            places.application_settings().join(Path::new("Block/goose/config"))
        }
    }
}

/// What Goose calls an extension. It makes the key from the name whenever it
/// writes its settings, so the two have to be the same.
fn entry(key: &str, launch: &Launch) -> Value {
    json!({
        "name": key,
        "type": "stdio",
        "description": "",
        "cmd": launch.command,
        "args": launch.args,
        "enabled": true,
        // Seconds: Goose's own default.
        "timeout": 300,
    })
}
