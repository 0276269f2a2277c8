//! `mcpkg inspect`: read what a server shows to models, show it, and pin it.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use mcpkg_core::Code;
use mcpkg_core::guard::others_tools;
use mcpkg_core::surface::{Change, Surface};
use serde_json::json;

use super::Context;
use crate::agents::Scope;
use crate::args::InspectArgs;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::ops::inspect::{self, Inspected};
use crate::ops::launch::workspace::Workspace;
use crate::ops::{failures, guard, named};
use crate::secrets::approval;

pub(super) fn run(args: &InspectArgs, context: &Context) -> Result<ExitCode> {
    let (ui, places) = (&context.ui, &context.places);
    let scope = Scope::from(args.scope);
    let _exclusive = Exclusive::of(scope, places)?;
    let mut lock = LockFile::read(scope, places)?;
    let mut server = named::one(&lock.lock, &args.name)?.clone();
    let workspace = match scope {
        Scope::User | Scope::Local => Workspace::around(&places.project, &places.home),
        Scope::Project => {
            approval::check(&server, lock.path(), places)?;
            Workspace::of_project(lock.folder())
        }
    };
    let others = others_tools(&lock.lock, &server.name);
    let inspected = inspect::inspect(&server, &others, places, &workspace)?;
    show(&inspected, server.name.as_str(), context);

    let changes = changes(&server.surface, &inspected.surface);
    for change in &changes {
        ui.detail("changed", change);
    }
    let data = json!({
        "server": server.name,
        "surface": inspected.surface,
        "changes": changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "warnings": inspected.warnings,
    });
    if !changes.is_empty() && !args.accept_surface {
        // Not by `--yes`: whoever wrote that had not seen this.
        if !std::io::stdin().is_terminal() {
            ui.data(&data, String::new)?;
            return Err(not_accepted(&changes));
        }
        if !ui.confirm("Pin what it shows now?")? {
            return Err(Error::Declined);
        }
    }
    server.surface = inspected.surface;
    let name = server.name.clone();
    lock.lock.insert(server.clone());
    lock.write()?;
    if scope == Scope::Project {
        approval::remember(&server, lock.path(), places)?;
    }
    guard::forget_known(places, &name)?;
    failures::forget(places, &name)?;
    ui.status("Pinned", format!("what {name} shows"));
    ui.data(&data, String::new)?;
    Ok(ExitCode::SUCCESS)
}

fn show(inspected: &Inspected, name: &str, context: &Context) {
    let ui = &context.ui;
    ui.heading(format!("{name} shows to models"));
    for ((kind, name), description) in &inspected.items {
        ui.detail(kind.word(), name);
        for line in description.lines().filter(|line| !line.trim().is_empty()) {
            ui.detail("", line);
        }
    }
    for (index, line) in inspected.instructions.iter().flat_map(|text| text.lines()).enumerate() {
        ui.detail(if index == 0 { "instructions" } else { "" }, line);
    }
    ui.warn_all(&inspected.warnings);
}

/// What differs from what is pinned. The first time, nothing does.
fn changes(pinned: &[Surface], found: &[Surface]) -> Vec<Change> {
    let Some(any) = pinned.first() else { return Vec::new() };
    let mut changes = Vec::new();
    for reading in found {
        let is_of_it = |one: &&Surface| !one.protocols().is_disjoint(reading.protocols());
        let before = pinned.iter().find(is_of_it).unwrap_or(any);
        for change in Surface::compare(before, reading) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    changes
}

fn not_accepted(changes: &[Change]) -> Error {
    let said: Vec<_> = changes.iter().map(ToString::to_string).collect();
    Error::Failed {
        context: "what the server shows is not what was pinned".to_owned(),
        code: Code::SurfaceChanged,
        hint: Some("read what it shows above; `--accept-surface` pins it"),
        source: said.join("; ").into(),
    }
}
