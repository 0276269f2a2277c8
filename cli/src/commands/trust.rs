//! `mcpkg trust`: who may vouch for which names.

mod list;

use std::process::ExitCode;

use super::Context;
use crate::args::{TrustAddArgs, TrustCommand, TrustRemoveArgs, TrustUpdateArgs};
use crate::error::{Error, Result};
use crate::ops::trust::{self, Addition, Found, Keep, Removal, Source};
use crate::{show, ui};

pub(super) fn run(command: &TrustCommand, context: &Context) -> Result<ExitCode> {
    match command {
        TrustCommand::List => list::run(context),
        TrustCommand::Update(args) => update(args, context),
        TrustCommand::Add(args) => add(args, context),
        TrustCommand::Remove(args) => remove(args, context),
    }
}

/// Refreshes what can be refreshed. One that fails does not keep the others from it.
fn update(args: &TrustUpdateArgs, context: &Context) -> Result<ExitCode> {
    let tufs = trust::refreshable(&context.config()?, &args.name, &context.places)?;
    let mut data = Vec::new();
    let mut failure = None;
    for (name, tuf) in tufs {
        match tuf.update(context.now, false) {
            Ok(update) => data.push(show::trust_update(&context.ui, &name, &update)),
            Err(error) => {
                if let Some(earlier) = failure.replace(error) {
                    ui::report(&earlier, false);
                }
            }
        }
    }
    context.ui.data(&data, String::new)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn add(args: &TrustAddArgs, context: &Context) -> Result<ExitCode> {
    let (places, ui) = (&context.places, &context.ui);
    let addition = Addition {
        name: args.name.as_deref(),
        source: source(args)?,
        namespaces: &args.names,
        valid_from: args.valid_from,
        valid_until: args.valid_until,
    };
    let keep = if args.dry_run { Keep::Nothing } else { Keep::All };
    let added = addition.prepare(context.config()?, places, keep, context.now)?;
    match &added.found {
        Found::File(fingerprint) => {
            ui.status(if args.dry_run { "Would trust" } else { "Trusted" }, &added.name);
            ui.detail("fingerprint", fingerprint);
        }
        Found::Tuf(update) => _ = show::trust_update(ui, &added.name, update),
    }
    let names: Vec<_> = args.names.iter().map(ToString::to_string).collect();
    ui.detail("for", names.join(" "));
    if !args.dry_run {
        added.commit(places)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be trusted: a file, or what a repository keeps current.
fn source(args: &TrustAddArgs) -> Result<Source<'_>> {
    match (&args.file, &args.tuf, &args.tuf_root) {
        (Some(file), None, None) => Ok(Source::File(file)),
        (None, Some(url), Some(root)) => Ok(Source::Tuf { url, root }),
        _ => Err(Error::Argument {
            what: "thing to trust",
            found: args.name.clone().unwrap_or_default(),
            reason: "name a file, or `--tuf` with `--tuf-root`".to_owned(),
        }),
    }
}

fn remove(args: &TrustRemoveArgs, context: &Context) -> Result<ExitCode> {
    let removal = Removal::of(&args.name, context.config()?, &context.places)?;
    if args.dry_run {
        context.ui.status("Would remove", &args.name);
        return Ok(ExitCode::SUCCESS);
    }
    removal.commit(&context.places)?;
    context.ui.status("Removed", &args.name);
    Ok(ExitCode::SUCCESS)
}
