//! `mcpkg install`: verify, show, ask, unpack, pin, link.

use std::process::ExitCode;

use mcpkg_core::Platform;
use mcpkg_core::lock::LockedConfinement;
use serde_json::json;

use super::approval::Approved;
use super::origin::Origin;
use super::{Context, judged, secret};
use crate::agents::Scope;
use crate::args::{InstallArgs, InstallTarget};
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::given::Given;
use crate::ops::install::Install;
use crate::ops::release::Terms;
use crate::ops::{link, pin, upstream};
use crate::project_file::ProjectFile;
use crate::request::PackageRequest;
use crate::secrets::approval;
use crate::store::Store;
use crate::{show, ui};

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<ExitCode> {
    match &args.package {
        InstallTarget::Package(package) => install(package, args, context),
        InstallTarget::Upstream(reference) => super::upstream::run(reference, args, context),
    }
}

fn install(package: &PackageRequest, args: &InstallArgs, context: &Context) -> Result<ExitCode> {
    let (scope, places, name) = (Scope::from(args.scope), &context.places, &package.name);
    let ui = ui::Ui { yes: args.yes, ..context.ui };
    let agents = link::choose(&args.agent, scope, places)?;
    let given = Given::parse(&args.set, &args.secret, &args.broker)?;
    let approved = Approved::parse(&args.approve)?;
    let config = context.config()?;
    let origin = Origin::serving(name, &config, context)?;

    let _exclusive = Exclusive::of(scope, places)?;
    let mut lock = LockFile::read(scope, places)?;
    let project = ProjectFile::read(scope, places)?;
    let locked = lock.lock.get(name).cloned();
    let locked = locked.as_ref();
    approval::check_taken_over(locked, scope, lock.path(), places)?;

    // Who built it, and is that enough?
    let mut contact = origin.contact(name, context)?;
    let registry = origin.source.url.as_str();
    pin::comes_from(locked, registry, contact.known())?;
    let chosen = package.choose(&contact.index, Platform::current());
    let chosen = chosen.map(|line| line.version.clone());
    // Also where there is nothing to put in its place.
    if let Some(locked) = locked
        && chosen.as_ref().ok() != Some(&locked.version)
    {
        judged::warn_of_locked(&mut contact, locked, &origin.trust, context)?;
    }
    let version = chosen?;
    let policy = judged::policy(origin.source, &args.accept)?;
    let terms = Terms { policy: &policy, locked, accepts_yanked: false, now: context.now };
    let release = judged::release(&mut contact, &version, &origin.trust, terms, context)?;
    ui.status("Verified", format!("{name}@{version}"));

    // The bytes that were signed, into staging.
    let store = Store::new(places);
    let brought = origin.fetch(&release, &store, context)?;
    given.check(brought.settings())?;

    // What it would mean, and is that wanted?
    let confinement = args.unconfined.then_some(LockedConfinement::None);
    let carried = upstream::carried_by(&brought, &config, places, context.now)?;
    let carried = carried.as_ref();
    show::install(&ui, (&release, &brought), carried, confinement, places, context.now);
    let wanted = project.as_ref().and_then(|project| project.servers.get(name));
    let found = (release, brought);
    let mut install = Install::prepare(found, registry, wanted, confinement, &lock.lock, &store)?;
    if wanted.is_some() {
        secret::approve::show_settings(&install.server, ui);
    }
    let brings_more = install.brings_more(locked);
    ui.warn_all(&install.give(given, places)?);
    let plans = link::plans(&install.server, &agents, scope, places)?;
    show::plans(&ui, &plans, lock.path());
    if args.dry_run {
        show::differences(&ui, &plans)?;
        ui.status("Would install", format!("{name}@{version}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(locked) = locked {
        approved.widening((name, &version), &install.added_to(locked), ui)?;
    }
    let is_settled = locked.is_some_and(|locked| pin::is_settled(locked, &install.server));
    if (brings_more || !is_settled) && !ui.confirm("Install it?")? {
        return Err(Error::Declined);
    }

    let settings = install.settings().clone();
    install.commit(&store, &mut lock, plans)?;
    if let Some(project) = project {
        project.want_chosen(package, &version)?;
    }
    ui.status("Installed", format!("{name}@{version}"));
    show::linked(&ui, &agents, scope);
    let server = lock.lock.get(name);
    if let Some(server) = server {
        if scope == Scope::Project {
            approval::remember(server, lock.path(), places)?;
        }
        secret::offer(server, &settings, ui, context)?;
    }
    ui.data(&json!({ "installed": server }), String::new)?;
    Ok(ExitCode::SUCCESS)
}
