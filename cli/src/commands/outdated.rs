//! `mcpkg outdated`: for what is installed, is there something newer?

use std::fmt::Write as _;
use std::process::ExitCode;

use mcpkg_core::Platform;
use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::VersionRange;
use serde_json::{Value, json};

use super::origin::Origin;
use super::{Context, Failures, SOMETHING_TO_DO, judged, scopes};
use crate::args::{AcceptArgs, OutdatedArgs};
use crate::config::Config;
use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::link;
use crate::ops::standing::{Standing, Wish};
use crate::project_file::ProjectFile;

pub(super) fn run(args: &OutdatedArgs, context: &Context) -> Result<ExitCode> {
    let config = context.config()?;
    let mut failures = Failures::default();
    let mut rows = Vec::new();
    let mut data = Vec::new();
    let mut is_something_to_do = false;
    for scope in scopes(args.scope) {
        let lock = LockFile::read(scope, &context.places)?;
        let project = ProjectFile::read(scope, &context.places)?;
        for server in lock.lock.servers() {
            let wanted = project.as_ref().and_then(|it| it.servers.get(&server.name));
            let range = wanted.map(|wanted| &wanted.version);
            let scope = link::scope_word(scope);
            match standing(server, range, &config, context) {
                Ok(standing) => {
                    let next = standing.next(&server.version, range);
                    is_something_to_do |= next.is_some() || standing.status == Status::Yanked;
                    rows.push(row(server, &standing, scope));
                    data.push(as_data(server, &standing, range, scope));
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
    context.ui.data(&json!({ "servers": data }), || table(&rows))?;
    let to_do = if is_something_to_do { SOMETHING_TO_DO } else { 0 };
    Ok(failures.report(context).unwrap_or_else(|| ExitCode::from(to_do)))
}

fn standing(
    server: &LockedServer,
    range: Option<&VersionRange>,
    config: &Config,
    context: &Context,
) -> Result<Standing> {
    let origin = Origin::of(server, config, context)?;
    let contact = origin.contact(&server.name, context)?;
    context.ui.warn_all(&contact.warnings);
    let policy = judged::policy(origin.source, &AcceptArgs::default())?;
    let (host, now) = (Platform::current(), context.now);
    let wish = Wish { range, policy: &policy, host, now };
    Ok(Standing::of(&contact.index, Some(&server.version), wish))
}

fn as_data(
    server: &LockedServer,
    standing: &Standing,
    range: Option<&VersionRange>,
    scope: &str,
) -> Value {
    json!({
        "scope": scope,
        "name": server.name,
        "installed": server.version,
        "status": standing.status,
        "wanted": range,
        "allowed": standing.next(&server.version, range).unwrap_or(&server.version),
        "newest": standing.newest,
        "passedOver": standing.passed,
    })
}

/// Name, installed, allowed, newest, remarks.
type Row = [String; 5];

fn row(server: &LockedServer, standing: &Standing, scope: &str) -> Row {
    let text = |version: Option<&mcpkg_core::Version>| {
        version.map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let mut remarks = Vec::new();
    if standing.status != Status::Active {
        remarks.push(format!("what you have is {}", standing.status));
    }
    remarks.extend(standing.passed.iter().map(|passed| {
        let reasons: Vec<_> = passed.reasons.iter().map(ToString::to_string).collect();
        format!("{} is {}", passed.version, reasons.join(" and "))
    }));
    [
        format!("{} ({scope})", server.name),
        server.version.to_string(),
        text(standing.allowed.as_ref().max(Some(&server.version))),
        text(standing.newest.as_ref()),
        remarks.join("; "),
    ]
}

/// The rows below a heading, in columns.
fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let heading = ["package", "installed", "allowed", "newest", ""].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&heading]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..4).map(width).collect();
    for row in std::iter::once(&heading).chain(rows) {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let line = format!("{}  {}", cells.join("  "), row[4]);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
