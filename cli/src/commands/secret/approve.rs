//! `mcpkg secret approve`: what a project's lock would give a server, and a yes to it.

use std::path::Path;
use std::process::ExitCode;

use mcpkg_core::lock::{ConfigText, LockedConfinement, LockedServer};
use serde_json::json;

use super::Context;
use crate::args::SecretApproveArgs;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::named;
use crate::secrets::approval;
use crate::ui::Ui;

pub(super) fn run(args: &SecretApproveArgs, context: &Context) -> Result<ExitCode> {
    let ui = Ui { yes: args.yes, ..context.ui };
    let lock = LockFile::read_project(&context.places.project)?;
    let server = named::one(&lock.lock, &args.name)?;
    if !is_wanted(server, lock.path(), ui)? {
        return Err(Error::Declined);
    }
    approval::remember(server, lock.path(), &context.places)?;
    ui.status("Approved", format!("{} in this project, as its lock is now", server.name));
    ui.data(&json!({ "approved": server.name, "project": lock.path() }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows what `lock`, that of a project, says of a server, and asks whether it is to be
/// started like that.
fn is_wanted(server: &LockedServer, lock: &Path, ui: Ui) -> Result<bool> {
    ui.heading(format!("{}@{}", server.name, server.version));
    ui.detail("built by", &server.publisher);
    ui.detail("project", lock.display());
    show_settings(server, ui);
    for line in server.granted.describe() {
        ui.detail("may", line);
    }
    if server.confinement == Some(LockedConfinement::None) {
        ui.detail("confinement", "none: it may do all that you can");
    }
    ui.confirm("Start it like this in this project?")
}

/// Has the user approve what a project's lock says of the servers that they have not
/// approved. Where nobody can be asked those are here, and do not start.
pub(in crate::commands) fn all(lock: &LockFile, ui: Ui, context: &Context) -> Result<()> {
    let is_new =
        |server: &&LockedServer| approval::check(server, lock.path(), &context.places).is_err();
    for server in lock.lock.servers().filter(is_new) {
        let name = &server.name;
        match is_wanted(server, lock.path(), ui) {
            Ok(true) => approval::remember(server, lock.path(), &context.places)?,
            Ok(false) | Err(Error::NoTerminal) => {
                ui.warn(format!("{name} will not start here until `mcpkg secret approve {name}`"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Shows the values of a server's settings, and where its secrets are found.
pub(in crate::commands) fn show_settings(server: &LockedServer, ui: Ui) {
    for (key, text) in &server.config {
        let text = match text {
            ConfigText::One(text) => text.clone(),
            ConfigText::Many(texts) => texts.join(", "),
        };
        ui.detail("setting", format!("{key} = {text}"));
    }
    for (key, reference) in &server.secrets {
        let alone = server.brokered.get(key).map_or_else(String::new, |host| {
            format!(", for {host} alone: the server gets a placeholder")
        });
        ui.detail("secret", format!("{key} from {reference}{alone}"));
    }
}
