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
use super::{Context, SOMETHING_TO_DO, judged, secret, verify};
use crate::agents::Scope;
use crate::args::SyncArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::log::{Anchor, receipt};
use crate::ops::release::{self, Terms, TrustedRelease};
use crate::ops::relink::{Relinking, Unlinked};
use crate::ops::wanted;
use crate::project_file::ProjectFile;
use crate::secrets::approval;
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
    let unlinked = if changes_lock { Unlinked::Everywhere } else { Unlinked::Nowhere };
    let wanted = |name: &PackageName| servers?.get(name).cloned();
    let linking = Relinking::of(&lock.lock, wanted, unlinked, scope, &context.places)?;
    context.ui.warn_all(&linking.warnings);
    if changes_lock {
        linking.note(&mut lock.lock);
        lock.write()?;
    }
    for (_, plan) in &linking.links {
        plan.write()?;
    }
    for (name, plan) in &linking.strays {
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
        let is_here = server
            .artifact_for(Platform::current())
            .is_some_and(|artifact| self.store.check(artifact.tree).is_ok());
        // What is here of another ecosystem verifies without it. It is not fetched again:
        // its dependencies would be chosen anew.
        if server.upstream.is_some() && is_here {
            return verify::locked(server, &self.config, &self.store, self.context);
        }
        let origin = Origin::of(server, &self.config, self.context)?;
        let release = self.release(server, &origin)?;
        let excess = server.granted.beyond(release.server_json.permissions());
        if !excess.is_empty() {
            let name = server.name.clone();
            return Err(Error::NotAsked { name, excess: excess.describe() });
        }
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
                context.online("fetching what is not in the store")?;
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
