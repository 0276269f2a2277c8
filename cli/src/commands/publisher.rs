//! `mcpkg publisher`: who publishes a package, and who will.

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
use crate::show;

pub(super) fn run(command: &PublisherCommand, context: &Context) -> Result<ExitCode> {
    match command {
        PublisherCommand::Show(args) => bound(args, context),
        PublisherCommand::Change(args) => change(args, context),
        PublisherCommand::Cancel(args) => cancel(args, context),
        PublisherCommand::Whoami(args) => whoami(args, context),
    }
}

fn bound(args: &PublisherShowArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let name = &args.name;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;
    let trust = context.trust(source)?;
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let bound = Bound::read(&mut contact, &trust, &source.policy(), context.now)?;
    context.ui.warn_all(&contact.warnings);
    let data = show::publisher_data(name, &bound);
    context.ui.data(&data, || show::publisher_text(&bound))?;
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
