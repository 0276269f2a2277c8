//! `mcpkg export`: a verified lock, for other programs.

use std::process::ExitCode;

use mcpkg_core::Platform;
use mcpkg_core::lock::LockedServer;
use serde_json::{Map, Value, json};

use super::lock::scope;
use super::{Context, verify};
use crate::agents::Scope;
use crate::args::{ExportArgs, ExportForm};
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::store::Store;

/// The format of what is printed, which grows and does not change.
const FORMAT: u32 = 1;

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<ExitCode> {
    let scope = scope(args.scope, context);
    let config = context.config()?;
    let store = Store::new(&context.places);
    let lock = LockFile::read(scope, &context.places)?;
    for server in lock.lock.servers() {
        verify::locked(server, &config, &store, context)?;
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
        "logEntry": server.log.entry,
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
    let launch = link::launch(&server.name, scope)?;
    let entry = json!({ "command": launch.command, "args": launch.args });
    let key = server.agents.first().map(|link| link.key.clone());
    Ok((key.unwrap_or_else(|| server.name.short().replace('.', "-")), entry))
}
