//! `mcpkg sync`: make this machine what the lock says.
//!
//! Everything is verified again, as if it were installed: a lock that came with a
//! project is somebody's word. The bytes are downloaded by the digest that is pinned,
//! and a server is granted nothing that its signed metadata does not ask for.

use std::process::ExitCode;

use jiff::SignedDuration;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::Policy;
use mcpkg_core::{PackageName, Platform};
use serde_json::json;

use super::lock::{Locking, scope};
use super::origin::Origin;
use super::{Context, SOMETHING_TO_DO, judged, secret};
use crate::agents::{self, Agent, Scope};
use crate::args::SyncArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::log::{Anchor, receipt};
use crate::ops::release::{self, Terms, TrustedRelease};
use crate::ops::{entries, link, wanted};
use crate::project_file::ProjectFile;
use crate::secrets::approval;
use crate::settings::Plan;
use crate::store::Store;
use crate::ui;

pub(super) fn run(args: &SyncArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope(args.scope, context);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let project = ProjectFile::read(scope, &context.places)?;
    let servers = project.as_ref().map(|project| &project.servers);
    let changes_lock = !args.locked && !args.frozen;
    let can_make_one = changes_lock && servers.is_some();
    if !can_make_one && !lock.path().exists() {
        return Err(Error::NoLock { path: lock.path().to_owned() });
    }

    // Is the lock what is asked for?
    if let Some(servers) = servers.filter(|_| !args.frozen) {
        let mismatches = wanted::mismatches(servers, &lock.lock);
        if args.locked && !mismatches.is_empty() {
            context.ui.warn_all(&mismatches);
            context.ui.detail("fix", "`mcpkg lock` brings mcpkg.lock up to mcpkg.toml");
            context.ui.data(&json!({ "mismatches": mismatches }), String::new)?;
            return Ok(ExitCode::from(SOMETHING_TO_DO));
        }
        if !mismatches.is_empty() {
            let locking = Locking::new(&args.accept, &args.approve, args.yes, context)?;
            locking.bring_up(&mut lock, servers)?;
        }
    }

    // The files, each verified as if it were installed.
    let sync =
        Sync { config: context.config()?, store: Store::new(&context.places), args, context };
    for server in lock.lock.servers() {
        sync.files(server)?;
    }

    // The settings of the agents that are here.
    let mut plans = Vec::new();
    for server in lock.lock.servers() {
        let wanted = servers.and_then(|servers| servers.get(&server.name));
        let ids = wanted.and_then(|wanted| wanted.agents.as_deref());
        for agent in present(server, ids, scope, args, context)? {
            plans.push((server.name.clone(), link_plan(server, agent, scope, context)?));
        }
    }
    let strays = strays(&lock, scope, context);
    if changes_lock {
        for (name, plan) in &plans {
            let Some(mut server) = lock.lock.get(name).cloned() else { continue };
            server.agents.retain(|link| link.id != plan.link.id);
            server.agents.push(plan.link.clone());
            server.agents.sort_by(|a, b| a.id.cmp(&b.id));
            lock.lock.insert(server);
        }
        lock.write()?;
    }
    for (_, plan) in &plans {
        plan.write()?;
    }
    for (name, plan) in &strays {
        plan.write()?;
        context.ui.status("Unlinked", format!("{name}, which is not in the lock"));
    }
    if scope == Scope::Project {
        approve(&lock, ui::Ui { yes: args.yes, ..context.ui }, context)?;
    }
    let servers: Vec<_> = lock.lock.servers().collect();
    context.ui.status("Synced", format!("{} servers", servers.len()));
    context.ui.data(&json!({ "servers": servers }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Has the user approve what a project's lock says of the servers that they have not
/// approved. Where nobody can be asked those are here, and do not start.
fn approve(lock: &LockFile, ui: ui::Ui, context: &Context) -> Result<()> {
    let is_new =
        |server: &&LockedServer| approval::check(server, lock.path(), &context.places).is_err();
    for server in lock.lock.servers().filter(is_new) {
        let name = &server.name;
        match secret::approve::is_wanted(server, lock.path(), ui) {
            Ok(true) => approval::remember(server, lock.path(), &context.places)?,
            Ok(false) | Err(Error::NoTerminal) => {
                ui.warn(format!("{name} will not start here until `mcpkg secret approve {name}`"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

struct Sync<'a> {
    config: Config,
    store: Store,
    args: &'a SyncArgs,
    context: &'a Context,
}

impl Sync<'_> {
    /// Verifies a server, and brings its files if they are not here.
    fn files(&self, server: &LockedServer) -> Result<()> {
        let origin = Origin::of(server, &self.config, self.context)?;
        let release = self.release(server, &origin)?;
        let excess = server.granted.beyond(release.server_json.permissions());
        if !excess.is_empty() {
            let name = server.name.clone();
            return Err(Error::NotAsked { name, excess: excess.describe() });
        }
        let is_here = server
            .artifact_for(Platform::current())
            .is_some_and(|artifact| self.store.check(artifact.tree).is_ok());
        if !is_here {
            origin.fetch(&release, &self.store, self.context)?.keep(&self.store)?;
        }
        self.store.keep_release(&release.document)?;
        let verb = if is_here { "Verified" } else { "Fetched" };
        self.context.ui.status(verb, format!("{}@{}", server.name, server.version));
        Ok(())
    }

    /// The release that is locked, with all of its evidence checked again.
    fn release(&self, server: &LockedServer, origin: &Origin<'_>) -> Result<TrustedRelease> {
        let context = self.context;
        // Whoever locked it found it old enough, or said that it need not be; and what
        // was yanked since is warned of and stays (DESIGN section 7).
        let policy = Policy { min_age: SignedDuration::ZERO, ..origin.source.policy() };
        let (locked, now) = (Some(server), context.now);
        let terms = Terms { policy: &policy, locked, accepts_yanked: true, now };
        if !self.args.frozen {
            let mut contact = origin.contact(&server.name, context)?;
            let version = &server.version;
            let release = judged::release(&mut contact, version, &origin.trust, terms, context)?;
            receipt::check_locked(server, contact.known())?;
            return Ok(release);
        }
        let known = context.log(&self.config, origin.source)?;
        let document = match self.store.release(server.metadata) {
            Err(Error::NotInStore { .. }) => {
                origin.registry.release(&server.name, &server.version, None)?
            }
            other => other?,
        };
        let asked = (&server.name, &server.version);
        let release = release::check(document, asked, &origin.trust, Anchor::Known(&known), terms)?;
        receipt::check_locked(server, &known)?;
        Ok(release)
    }
}

/// The agents on this machine that a server is to be linked into: those that are
/// wanted, or else those of the lock, or, where the lock may change, all that are found.
fn present(
    server: &LockedServer,
    wanted: Option<&[String]>,
    scope: Scope,
    args: &SyncArgs,
    context: &Context,
) -> Result<Vec<&'static dyn Agent>> {
    let places = &context.places;
    let locked: Vec<_> = server.agents.iter().map(|link| link.id.clone()).collect();
    let ids = match wanted {
        Some(wanted) => wanted.to_vec(),
        None if locked.is_empty() && !args.locked && !args.frozen => {
            return match link::choose(&[], scope, places) {
                Err(Error::NoAgents) => Ok(Vec::new()),
                other => other,
            };
        }
        None => locked,
    };
    let mut agents = Vec::new();
    for id in &ids {
        let Some(agent) = agents::by_id(id) else {
            context.ui.warn(format!("{} is for `{id}`, which is unknown here", server.name));
            continue;
        };
        let has_settings = !agent.settings_paths(scope, &places.for_agents()).is_empty();
        if has_settings && link::is_present(agent, places) {
            agents.push(agent);
        }
    }
    Ok(agents)
}

/// Plans to link a server. An entry under its key that is not ours is somebody's own,
/// although a lock from elsewhere has a link of that name.
fn link_plan(
    server: &LockedServer,
    agent: &'static dyn Agent,
    scope: Scope,
    context: &Context,
) -> Result<Plan> {
    let launch = link::launch(&server.name, scope)?;
    let key = link::key(&server.name, &server.agents, agent);
    let there = entries::read(agent, scope, &context.places)?;
    let there = there.iter().find(|entry| entry.key == key);
    let is_ours = there.is_none_or(|entry| entry.package().as_ref() == Some(&server.name));
    let known = server.agents.iter().find(|link| link.id == agent.id());
    let fresh = there.map(|entry| entry.as_link(agent));
    let previous = known.or(fresh.as_ref()).filter(|_| is_ours);
    Plan::link(agent, &key, previous, &launch, scope, &context.places)
}

/// Plans to unlink what is ours and not in the lock.
///
/// Settings that cannot be read keep nobody from the rest: they are said.
fn strays(lock: &LockFile, scope: Scope, context: &Context) -> Vec<(PackageName, Plan)> {
    let mut strays = Vec::new();
    for agent in agents::ALL.iter().copied() {
        let is_known = |name: &PackageName| lock.lock.get(name).is_some();
        match entries::strays(agent, scope, &context.places, is_known) {
            Ok(found) => strays.extend(found),
            Err(error) => context.ui.warn(&error),
        }
    }
    strays
}
