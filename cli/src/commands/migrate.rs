//! `mcpkg migrate`: literal secrets out of settings, and into the key store.

use std::collections::BTreeMap;
use std::process::ExitCode;

use mcpkg_core::secret::StoreName;
use serde_json::json;

use super::Context;
use crate::args::MigrateArgs;
use crate::error::{Error, Result};
use crate::lock_file::Exclusive;
use crate::ops::migrate::{Plan, Records, plans};
use crate::secrets::{Secret, SecretError, Stores};
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
    let (plans, failures) = plans(&stores.index()?, &program, &context.places);
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
    if count > 0 {
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
    plans.iter().try_for_each(Plan::write)
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
            Ok(()) => restored += 1,
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
