//! The links of a lock, made again in the settings of the agents on this machine.

use std::collections::BTreeMap;

use mcpkg_core::PackageName;
use mcpkg_core::lock::{AgentLink, Lock, LockedServer};
use mcpkg_core::project::WantedServer;

use crate::agents::{self, Agent, Scope};
use crate::error::{Error, Result};
use crate::ops::{entries, link};
use crate::places::Places;
use crate::settings::Plan;

/// Where a server is linked of which nobody has said that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// Into every agent that is found.
    Everywhere,
    /// Nowhere.
    Nowhere,
}

/// What to do so that settings are what a lock says.
#[derive(Default)]
pub struct Relinking {
    /// The links.
    pub links: Vec<(PackageName, Plan)>,
    /// The entries of ours that are not in the lock, to be taken out.
    pub strays: Vec<(PackageName, Plan)>,
    /// What keeps nobody from the rest.
    pub warnings: Vec<String>,
}

impl Relinking {
    /// What to do for the lock of `scope`. `wanted` is what `mcpkg.toml` says of it.
    pub fn of(
        lock: &Lock,
        wanted: impl Fn(&PackageName) -> Option<WantedServer>,
        unlinked: Unlinked,
        scope: Scope,
        places: &Places,
    ) -> Result<Self> {
        let mut this = Self::default();
        for server in lock.servers() {
            let ids = wanted(&server.name).and_then(|wanted| wanted.agents);
            for agent in this.present(server, ids, unlinked, scope, places)? {
                let plan = plan(server, agent, scope, places)?;
                this.links.push((server.name.clone(), plan));
            }
            this.local(server, scope, places);
        }
        this.strays(lock, scope, places);
        if scope == Scope::User {
            this.strays(lock, Scope::Local, places);
        }
        Ok(this)
    }

    /// The agents on this machine that a server is to be linked into: those that are
    /// wanted, or else those of the lock, or all that are found.
    fn present(
        &mut self,
        server: &LockedServer,
        wanted: Option<Vec<String>>,
        unlinked: Unlinked,
        scope: Scope,
        places: &Places,
    ) -> Result<Vec<&'static dyn Agent>> {
        let ids = match wanted {
            Some(wanted) => wanted,
            None if server.agents.is_empty() && unlinked == Unlinked::Everywhere => {
                return match link::choose(&[], scope, places) {
                    Err(Error::NoAgents) => Ok(Vec::new()),
                    other => other,
                };
            }
            None => {
                let of_scope = server.agents.iter().filter(|link| link.project.is_none());
                of_scope.map(|link| link.id.clone()).collect()
            }
        };
        let mut agents = Vec::new();
        for id in &ids {
            let Some(agent) = agents::by_id(id) else {
                let name = &server.name;
                self.warnings.push(format!("{name} is for `{id}`, which is unknown here"));
                continue;
            };
            let has_settings = !agent.settings_paths(scope, &places.for_agents()).is_empty();
            if has_settings && link::is_present(agent, places) {
                agents.push(agent);
            }
        }
        Ok(agents)
    }

    /// The links that are for one project of the user's alone. A project that the agent
    /// knows no more keeps nobody from the rest.
    fn local(&mut self, server: &LockedServer, scope: Scope, places: &Places) {
        for link in server.agents.iter().filter(|link| link.project.is_some()) {
            let (scope, places) = link::site(link, scope, places);
            let Some(agent) = agents::by_id(&link.id) else { continue };
            match plan(server, agent, scope, &places) {
                Ok(plan) => self.links.push((server.name.clone(), plan)),
                Err(error) => {
                    self.warnings.push(format!("{}: {error}", places.project.display()));
                }
            }
        }
    }

    /// What is ours and not in the lock. Settings that cannot be read are said.
    fn strays(&mut self, lock: &Lock, scope: Scope, places: &Places) {
        for agent in agents::ALL.iter().copied() {
            let is_known = |name: &PackageName| lock.get(name).is_some();
            match entries::strays(agent, scope, places, is_known) {
                Ok(found) => self.strays.extend(found),
                Err(error) => self.warnings.push(error.to_string()),
            }
        }
    }

    /// Says in the lock what is linked.
    pub fn note(&self, lock: &mut Lock) {
        let mut links: BTreeMap<&PackageName, Vec<&AgentLink>> = BTreeMap::new();
        for (name, plan) in &self.links {
            links.entry(name).or_default().push(&plan.link);
        }
        for (name, links) in links {
            let Some(mut server) = lock.get(name).cloned() else { continue };
            for link in links {
                link::put(&mut server.agents, link);
            }
            lock.insert(server);
        }
    }

    /// Writes the settings. Gives what is no longer in them.
    pub fn write(&self) -> Result<Vec<&PackageName>> {
        for (_, plan) in self.links.iter().chain(&self.strays) {
            plan.write()?;
        }
        Ok(self.strays.iter().map(|(name, _)| name).collect())
    }
}

/// Plans to link a server. An entry under its key that is not ours is somebody's own,
/// although a lock from elsewhere has a link of that name.
fn plan(
    server: &LockedServer,
    agent: &'static dyn Agent,
    scope: Scope,
    places: &Places,
) -> Result<Plan> {
    let launch = link::launch(&server.name, scope)?;
    let key = link::key(&server.name, &server.agents, agent, scope, places);
    let there = entries::read(agent, scope, places)?;
    let there = there.iter().find(|entry| entry.key == key);
    let is_ours = there.is_none_or(|entry| entry.package().as_ref() == Some(&server.name));
    let known = link::there(&server.agents, agent, scope, places);
    let fresh = there.map(|entry| entry.as_link(agent, scope, places));
    let previous = known.or(fresh.as_ref()).filter(|_| is_ours);
    Plan::link(agent, &key, previous, &launch, scope, places)
}
