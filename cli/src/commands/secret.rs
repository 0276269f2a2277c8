//! `mcpkg secret`: keep the secrets of servers, and say where they are.

pub(super) mod approve;
mod exec;
mod list;

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use mcpkg_core::elsewhere::Settings;
use mcpkg_core::lock::{LockedServer, SecretReference};
use mcpkg_core::secret::StoreName;
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use crate::args::SecretCommand;
use crate::error::{Error, Result};
use crate::secrets::{MAX_BYTES, Secret, SecretError, Stores};
use crate::ui::{self, Ui};

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
    let secret = entered(name)?;
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

/// The secret that the user types, or that comes in.
fn entered(name: &StoreName) -> Result<Secret> {
    let what = || "what was entered".to_owned();
    let unreadable = |source| SecretError::Unreadable { what: "the secret".to_owned(), source };
    let wrong = |reason| SecretError::NotASecret { what: what(), reason };
    if std::io::stdin().is_terminal() {
        let text = ui::ask_secret(&format!("`{name}`")).map_err(unreadable)?;
        return Ok(Secret::of(text.ok_or(Error::NoTerminal)?).map_err(wrong)?);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    let most = u64::try_from(MAX_BYTES + 2).unwrap_or(u64::MAX);
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Secret::read(&bytes).map_err(wrong)?)
}

/// Has a server take its secrets from the key store, where nothing else was said.
pub(super) fn default_to_store(server: &mut LockedServer, settings: &Settings) -> Result<()> {
    for (key, _) in settings.iter().filter(|(_, config)| config.is_sensitive) {
        if server.secrets.contains_key(key) {
            continue;
        }
        let name = StoreName::of(&server.name, key).map_err(|error| Error::Setting {
            message: format!("the secret `{key}` cannot be kept: {error}"),
            hint: "ask its author to give the setting a plainer name",
        })?;
        server.secrets.insert(key.clone(), SecretReference::Store(name));
    }
    Ok(())
}

/// Offers to set the secrets that a server takes from the key store and that are not
/// there, or says how.
pub(super) fn offer(
    server: &LockedServer,
    settings: &Settings,
    ui: Ui,
    context: &Context,
) -> Result<()> {
    let stores = Stores::new(&context.places, &context.config()?.secrets);
    let index = stores.index()?;
    for (key, reference) in &server.secrets {
        let SecretReference::Store(name) = reference else { continue };
        let Some(config) = settings.get(key) else { continue };
        if index.get(name).is_some() {
            continue;
        }
        let unreadable = |source| SecretError::Unreadable { what: "the secret".to_owned(), source };
        let asked = if ui.yes || ui.is_quiet() || ui.json {
            None
        } else {
            let prompt = format!("{} (`{key}`; empty for later)", config.title);
            ui::ask_optional_secret(&prompt).map_err(unreadable)?
        };
        let Some(text) = asked else {
            let need = if config.is_required { "it needs" } else { "it may have" };
            ui.detail("secret", format!("{need} `{key}`: `mcpkg secret set {name}` sets it"));
            continue;
        };
        let what = "what was entered".to_owned();
        let secret = Secret::of(text).map_err(|reason| SecretError::NotASecret { what, reason })?;
        let kind = stores.set(name, &secret)?;
        ui.status("Kept", format!("`{name}` in {kind}"));
    }
    Ok(())
}
