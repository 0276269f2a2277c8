//! What else agents are told to start.

use mcpkg_core::Coded as _;
use mcpkg_core::lock::{AgentLink, Lock};

use super::{Finding, Kind};
use crate::agents::{ALL, Agent, Scope};
use crate::ops::entries::{self, Entry};
use crate::ops::link;
use crate::ops::migrate::literals;
use crate::places::Places;

/// The entries in the settings of all agents that are not from us, that are ours and not
/// locked, and that hold a secret in clear.
pub fn entries(lock: &Lock, scope: Scope, places: &Places) -> Vec<Finding> {
    let mut found = Vec::new();
    for agent in ALL.iter().copied() {
        let project = link::project_of(scope, places);
        let of_entry = |entry: &Entry| of_entry(entry, agent, (scope, project.as_ref()), lock);
        match entries::read(agent, scope, places) {
            Ok(all) => found.extend(all.iter().flat_map(of_entry)),
            // They are the user's, of whom it is said.
            Err(_) if scope == Scope::Local => (),
            Err(error) => found.push(Finding {
                kind: Kind::Settings,
                scope: link::scope_word(scope),
                subject: agent.id().to_owned(),
                message: format!("{error} [{}]", error.code()),
                fix: "repair the file by hand; mcpkg has not changed it".to_owned(),
            }),
        }
    }
    found
}

fn of_entry(
    entry: &Entry,
    agent: &dyn Agent,
    (scope, project): (Scope, Option<&String>),
    lock: &Lock,
) -> Vec<Finding> {
    let subject = format!("{}: {}", agent.id(), entry.key);
    let finding = |kind, message: String, fix: &str| Finding {
        kind,
        scope: link::scope_word(scope),
        subject: subject.clone(),
        message,
        fix: fix.to_owned(),
    };
    let is_linked = |it: &AgentLink| {
        it.id == agent.id() && it.key == entry.key && it.project.as_ref() == project
    };
    let mut found = Vec::new();
    match entry.package() {
        Some(name) if lock.get(&name).is_none() => found.push(finding(
            Kind::EntryUnlocked,
            format!("it starts {name}, which is not in the lock, so it will not start"),
            "`mcpkg sync` takes it out, `mcpkg install` installs it",
        )),
        Some(_) => (),
        // One under a name of ours that was changed is found as such.
        None if lock.servers().any(|server| server.agents.iter().any(is_linked)) => (),
        // SANDWORM_MODE, 2026: typosquats write a server of their own into settings.
        None => found.push(finding(
            Kind::NotFromMcpkg,
            "not from mcpkg: nobody verified what it starts".to_owned(),
            "remove it from the settings unless you know it",
        )),
    }
    let sites: Vec<_> = literals(&entry.value).iter().map(|it| it.site.to_string()).collect();
    if !sites.is_empty() {
        found.push(finding(
            Kind::LiteralSecret,
            format!("a secret stands there in clear: {}", sites.join(", ")),
            "`mcpkg migrate` moves it into your key store; have it replaced where it is from",
        ));
    }
    found
}
