//! The commands about what is given out, kept, and told.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mcpkg_registry_server::{
    Config, GcMode, Overrides, explain, gc, import_advisories, import_signed_vex, import_vex,
    make_webhook_key, retry_webhooks, simulate, undelivered,
};

use crate::admission_args::{
    AdmissionArgs, AdmissionCommand, AdvisoriesArgs, AdvisoriesCommand, ExplainArgs, GcArgs,
    SimulateArgs, WebhookArgs, WebhookCommand,
};
use crate::args::PlaceArgs;
use crate::{Failure, config_file, failed_to, offline, print, runtime};

pub(crate) fn admission(args: &AdmissionArgs) -> Result<ExitCode, Failure> {
    match &args.action {
        AdmissionCommand::Explain(explain) => why(explain, &args.place),
        AdmissionCommand::Simulate(simulate) => what_if(simulate, &args.place),
    }
}

/// Says why a release is given out, or is not.
fn why(args: &ExplainArgs, place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let config = offline(place)?;
    let (name, version) = &args.release;
    let explained = explain(&config, args.source.as_ref(), (name, version), args.at);
    print(place.json, &runtime()?.block_on(explained)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what other policies would do.
fn what_if(args: &SimulateArgs, place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let config = offline(place)?;
    let simulated = simulate(&config, args.source.as_ref(), &args.files, args.days);
    print(place.json, &runtime()?.block_on(simulated)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn advisories(args: &AdvisoriesArgs) -> Result<ExitCode, Failure> {
    let json = args.place.json;
    match &args.action {
        AdvisoriesCommand::Import { path } => {
            let config = offline(&args.place)?;
            print(json, &runtime()?.block_on(import_advisories(&config, path))?)?;
        }
        AdvisoriesCommand::Vex { path, name: Some(name), source } => {
            let config = offline(&args.place)?;
            let said = import_vex(&config, source.as_ref(), name, path);
            print(json, &runtime()?.block_on(said)?)?;
        }
        AdvisoriesCommand::Vex { path, name: None, source } => {
            let said = import_signed_vex(whole(&args.place)?, source.as_ref(), path);
            print(json, &runtime()?.block_on(said)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn collect(args: &GcArgs) -> Result<ExitCode, Failure> {
    let mode = if args.dry_run { GcMode::DryRun } else { GcMode::Collect };
    print(args.place.json, &runtime()?.block_on(gc(&whole(&args.place)?, mode))?)?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration for a command that needs to know whom to believe, or the sources.
fn whole(place: &PlaceArgs) -> Result<Config, Failure> {
    let overrides = Overrides { data: place.data.clone(), ..Overrides::default() };
    Ok(config_file(place.config.as_deref())?.resolve(&overrides)?)
}

pub(crate) fn webhook(args: &WebhookArgs) -> Result<ExitCode, Failure> {
    let json = args.place.json;
    match &args.action {
        WebhookCommand::List => {
            print(json, &runtime()?.block_on(undelivered(&offline(&args.place)?))?)?;
        }
        WebhookCommand::Retry { webhook } => {
            let config = offline(&args.place)?;
            let retried = retry_webhooks(&config, webhook.as_deref());
            print(json, &runtime()?.block_on(retried)?)?;
        }
        WebhookCommand::Key { key } => {
            let public = make_webhook_key(key).map_err(Failure::WebhookKey)?;
            writeln!(io::stdout(), "{public}").map_err(failed_to("write the result"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
