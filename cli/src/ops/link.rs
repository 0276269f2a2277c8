//! Linking a server into the settings of agents, and out of them again.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mcpkg_core::PackageName;
use mcpkg_core::lock::{AgentLink, LockedServer};
use serde_json::Value;

use crate::agents::{self, Agent, Launch, Scope};
use crate::error::{Error, Result};
use crate::places::Places;
use crate::settings;

/// The agents that the user means: those named, or all that are found.
pub fn choose(wanted: &[String], scope: Scope, places: &Places) -> Result<Vec<&'static dyn Agent>> {
    let is_all = wanted.is_empty() || wanted.iter().any(|id| id == "all");
    if is_all {
        let found: Vec<_> = agents::ALL
            .iter()
            .copied()
            .filter(|agent| agent.settings_path(scope, &places.for_agents()).is_some())
            .filter(|agent| is_present(*agent, places))
            // Naming such an agent says why it cannot be done yet.
            .filter(|agent| settings::unmoved(*agent, places).is_none())
            .collect();
        return if found.is_empty() { Err(Error::NoAgents) } else { Ok(found) };
    }
    let mut chosen: Vec<&dyn Agent> = Vec::new();
    for id in wanted {
        let agent = agents::by_id(id).ok_or_else(|| Error::UnknownAgent(id.clone()))?;
        if agent.settings_path(scope, &places.for_agents()).is_none() {
            return Err(Error::NoScope { agent: agent.display_name(), scope: scope_word(scope) });
        }
        if chosen.iter().all(|other| other.id() != agent.id()) {
            chosen.push(agent);
        }
    }
    Ok(chosen)
}

/// The word for a scope.
pub const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "user",
        Scope::Project => "project",
        Scope::Local => "local",
    }
}

/// Says of data which scope it is of.
pub fn with_scope(scope: Scope, mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert("scope".to_owned(), scope_word(scope).into());
    }
    value
}

/// Whether the agent seems to be on this machine.
pub fn is_present(agent: &dyn Agent, places: &Places) -> bool {
    agent.traces(&places.for_agents()).iter().any(|path| path.exists())
}

/// What an agent is told to start: this very program, with a name. Nothing else
/// is ever written into settings, least of all a secret.
///
/// In the user's own settings the program is named by its path, because agents
/// start with all kinds of search paths. A project's settings are shared, and
/// that path would be one person's: there it is named by name, and the lock is
/// the project's.
pub fn launch(name: &PackageName, scope: Scope) -> Result<Launch> {
    let (command, args) = match scope {
        Scope::User | Scope::Local => {
            let program = std::env::current_exe()
                .map_err(|source| Error::Read { path: PathBuf::from("mcpkg"), source })?;
            (program.display().to_string(), vec!["run".to_owned(), name.to_string()])
        }
        Scope::Project => {
            let args = ["run", "--project", name.as_str()].map(str::to_owned);
            ("mcpkg".to_owned(), args.to_vec())
        }
    };
    Ok(Launch { command, args })
}

/// The edits that link a server into each of `agents`.
pub fn plans(
    server: &LockedServer,
    agents: &[&'static dyn Agent],
    scope: Scope,
    places: &Places,
) -> Result<Vec<settings::Plan>> {
    let launch = launch(&server.name, scope)?;
    let plan = |agent: &&'static dyn Agent| {
        let links = &server.agents;
        let key = key(&server.name, links, *agent, scope, places);
        let previous = there(links, *agent, scope, places);
        settings::Plan::link(*agent, &key, previous, &launch, scope, places)
    };
    agents.iter().map(plan).collect()
}

/// The name that a package goes by in an agent's settings: the one it has there
/// already, or its short name. Some agents take letters, digits, `-` and `_`
/// only, so a dot becomes a `-`.
pub fn key(
    name: &PackageName,
    previous: &[AgentLink],
    agent: &dyn Agent,
    scope: Scope,
    places: &Places,
) -> String {
    there(previous, agent, scope, places)
        .or_else(|| previous.iter().find(|link| link.id == agent.id()))
        .map_or_else(|| name.short().replace('.', "-"), |link| link.key.clone())
}

/// The link into an agent that is there already, for the same project if it is local.
pub fn there<'a>(
    links: &'a [AgentLink],
    agent: &dyn Agent,
    scope: Scope,
    places: &Places,
) -> Option<&'a AgentLink> {
    let project = project_of(scope, places);
    links.iter().find(|link| link.id == agent.id() && link.project == project)
}

/// Puts a link in the place of the one that it renews, or adds it.
pub fn put(links: &mut Vec<AgentLink>, link: &AgentLink) {
    links.retain(|other| !is_same(other, link));
    links.push(link.clone());
    links.sort_by(|a, b| (&a.id, &a.project).cmp(&(&b.id, &b.project)));
}

/// Whether two links are in the same settings, in the same part of them.
pub fn is_same(one: &AgentLink, other: &AgentLink) -> bool {
    (&one.id, &one.project) == (&other.id, &other.project)
}

/// What a link remembers of the project that it is for, if it is local.
pub fn project_of(scope: Scope, places: &Places) -> Option<String> {
    match scope {
        Scope::User | Scope::Project => None,
        Scope::Local => Some(places.project.display().to_string()),
    }
}

/// Where the entry of a link is, which the lock of `scope` has.
pub fn site<'a>(link: &AgentLink, scope: Scope, places: &'a Places) -> (Scope, Cow<'a, Places>) {
    match &link.project {
        None => (scope, Cow::Borrowed(places)),
        Some(project) => (Scope::Local, Cow::Owned(places.in_project(Path::new(project)))),
    }
}
