//! `mcpkg install`: verify, show, ask, unpack, pin, link.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::guard::{others_tools, without_shadows};
use mcpkg_core::lock::{ConfigText, LockedConfinement, LockedServer, SecretReference};
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::{HostPort, PermissionError, Permissions};
use mcpkg_core::project::{VersionRange, WantedServer};
use mcpkg_core::{Platform, Version};
use serde_json::json;

use super::approval::Approved;
use super::origin::Origin;
use super::{Context, judged, secret};
use crate::agents::{Agent, Scope};
use crate::args::{InstallArgs, InstallTarget};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::content::Content;
use crate::ops::release::{Terms, TrustedRelease};
use crate::ops::{content, folders, launch, link, pin, upstream, wanted};
use crate::project_file::ProjectFile;
use crate::request::{PackageRequest, Wanted};
use crate::secrets::approval;
use crate::settings;
use crate::show;
use crate::store::Store;

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<ExitCode> {
    match &args.package {
        InstallTarget::Package(package) => install(package, args, context),
        InstallTarget::Upstream(reference) => super::upstream::run(reference, args, context),
    }
}

fn install(package: &PackageRequest, args: &InstallArgs, context: &Context) -> Result<ExitCode> {
    let scope = Scope::from(args.scope);
    let ui = crate::ui::Ui { yes: args.yes, ..context.ui };
    let agents = link::choose(&args.agent, scope, &context.places)?;
    let values = Values::parse(args)?;
    let approved = Approved::parse(&args.approve)?;
    let config = context.config()?;
    let name = &package.name;
    let origin = Origin::serving(name, &config, context)?;

    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let project = ProjectFile::read(scope, &context.places)?;
    let locked = lock.lock.get(name).cloned();
    // What a project's lock says is taken over, so it has to be known to the user.
    if let (Scope::Project, Some(locked)) = (scope, &locked)
        && (!locked.config.is_empty() || !locked.secrets.is_empty())
    {
        approval::check(locked, lock.path(), &context.places)?;
    }

    // Who built it, and is that enough?
    let mut contact = origin.contact(name, context)?;
    let registry = origin.source.url.as_str();
    pin::comes_from(locked.as_ref(), registry, contact.known())?;
    let host = Platform::current();
    let chosen = package.choose(&contact.index, host).map(|line| line.version.clone());
    // Also where there is nothing to put in its place.
    if let Some(locked) = locked.as_ref()
        && chosen.as_ref().ok() != Some(&locked.version)
    {
        judged::warn_of_locked(&mut contact, locked, &origin.trust, context)?;
    }
    let version = chosen?;
    let policy = judged::policy(origin.source, &args.accept)?;
    let (locked_before, now) = (locked.as_ref(), context.now);
    let terms = Terms { policy: &policy, locked: locked_before, accepts_yanked: false, now };
    let release = judged::release(&mut contact, &version, &origin.trust, terms, context)?;
    ui.status("Verified", format!("{name}@{version}"));

    // The bytes that were signed, into staging.
    let store = Store::new(&context.places);
    let brought = origin.fetch(&release, &store, context)?;
    values.check(brought.settings())?;

    // What it would mean, and is that wanted?
    let confinement = args.unconfined.then_some(LockedConfinement::None);
    show(&release, &brought, confinement, &config, context)?;
    let renewal = pin::renewal(release.server_json.permissions(), locked_before, &store);
    let mut server = pin::server(&release, registry, locked_before, renewal.approved())?;
    server.confinement = confinement;
    if server.surface.is_empty() {
        let others = others_tools(&lock.lock, name);
        server.surface = without_shadows(release.server_json.surface(), &others, &server.tools);
    }
    let wanted = project.as_ref().and_then(|project| project.servers.get(name));
    if let Some(wanted) = wanted {
        wanted::apply(wanted, &mut server);
        secret::approve::show_settings(&server, ui);
    }
    // What a project's mcpkg.toml brings in is as new as what a release asks for.
    let brings_more = wanted.is_some()
        && locked_before
            .is_none_or(|it| it.config != server.config || it.secrets != server.secrets);
    server.config.extend(values.config);
    server.secrets.extend(values.secrets);
    server.brokered.extend(values.brokered);
    launch::brokered::check(&server, launch::wanted(&server))?;
    secret::default_to_store(&mut server, brought.settings())?;
    check(&brought, release.server_json.permissions(), &server, context)?;
    let plans = plan(&server, &agents, scope, context)?;
    ui.more("lock", lock.path().display());
    if args.dry_run {
        for plan in &plans {
            ui.raw(plan.difference().as_bytes())?;
        }
        ui.status("Would install", format!("{name}@{version}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(locked) = locked_before {
        // What mcpkg.toml holds back is not there to be approved.
        let mut added = renewal.added.intersect(&server.granted);
        added.network.allow.extend(content::other_host(locked, &server));
        approved.widening((name, &version), &added, ui)?;
    }
    if (brings_more || locked_before.is_none_or(|locked| !pin::is_settled(locked, &server)))
        && !ui.confirm("Install it?")?
    {
        return Err(Error::Declined);
    }

    let settings = brought.settings().clone();
    pin::commit(brought, &store, &release, &mut lock, server, plans)?;
    if let Some(project) = project {
        want(&project, package, &version)?;
    }
    ui.status("Installed", format!("{name}@{version}"));
    say_linked(&agents, scope, ui);
    let server = lock.lock.get(name);
    if let Some(server) = server {
        if scope == Scope::Project {
            approval::remember(server, lock.path(), &context.places)?;
        }
        secret::offer(server, &settings, ui, context)?;
    }
    ui.data(&json!({ "installed": server }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Says which agents have it, and what each asks of its user first.
fn say_linked(agents: &[&dyn Agent], scope: Scope, ui: crate::ui::Ui) {
    for agent in agents {
        ui.status("Linked", format!("into {}", agent.display_name()));
        if let Some(gate) = agent.next_step(scope) {
            ui.detail("note", gate);
        }
    }
}

/// Shows what installing a release would mean.
fn show(
    release: &TrustedRelease,
    brought: &Content,
    confinement: Option<LockedConfinement>,
    config: &Config,
    context: &Context,
) -> Result<()> {
    let (ui, places) = (&context.ui, &context.places);
    let carried = match brought.files() {
        Some(unpacked) => upstream::carried(unpacked, config, places, context.now)?,
        None => None,
    };
    show::release(ui, release, Some(brought.settings()), context.now);
    for (label, text) in carried.iter().flat_map(upstream::in_words) {
        ui.detail(label, text);
    }
    let asked = release.server_json.permissions();
    match brought.place() {
        Some(elsewhere) => show::elsewhere(ui, elsewhere, confinement, asked, places),
        None => show::confinement(ui, confinement, asked, places),
    }
    Ok(())
}

/// Refuses what could not be started here, and says what a server will not get.
fn check(
    brought: &Content,
    asked: &Permissions,
    server: &LockedServer,
    context: &Context,
) -> Result<()> {
    let Some(manifest) = brought.manifest() else {
        return brought.check_installed(server, &context.places);
    };
    warn_of_folders(manifest, asked, server, context);
    if manifest.has_sensitive_args(context.places.system) {
        context.ui.warn(format!(
            "{} takes a secret as an argument, where others see it: it is not started with one",
            server.name
        ));
    }
    Ok(())
}

/// Says which folders of the user's a confined server will not see.
fn warn_of_folders(
    manifest: &Manifest,
    asked: &Permissions,
    server: &LockedServer,
    context: &Context,
) {
    let unasked = folders::unasked(manifest, asked);
    if unasked.is_empty() {
        let (granted, home) = (&server.granted, &context.places.home);
        context.ui.warn_all(&folders::unseen(manifest, &server.config, granted, home));
    }
    context.ui.warn_all(&unasked);
}

/// Says in mcpkg.toml that the project wants what was installed, where it does not say
/// so already.
fn want(project: &ProjectFile, package: &PackageRequest, version: &Version) -> Result<()> {
    let name = &package.name;
    let range = match &package.wanted {
        Wanted::Newest => VersionRange::compatible_with(version),
        Wanted::Exactly(version) => VersionRange::Exactly(version.clone()),
        Wanted::Range(range) => VersionRange::Range(range.clone()),
    };
    let is_admitted = |wanted: &WantedServer| wanted.version.matches(version);
    if project.servers.get(name).is_some_and(is_admitted) {
        return Ok(());
    }
    project.want(name, &range)
}

pub(super) fn plan(
    server: &LockedServer,
    agents: &[&'static dyn Agent],
    scope: Scope,
    context: &Context,
) -> Result<Vec<settings::Plan>> {
    let launch = link::launch(&server.name, scope)?;
    agents
        .iter()
        .map(|agent| {
            let (links, places) = (&server.agents, &context.places);
            let key = link::key(&server.name, links, *agent, scope, places);
            let previous = link::there(links, *agent, scope, places);
            let plan = settings::Plan::link(*agent, &key, previous, &launch, scope, places)?;
            context.ui.more("settings", plan.path().display());
            Ok(plan)
        })
        .collect()
}

/// The values that the user gives a server's settings.
pub(super) struct Values {
    pub(super) config: BTreeMap<String, ConfigText>,
    pub(super) secrets: BTreeMap<String, SecretReference>,
    pub(super) brokered: BTreeMap<String, HostPort>,
}

impl Values {
    pub(super) fn parse(args: &InstallArgs) -> Result<Self> {
        let split = |text: &str| {
            text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(
                || Error::Argument {
                    what: "setting",
                    found: text.split('=').next().unwrap_or_default().to_owned(),
                    reason: "there is no `=`".to_owned(),
                },
            )
        };
        let mut config = BTreeMap::new();
        for text in &args.set {
            let (key, value) = split(text)?;
            // The same key again makes a list, for settings that take several.
            let value = match config.remove(&key) {
                None => ConfigText::One(value),
                Some(ConfigText::One(first)) => ConfigText::Many(vec![first, value]),
                Some(ConfigText::Many(mut values)) => {
                    values.push(value);
                    ConfigText::Many(values)
                }
            };
            config.insert(key, value);
        }
        let mut secrets = BTreeMap::new();
        for text in &args.secret {
            let (key, value) = split(text)?;
            let reference = value.parse().map_err(|_| Error::Setting {
                // Not the value: it may be the secret itself.
                message: format!("the secret `{key}` is not given by reference"),
                hint: "say where it is: `store:<name>`, `env:<variable>`, `file:<absolute path>`, \
                       `cmd:<program and arguments>` or `op://<vault>/<item>/<field>`",
            })?;
            secrets.insert(key, reference);
        }
        let mut brokered = BTreeMap::new();
        for text in &args.broker {
            let (key, host) = split(text)?;
            let reason = |error: PermissionError| Error::Argument {
                what: "host",
                found: host.clone(),
                reason: error.to_string(),
            };
            let host = host.parse().map_err(reason)?;
            brokered.insert(key, host);
        }
        Ok(Self { config, secrets, brokered })
    }

    /// Holds the values to what the manifest knows, so that a mistake is found
    /// now and not when the agent starts the server; and keeps secrets out of
    /// the lock.
    pub(super) fn check(&self, keys: &Settings) -> Result<()> {
        for (key, text) in &self.config {
            let config = keys.get(key).ok_or_else(|| unknown(key))?;
            if config.is_sensitive {
                return Err(Error::Setting {
                    message: format!("`{key}` is a secret, and would be written into the lock"),
                    hint: "leave it out: once installed, `mcpkg secret set` keeps it in your key \
                           store",
                });
            }
            launch::value(key, config, text)?;
        }
        let named = self.secrets.keys().chain(self.brokered.keys());
        match named.into_iter().find(|key| !keys.contains_key(*key)) {
            Some(key) => Err(unknown(key)),
            None => Ok(()),
        }
    }
}

fn unknown(key: &str) -> Error {
    Error::Setting {
        message: format!("the server has no setting `{key}`"),
        hint: "`mcpkg install --dry-run` shows its settings",
    }
}
