//! `mcpkg publisher`: who publishes a package, and who will.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::PackageName;
use mcpkg_core::log::Entry;
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{BindingStatement, BuildsOn, PackageStatement};
use serde_json::json;

use super::{Context, announcing};
use crate::args::{
    PublisherCancelArgs, PublisherChangeArgs, PublisherCommand, PublisherShowArgs, SigningArgs,
};
use crate::error::{Error, Result};
use crate::ops::log::Contact;
use crate::ops::statement::announce::Announced;
use crate::ops::statement::binding::Bound;

pub(super) fn run(command: &PublisherCommand, context: &Context) -> Result<ExitCode> {
    match command {
        PublisherCommand::Show(args) => show(args, context),
        PublisherCommand::Change(args) => change(args, context),
        PublisherCommand::Cancel(args) => cancel(args, context),
        PublisherCommand::Whoami(args) => whoami(args, context),
    }
}

fn show(args: &PublisherShowArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let name = &args.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;
    let trust = context.trust(source)?;
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let bound = Bound::read(&mut contact, &trust, &source.policy(), context.now)?;
    context.ui.warn_all(&contact.warnings);
    let Bound { publisher, announced, changes } = &bound;
    let changes: Vec<_> = changes
        .iter()
        .map(|(entry, change)| {
            json!({
                "publisher": change.publisher,
                "reference": change.publisher.reference(),
                "by": change.signer.reference(),
                "announced": change.time,
                "effective": change.effective,
                "entry": entry,
            })
        })
        .collect();
    let data = json!({
        "name": name,
        "publisher": publisher,
        "reference": publisher.reference(),
        "announced": announced.as_ref().map(|(entry, _)| *entry),
        "changes": changes,
    });
    context.ui.data(&data, || {
        let mut text = format!("{:<12} {}\n", "published by", publisher.reference());
        for (entry, change) in &bound.changes {
            let is_to_come = announced.as_ref().is_some_and(|(to_come, _)| to_come == entry);
            let label = if is_to_come { "announced" } else { "before" };
            let (to, by) = (change.publisher.reference(), change.signer.reference());
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{label:<12} {to}, from {} on, by {by} (entry {entry}, {})",
                change.effective, change.time
            );
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn change(args: &PublisherChangeArgs, context: &Context) -> Result<ExitCode> {
    let to = Publisher::from_reference(&args.to).map_err(|error| Error::Argument {
        what: "publisher",
        found: args.to.clone(),
        reason: error.to_string(),
    })?;
    let announced = announce(&args.name, &args.signing, args.dry_run, context, |bound| {
        let newest = bound.announced.as_ref().map_or(&bound.publisher, |(_, it)| &it.publisher);
        newest.difference(&to).is_some().then(|| to.clone())
    })?;
    let already = format!("{} is the publisher of {} already, or announced", args.to, args.name);
    report(&args.name, &announced, &already, &format!("to {}", args.to), context)
}

fn cancel(args: &PublisherCancelArgs, context: &Context) -> Result<ExitCode> {
    let announced = announce(&args.name, &args.signing, args.dry_run, context, |bound| {
        bound.announced.as_ref().map(|_| bound.publisher.clone())
    })?;
    let already = format!("no other publisher of {} is announced", args.name);
    report(&args.name, &announced, &already, "back to the publisher of now", context)
}

/// Announces whom `choose` names, knowing whom the name is bound to. That is told from
/// what was signed: a registry that names somebody else must not get that announced.
fn announce(
    name: &PackageName,
    signing: &SigningArgs,
    dry_run: bool,
    context: &Context,
    choose: impl Fn(&Bound) -> Option<Publisher>,
) -> Result<Announced> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let trust = context.trust(source)?;
    let make = |contact: &mut Contact<'_>, builds_on: BuildsOn| {
        let bound = Bound::read(contact, &trust, &source.policy(), context.now)?;
        Ok(choose(&bound).map(|publisher| {
            let name = contact.index.name.clone();
            PackageStatement::Binding(BindingStatement { name, publisher, builds_on })
        }))
    };
    announcing::announce(name, signing, dry_run, context, make)
}

fn report(
    name: &PackageName,
    announced: &Announced,
    already: &str,
    what: &str,
    context: &Context,
) -> Result<ExitCode> {
    let ui = &context.ui;
    let mut data = announcing::to_json(announced);
    data["name"] = json!(name);
    match announced {
        Announced::Already => ui.status("Unchanged", already),
        Announced::Planned(_) => ui.status("Would", format!("announce {name} {what}")),
        Announced::Logged { stated, .. } => {
            ui.status("Announced", format!("{name} {what}"));
            if let Entry::Binding(change) = &stated.entry {
                ui.detail(
                    "effective",
                    format!("{}; until then it can be taken back", change.effective),
                );
                data["effective"] = json!(change.effective);
            }
        }
    }
    announcing::say_logged(announced, context);
    ui.data(&data, String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn whoami(args: &SigningArgs, context: &Context) -> Result<ExitCode> {
    let signer = announcing::find(args)?;
    let refused = |reason| Error::Refused(vec![Refusal::NoPublisher { reason }]);
    let publisher = signer.publisher().map_err(refused)?;
    let data = json!({ "publisher": publisher, "reference": publisher.reference() });
    context.ui.data(&data, || format!("{}\n", publisher.reference()))?;
    Ok(ExitCode::SUCCESS)
}
