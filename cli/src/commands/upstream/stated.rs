//! What npm or PyPI says of an installed release since, for `audit`.

use mcpkg_core::api::Status;
use mcpkg_core::lock::{LockedServer, LockedUpstream};

use super::everyday::Standings;
use crate::agents::Scope;
use crate::commands::Context;
use crate::config::Config;
use crate::error::Result;
use crate::ops::audit::{Finding, Kind};
use crate::ops::link;
use crate::ops::upstream::{self, Accepted};

/// Whether its author still stands by it. Nobody signs that there: it is the registry's word.
pub(in crate::commands) fn stated(
    (server, upstream): (&LockedServer, &LockedUpstream),
    scope: Scope,
    config: &Config,
    context: &Context,
) -> Result<Vec<Finding>> {
    let package = upstream::release(upstream)?.package().clone();
    let wanted = (&server.name, &package);
    let accepted = Accepted::default();
    let found = Standings::of(wanted, Some(server), None, &accepted, config, context)?;
    let status = found.standing.status;
    let kind = match status {
        Status::Active => return Ok(Vec::new()),
        Status::Yanked => Kind::Yanked,
        Status::Deprecated => Kind::Deprecated,
    };
    let message = match found.listing.get(&server.version) {
        None => "its registry no longer lists it".to_owned(),
        Some(listed) => match &listed.reason {
            Some(reason) => format!("it is {status}: {reason}"),
            None => format!("it is {status}"),
        },
    };
    let fix = format!("`mcpkg update {} --scope {}`", server.name, link::scope_word(scope));
    Ok(vec![Finding::of(kind, scope, server, message, fix)])
}
