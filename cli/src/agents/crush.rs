//! Crush: `crush.json`, of a user or a project.
//!
//! Source: charmbracelet/crush at 37f36e9, `internal/config/load.go`, read in
//! November 2026. `CRUSH_GLOBAL_CONFIG` names the folder. What stands in an
//! entry goes through its shell, `$(…)` included: see [`super::EditError::Expanded`].

use super::described::{Described, not_local, nothing_to_do, stdio};
use super::{Dialect, Format, Places, Variable};

/// Charm's agent for the terminal.
pub(super) const CRUSH: Described = Described {
    id: "crush",
    display_name: "Crush",
    format: Format::Json(Dialect::Strict),
    root_key: "mcp",
    user: |places| vec![folder(places).join("crush.json")],
    project: &[".crush.json", "crush.json"],
    local: not_local,
    traces: |places| vec![folder(places)],
    entry: stdio,
    next_step: nothing_to_do,
};

fn folder(places: &Places) -> std::path::PathBuf {
    places
        .moved(Variable::CrushGlobalConfig)
        .map_or_else(|| places.dot_config().join("crush"), std::path::Path::to_owned)
}
