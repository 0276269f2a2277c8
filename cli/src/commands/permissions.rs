//! `mcpkg permissions`: what a server asks for, and what of it is granted.
//!
//! granted = asked (which is signed) ∩ what policy allows ∩ what the user approved.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::permissions::Permissions;
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::{PermissionsChangeArgs, PermissionsCommand, PermissionsShowArgs};
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::grant::{self, Direction};
use crate::ops::{named, pin};
use crate::secrets::approval;
use crate::store::Store;

pub(super) fn run(command: &PermissionsCommand, context: &Context) -> Result<ExitCode> {
    match command {
        PermissionsCommand::Show(args) => show(args, context),
        PermissionsCommand::Grant(args) => change(Direction::Grant, args, context),
        PermissionsCommand::Revoke(args) => change(Direction::Revoke, args, context),
    }
}

fn show(args: &PermissionsShowArgs, context: &Context) -> Result<ExitCode> {
    let lock = LockFile::read(Scope::from(args.server.scope), &context.places)?;
    let server = named::one(&lock.lock, &args.server.name)?;
    let asked = pin::asked_by(server, &Store::new(&context.places))?;
    say(server, &asked, context)?;
    Ok(ExitCode::SUCCESS)
}

fn change(
    direction: Direction,
    args: &PermissionsChangeArgs,
    context: &Context,
) -> Result<ExitCode> {
    let scope = Scope::from(args.server.scope);
    let _exclusive = Exclusive::of(scope, &context.places)?;
    let mut lock = LockFile::read(scope, &context.places)?;
    let mut server = named::one(&lock.lock, &args.server.name)?.clone();
    let is_projects = scope == Scope::Project;
    if is_projects {
        approval::check(&server, lock.path(), &context.places)?;
    }
    let asked = pin::asked_by(&server, &Store::new(&context.places))?;
    let named = if args.all { asked.clone() } else { args.named() };
    if named.is_empty() && !args.all {
        return Err(Error::Argument {
            what: "permission",
            found: String::new(),
            reason: "name some, such as `--network api.example.com:443`, or pass `--all`".into(),
        });
    }
    server.granted = grant::changed(&server, &asked, &named, direction)?;
    if !args.dry_run {
        lock.lock.insert(server.clone());
        lock.write()?;
        if is_projects {
            approval::remember(&server, lock.path(), &context.places)?;
        }
    }
    let verb = if args.dry_run { "Would grant" } else { "Granted" };
    context.ui.status(verb, format!("{}: {}", server.name, grant::in_words(&server.granted)));
    say(&server, &asked, context)?;
    Ok(ExitCode::SUCCESS)
}

fn say(server: &LockedServer, asked: &Permissions, context: &Context) -> Result<()> {
    let withheld = asked.beyond(&server.granted);
    let data = json!({
        "name": server.name,
        "version": server.version,
        "asked": asked,
        "granted": server.granted,
        "withheld": withheld,
    });
    context.ui.data(&data, || {
        let mut text = String::new();
        for (word, set) in [("granted", &server.granted), ("withheld", &withheld)] {
            for line in set.describe() {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{word:<9} {line}");
            }
        }
        if text.is_empty() {
            text.push_str("it asks for nothing\n");
        }
        text
    })
}
