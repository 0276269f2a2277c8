//! `mcpkg sync`: make this machine what the lock says.
//!
//! Everything is verified again, as if it were installed: a lock that came with a
//! project is somebody's word. The bytes are downloaded by the digest that is pinned,
//! and a server is granted nothing that its signed metadata does not ask for.

use std::process::ExitCode;

use mcpkg_core::PackageName;
use mcpkg_core::lock::LockedServer;
use serde_json::json;

use super::intake::Intake;
use super::locking::bring_up;
use super::origin::Origin;
use super::{Context, SOMETHING_TO_DO, locked, scope_here, secret, upstream};
use crate::agents::Scope;
use crate::args::SyncArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::relink::{Relinking, Unlinked};
use crate::ops::{again, wanted};
use crate::project_file::ProjectFile;
use crate::ui::Ui;

pub(super) fn run(args: &SyncArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope_here(args.here.scope, context);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let project = ProjectFile::read(scope, &context.places)?;
    let servers = project.as_ref().map(|project| &project.servers);
    let changes_lock = !args.locked && !args.frozen;
    let can_make_one = changes_lock && servers.is_some();
    if !can_make_one && !lock.path().exists() {
        return Err(Error::NoLock { path: lock.path().to_owned() });
    }
    let ui = Ui { yes: args.yes, ..context.ui };
    let intake = Intake::new(&args.consent, ui, context)?;

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
            bring_up(&mut lock, servers, &intake)?;
        }
    }

    // The files, each verified as if it were installed, and the agents' settings.
    for server in lock.lock.servers() {
        files(server, (scope, &lock), &intake, args)?;
    }
    let unlinked = if changes_lock { Unlinked::Everywhere } else { Unlinked::Nowhere };
    let wanted = |name: &PackageName| servers?.get(name).cloned();
    let linking = Relinking::of(&lock.lock, wanted, unlinked, scope, &context.places)?;
    context.ui.warn_all(&linking.warnings);
    if changes_lock {
        linking.note(&mut lock.lock);
        lock.write()?;
    }
    for name in linking.write()? {
        context.ui.status("Unlinked", format!("{name}, which is not in the lock"));
    }
    if scope == Scope::Project {
        secret::approve::all(&lock, ui, context)?;
    }
    let servers: Vec<_> = lock.lock.servers().collect();
    context.ui.status("Synced", format!("{} servers", servers.len()));
    context.ui.data(&json!({ "servers": servers }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Verifies a server, and brings its files if they are not here.
fn files(
    server: &LockedServer,
    (scope, lock): (Scope, &LockFile),
    intake: &Intake<'_>,
    args: &SyncArgs,
) -> Result<()> {
    let Intake { config, store, context, .. } = intake;
    let is_here = again::has_files(server, store);
    if let Some(from) = &server.upstream {
        // What is here verifies without its registry, and the rest is made again.
        if is_here {
            return locked::check(server, config, store, context);
        }
        return upstream::sync((server, from), scope, lock, intake);
    }
    let origin = Origin::of(server, config, context)?;
    let kept = || origin.kept(server, store, context);
    let release = if args.frozen { kept() } else { origin.shown(server, context) }?;
    again::grants_no_more(server, &release)?;
    if !is_here {
        origin.fetch(&release, store, context)?.keep(store)?;
    }
    store.keep_release(&release.document)?;
    let verb = if is_here { "Verified" } else { "Fetched" };
    context.ui.status(verb, format!("{}@{}", server.name, server.version));
    Ok(())
}
