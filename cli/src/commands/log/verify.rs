//! `mcpkg log verify`: what is locked, held to the log.

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::lock::LockedServer;
use serde::Serialize;
use serde_json::Value;

use crate::agents::Scope;
use crate::commands::Context;
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::ops::log::{audit, receipt};
use crate::ui;

/// What was found of one locked server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    scope: &'static str,
    name: String,
    version: String,
    registry: String,
    entry: u64,
    /// Whether the receipt proves the entry that the lock gives.
    receipt: Answer,
    /// Whether the registry stands by it, as its log is now.
    registry_agrees: Answer,
    error: Value,
}

/// What is known of a question.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Yes,
    No,
    /// It was not asked, or nobody answered.
    Unknown,
}

pub(super) fn run(context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for scope in [Scope::User, Scope::Project] {
        let lock = match scope {
            Scope::User | Scope::Local => LockFile::read(scope, &context.places)?,
            Scope::Project => LockFile::read_project(&context.places.project)?,
        };
        for server in lock.lock.servers() {
            let wanted = context.registry.as_deref();
            let source = config.registries.iter().find(|it| it.url.as_str() == server.registry);
            if wanted.is_some_and(|wanted| source.is_none_or(|source| source.name != wanted)) {
                continue;
            }
            // What comes from another ecosystem is in no log of ours.
            let Some(log) = &server.log else { continue };
            let (line, error) = line((server, log.entry), source, &config, scope, context);
            lines.push(line);
            errors.extend(error);
        }
    }
    context.ui.data(&serde_json::json!({ "servers": lines }), || text(&lines))?;
    if !context.ui.json {
        for error in &errors {
            ui::report(error, false);
        }
    }
    if context.is_offline && !lines.is_empty() {
        context.ui.warn("no registry was asked whether it still shows these releases");
    }
    let refused = errors.iter().find(|error| error.is_refusal());
    Ok(refused.or(errors.first()).map_or(ExitCode::SUCCESS, Error::exit_code))
}

fn line(
    (server, entry): (&LockedServer, u64),
    source: Option<&RegistryConfig>,
    config: &Config,
    scope: Scope,
    context: &Context,
) -> (Line, Option<Error>) {
    let mut line = Line {
        scope: link::scope_word(scope),
        name: server.name.to_string(),
        version: server.version.to_string(),
        registry: source.map_or_else(|| server.registry.clone(), |source| source.name.clone()),
        entry,
        receipt: Answer::Unknown,
        registry_agrees: Answer::Unknown,
        error: Value::Null,
    };
    let error = check(server, source, config, context, &mut line).err();
    line.error = error.as_ref().map_or(Value::Null, Error::to_json);
    (line, error)
}

fn check(
    server: &LockedServer,
    source: Option<&RegistryConfig>,
    config: &Config,
    context: &Context,
    line: &mut Line,
) -> Result<()> {
    let source = source.ok_or_else(|| Error::UnknownRegistry(server.registry.clone()))?;
    let known = context.log(config, source)?;
    let receipt = receipt::check_locked(server, &known).map(drop);
    line.receipt = answer(&receipt);
    if context.is_offline {
        return receipt;
    }
    // Online, the registry may yet explain a receipt by an older key.
    let registry = context.client(config, source)?;
    let trust = context.trust(source)?;
    let online = audit::online(server, known, &registry, &trust);
    let agrees = online.map(|warnings| context.ui.warn_all(&warnings));
    line.registry_agrees = answer(&agrees);
    if agrees.is_ok() {
        line.receipt = Answer::Yes;
        return Ok(());
    }
    receipt.and(agrees)
}

fn answer(result: &Result<()>) -> Answer {
    match result {
        Ok(()) => Answer::Yes,
        Err(error) if error.is_refusal() => Answer::No,
        Err(_) => Answer::Unknown,
    }
}

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let Line { name, version, entry, .. } = line;
        let what = match (line.receipt, line.registry_agrees) {
            (Answer::No, _) => "the receipt does not hold",
            (Answer::Unknown, _) => "could not be checked",
            (Answer::Yes, Answer::No) => "the receipt holds, and the registry does not stand by it",
            (Answer::Yes, Answer::Unknown) => {
                "the receipt holds; whether it is still shown is not known"
            }
            (Answer::Yes, Answer::Yes) => "logged, and shown",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}@{version}  entry {entry}: {what}");
    }
    text
}
