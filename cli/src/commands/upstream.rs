//! `mcpkg install npm:…` and `pypi:…`: choose, verify, fetch, show, ask, unpack, pin, link.

use std::process::ExitCode;

use jiff::Timestamp;
use mcpkg_core::lock::{LockedArtifact, LockedConfinement, LockedServer, LockedUpstream};
use mcpkg_core::policy::Policy;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Platform};
use mcpkg_upstream::{
    Closure, Importer, Judgement, Made, Reference, Release, Statement, Terms, judge, uploader,
};
use serde_json::json;

use super::Context;
use super::install::{Values, plan};
use crate::agents::Scope;
use crate::args::InstallArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::{fetch, launch, link, pin, upstream};
use crate::secrets::approval;
use crate::show;
use crate::store::Store;
use crate::ui::Ui;

/// What is known of a release before a byte of it is here.
struct Chosen {
    closure: Closure,
    statements: Vec<Statement>,
    publisher: Publisher,
    signed_at: Timestamp,
    /// What its evidence lacks, which the user took upon themselves.
    lack: Option<mcpkg_upstream::Lack>,
}

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
    let importer = upstream::importer(&config, &context.places, context.now)?;

    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let locked = lock.lock.get(&name).cloned();
    check_place(locked.as_ref(), &name, importer.registry(ecosystem).as_str())?;
    if let (Scope::Project, Some(locked)) = (scope, &locked) {
        approval::check(locked, lock.path(), &context.places)?;
    }

    // What it needs, who attests it, and is that enough?
    let chosen = choose(reference, &importer, locked.as_ref(), args, context)?;
    let release = chosen.closure.root().release.clone();
    ui.status(if chosen.lack.is_none() { "Verified" } else { "Accepted" }, &release);

    // The bytes that were pinned, into staging.
    let store = Store::new(&context.places);
    let staging = store.stage()?;
    let (path, _) = staging.file()?;
    let bar = ui.progress("Fetching", 0);
    let made = importer
        .make(&chosen.closure, &chosen.statements, &path, |bytes| {
            bar.inc_length(bytes);
            Ui::advance(&bar, bytes);
        })
        .map_err(upstream::failed)?;
    bar.finish_and_clear();
    let unpacked = fetch::take(staging, &path, made.tree)?;
    values.check(&unpacked.manifest)?;

    // What it would mean, and is that wanted?
    let mut server = server(&name, &chosen, &made, &importer, locked.as_ref(), args)?;
    say(&chosen, &made, &server, ui);
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

/// A name stays with the place that it was installed from.
fn check_place(locked: Option<&LockedServer>, name: &PackageName, registry: &str) -> Result<()> {
    match locked {
        Some(locked) if locked.upstream.is_none() || locked.registry != registry => {
            Err(Error::OtherSource { name: name.clone(), found: locked.registry.clone() })
        }
        _ => Ok(()),
    }
}

fn choose(
    reference: &Reference,
    importer: &Importer,
    locked: Option<&LockedServer>,
    args: &InstallArgs,
    context: &Context,
) -> Result<Chosen> {
    let platform = Platform::current().ok_or_else(|| Error::Setting {
        message: "this machine is of no platform that artifacts are made for".to_owned(),
        hint: "install it on Linux, macOS or Windows, on x86-64 or 64-bit ARM",
    })?;
    context.ui.status("Choosing", format!("what {reference} needs"));
    let closure = importer.resolve(reference, platform).map_err(upstream::failed)?;
    let statements = importer.evidence(&closure).map_err(upstream::failed)?;
    let release = &closure.root().release;
    let evidence: Vec<_> = statements.iter().map(|it| it.evidence.clone()).collect();
    let terms = terms(locked, args)?;
    let registry = importer.registry(release.package().ecosystem());
    let (publisher, signed_at, lack) = match judge(release, &evidence, &terms, context.now) {
        Judgement::Attested { publisher, signed_at } => (publisher, signed_at, None),
        Judgement::Refused(refusals) => return Err(Error::Refused(refusals)),
        Judgement::Unattested(lack) if args.upstream.accept_unattested.contains(release) => {
            (uploader(release.package(), registry), context.now, Some(lack))
        }
        Judgement::Unattested(lack) => {
            return Err(Error::Unattested { release: release.to_string(), lack });
        }
    };
    Ok(Chosen { closure, statements, publisher, signed_at, lack })
}

