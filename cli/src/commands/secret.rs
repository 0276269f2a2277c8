//! `mcpkg secret`: keep the secrets of servers, and say where they are.

pub(super) mod approve;
mod enter;
mod exec;
mod list;

use std::process::ExitCode;

use mcpkg_core::lock::SecretReference;
use mcpkg_core::secret::StoreName;
use serde_json::json;

pub(super) use self::enter::offer;
use super::Context;
use crate::args::SecretCommand;
use crate::error::Result;
use crate::secrets::Stores;

pub(super) fn run(command: &SecretCommand, context: &Context) -> Result<ExitCode> {
    let stores = Stores::new(&context.places, &context.config()?.secrets);
    match command {
        SecretCommand::Set(args) => set(&args.name, &stores, context),
        SecretCommand::List => list::run(&stores, context),
        SecretCommand::Remove(args) => remove(&args.name, &stores, context),
        SecretCommand::Which => which(&stores, context),
        SecretCommand::Approve(args) => approve::run(args, context),
        SecretCommand::Exec(args) => exec::run(args, &stores),
    }
}

fn set(name: &StoreName, stores: &Stores<'_>, context: &Context) -> Result<ExitCode> {
    let ui = &context.ui;
    let secret = enter::entered(name)?;
    let kind = stores.set(name, &secret)?;
    ui.status("Kept", format!("`{name}` in {kind}"));
    let users = list::users(&SecretReference::Store(name.clone()), context)?;
    if users.is_empty() {
        ui.detail("note", format!("no server takes it yet; `--secret KEY=store:{name}` does that"));
    }
    ui.data(&json!({ "set": name, "store": kind, "usedBy": users }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn remove(name: &StoreName, stores: &Stores<'_>, context: &Context) -> Result<ExitCode> {
    stores.remove(name)?;
    let users = list::users(&SecretReference::Store(name.clone()), context)?;
    for server in &users {
        context
            .ui
            .warn(format!("{server} still takes it; `mcpkg secret set {name}` sets it again"));
    }
    context.ui.status("Forgotten", format!("`{name}`"));
    context.ui.data(&json!({ "removed": name, "usedBy": users }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn which(stores: &Stores<'_>, context: &Context) -> Result<ExitCode> {
    let choice = stores.choose()?;
    let passphrase = stores.passphrase().map(ToString::to_string);
    let text = || {
        let passphrase = passphrase.as_deref().unwrap_or("asked at the terminal");
        format!(
            "store       {}\nbecause     {}\nfile        {}\npassphrase  {passphrase}\n",
            choice.kind,
            choice.why,
            stores.file().display()
        )
    };
    let data = json!({
        "store": choice.kind,
        "why": choice.why.to_string(),
        "file": stores.file(),
        "passphrase": passphrase,
    });
    context.ui.data(&data, text)?;
    Ok(ExitCode::SUCCESS)
}
