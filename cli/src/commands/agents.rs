//! `mcpkg agents`: the agents that servers can be linked into.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::agents::{ALL, Agent, Scope};
use crate::error::Result;
use crate::ops::link;
use crate::places::Places;
use crate::settings;

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let rows: Vec<_> = ALL.iter().map(|agent| Row::of(*agent, &context.places)).collect();
    let data: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.agent.id(),
                "name": row.agent.display_name(),
                "found": row.is_present,
                "format": row.agent.format().to_string(),
                "user": row.user,
                "project": row.project,
                "local": row.local,
                "unmoved": row.unmoved,
                "next_step": row.agent.next_step(Scope::User),
                "next_step_in_project":
                    row.project.is_some().then(|| row.agent.next_step(Scope::Project)),
            })
        })
        .collect();
    context.ui.data(&data, || table(&rows, &context.places))?;
    Ok(ExitCode::SUCCESS)
}

/// What there is to say of an agent.
struct Row {
    agent: &'static dyn Agent,
    is_present: bool,
    user: Option<PathBuf>,
    project: Option<PathBuf>,
    local: Option<PathBuf>,
    unmoved: Option<PathBuf>,
}

impl Row {
    fn of(agent: &'static dyn Agent, places: &Places) -> Self {
        // No server has an empty name, so this is the file for a new one.
        let path = |scope| settings::settings_path(agent, "", scope, places);
        Self {
            agent,
            is_present: link::is_present(agent, places),
            user: path(Scope::User),
            project: path(Scope::Project),
            local: path(Scope::Local),
            unmoved: settings::unmoved(agent, places),
        }
    }
}

/// Those that are here come first: they are what the reader looks for.
fn table(rows: &[Row], places: &Places) -> String {
    let (here, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_present);
    let mut text = String::new();
    for row in here.into_iter().chain(others) {
        let mark = if row.is_present { "found" } else { "-" };
        let user = shown(row.user.as_deref(), &places.home, "~");
        let project = shown(row.project.as_deref(), &places.project, ".");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<16} {mark:<6} {user:<52} {project}", row.agent.id());
        if let Some(path) = &row.unmoved {
            let path = path.display();
            let _ = writeln!(text, "{:<23} start it once: it has yet to move {path}", "");
        }
    }
    text
}

/// A path, shortened by the folder that the reader knows.
fn shown(path: Option<&Path>, folder: &Path, short: &str) -> String {
    let Some(path) = path else { return "-".to_owned() };
    match path.strip_prefix(folder) {
        Ok(rest) => Path::new(short).join(rest).display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
