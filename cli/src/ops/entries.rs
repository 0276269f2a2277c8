//! The servers in the settings of agents, whoever put them there.

use std::path::{Path, PathBuf};

use mcpkg_core::PackageName;
use mcpkg_core::lock::AgentLink;
use serde_json::Value;

use crate::agents::{Agent, Scope};
use crate::error::Result;
use crate::ops::link;
use crate::places::Places;
use crate::settings::{Plan, Unedited, file_at};

/// A server in the settings of an agent.
pub struct Entry {
    /// What it is called there.
    pub key: String,
    /// What the agent is told of it. It may hold a secret, so nobody shows it.
    pub value: Value,
}

/// The settings of an agent that are there, in all the files that it reads.
pub fn paths(agent: &dyn Agent, scope: Scope, places: &Places) -> Vec<PathBuf> {
    let mut paths = agent.settings_paths(scope, &places.for_agents());
    paths.retain(|path| path.exists());
    paths
}

/// The servers in the settings of an agent. None where there are no settings.
pub fn read(agent: &dyn Agent, scope: Scope, places: &Places) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in paths(agent, scope, places) {
        entries.extend(read_file(agent, &path, scope, places)?);
    }
    Ok(entries)
}

fn read_file(agent: &dyn Agent, path: &Path, scope: Scope, places: &Places) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let section = agent.section(scope, &places.for_agents());
    let found = file_at(path, scope, places).preview(|text| {
        entries = agent.place(&section).entries(text)?;
        Ok::<_, Unedited>(text.to_owned())
    });
    found.map_err(|why| {
        why.within(format!("the settings of {} cannot be read", agent.display_name()))
    })?;
    Ok(entries.into_iter().map(|(key, value)| Entry { key, value }).collect())
}

impl Entry {
    /// The package that this entry starts, if it starts one of ours and does nothing
    /// else.
    pub fn package(&self) -> Option<PackageName> {
        let words = words(&self.value);
        let (program, args) = words.split_first()?;
        if Path::new(program).file_stem().is_none_or(|stem| stem != "mcpkg") {
            return None;
        }
        match args {
            ["run", name] | ["run", "--project", name] => name.parse().ok(),
            _ => None,
        }
    }

    /// Whether this is what we would write for the package, to the letter.
    pub fn is_as_linked(&self, agent: &dyn Agent, name: &PackageName, scope: Scope) -> bool {
        link::launch(name, scope).is_ok_and(|launch| agent.entry(&self.key, &launch) == self.value)
    }

    /// What a lock would say of an entry that it does not know.
    pub fn as_link(&self, agent: &dyn Agent, scope: Scope, places: &Places) -> AgentLink {
        let project = link::project_of(scope, places);
        AgentLink { id: agent.id().to_owned(), key: self.key.clone(), project, footprint: None }
    }
}

/// The command line of an entry: `command` and `args`, or all of it in one list, under
/// the names that agents have for them.
fn words(value: &Value) -> Vec<&str> {
    let fields = [["command", "cmd"], ["args", "arguments"]];
    let found = fields.iter().filter_map(|names| names.iter().find_map(|name| value.get(name)));
    found.flat_map(strings).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Plans to take every entry of ours out of the settings of `agent` that `is_known` does
/// not know: the links of servers that are no longer locked.
pub fn strays(
    agent: &'static dyn Agent,
    scope: Scope,
    places: &Places,
    is_known: impl Fn(&PackageName) -> bool,
) -> Result<Vec<(PackageName, Plan)>> {
    let mut plans = Vec::new();
    for entry in read(agent, scope, places)? {
        let Some(name) = entry.package().filter(|name| !is_known(name)) else { continue };
        let plan = Plan::unlink(agent, &entry.as_link(agent, scope, places), scope, places)?;
        plans.push((name, plan));
    }
    Ok(plans)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_of_ours_starts_a_package_and_nothing_else() {
        let package = |value: Value| {
            let entry = Entry { key: "weather".to_owned(), value };
            entry.package().map(|name| name.to_string())
        };
        let ours = Some("a/x".to_owned());
        for (value, found) in [
            (json!({ "command": "/opt/bin/mcpkg", "args": ["run", "a/x"] }), &ours),
            (json!({ "command": "mcpkg", "args": ["run", "--project", "a/x"] }), &ours),
            (json!({ "type": "local", "command": ["mcpkg", "run", "a/x"] }), &ours),
            (json!({ "cmd": "mcpkg.exe", "args": ["run", "a/x"] }), &ours),
            (json!({ "command": "mcpkg", "args": ["run", "a/x", "--surprise"] }), &None),
            (json!({ "command": "mcpkg", "args": ["install", "a/x"] }), &None),
            (json!({ "command": "sh", "args": ["-c", "mcpkg run a/x"] }), &None),
            (json!({ "command": "mcpkg-evil", "args": ["run", "a/x"] }), &None),
            (json!({ "url": "https://mcp.example" }), &None),
            (json!("mcpkg"), &None),
        ] {
            assert_eq!(package(value.clone()), *found, "{value}");
        }
    }
}
