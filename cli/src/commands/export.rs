//! `mcpkg export`: a verified lock, for other programs and for those who manage them.

use std::process::ExitCode;

use mcpkg_core::Platform;
use mcpkg_core::lock::LockedServer;
use serde_json::{Map, Value, json};

use super::{Context, locked, scope_here};
use crate::agents::Scope;
use crate::args::{ExportArgs, ExportForm};
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::ops::managed::{self, NamedLaunch};
use crate::store::Store;

/// The format of what is printed, which grows and does not change.
const FORMAT: u32 = 1;

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope_here(args.here.scope, context);
    let config = context.config()?;
    let store = Store::new(&context.places);
    let lock = LockFile::read(scope, &context.places)?;
    for server in lock.lock.servers() {
        locked::check(server, &config, &store, context)?;
    }
    let servers = lock.lock.servers();
    let data = match args.form {
        ExportForm::Json => {
            let servers: Vec<_> = servers.map(|server| as_json(server, &store)).collect();
            json!({ "format": FORMAT, "scope": link::scope_word(scope), "servers": servers })
        }
        ExportForm::Agents => {
            let entries: Result<Map<_, _>> = servers.map(|server| entry(server, scope)).collect();
            json!({ "mcpServers": entries? })
        }
        ExportForm::ManagedMcp => managed::servers(&launches(servers, args, scope)?),
        ExportForm::ManagedSettings => {
            managed::settings(&launches(servers, args, scope)?, &args.deny)
        }
        ExportForm::VscodePolicy => {
            managed::gallery(&config.registry_for(args.registry.as_deref(), None)?.url)
        }
    };
    let text = serde_json::to_string_pretty(&data).map_err(Error::Json)?;
    context.ui.raw(format!("{text}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn as_json(server: &LockedServer, store: &Store) -> Value {
    let artifact = server.artifact_for(Platform::current());
    json!({
        "name": server.name,
        "version": server.version,
        "registry": server.registry,
        "metadata": server.metadata,
        "publisher": server.publisher.reference(),
        "commit": server.commit,
        "signedAt": server.signed_at,
        "logEntry": server.log.as_ref().map(|log| log.entry),
        "upstream": server.upstream,
        "elsewhere": server.elsewhere,
        "artifact": artifact.map(|artifact| json!({
            "platform": artifact.platform,
            "digest": artifact.digest,
            "tree": artifact.tree,
            "folder": store.tree_path(artifact.tree),
        })),
        "granted": server.granted,
    })
}

/// What an agent is told of a server, by the name that it has there.
fn entry(server: &LockedServer, scope: Scope) -> Result<(String, Value)> {
    let (key, launch) = named_launch(server, scope)?;
    Ok((key, json!({ "command": launch.command, "args": launch.args })))
}

fn named_launch(server: &LockedServer, scope: Scope) -> Result<NamedLaunch> {
    let key = server.agents.first().map(|link| link.key.clone());
    let key = key.unwrap_or_else(|| server.name.short().replace('.', "-"));
    Ok((key, link::launch(&server.name, scope)?))
}

/// How each server is started on the machines that the file is for.
fn launches<'a>(
    servers: impl Iterator<Item = &'a LockedServer>,
    args: &ExportArgs,
    scope: Scope,
) -> Result<Vec<NamedLaunch>> {
    let launches: Result<Vec<_>> = servers.map(|server| named_launch(server, scope)).collect();
    let mut launches = launches?;
    if let Some(program) = &args.program {
        for (_, launch) in &mut launches {
            launch.command.clone_from(program);
        }
    }
    Ok(launches)
}
