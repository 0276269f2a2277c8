//! `mcpkg install`: verify, show, ask, unpack, pin, link.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mcpkg_core::Platform;
use mcpkg_core::lock::{ConfigText, LockedArtifact, LockedLog, LockedServer, SecretReference};
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::Permissions;
use serde_json::json;

use super::{Context, judged};
use crate::agents::{Agent, Scope};
use crate::args::InstallArgs;
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::fetch::{self, Unpacked};
use crate::ops::log::Contact;
use crate::ops::release::{Terms, TrustedRelease};
use crate::ops::{launch, link};
use crate::registry::Registry;
use crate::settings;
use crate::show;
use crate::store::Store;

pub(super) fn run(args: &InstallArgs, context: &Context) -> Result<ExitCode> {
    let scope = Scope::from(args.scope);
    let ui = crate::ui::Ui { yes: args.yes, ..context.ui };
    let agents = link::choose(&args.agent, scope, &context.places)?;
    let values = Values::parse(args)?;
    let config = context.config()?;
    let name = &args.package.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = Registry::new(&source.url)?;

    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let locked = lock.lock.get(name).cloned();

    // Who built it, and is that enough?
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let host = Platform::current();
    let trust = context.trust(source)?;
    let chosen = args.package.choose(&contact.index, host).map(|line| line.version.clone());
    // Also where there is nothing to put in its place.
    if let Some(locked) = locked.as_ref()
        && chosen.as_ref().ok() != Some(&locked.version)
    {
        judged::warn_of_locked(&mut contact, locked, &trust, context)?;
    }
    let version = chosen?;
    let policy = judged::policy(source, &args.accept)?;
    let (locked_before, now) = (locked.as_ref(), context.now);
    let terms = Terms { policy: &policy, locked: locked_before, accepts_yanked: false, now };
    let release = judged::release(&mut contact, &version, &trust, terms, context)?;
    ui.status("Verified", format!("{name}@{version}"));

    // The bytes that were signed, into staging.
    let store = Store::new(&context.places);
    let artifact = Platform::choose(&release.document.artifacts, |found| found.platform, host);
    let Some(artifact) = artifact else { return Err(no_artifact(&release)) };
    let unpacked = fetch::fetch(&registry, artifact, &release.server_json, &store, &ui)?;
    values.check(&unpacked.manifest)?;

    // What it would mean, and is that wanted?
    show::release(&ui, &release, &unpacked.manifest, context.now);
    let server = locked_server(&release, source, &values, locked.as_ref());
    let plans = plan(&server, &agents, scope, context)?;
    if args.dry_run {
        for plan in &plans {
            ui.raw(plan.difference().as_bytes())?;
        }
        ui.status("Would install", format!("{name}@{version}"));
        return Ok(ExitCode::SUCCESS);
    }
    if locked.as_ref().is_none_or(|locked| !is_settled(locked, &server))
        && !ui.confirm("Install it?")?
    {
        return Err(Error::Declined);
    }

    commit(unpacked, &store, &release, &mut lock, server, plans)?;
    ui.status("Installed", format!("{name}@{version}"));
    for agent in &agents {
        ui.status("Linked", format!("into {}", agent.display_name()));
        if let Some(gate) = agent.next_step(scope) {
            ui.detail("note", gate);
        }
    }
    let server = lock.lock.get(name);
    ui.data(&json!({ "installed": server }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// The steps that change something, each atomic, in an order in which a stop
/// after any of them leaves nothing that would not work: the files, then the
/// lock that names them, then the settings that name the lock's entry.
fn commit(
    unpacked: Unpacked,
    store: &Store,
    release: &TrustedRelease,
    lock: &mut LockFile,
    mut server: LockedServer,
    plans: Vec<settings::Plan>,
) -> Result<()> {
    unpacked.keep(store)?;
    store.keep_release(&release.document)?;
    for plan in &plans {
        server.agents.retain(|link| link.id != plan.link.id);
        server.agents.push(plan.link.clone());
    }
    server.agents.sort_by(|a, b| a.id.cmp(&b.id));
    lock.lock.insert(server);
    lock.write()?;
    for plan in plans {
        plan.write()?;
    }
    Ok(())
}

fn plan(
    server: &LockedServer,
    agents: &[&'static dyn Agent],
    scope: Scope,
    context: &Context,
) -> Result<Vec<settings::Plan>> {
    let launch = link::launch(&server.name, scope)?;
    agents
        .iter()
        .map(|agent| {
            let key = link::key(&server.name, &server.agents, *agent);
            let previous = server.agents.iter().find(|link| link.id == agent.id());
            settings::Plan::link(*agent, &key, previous, &launch, scope, &context.places)
        })
        .collect()
}

fn locked_server(
    release: &TrustedRelease,
    source: &RegistryConfig,
    values: &Values,
    previous: Option<&LockedServer>,
) -> LockedServer {
    let document = &release.document;
    let logged = &release.log.publish;
    let mut config = previous.map(|locked| locked.config.clone()).unwrap_or_default();
    config.extend(values.config.clone());
    let mut secrets = previous.map(|locked| locked.secrets.clone()).unwrap_or_default();
    secrets.extend(values.secrets.clone());
    LockedServer {
        name: document.name.clone(),
        version: document.version.clone(),
        registry: source.url.to_string(),
        metadata: document.metadata,
        signed_at: release.signed_at,
        commit: release.commit().map(str::to_owned),
        // In the order of the log's entry, which is made again from the lock.
        evidence: logged.evidence.clone(),
        publisher: logged.publisher.clone(),
        log: LockedLog {
            entry: release.log.index,
            previous: logged.previous,
            time: logged.time,
            receipt: release.log.receipt.clone(),
            authority: logged.authority.clone(),
        },
        artifacts: logged.artifacts.iter().map(LockedArtifact::from).collect(),
        granted: granted(release),
        config,
        secrets,
        agents: previous.map(|locked| locked.agents.clone()).unwrap_or_default(),
    }
}

/// What was asked for is what is shown, and approving it grants it.
fn granted(release: &TrustedRelease) -> Permissions {
    release.server_json.permissions().clone()
}

/// Whether nothing is left to approve: the same release with the same rights.
fn is_settled(locked: &LockedServer, server: &LockedServer) -> bool {
    locked.metadata == server.metadata && locked.granted == server.granted
}

fn no_artifact(release: &TrustedRelease) -> Error {
    let platforms: Vec<_> =
        release.document.artifacts.iter().map(|artifact| artifact.platform).collect();
    if platforms.is_empty() {
        return Error::Setting {
            message: format!("{} names remote servers only", release.document.name),
            hint: "remote servers cannot be linked yet; add its address to your agent by hand",
        };
    }
    Error::NoArtifact {
        name: release.document.name.clone(),
        version: release.document.version.clone(),
        available: crate::request::platforms(&platforms),
    }
}

/// The values that the user gives a server's settings.
struct Values {
    config: BTreeMap<String, ConfigText>,
    secrets: BTreeMap<String, SecretReference>,
}

impl Values {
    fn parse(args: &InstallArgs) -> Result<Self> {
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
                hint: "name a variable that your agent has: `--secret KEY=env:NAME`",
            })?;
            secrets.insert(key, reference);
        }
        Ok(Self { config, secrets })
    }

    /// Holds the values to what the manifest knows, so that a mistake is found
    /// now and not when the agent starts the server; and keeps secrets out of
    /// the lock.
    fn check(&self, manifest: &Manifest) -> Result<()> {
        let keys = manifest.config_keys();
        for (key, text) in &self.config {
            let config = keys.get(key).ok_or_else(|| unknown(key))?;
            if config.is_sensitive {
                return Err(Error::Setting {
                    message: format!("`{key}` is a secret, and would be written into the lock"),
                    hint: "name a variable that holds it: `--secret KEY=env:NAME`",
                });
            }
            launch::value(key, config, text)?;
        }
        match self.secrets.keys().find(|key| !keys.contains_key(*key)) {
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
