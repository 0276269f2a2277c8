//! `mcpkg list`: what is installed.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::api::Status;
use mcpkg_core::lock::AgentLink;
use serde_json::json;

use super::{Context, scopes};
use crate::args::ListArgs;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::store::Store;

pub(super) fn run(args: &ListArgs, context: &Context) -> Result<ExitCode> {
    let store = Store::new(&context.places);
    let mut text = String::new();
    let mut data = Vec::new();
    for scope in scopes(args.installed.scope) {
        let lock = LockFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            let agents: Vec<_> = server.agents.iter().map(place).collect();
            // As it was when it was installed: nobody is asked here.
            let kept = store.release(server.metadata).ok();
            let status = kept.map(|kept| kept.status).unwrap_or_default();
            let shown = (status != Status::Active).then(|| format!("  ({status})"));
            let elsewhere = server.elsewhere.as_ref().map(|pinned| format!("  {pinned}"));
            let line = format!(
                "{}@{}  {}  {}  {}{}{}",
                server.name,
                server.version,
                link::scope_word(scope),
                server.publisher,
                agents.join(","),
                elsewhere.unwrap_or_default(),
                shown.unwrap_or_default()
            );
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
            let scope = link::scope_word(scope);
            data.push(json!({ "scope": scope, "status": status, "server": server }));
        }
    }
    if data.is_empty() {
        context.ui.detail("none", "nothing is installed; `mcpkg install <name>` does it");
    }
    context.ui.data(&data, || text)?;
    Ok(ExitCode::SUCCESS)
}

/// Which agent a link is in, and for which project if it is for one alone.
fn place(link: &AgentLink) -> String {
    match &link.project {
        None => link.id.clone(),
        Some(project) => format!("{} in {project}", link.id),
    }
}
