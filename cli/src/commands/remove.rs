//! `mcpkg remove`: unlink a server from agents and from the lock.

use std::process::ExitCode;

use mcpkg_core::lock::{AgentLink, Lock, LockedServer};
use serde_json::json;

use super::{Context, login};
use crate::agents::{self, Scope};
use crate::args::RemoveArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::{link, named};
use crate::project_file::ProjectFile;
use crate::settings::{self, Plan};

pub(super) fn run(args: &RemoveArgs, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let scope = Scope::from(args.scope);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let server = named::one(&lock.lock, &args.name)?.clone();

    // For one project alone, it is unlinked there, and stays where it is linked besides.
    let here = link::project_of(scope, &context.places);
    let is_meant = |link: &&AgentLink| here.is_none() || link.project == here;
    let (meant, kept): (Vec<_>, Vec<_>) = server.agents.iter().partition(is_meant);
    if here.is_some() && meant.is_empty() {
        return Err(Error::NoSuchServer(format!("{} (local)", args.name)));
    }
    let mut plans = Vec::new();
    for link in meant {
        let agent = agents::by_id(&link.id).ok_or_else(|| Error::UnknownAgent(link.id.clone()))?;
        plans.push(Plan::unlink(agent, link, scope, &context.places)?);
    }
    if args.dry_run {
        for plan in &plans {
            ui.raw(plan.difference().as_bytes())?;
        }
        ui.status("Would remove", format!("{}@{}", server.name, server.version));
        return Ok(ExitCode::SUCCESS);
    }
    // Settings first: an entry without its lock would fail at every start, and
    // a lock without its entry is harmless and removed by the next try.
    for plan in plans {
        plan.write()?;
    }
    lock.lock.remove(&server.name);
    hand_over(&server, &mut lock.lock);
    if !kept.is_empty() {
        let agents = kept.into_iter().cloned().collect();
        lock.lock.insert(LockedServer { agents, ..server.clone() });
        lock.write()?;
        ui.status("Unlinked", format!("{}, which stays elsewhere", server.name));
        ui.data(&json!({ "unlinked": server }), String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    lock.write()?;
    if let Some(project) = ProjectFile::read(scope, &context.places)? {
        project.want_no_more(&server.name)?;
    }
    login::leave(&server, context)?;
    ui.status("Removed", format!("{}@{}", server.name, server.version));
    ui.data(&json!({ "removed": server }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever is removed last from a file gives back what the first had created
/// there: what is known of it passes to another server in the same file.
fn hand_over(removed: &LockedServer, lock: &mut Lock) {
    let names: Vec<_> = lock.servers().map(|server| server.name.clone()).collect();
    for link in removed.agents.iter().filter(|link| settings::made_more_than_an_entry(link)) {
        for name in &names {
            let Some(mut server) = lock.get(name).cloned() else { continue };
            let Some(heir) = server.agents.iter_mut().find(|other| link::is_same(other, link))
            else {
                continue;
            };
            heir.footprint.clone_from(&link.footprint);
            lock.insert(server);
            break;
        }
    }
}
