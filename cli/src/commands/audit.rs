//! `mcpkg audit`: is there something to look at in what is installed, and in what agents
//! are told to start?

use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use serde_json::json;

use super::origin::Origin;
use super::{Context, Failures, SOMETHING_TO_DO, scopes, upstream};
use crate::agents::Scope;
use crate::args::AuditArgs;
use crate::config::Config;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::audit::{self, Advisories, Finding};
use crate::store::Store;

pub(super) fn run(args: &AuditArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let store = Store::new(&context.places);
    let mut failures = Failures::default();
    let mut findings = Vec::new();
    let mut servers = Vec::new();
    for scope in scopes(args.installed.scope) {
        let lock = LockFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            findings.extend(audit::drift(server, scope, &store, &context.places));
            if !context.is_offline {
                let found = match &server.upstream {
                    Some(it) => upstream::stated((server, it), scope, &config, context),
                    None => stated(server, scope, &config, context),
                };
                match found {
                    Ok(found) => findings.extend(found),
                    Err(error) => failures.add(&server.name, error, context),
                }
            }
            servers.push((scope, server.clone()));
        }
        findings.extend(audit::entries(&lock.lock, scope, &context.places));
        if scope == Scope::User {
            findings.extend(audit::entries(&lock.lock, Scope::Local, &context.places));
        }
    }
    if let Some(path) = &args.advisories {
        findings.extend(Advisories::findings(path, &servers, &store, &context.places)?);
    }
    for finding in &findings {
        let Finding { scope, subject, message, fix, .. } = finding;
        context.ui.warn(format!("{subject} ({scope}): {message}"));
        context.ui.detail("fix", fix);
    }
    let checked = servers.len();
    context.ui.status("Audited", format!("{checked} servers, {} findings", findings.len()));
    let failed = failures.as_data();
    let data = json!({ "servers": checked, "findings": findings, "errors": failed });
    context.ui.data(&data, String::new)?;
    let code = if findings.is_empty() { 0 } else { SOMETHING_TO_DO };
    Ok(failures.report(context).unwrap_or_else(|| ExitCode::from(code)))
}

/// What was stated about an installed release since. A log that lies is a refusal, and
/// not a finding among others.
fn stated(
    server: &LockedServer,
    scope: Scope,
    config: &Config,
    context: &Context,
) -> Result<Vec<Finding>> {
    let origin = Origin::of(server, config, context)?;
    let mut contact = origin.contact_of(server, context)?;
    context.ui.warn_all(&std::mem::take(&mut contact.warnings));
    Ok(audit::stated(server, scope, &mut contact, &origin.trust))
}
