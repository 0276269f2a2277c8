//! `mcpkg verify`: check again what is installed, a release, or a file.

use std::path::Path;
use std::process::ExitCode;

use mcpkg_core::{Coded as _, PackageName, Version};
use serde_json::{Value, json};

use super::{Context, judged, locked};
use crate::agents::Scope;
use crate::args::{VerifyArgs, parse_release};
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::file::Artifact;
use crate::ops::link;
use crate::ops::log::Contact;
use crate::ops::release::Terms;
use crate::store::Store;
use crate::ui;

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<ExitCode> {
    let Some(what) = args.what.as_deref() else { return locks(None, context) };
    let path = Path::new(what);
    if !args.bundle.is_empty() || path.extension().is_some_and(|found| found == "mcpb") {
        return file(path, args, context);
    }
    match parse_release(what) {
        Ok((name, version)) if !context.is_offline => release(&name, &version, args, context),
        Ok((name, version)) => locks(Some(&format!("{name}@{version}")), context),
        Err(_) => locks(Some(what), context),
    }
}

/// Verifies a release, as its registry has it now.
fn release(
    name: &PackageName,
    version: &Version,
    args: &VerifyArgs,
    context: &Context,
) -> Result<ExitCode> {
    let config = context.config()?;
    let source = config.registry_for(context.registry.as_deref(), Some(name))?;
    let registry = context.client(&config, source)?;
    let mut contact = Contact::new(context.log(&config, source)?, &registry, name)?;
    let trust = context.trust(source)?;
    let policy = judged::policy(source, &args.accept)?;
    let locked = judged::installed(name, source, context)?;
    let locked = locked.as_ref();
    // What is installed stays, and its publisher's second thoughts are said.
    let accepts_yanked = locked.is_some_and(|locked| locked.version == *version);
    let terms = Terms { policy: &policy, locked, accepts_yanked, now: context.now };
    let found = judged::release(&mut contact, version, &trust, terms, context)?;
    context.ui.status("Verified", format!("{name}@{version}, by {}", found.publisher));
    let data = json!({
        "evidence": found.evidence,
        "publisher": found.publisher,
        "reference": found.publisher.reference(),
        "status": found.since.status,
        "reason": found.since.reason(),
    });
    context.ui.data(&data, String::new)?;
    Ok(ExitCode::SUCCESS)
}

/// Verifies what is locked, from what is on this machine alone: the evidence
/// that was kept, the lock with its receipts, and every file that is unpacked.
fn locks(what: Option<&str>, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let store = Store::new(&context.places);
    let mut results = Vec::new();
    let mut failure = None;
    for scope in [Scope::User, Scope::Project] {
        let lock = LockFile::read(scope, &context.places)?;
        let (wanted, version) = match what.and_then(|what| what.split_once('@')) {
            Some((name, version)) => (Some(name), Some(version)),
            None => (what, None),
        };
        let servers = match wanted {
            Some(text) => lock.lock.find(text),
            None => lock.lock.servers().collect(),
        };
        for server in servers {
            if version.is_some_and(|version| server.version.to_string() != version) {
                continue;
            }
            let label = format!("{}@{}", server.name, server.version);
            let error = locked::check(server, &config, &store, context).err();
            results.push(json!({
                "scope": link::scope_word(scope),
                "name": server.name,
                "version": server.version,
                "error": error.as_ref().map_or(Value::Null, Error::to_json),
            }));
            match error {
                None => context.ui.status("Verified", format!("{label}, by {}", server.publisher)),
                Some(error) => {
                    context.ui.warn(format!("{label} does not verify [{}]", error.code()));
                    // The first is reported whole; the others are named above.
                    failure.get_or_insert(error);
                }
            }
        }
    }
    if let (true, Some(what)) = (results.is_empty(), what) {
        return Err(Error::NoSuchServer(what.to_owned()));
    }
    let is_json = context.ui.json;
    context.ui.data(&json!({ "servers": results }), String::new)?;
    match failure {
        None => Ok(ExitCode::SUCCESS),
        // Under `--json` the errors are in the data already.
        Some(error) if is_json => Ok(error.exit_code()),
        Some(error) => {
            ui::report(&error, false);
            Ok(error.exit_code())
        }
    }
}

/// Verifies an artifact's file with the evidence and `server.json` beside it.
fn file(path: &Path, args: &VerifyArgs, context: &Context) -> Result<ExitCode> {
    let artifact = Artifact::read(path, args.server_json.as_deref(), &args.bundle)?;
    let config = context.config()?;
    // A file needs no registry, only somebody to trust: without any configured,
    // that is the public-good Sigstore.
    let fallback;
    let source = match config.registry_for(context.registry.as_deref(), Some(artifact.name())) {
        Err(Error::NoRegistry) => {
            fallback = RegistryConfig::none()?;
            &fallback
        }
        other => other?,
    };
    let (trust, policy) = (context.trust(source)?, judged::policy(source, &args.accept)?);
    let (publisher, evidence) = artifact.judge(&trust, &policy, context.now)?;
    context.ui.status("Verified", format!("{}, by {publisher}", path.display()));
    context.ui.data(&json!({ "evidence": evidence }), String::new)?;
    Ok(ExitCode::SUCCESS)
}
