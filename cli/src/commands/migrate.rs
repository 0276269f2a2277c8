//! `mcpkg migrate`: literal secrets out of settings, and into the key store.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::MigrateArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::migrate::{Plan, Record, Records, Targets, carry_out, plans, restore};
use crate::secrets::Stores;
use crate::show;
use crate::store::Store;
use crate::ui::Ui;

pub(super) fn run(args: &MigrateArgs, context: &Context) -> Result<ExitCode> {
    let ui = Ui { yes: args.yes, ..context.ui };
    let places = &context.places;
    let stores = Stores::new(places, &context.config()?.secrets);
    if args.restore {
        return put_back(&stores, ui, context);
    }
    let program = std::env::current_exe()
        .map_err(|source| Error::Read { path: "mcpkg".into(), source })?
        .display()
        .to_string();
    let lock = LockFile::read(Scope::User, places)?;
    let targets = Targets::parse(&args.into, &lock.lock, &Store::new(places))?;
    let (plans, mut failures) = plans(&stores.index()?, &program, &targets, places);
    if let Some(key) = targets.missing(&plans) {
        return Err(failures.pop().unwrap_or_else(|| Error::Argument {
            what: "name of an entry",
            found: key.to_owned(),
            reason: "no agent has a server of that name".to_owned(),
        }));
    }
    ui.warn_all(&failures.iter().map(Error::in_one_line).collect::<Vec<_>>());
    show::migration(ui, &plans);
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
        carry_out(&plans, &stores, places)?;
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

fn put_back(stores: &Stores<'_>, ui: Ui, context: &Context) -> Result<ExitCode> {
    let _turn = Exclusive::named("migrated", &context.places)?;
    let records = Records::read(&context.places)?;
    if !records.records.is_empty()
        && !ui.confirm("Write these secrets into settings again, in the clear?")?
    {
        return Err(Error::Declined);
    }
    let restored = restore(records, stores, &context.places)?;
    for (Record { key, path, .. }, error) in &restored.left {
        ui.warn(format!("`{key}` in {}: {}", path.display(), error.in_one_line()));
    }
    let count = restored.count;
    ui.status("Restored", format!("{count} entries; the secrets are in your key store as well"));
    let left: Vec<_> = restored.left.iter().rev().map(|(record, _)| record).collect();
    ui.data(&json!({ "restored": count, "left": left }), String::new)?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn secrets(count: usize) -> String {
    format!("{count} secret{}", if count == 1 { "" } else { "s" })
}
