//! Linking a server into the settings of agents, and out of them again.

use std::path::PathBuf;

use mcpkg_core::PackageName;
use mcpkg_core::lock::AgentLink;

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
    }
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
        Scope::User => {
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

/// The name that a package goes by in an agent's settings: the one it has there
/// already, or its short name. Some agents take letters, digits, `-` and `_`
/// only, so a dot becomes a `-`.
pub fn key(name: &PackageName, previous: &[AgentLink], agent: &dyn Agent) -> String {
    previous
        .iter()
        .find(|link| link.id == agent.id())
        .map_or_else(|| name.short().replace('.', "-"), |link| link.key.clone())
}
