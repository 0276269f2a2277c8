//! `mcpkg agents`: the agents that servers can be linked into.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::agents::{ALL, Scope};
use crate::error::Result;
use crate::ops::link;

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let places = &context.places;
    let mut text = String::new();
    let mut data = Vec::new();
    for agent in ALL {
        let is_present = link::is_present(*agent, places);
        let path = |scope| agent.settings_path(scope, &places.for_agents());
        let (user, project) = (path(Scope::User), path(Scope::Project));
        let mark = if is_present { "found" } else { "-" };
        let shown = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
        };
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:<16} {mark:<6} {}  {}", agent.id(), shown(&user), shown(&project));
        data.push(json!({
            "id": agent.id(),
            "name": agent.display_name(),
            "found": is_present,
            "user": user,
            "project": project,
        }));
    }
    context.ui.data(&data, || text)?;
    Ok(ExitCode::SUCCESS)
}
