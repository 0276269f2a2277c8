//! `mcpkg install npm:…` and `pypi:…`: choose, verify, fetch, show, ask, unpack, pin, link.

mod everyday;
mod stated;

use std::process::ExitCode;

use mcpkg_core::lock::LockedConfinement;
use mcpkg_core::policy::Policy;
use mcpkg_upstream::{Importer, Reference};
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::InstallArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::given::Given;
use crate::ops::upstream::{self, Accepted, Ask, source};
use crate::ops::{link, pin};
use crate::project_file::ProjectFile;
use crate::secrets::approval;
use crate::show;
use crate::store::Store;
use crate::ui::Ui;

pub(super) use self::everyday::{Outcome, grant, lock, standing, sync, update};
pub(super) use self::stated::stated;

pub(super) fn run(
    reference: &Reference,
    args: &InstallArgs,
    context: &Context,
) -> Result<ExitCode> {
    let scope = Scope::from(args.scope);
    let ui = Ui { yes: args.yes, ..context.ui };
    let agents = link::choose(&args.agent, scope, &context.places)?;
    let given = Given::parse(&args.set, &args.secret, &args.broker)?;
    let config = context.config()?;
    let ecosystem = reference.package.ecosystem();
    let name = reference.package.name_below(ecosystem.namespace());
    let name = name.map_err(|source| {
        let package = reference.package.clone();
        upstream::failed(mcpkg_upstream::UpstreamError::Name { package, source })
    })?;
    let importer = asking(&config, context)?;

    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let locked = lock.lock.get(&name).cloned();
    let project = ProjectFile::read(scope, &context.places)?;
    source::check(locked.as_ref(), &reference.package, importer.registry(ecosystem).as_str())?;
    if let (Scope::Project, Some(locked)) = (scope, &locked) {
        approval::check(locked, lock.path(), &context.places)?;
    }

    // What it needs, who attests it, and is that enough?
    let accepted = Accepted::parse(&args.accept, &args.upstream.unattested)?;
    let ask = Ask {
        name: &name,
        locked: locked.as_ref(),
        accepted: &accepted,
        min_age: Policy::PUBLIC_MIN_AGE,
        now: context.now,
    };
    context.ui.status("Choosing", format!("what {reference} needs"));
    let chosen = upstream::choose(reference, &importer, ask)?;
    let release = chosen.closure.root().release.clone();
    ui.status(if chosen.lack.is_none() { "Verified" } else { "Accepted" }, &release);

    // The bytes that were pinned, into staging.
    let store = Store::new(&context.places);
    let (made, unpacked) = upstream::make(&chosen, &importer, &store, ui)?;
    given.check(unpacked.manifest.config_keys())?;

    // What it would mean, and is that wanted?
    let range = source::range(reference);
    let made = (&chosen, &made);
    let mut server = upstream::pin::server(&name, made, &importer, range, locked.as_ref())?;
    server.confinement = args.unconfined.then_some(LockedConfinement::None);
    // Said anew each time, or as it was.
    let granted = args.upstream.granted();
    if !granted.is_empty() {
        server.granted = granted;
    }
    show::upstream(&ui, made, &server);
    show::confinement(&ui, server.confinement, &server.granted, &context.places);
    given.apply(&mut server)?;
    let plans = link::plans(&server, &agents, scope, &context.places)?;
    show::plans(&ui, &plans, lock.path());
    if args.dry_run {
        show::differences(&ui, &plans)?;
        ui.status("Would install", &release);
        return Ok(ExitCode::SUCCESS);
    }
    if locked.as_ref().is_none_or(|locked| !pin::is_settled(locked, &server))
        && !ui.confirm("Install it?")?
    {
        return Err(Error::Declined);
    }
    pin::commit_files(unpacked, &store, &mut lock, server, plans)?;
    if let Some(project) = project {
        project.want_made(&name, reference, &release)?;
    }
    ui.status("Installed", format!("{release} as {name}"));
    for agent in &agents {
        ui.status("Linked", format!("into {}", agent.display_name()));
    }
    let server = lock.lock.get(&name);
    if let (Scope::Project, Some(server)) = (scope, server) {
        approval::remember(server, lock.path(), &context.places)?;
    }
    ui.data(&json!({ "installed": server }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// What makes artifacts, for a command that asks npm or PyPI.
fn asking(config: &Config, context: &Context) -> Result<Importer> {
    context.online("fetching from npm or PyPI")?;
    upstream::importer(config, &context.places, context.now)
}