fn terms(locked: Option<&LockedServer>, args: &InstallArgs) -> Result<Terms> {
    let fresh = args.accept.accept_fresh.iter().map(|text| {
        text.parse::<Release>().map_err(|error| Error::Argument {
            what: "release",
            found: text.clone(),
            reason: error.to_string(),
        })
    });
    Ok(Terms {
        min_age: Policy::PUBLIC_MIN_AGE,
        accept_fresh: fresh.collect::<Result<_>>()?,
        pinned: locked.map(|locked| locked.publisher.clone()),
        accept_publishers: args.accept.accept_publisher.iter().cloned().collect(),
    })
}

/// What the lock says of it.
fn server(
    name: &PackageName,
    chosen: &Chosen,
    made: &Made,
    importer: &Importer,
    previous: Option<&LockedServer>,
    args: &InstallArgs,
) -> Result<LockedServer> {
    let root = chosen.closure.root();
    let mut evidence: Vec<_> =
        chosen.statements.iter().map(|it| it.evidence.evidence.bundle).collect();
    evidence.sort_unstable();
    let built = chosen.statements.iter().find_map(|it| it.evidence.evidence.source());
    let kept = previous.cloned();
    let granted = args.upstream.granted();
    Ok(LockedServer {
        name: name.clone(),
        version: mcpkg_upstream::version(&root.release).map_err(upstream::failed)?,
        registry: importer.registry(root.release.package().ecosystem()).to_string(),
        // There is no signed server.json, so it is the artifact that stands for the rest.
        metadata: made.digest,
        signed_at: chosen.signed_at,
        commit: built.map(|source| source.commit),
        confinement: args.unconfined.then_some(LockedConfinement::None),
        evidence,
        publisher: chosen.publisher.clone(),
        log: None,
        upstream: Some(LockedUpstream {
            release: root.release.to_string(),
            integrity: root.integrity.to_string(),
        }),
        artifacts: vec![LockedArtifact {
            platform: made.platform,
            digest: made.digest,
            tree: made.tree,
            size_bytes: made.size_bytes,
        }],
        // Said anew each time, or as it was.
        granted: match &kept {
            Some(kept) if granted.is_empty() => kept.granted.clone(),
            _ => granted,
        },
        config: kept.as_ref().map(|it| it.config.clone()).unwrap_or_default(),
        secrets: kept.as_ref().map(|it| it.secrets.clone()).unwrap_or_default(),
        brokered: kept.as_ref().map(|it| it.brokered.clone()).unwrap_or_default(),
        tools: kept.as_ref().map(|it| it.tools.clone()).unwrap_or_default(),
        surface: kept.as_ref().map(|it| it.surface.clone()).unwrap_or_default(),
        agents: kept.map(|it| it.agents).unwrap_or_default(),
    })
}

/// Shows what installing it would mean.
fn say(chosen: &Chosen, made: &Made, server: &LockedServer, ui: Ui) {
    let root = chosen.closure.root();
    ui.heading(&root.release);
    ui.detail("", made.manifest.description());
    for (label, text) in upstream::attested(chosen.statements.iter().map(|it| &it.evidence)) {
        ui.detail(label, text);
    }
    if let Some(lack) = chosen.lack {
        ui.warn(format!("{lack}; you accepted this release by its name"));
    }
    ui.detail("published by", &chosen.publisher);
    if let Some(commit) = &server.commit {
        ui.detail("commit", commit);
    }
    let others = chosen.closure.members.len() - 1;
    ui.detail("brings", format!("{others} other packages, each pinned by its digest"));
    let scripts = chosen.closure.members.iter().filter(|member| member.has_script);
    for member in scripts {
        ui.warn(format!("{} has an install script, which was not run", member.release));
    }
    let granted = server.granted.describe();
    if granted.is_empty() {
        ui.detail("granted", "nothing: no files, no network; `--grant-…` grants more");
    }
    for line in granted {
        ui.detail("granted", line);
    }
}
