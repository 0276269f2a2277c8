//! `mcpkg verify`: check again what is installed, a release, or a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::{Candidate, Verdict, judge};
use mcpkg_core::provenance::SERVER_JSON;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Coded as _, Platform};
use mcpkg_verify::{ReleaseSubjects, verify_release};
use serde_json::{Value, json};

use super::{Context, judged};
use crate::agents::Scope;
use crate::args::{VerifyArgs, parse_release};
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::log::Contact;
use crate::ops::release::Terms;
use crate::ops::{again, link, pack, upstream};
use crate::store::Store;
use crate::ui;

pub(super) fn run(args: &VerifyArgs, context: &Context) -> Result<ExitCode> {
    let Some(what) = args.what.as_deref() else { return locks(None, context) };
    let path = Path::new(what);
    if !args.bundle.is_empty() || path.extension().is_some_and(|found| found == "mcpb") {
        return file(path, args, context);
    }
    match parse_release(what) {
        Ok((name, version)) if !context.is_offline => {
            let config = context.config()?;
            let source = config.registry_for(context.registry.as_deref(), Some(&name))?;
            let registry = context.client(&config, source)?;
            let mut contact = Contact::new(context.log(&config, source)?, &registry, &name)?;
            let trust = context.trust(source)?;
            let policy = judged::policy(source, &args.accept)?;
            let locked = judged::installed(&name, source, context)?;
            // What is installed stays, and its publisher's second thoughts are said.
            let is_installed = locked.as_ref().is_some_and(|locked| locked.version == version);
            let terms = Terms {
                policy: &policy,
                locked: locked.as_ref(),
                accepts_yanked: is_installed,
                now: context.now,
            };
            let found = judged::release(&mut contact, &version, &trust, terms, context)?;
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
        Ok((name, version)) => locks(Some(&format!("{name}@{version}")), context),
        Err(_) => locks(Some(what), context),
    }
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
            let error = locked(server, &config, &store, context).err();
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

pub(super) fn locked(
    server: &LockedServer,
    config: &Config,
    store: &Store,
    context: &Context,
) -> Result<()> {
    if let Some(locked) = &server.upstream {
        let artifact = server.artifact_for(Platform::current());
        let folder = artifact.map(|artifact| store.check(artifact.tree)).transpose()?;
        let (places, now) = (&context.places, context.now);
        let check = |it: PathBuf| upstream::check(server, locked, &it, config, places, now);
        return folder.map_or(Ok(()), check);
    }
    let source = config
        .registries
        .iter()
        .find(|registry| registry.url.as_str() == server.registry)
        .ok_or_else(|| Error::UnknownRegistry(server.registry.clone()))?;
    let document = store.release(server.metadata)?;
    let trust = context.trust(source)?;
    let policy = again::policy(source.policy());
    let known = context.log(config, source)?;
    let terms =
        Terms { policy: &policy, locked: Some(server), accepts_yanked: false, now: context.now };
    again::check(document, server, &trust, &known, terms)?;
    if let Some(artifact) = server.artifact_for(Platform::current()) {
        store.check(artifact.tree)?;
    }
    Ok(())
}

/// Verifies an artifact's file with the evidence and `server.json` beside it.
fn file(path: &Path, args: &VerifyArgs, context: &Context) -> Result<ExitCode> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
    };
    let artifact =
        File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let inspected = pack::inspect(artifact, path)?;
    let server_json_path =
        args.server_json.clone().unwrap_or_else(|| path.with_file_name(SERVER_JSON));
    let context_of = |path: &Path| format!("`{}` cannot be used", path.display());
    let server_json = ServerJson::read_strict(&read(&server_json_path)?)
        .map_err(Error::wrap(context_of(&server_json_path)))?;
    inspected.manifest.agrees_with(&server_json).map_err(Error::wrap(context_of(path)))?;

    let bundles = args.bundle.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let bundles: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
    let (name, version) = (server_json.name(), server_json.version());
    let config = context.config()?;
    // A file needs no registry, only somebody to trust: without any configured,
    // that is the public-good Sigstore.
    let fallback;
    let source = match config.registry_for(context.registry.as_deref(), Some(name)) {
        Err(Error::NoRegistry) => {
            fallback = RegistryConfig::none()?;
            &fallback
        }
        other => other?,
    };
    let trust = context.trust(source)?;
    let unverified = format!("`{}` could not be verified", path.display());
    let roots = trust.for_name(name).map_err(Error::wrap(unverified.clone()))?;
    let subjects = ReleaseSubjects {
        name: name.clone(),
        version: version.clone(),
        metadata: server_json.digest(),
        artifacts: vec![(inspected.digest, Some(inspected.tree))],
    };
    let evidence = verify_release(&subjects, &bundles, &roots).map_err(Error::wrap(unverified))?;
    let candidate = Candidate {
        name,
        version,
        metadata: server_json.digest(),
        artifacts: &[inspected.digest],
        evidence: &evidence,
        published_at: None,
        status: mcpkg_core::api::Status::Active,
        bound: None,
        pinned: None,
        authority: None,
        rebuilds: &[],
    };
    match judge(&judged::policy(source, &args.accept)?, &candidate, context.now) {
        Verdict::Refused(refusals) => Err(Error::Refused(refusals)),
        Verdict::Trusted { publisher, .. } => {
            context.ui.status("Verified", format!("{}, by {publisher}", path.display()));
            context.ui.data(&json!({ "evidence": evidence }), String::new)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
