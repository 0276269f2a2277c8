//! `mcpkg migrate`: literal secrets out of settings, and into the key store.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::secret::StoreName;
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::MigrateArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::link;
use crate::ops::migrate::{Plan, Records, Replaced, Target, plans};
use crate::secrets::{Secret, SecretError, Stores};
use crate::store::Store;
use crate::ui::Ui;

pub(super) fn run(args: &MigrateArgs, context: &Context) -> Result<ExitCode> {
    let ui = Ui { yes: args.yes, ..context.ui };
    let stores = Stores::new(&context.places, &context.config()?.secrets);
    if args.restore {
        return restore(&stores, ui, context);
    }
    let program = std::env::current_exe()
        .map_err(|source| Error::Read { path: "mcpkg".into(), source })?
        .display()
        .to_string();
    let targets = targets(args, context)?;
    let (plans, mut failures) = plans(&stores.index()?, &program, &targets, &context.places);
    // Who names an entry wants that one, or nothing.
    let is_found = |key: &&String| {
        let replaced = plans.iter().flat_map(Plan::replaced);
        replaced.map(|(link, _)| link.key).any(|found| found == **key)
    };
    if let Some(key) = targets.keys().find(|key| !is_found(key)) {
        return Err(failures.pop().unwrap_or_else(|| Error::Argument {
            what: "name of an entry",
            found: key.clone(),
            reason: "no agent has a server of that name".to_owned(),
        }));
    }
    ui.warn_all(&failures.iter().map(in_one_line).collect::<Vec<_>>());
    show(&plans, ui);
    let count = plans.iter().map(|plan| plan.moved().count()).sum::<usize>();
    if args.dry_run {
        for plan in &plans {
            ui.raw(plan.difference().as_bytes())?;
        }
        ui.status("Would move", secrets(count));
        return Ok(ExitCode::SUCCESS);
    }
    if count > 0 || !targets.is_empty() {
        if !ui.confirm("Move them into your key store, and rewrite these settings?")? {
            return Err(Error::Declined);
        }
        carry_out(&plans, &stores, context)?;
    }
    ui.status("Moved", secrets(count));
    if count > 0 {
        ui.detail("note", "they were in files: replace each where it is from, and keep the new one with `mcpkg secret set`");
        ui.detail("note", "`mcpkg migrate --restore` puts them back");
    }
    let moved: Vec<_> = plans.iter().flat_map(Plan::records).collect();
    ui.data(&json!({ "moved": moved }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// The installed servers that entries are to become, by the names of those.
fn targets(args: &MigrateArgs, context: &Context) -> Result<BTreeMap<String, Target>> {
    let lock = LockFile::read(Scope::User, &context.places)?;
    let store = Store::new(&context.places);
    let target = |text: &String| {
        let (key, name) = text.split_once('=').ok_or_else(|| Error::Argument {
            what: "pair of an entry and a server",
            found: text.clone(),
            reason: "there is no `=`".to_owned(),
        })?;
        let server = super::list::one(&lock.lock, name)?;
        Ok((key.to_owned(), Target::of(server, &store)?))
    };
    args.into.iter().map(target).collect()
}

/// Changes what the user's lock says of the server that an entry became.
fn relock(
    replaced: &Replaced,
    context: &Context,
    change: impl Fn(&mut LockedServer),
) -> Result<()> {
    let _exclusive = Exclusive::of(Scope::User, &context.places)?;
    let mut lock = LockFile::read(Scope::User, &context.places)?;
    if let Some(mut server) = lock.lock.get(&replaced.server).cloned() {
        change(&mut server);
        lock.lock.insert(server);
        lock.write()?;
    }
    Ok(())
}

/// What was found: where, whose it seems to be, and what will become of it.
fn show(plans: &[Plan], ui: Ui) {
    for plan in plans {
        ui.heading(format!("{}  {}", plan.agent.display_name(), plan.path.display()));
        for change in &plan.changes {
            for (at, (literal, name)) in change.literals.iter().zip(&change.names).enumerate() {
                let (site, masked) = (&literal.site, literal.masked());
                let what = if change.rewritten.stays.contains(&at) {
                    format!(
                        "{site}: {masked} stays, because {} takes no reference there",
                        plan.agent.display_name()
                    )
                } else {
                    format!("{site}: {masked} becomes store:{name}")
                };
                ui.detail(&change.key, what);
            }
            if let Some(replaced) = &change.rewritten.edits.replaced {
                ui.detail(&change.key, format!("starts {} from now on", replaced.server));
            }
            for edit in &change.rewritten.edits.texts {
                ui.detail(
                    "",
                    format!(
                        "start {} with it: `mcpkg secret exec --env {}=store:{} -- …`",
                        plan.agent.display_name(),
                        edit.variable,
                        edit.name
                    ),
                );
            }
        }
    }
}

/// The steps, in an order in which a stop after any of them loses no secret: it is in
/// the key store, then there is a record of what will be done, then the settings change.
fn carry_out(plans: &[Plan], stores: &Stores<'_>, context: &Context) -> Result<()> {
    let _turn = Exclusive::named("migrated", &context.places)?;
    for (name, literal) in plans.iter().flat_map(Plan::moved) {
        let secret = Secret::of(literal.text.clone()).map_err(|reason| {
            SecretError::NotASecret { what: format!("what is to be `{name}`"), reason }
        })?;
        stores.set(name, &secret)?;
    }
    let mut records = Records::read(&context.places)?;
    records.records.extend(plans.iter().flat_map(Plan::records));
    records.write(&context.places)?;
    for plan in plans {
        for (link, replaced) in plan.replaced() {
            relock(replaced, context, |server| {
                replaced.apply(server);
                link::put(&mut server.agents, &link);
            })?;
        }
        plan.write()?;
    }
    Ok(())
}

fn restore(stores: &Stores<'_>, ui: Ui, context: &Context) -> Result<ExitCode> {
    let _turn = Exclusive::named("migrated", &context.places)?;
    let mut records = Records::read(&context.places)?;
    if !records.records.is_empty()
        && !ui.confirm("Write these secrets into settings again, in the clear?")?
    {
        return Err(Error::Declined);
    }
    let mut left = Vec::new();
    let mut restored = 0_usize;
    // The last first, as one entry may have been done twice.
    while let Some(record) = records.records.pop() {
        let found: BTreeMap<StoreName, Option<Secret>> = record
            .edits
            .names()
            .map(|name| Ok((name.clone(), stores.get(name)?)))
            .collect::<Result<_>>()?;
        let secret = |name: &StoreName| found.get(name)?.as_ref().map(Secret::copy);
        match record.restore(secret, &context.places) {
            Ok(()) => {
                restored += 1;
                if let Some(replaced) = &record.edits.replaced {
                    relock(replaced, context, |server| {
                        replaced.take_back(server);
                        server.agents.retain(|link| !record.is_of(link));
                    })?;
                }
            }
            Err(error) => {
                ui.warn(format!(
                    "`{}` in {}: {}",
                    record.key,
                    record.path.display(),
                    in_one_line(&error)
                ));
                left.push(record);
            }
        }
    }
    left.reverse();
    records.records = left;
    records.write(&context.places)?;
    ui.status("Restored", format!("{restored} entries; the secrets are in your key store as well"));
    let code = if records.records.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    ui.data(&json!({ "restored": restored, "left": records.records }), String::new)?;
    Ok(code)
}

/// What went wrong with one of several, and why.
fn in_one_line(error: &Error) -> String {
    let reasons = error.reasons().into_iter();
    let lines = reasons.map(|reason| [vec![reason.message], reason.causes].concat().join(": "));
    lines.collect::<Vec<_>>().join("; ")
}

fn secrets(count: usize) -> String {
    format!("{count} secret{}", if count == 1 { "" } else { "s" })
}
