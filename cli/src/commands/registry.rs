//! `mcpkg registry`: which registries to use, and whom to trust there.

use std::process::ExitCode;

use mcpkg_core::namespace::NamePattern;

use super::Context;
use crate::args::{RegistryAddArgs, RegistryCommand, RegistryRemoveArgs};
use crate::config::{ClientCertificate, LoginConfig, RegistryConfig};
use crate::error::Result;
use crate::ops::registries::{self, Addition};
use crate::show;

pub(super) fn run(command: RegistryCommand, context: &Context) -> Result<ExitCode> {
    match command {
        RegistryCommand::Add(args) => add(*args, context),
        RegistryCommand::List => list(context),
        RegistryCommand::Remove(args) => remove(&args, context),
    }
}

fn add(args: RegistryAddArgs, context: &Context) -> Result<ExitCode> {
    let (config, places) = (context.config()?, &context.places);
    let is_dry_run = args.dry_run;
    let root = args.trusted_root.clone().map(|file| (file, args.trust_for.clone()));
    let registry = described(args, context)?;
    let added = Addition::prepare(registry, root, &config, places, context.now)?;
    context.ui.warn_all(added.warning.as_slice());
    let registry = &added.registry;
    let verb = if is_dry_run { "Would add" } else { "Added" };
    context.ui.status(verb, format!("{} at {}", registry.name, registry.url));
    show::registry_log(&context.ui, registry);
    if !is_dry_run {
        added.commit(config, places)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The registry that the user describes, of which nothing was checked.
fn described(args: RegistryAddArgs, context: &Context) -> Result<RegistryConfig> {
    let publishers = args.publisher.iter().map(|rule| registries::parse_rule(rule));
    Ok(RegistryConfig {
        name: args.name,
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
        publishers: publishers.collect::<Result<_>>()?,
        namespaces: if args.namespace.is_empty() { vec![NamePattern::All] } else { args.namespace },
        public_good: !args.no_public_good,
        log_key: args.log_key,
        log_key_on_first_use: false,
        witnesses: args.witness,
        witness_quorum: args.witness_quorum,
        trust_roots: Vec::new(),
        build_parameters: std::collections::BTreeSet::new(),
        rebuilds: Vec::new(),
    })
}

fn list(context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    if config.registries.is_empty() {
        context.ui.detail("none", "`mcpkg registry add <name> <url>` names one");
    }
    context.ui.data(&config.registries, || show::registries(&config.registries))?;
    Ok(ExitCode::SUCCESS)
}

fn remove(args: &RegistryRemoveArgs, context: &Context) -> Result<ExitCode> {
    let mut config = context.config()?;
    let registry = registries::take(&args.name, &mut config)?;
    if args.dry_run {
        context.ui.status("Would remove", &registry.name);
        return Ok(ExitCode::SUCCESS);
    }
    let untold = registries::forget(&registry, &config, &context.places)?;
    context.ui.warn_all(untold.as_slice());
    context.ui.status("Removed", &registry.name);
    Ok(ExitCode::SUCCESS)
}
