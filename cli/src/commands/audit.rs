//! `mcpkg audit`: is there something to look at in what is installed, and in what agents
//! are told to start?

use std::process::ExitCode;

use mcpkg_core::Coded as _;
use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use serde_json::json;

use super::origin::Origin;
use super::{Context, Failures, SOMETHING_TO_DO, scopes};
use crate::agents::Scope;
use crate::args::AuditArgs;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::audit::{Advisories, Finding, Kind, drift, entries};
use crate::ops::{link, release};
use crate::store::Store;

pub(super) fn run(args: &AuditArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let store = Store::new(&context.places);
    let mut failures = Failures::default();
    let mut findings = Vec::new();
    let mut servers = Vec::new();
    for scope in scopes(args.scope) {
        let lock = LockFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            findings.extend(drift(server, scope, &store, &context.places));
            // What comes from another ecosystem has nobody of ours who states something.
            if !context.is_offline && server.upstream.is_none() {
                match stated(server, scope, &config, context) {
                    Ok(found) => findings.extend(found),
                    Err(error) => failures.add(&server.name, error, context),
                }
            }
            servers.push((scope, server.clone()));
        }
        findings.extend(entries(&lock.lock, scope, &context.places));
        if scope == Scope::User {
            findings.extend(entries(&lock.lock, Scope::Local, &context.places));
        }
    }
    if let Some(path) = &args.advisories {
        findings.extend(Advisories::findings(path, &servers, &store)?);
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

/// What was stated about an installed release since: from the signed index, and then
/// with the reason from what was signed.
fn stated(
    server: &LockedServer,
    scope: Scope,
    config: &Config,
    context: &Context,
) -> Result<Vec<Finding>> {
    let origin = Origin::of(server, config, context)?;
    let mut contact = match origin.contact(&server.name, context) {
        // A log that lies is a refusal and not a finding among others.
        Err(error @ Error::Lie { .. }) => return Err(error),
        other => other?,
    };
    context.ui.warn_all(&std::mem::take(&mut contact.warnings));
    let mut found = Vec::new();
    let status = contact.status(&server.version);
    let kind = match status {
        Status::Active => None,
        Status::Yanked => Some(Kind::Yanked),
        Status::Deprecated => Some(Kind::Deprecated),
    };
    if let Some(kind) = kind {
        let remark = release::remark(&mut contact, &server.version, &origin.trust);
        let remark = remark.map_err(|error| (error.code(), error));
        let message = match remark {
            Ok(remark) => remark.unwrap_or_else(|| format!("it is {status}")),
            Err((code, error)) => {
                format!("it is {status}, and why cannot be read: {error} [{code}]")
            }
        };
        let fix = format!("`mcpkg update {} --scope {}`", server.name, link::scope_word(scope));
        found.push(Finding::of(kind, scope, server, message, fix));
    }
    if let Some(announced) = &contact.index.announced
        && server.publisher.difference(&announced.publisher).is_some()
    {
        let message = format!(
            "from {} on it is published by {} (entry {})",
            announced.effective,
            announced.publisher.reference(),
            announced.entry
        );
        let fix = "ask its publisher whether that is meant; `mcpkg info` shows who announced it";
        found.push(Finding::of(Kind::Publisher, scope, server, message, fix));
    }
    let bound = &contact.index.publisher;
    if let Some(difference) = server.publisher.difference(bound) {
        let message = format!(
            "the package is bound to another publisher than you pinned: its {} is `{}` now",
            difference.what, difference.found
        );
        let fix = "`mcpkg info` shows who changed it; accept it with `--accept-publisher`, or not";
        found.push(Finding::of(Kind::Publisher, scope, server, message, fix));
    }
    Ok(found)
}
