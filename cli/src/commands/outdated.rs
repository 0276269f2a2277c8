//! `mcpkg outdated`: for what is installed, is there something newer?

use std::process::ExitCode;

use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::VersionRange;
use serde_json::json;

use super::origin::Origin;
use super::{Context, Failures, SOMETHING_TO_DO, judged, scopes, upstream};
use crate::args::{AcceptArgs, OutdatedArgs};
use crate::config::Config;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::ops::standing::Standing;
use crate::project_file::ProjectFile;
use crate::show::{self, StandingTable};

pub(super) fn run(args: &OutdatedArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let mut failures = Failures::default();
    let mut table = StandingTable::default();
    let mut data = Vec::new();
    let mut is_something_to_do = false;
    for scope in scopes(args.installed.scope) {
        let lock = LockFile::read(scope, &context.places)?;
        let project = ProjectFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            let wanted = project.as_ref().and_then(|it| it.servers.get(&server.name));
            let range = wanted.map(|wanted| &wanted.version);
            let scope = link::scope_word(scope);
            match standing(server, range, &config, context) {
                Ok(standing) => {
                    // What was asked for when it was installed counts as well.
                    let asked = server.upstream.as_ref().and_then(|it| it.range.as_ref());
                    let range = range.or(asked);
                    let next = standing.next(&server.version, range);
                    is_something_to_do |= next.is_some() || standing.status == Status::Yanked;
                    table.add(server, &standing, scope);
                    data.push(show::standing_data(server, &standing, range, scope));
                }
                Err(error) => {
                    data.push(json!({
                        "scope": scope, "name": server.name, "error": error.to_json(),
                    }));
                    failures.add(&server.name, error, context);
                }
            }
        }
    }
    context.ui.data(&json!({ "servers": data }), || table.text())?;
    let to_do = if is_something_to_do { SOMETHING_TO_DO } else { 0 };
    Ok(failures.report(context).unwrap_or_else(|| ExitCode::from(to_do)))
}

fn standing(
    server: &LockedServer,
    range: Option<&VersionRange>,
    config: &Config,
    context: &Context,
) -> Result<Standing> {
    if let Some(upstream) = &server.upstream {
        return upstream::standing(server, upstream, range, config, context);
    }
    let origin = Origin::of(server, config, context)?;
    let contact = origin.contact_of(server, context)?;
    context.ui.warn_all(&contact.warnings);
    let policy = judged::policy(origin.source, &AcceptArgs::default())?;
    Ok(judged::standing(&contact, Some(&server.version), range, &policy, context))
}
