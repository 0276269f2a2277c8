//! Whether lock, store and settings say the same of a server.

use mcpkg_core::lock::LockedServer;
use mcpkg_core::{Coded as _, Platform};

use super::{Finding, Kind, install_again};
use crate::agents::{self, Scope};
use crate::ops::{entries, launch, link as links, pin};
use crate::places::Places;
use crate::store::Store;

/// Everything in which the files and entries of a server are not what its lock says.
pub fn drift(server: &LockedServer, scope: Scope, store: &Store, places: &Places) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |kind, message: String| {
        let fix = format!("{} puts it back", install_again(&server.name, scope));
        found.push(Finding::of(kind, scope, server, message, fix));
    };
    match server.artifact_for(Platform::current()) {
        None if server.elsewhere.is_some() => {
            if let Err(error) = launch::elsewhere::signed(server, store) {
                add(Kind::Files, format!("{error} [{}]", error.code()));
            }
        }
        None => add(Kind::Files, "it has no artifact for this platform".to_owned()),
        Some(artifact) => {
            if let Err(error) = store.check(artifact.tree) {
                add(Kind::Files, format!("{error} [{}]", error.code()));
            }
        }
    }
    match pin::asked_by(server, store) {
        Err(error) => add(Kind::Evidence, format!("{error} [{}]", error.code())),
        Ok(asked) => {
            let excess = server.granted.beyond(&asked);
            if !excess.is_empty() {
                let excess = excess.describe().join(", ");
                add(Kind::Granted, format!("the lock grants what it does not ask for: {excess}"));
            }
        }
    }
    for link in &server.agents {
        let Some(agent) = agents::by_id(&link.id) else { continue };
        // Of an agent that is not on this machine nothing is expected; settings that
        // cannot be read are a finding of their own.
        let (scope, places) = links::site(link, scope, places);
        let has_settings = !entries::paths(agent, scope, &places).is_empty();
        let Ok(all) = entries::read(agent, scope, &places) else { continue };
        let there = all.iter().find(|entry| entry.key == link.key);
        let name = agent.display_name();
        match there {
            None if has_settings => {
                add(Kind::EntryMissing, format!("{name} has no entry `{}` any more", link.key));
            }
            // MCPoison, CVE-2025-54136: an approved entry gets another command.
            Some(entry) if !entry.is_as_linked(agent, &server.name, scope) => {
                let key = &link.key;
                add(
                    Kind::EntryChanged,
                    format!("the entry `{key}` of {name} is not the one that was linked"),
                );
            }
            _ => (),
        }
    }
    found
}
