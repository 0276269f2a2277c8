//! `mcpkg registry`: which registries to use, and whom to trust there.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use mcpkg_core::namespace::{AllowedIdentity, AllowedRepository, NamePattern, NamespaceRule};

use super::Context;
use crate::args::{RegistryAddArgs, RegistryCommand, RegistryRemoveArgs};
use crate::atomic;
use crate::config::{
    ClientCertificate, Config, LoginConfig, RegistryConfig, TrustRootConfig, check_name,
};
use crate::error::{Error, Result};
use crate::login::{self, Door};
use crate::ops::log::{Distrust, FirstUse};
use crate::ops::trust::read_root;
use crate::registry::Registry;

pub(super) fn run(command: RegistryCommand, context: &Context) -> Result<ExitCode> {
    match command {
        RegistryCommand::Add(args) => add(*args, context),
        RegistryCommand::List => list(context),
        RegistryCommand::Remove(args) => remove(&args, context),
    }
}

fn add(args: RegistryAddArgs, context: &Context) -> Result<ExitCode> {
    let mut config = context.config()?;
    if config.registries.iter().any(|registry| registry.name == args.name) {
        return Err(Error::RegistryExists(args.name));
    }
    check_name("name for a registry", &args.name)?;
    let publishers = args.publisher.iter().map(|rule| parse_rule(rule)).collect::<Result<_>>()?;
    let mut registry = RegistryConfig {
        name: args.name.clone(),
        url: args.url,
        private: args.private,
        ca: args.ca.map(|file| context.places.project.join(file)),
        proxy: args.proxy,
        client_certificate: args
            .client_certificate
            .map(|file| context.places.project.join(file))
            .zip(args.client_key)
            .map(|(file, key)| ClientCertificate { file, key }),
        login: args.issuer.zip(args.client_id).map(|(issuer, client_id)| LoginConfig {
            issuer,
            client_id,
            registered: false,
            scopes: Vec::new(),
        }),
        namespaces: if args.namespace.is_empty() { vec![NamePattern::All] } else { args.namespace },
        public_good: !args.no_public_good,
        log_key: args.log_key,
        log_key_on_first_use: false,
        witnesses: args.witness,
        witness_quorum: args.witness_quorum,
        trust_roots: Vec::new(),
        build_parameters: std::collections::BTreeSet::new(),
        publishers,
        rebuilds: Vec::new(),
    };
    // Refuses an address that no client would be made for.
    let client = context.client(&config, &registry)?;
    let first_use = pin_log(&mut registry, &config, &client, context)?;
    for (kept, pem) in take_certificates(&mut registry)? {
        if !args.dry_run {
            atomic::write(&context.places.config.join(kept), &pem)?;
        }
    }
    if let Some(file) = args.trusted_root {
        // Checked before it is kept; and kept as a copy, so that what is
        // trusted does not change with a file somewhere else.
        read_root(&file)?;
        let kept = PathBuf::from(format!("trusted_root.{}.json", registry.name));
        let json = fs::read(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
        if !args.dry_run {
            atomic::write(&context.places.config.join(&kept), &json)?;
        }
        registry.trust_roots.push(TrustRootConfig { file: kept, namespaces: args.trust_for });
    }
    let verb = if args.dry_run { "Would add" } else { "Added" };
    context.ui.status(verb, format!("{} at {}", registry.name, registry.url));
    show_log(&registry, context);
    config.registries.push(registry);
    if !args.dry_run {
        if let Some(first_use) = first_use {
            first_use.remember(&context.places)?;
        }
        config.write(&context.places)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Pins the key of the registry's log: the one that the user gave, or, where
/// policy lets it, the one that the registry has.
fn pin_log(
    registry: &mut RegistryConfig,
    config: &Config,
    client: &Registry,
    context: &Context,
) -> Result<Option<FirstUse>> {
    let unpinned = format!("the log of the registry `{}` cannot be pinned", registry.name);
    if let Some(key) = &registry.log_key {
        registry.log_witnesses(key).map_err(Error::wrap(unpinned))?;
        return Ok(None);
    }
    if config.require_log_key {
        return Err(Error::wrap(unpinned)(Distrust::FirstUse));
    }
    let first_use = FirstUse::of(registry, client, context.now).map_err(|error| match error {
        Error::LoggedOut { at, .. } => Error::Setting {
            message: format!("the registry `{at}` tells strangers nothing of its log"),
            hint: "ask its operator for the log's key and pass `--log-key <vkey>`; then `mcpkg login`",
        },
        other => other,
    })?;
    registry.log_key = Some(first_use.key.clone());
    registry.log_key_on_first_use = true;
    context.ui.warn_all(first_use.warning.as_slice());
    Ok(Some(first_use))
}

/// Has a registry name copies of its certificates, so that what is trusted does not change
/// with a file somewhere else. Gives the copies that are to be made.
fn take_certificates(registry: &mut RegistryConfig) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let own = registry.client_certificate.as_mut().map(|certificate| &mut certificate.file);
    let mut copies = Vec::new();
    for (what, file) in [("ca", registry.ca.as_mut()), ("client", own)] {
        let Some(file) = file else { continue };
        let kept = PathBuf::from(format!("{what}.{}.pem", registry.name));
        let pem = fs::read(&*file).map_err(|source| Error::Read { path: file.clone(), source })?;
        file.clone_from(&kept);
        copies.push((kept, pem));
    }
    Ok(copies)
}

fn show_log(registry: &RegistryConfig, context: &Context) {
    let Some(key) = &registry.log_key else { return };
    context.ui.detail("log", key.name());
    context.ui.detail("key", key.fingerprint());
    if registry.log_key_on_first_use {
        context.ui.detail("", "trusted on first use: the registry itself named this key.");
        context.ui.detail("", "Compare it with what its operator says by another way.");
    }
}

fn list(context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let mut text = String::new();
    for registry in &config.registries {
        let names: Vec<_> = registry.namespaces.iter().map(ToString::to_string).collect();
        let kind = if registry.private { "private" } else { "public" };
        let log = registry.log_key.as_ref().map_or_else(
            || "no log key".to_owned(),
            |key| format!("log {} {}", key.name(), key.fingerprint()),
        );
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:<12} {}  {kind}  {}", registry.name, registry.url, names.join(" "));
        let _ = writeln!(text, "{:<12} {log}", "");
    }
    if config.registries.is_empty() {
        context.ui.detail("none", "`mcpkg registry add <name> <url>` names one");
    }
    context.ui.data(&config.registries, || text)?;
    Ok(ExitCode::SUCCESS)
}

fn remove(args: &RegistryRemoveArgs, context: &Context) -> Result<ExitCode> {
    let mut config: Config = context.config()?;
    let index = config
        .registries
        .iter()
        .position(|registry| registry.name == args.name)
        .ok_or_else(|| Error::UnknownRegistry(args.name.clone()))?;
    let registry = config.registries.remove(index);
    if args.dry_run {
        context.ui.status("Would remove", &registry.name);
        return Ok(ExitCode::SUCCESS);
    }
    if registry.login.is_some() {
        let done = login::log_out(&Door::of_registry(&registry), &config, &context.places)?;
        context.ui.warn_all(done.untold.as_slice());
    }
    config.write(&context.places)?;
    let own = registry.client_certificate.as_ref().map(|certificate| &certificate.file);
    let roots = registry.trust_roots.iter().map(|root| &root.file);
    for file in roots.chain(&registry.ca).chain(own) {
        let path = context.places.config.join(file);
        fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
    }
    context.ui.status("Removed", &registry.name);
    Ok(ExitCode::SUCCESS)
}

/// Reads `<pattern>=<issuer>,<subject>`, or `<pattern>=<issuer>,` and any of
/// `repository:<url>`, `repository-id:<number>` and `owner-id:<number>`, with commas.
fn parse_rule(text: &str) -> Result<NamespaceRule> {
    let error = |reason: String| Error::Argument {
        what: "rule for a namespace",
        found: text.to_owned(),
        reason,
    };
    let expected = || error("expected `<pattern>=<issuer>,<subject>`".to_owned());
    let (pattern, identity) = text.split_once('=').ok_or_else(expected)?;
    let (issuer, who) = identity.split_once(',').ok_or_else(expected)?;
    if issuer.is_empty() || who.is_empty() {
        return Err(expected());
    }
    let issuer = issuer.to_owned();
    let identity = match parse_repository(who) {
        Some(repository) => AllowedIdentity::repository(issuer, repository),
        None => AllowedIdentity::subject(issuer, who.to_owned()),
    };
    Ok(NamespaceRule {
        pattern: pattern.parse().map_err(|reason| error(format!("{reason}")))?,
        identities: vec![identity.map_err(|reason| error(format!("{reason}")))?],
    })
}

/// The repository that a rule is about, if it is about one.
fn parse_repository(who: &str) -> Option<AllowedRepository> {
    let mut repository = AllowedRepository::default();
    for part in who.split(',') {
        let (key, value) = part.split_once(':')?;
        let place = match key {
            "repository" => &mut repository.url,
            "repository-id" => &mut repository.repository_id,
            "owner-id" => &mut repository.owner_id,
            _ => return None,
        };
        if place.replace(value.to_owned()).is_some() {
            return None;
        }
    }
    Some(repository)
}
