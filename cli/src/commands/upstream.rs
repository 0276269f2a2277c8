//! `mcpkg install npm:…` and `pypi:…`: choose, verify, fetch, show, ask, unpack, pin, link.

mod everyday;
mod stated;

use std::process::ExitCode;

use mcpkg_core::PackageName;
use mcpkg_core::lock::{LockedConfinement, LockedServer};
use mcpkg_core::policy::Policy;
use mcpkg_core::project::{VersionRange, WantedServer};
use mcpkg_core::publisher::Publisher;
use mcpkg_upstream::{Importer, Made, Reference, Release};
use serde_json::json;

use super::Context;
use super::install::{Values, plan};
use crate::agents::Scope;
use crate::args::{AcceptArgs, InstallArgs, UnattestedArgs, parse_release};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::upstream::{self, Accepted, Ask, Chosen, source};
use crate::ops::{launch, link, pin};
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
    let values = Values::parse(args)?;
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
    let accepted = accepted(&args.accept, &args.upstream.unattested)?;
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
    values.check(unpacked.manifest.config_keys())?;

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
    say(made, &server, ui);
    show::confinement(&ui, server.confinement, &server.granted, &context.places);
    server.config.extend(values.config);
    server.secrets.extend(values.secrets);
    server.brokered.extend(values.brokered);
    launch::brokered::check(&server, launch::wanted(&server))?;
    let plans = plan(&server, &agents, scope, context)?;
    if args.dry_run {
        for plan in &plans {
            ui.raw(plan.difference().as_bytes())?;
        }
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
        want(&project, &name, reference, &release)?;
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

/// What the user accepts although it would be refused.
fn accepted(accept: &AcceptArgs, unattested: &UnattestedArgs) -> Result<Accepted> {
    let argument =
        |what, found: &str, reason| Error::Argument { what, found: found.to_owned(), reason };
    let mut accepted = Accepted {
        unattested: unattested.accept_unattested.iter().cloned().collect(),
        yanked: unattested.accept_yanked.iter().cloned().collect(),
        ..Accepted::default()
    };
    for text in &accept.accept_fresh {
        if let Ok(release) = text.parse::<Release>() {
            accepted.fresh.insert(release);
        } else {
            let here = parse_release(text).map_err(|it| argument("release", text, it))?;
            accepted.fresh_here.insert(here);
        }
    }
    for text in &accept.accept_publisher {
        let publisher = Publisher::from_reference(text)
            .map_err(|error| argument("publisher", text, error.to_string()))?;
        accepted.publishers.insert(publisher.reference());
    }
    Ok(accepted)
}

/// Says in mcpkg.toml that the project wants what was installed, where it does not say so
/// already.
fn want(
    project: &ProjectFile,
    name: &PackageName,
    reference: &Reference,
    release: &Release,
) -> Result<()> {
    let version = mcpkg_upstream::version(release).map_err(upstream::failed)?;
    let package = &reference.package;
    let is_admitted = |wanted: &WantedServer| {
        wanted.version.matches(&version) && wanted.from.as_ref() == Some(&package.to_string())
    };
    if project.servers.get(name).is_some_and(is_admitted) {
        return Ok(());
    }
    let range = match (source::range(reference), &reference.wanted) {
        (Some(range), _) => range,
        (None, Some(_)) => VersionRange::Exactly(version),
        (None, None) => VersionRange::compatible_with(&version),
    };
    project.want_from(name, &range, &package.to_string())
}

/// Who is behind a release, and what it was built from.
fn who(chosen: &Chosen) -> Vec<(&'static str, String)> {
    let mut lines = upstream::attested(chosen.statements.iter().map(|it| &it.evidence));
    lines.push(("published by", chosen.publisher.to_string()));
    let built = chosen.statements.iter().find_map(|it| it.evidence.evidence.source());
    lines.extend(built.map(|source| ("commit", source.commit)));
    lines
}

/// Says what is wrong with a release, and was accepted or prevented.
fn warn(chosen: &Chosen, ui: Ui) {
    if let Some(lack) = chosen.lack {
        ui.warn(format!("{lack}; you accepted this release by its name"));
    }
    for member in chosen.closure.members.iter().filter(|member| member.is_yanked == Some(true)) {
        let release = &member.release;
        ui.warn(format!("{release} was yanked by its author; you accepted it by its name"));
    }
    let scripts = chosen.closure.members.iter().filter(|member| member.has_script);
    for member in scripts {
        ui.warn(format!("{} has an install script, which was not run", member.release));
    }
}

/// Shows what installing it would mean.
fn say((chosen, made): (&Chosen, &Made), server: &LockedServer, ui: Ui) {
    ui.heading(&chosen.closure.root().release);
    ui.detail("", made.manifest.description());
    for (label, text) in who(chosen) {
        ui.detail(label, text);
    }
    let others = chosen.closure.members.len() - 1;
    ui.detail("brings", format!("{others} other packages, each pinned by its digest"));
    warn(chosen, ui);
    let granted = server.granted.describe();
    if granted.is_empty() {
        ui.detail("granted", "nothing: no files, no network; `--grant-…` grants more");
    }
    for line in granted {
        ui.detail("granted", line);
    }
}
