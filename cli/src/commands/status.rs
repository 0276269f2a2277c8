//! `mcpkg yank`, `deprecate` and `restore`: what a publisher says of their releases.

use std::process::ExitCode;

use mcpkg_core::api::Status;
use mcpkg_core::log::EntryKind;
use mcpkg_core::statement::{BuildsOn, PackageStatement, StatusStatement};
use mcpkg_core::{Digest, PackageName, Version};
use serde_json::{Value, json};

use super::{Context, announcing};
use crate::args::{StatusArgs, parse_release};
use crate::error::{Error, Result};
use crate::ops::log::Contact;
use crate::ops::statement::announce::Announced;

pub(super) fn run(status: Status, args: &StatusArgs, context: &Context) -> Result<ExitCode> {
    let releases = args
        .releases
        .iter()
        .map(|text| {
            parse_release(text).map_err(|reason| Error::Argument {
                what: "release",
                found: text.clone(),
                reason,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    check_reason(args.reason.as_deref())?;
    let mut results = Vec::new();
    for (name, version) in &releases {
        let label = format!("{name}@{version}");
        let make = |contact: &mut Contact<'_>, builds_on: BuildsOn| {
            let is_published = |kind: &EntryKind| *kind == EntryKind::Publish(version.clone());
            if !contact.note().entries.iter().any(|entry| is_published(&entry.kind)) {
                let (name, wanted) = (name.clone(), format!("version {version}"));
                return Err(Error::NoRelease { name, wanted });
            }
            Ok((contact.status(version) != status).then(|| {
                PackageStatement::Status(StatusStatement {
                    name: contact.index.name.clone(),
                    version: version.clone(),
                    status,
                    reason: args.reason.clone(),
                    builds_on,
                })
            }))
        };
        let announced = announcing::announce(name, &args.signing, args.dry_run, context, make)?;
        let (verb, planned) = match status {
            Status::Active => ("Restored", "restore"),
            Status::Deprecated => ("Deprecated", "deprecate"),
            Status::Yanked => ("Yanked", "yank"),
        };
        let ui = &context.ui;
        match &announced {
            Announced::Already => ui.status("Unchanged", format!("{label} is {status} already")),
            Announced::Planned(_) => ui.status("Would", format!("{planned} {label}")),
            Announced::Logged { .. } => ui.status(verb, &label),
        }
        announcing::say_logged(&announced, context);
        results.push(result(name, version, status, &announced));
    }
    context.ui.data(&json!({ "releases": results }), String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn result(name: &PackageName, version: &Version, status: Status, announced: &Announced) -> Value {
    let mut result = announcing::to_json(announced);
    result["name"] = json!(name);
    result["version"] = json!(version);
    result["status"] = json!(status);
    result
}

/// Holds the reason to what a statement may have, before anything is asked for.
fn check_reason(reason: Option<&str>) -> Result<()> {
    let Some(reason) = reason else { return Ok(()) };
    let refused = |why: String| Error::Argument {
        what: "reason",
        found: reason.chars().take(60).collect(),
        reason: why,
    };
    let statement = PackageStatement::Status(StatusStatement {
        name: "any/package".parse().map_err(|error| refused(format!("{error}")))?,
        version: "1.0.0".parse().map_err(|error| refused(format!("{error}")))?,
        status: Status::Yanked,
        reason: Some(reason.to_owned()),
        builds_on: BuildsOn { log: String::new(), entry: 0 },
    });
    let in_toto = statement.to_in_toto(Digest::of(&[]));
    PackageStatement::read(statement.predicate_type(), &in_toto["predicate"])
        .map(drop)
        .map_err(|error| refused(error.to_string()))
}
