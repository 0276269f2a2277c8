//! `mcpkg update`: verify the newest release that is allowed, show what it changes,
//! ask, and put it in the place of the old one.

use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::WantedServer;
use serde_json::{Value, json};

use super::intake::Intake;
use super::origin::Origin;
use super::upstream::{self, Outcome};
use super::{Context, Failures, judged, scopes};
use crate::agents::Scope;
use crate::args::UpdateArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::link;
use crate::ops::named::Named;
use crate::ops::update::Update;
use crate::project_file::ProjectFile;
use crate::secrets::approval;
use crate::{show, ui};

pub(super) fn run(args: &UpdateArgs, context: &Context) -> Result<ExitCode> {
    let ui = ui::Ui { yes: args.yes, ..context.ui };
    let intake = Intake::new(&args.consent, ui, context)?;
    let mut failures = Failures::default();
    let mut data = Vec::new();
    let mut named = Named::new(&args.name);
    for scope in scopes(args.installed.scope) {
        let _exclusive = Exclusive::of(scope, &context.places)?;
        let mut lock = LockFile::read(scope, &context.places)?;
        let project = ProjectFile::read(scope, &context.places)?;
        for server in named.within(&lock.lock)? {
            let wanted = project.as_ref().and_then(|it| it.servers.get(&server.name));
            let update = |lock: &mut LockFile| one(&server, wanted, lock, &intake, args);
            let updated = match scope {
                Scope::User | Scope::Local => update(&mut lock),
                Scope::Project => approval::carry(&server, &mut lock, &context.places, update),
            };
            // One that fails keeps no other from being updated.
            let value = updated.unwrap_or_else(|error| {
                let value = json!({ "name": server.name, "error": error.to_json() });
                failures.add(&server.name, error, context);
                value
            });
            data.push(link::with_scope(scope, value));
        }
    }
    named.all_found()?;
    context.ui.data(&json!({ "servers": data }), String::new)?;
    Ok(failures.report(context).unwrap_or(ExitCode::SUCCESS))
}

/// Updates one server, or finds that there is nothing to do.
fn one(
    server: &LockedServer,
    wanted: Option<&WantedServer>,
    lock: &mut LockFile,
    intake: &Intake<'_>,
    args: &UpdateArgs,
) -> Result<Value> {
    if let Some(from) = &server.upstream {
        let outcome = if args.dry_run { Outcome::Shown } else { Outcome::Done };
        return upstream::update((server, from), wanted, outcome, lock, intake);
    }
    let Intake { config, store, ui, context, .. } = intake;
    let (name, range) = (&server.name, wanted.map(|wanted| &wanted.version));
    let origin = Origin::of(server, config, context)?;
    let policy = judged::policy(origin.source, intake.accept)?;
    let mut contact = origin.contact_of(server, context)?;
    let standing = judged::standing(&contact, Some(&server.version), range, &policy, context);
    let Some(version) = standing.next(&server.version, range) else {
        judged::warn_of_locked(&mut contact, server, &origin.trust, context)?;
        show::up_to_date(ui, server, &standing);
        let (installed, passed) = (&server.version, &standing.passed);
        return Ok(json!({ "name": name, "installed": installed, "passedOver": passed }));
    };

    // Who built it, and is that enough?
    let release = intake.judge((&origin, &mut contact), version, &policy, Some(server))?;
    ui.status("Verified", format!("{name}@{version}"));

    // The bytes that were signed, into staging; what it would change, and is that wanted?
    let brought = origin.fetch(&release, store, context)?;
    let registry = origin.source.url.as_str();
    let update = Update::prepare(server, wanted, registry, (release, brought), store)?;
    show::change(ui, update.release(), &update.change, context.now);
    let data = json!({ "name": name, "change": update.change, "updated": !args.dry_run });
    let moves = format!("{name} {} -> {version}", server.version);
    if args.dry_run {
        ui.status("Would update", moves);
        return Ok(data);
    }
    intake.approved.widening((name, version), &update.added, *ui)?;
    update.check(&context.places)?;
    if !ui.confirm("Update it?")? {
        return Err(Error::Declined);
    }
    update.commit(store, lock)?;
    ui.status("Updated", moves);
    Ok(data)
}
