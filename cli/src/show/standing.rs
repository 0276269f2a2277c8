//! Where what is installed stands among its releases, as `outdated` and `update` say it.

use std::fmt::Write as _;

use mcpkg_core::Version;
use mcpkg_core::api::Status;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::VersionRange;
use serde_json::{Value, json};

use crate::ops::standing::{Passed, Standing};
use crate::ui::Ui;

/// Says that there is nothing to move to, and what was passed over.
pub fn up_to_date(ui: &Ui, server: &LockedServer, standing: &Standing) {
    ui.status("Up to date", format!("{}@{}", server.name, server.version));
    for passed in &standing.passed {
        ui.detail("passed over", in_words(passed));
    }
}

/// The same of one of many, as data.
pub fn standing_data(
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

/// The rows of `mcpkg outdated`, each with name, installed, allowed, newest, remarks.
#[derive(Default)]
pub struct StandingTable(Vec<[String; 5]>);

impl StandingTable {
    /// One more row.
    pub fn add(&mut self, server: &LockedServer, standing: &Standing, scope: &str) {
        let text =
            |version: Option<&Version>| version.map_or_else(|| "-".to_owned(), ToString::to_string);
        let mut remarks = Vec::new();
        if standing.status != Status::Active {
            remarks.push(format!("what you have is {}", standing.status));
        }
        remarks.extend(standing.passed.iter().map(in_words));
        self.0.push([
            format!("{} ({scope})", server.name),
            server.version.to_string(),
            text(standing.allowed.as_ref().max(Some(&server.version))),
            text(standing.newest.as_ref()),
            remarks.join("; "),
        ]);
    }

    /// The rows below a heading, in columns.
    pub fn text(&self) -> String {
        let Self(rows) = self;
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
}

fn in_words(passed: &Passed) -> String {
    let reasons: Vec<_> = passed.reasons.iter().map(ToString::to_string).collect();
    format!("{} is {}", passed.version, reasons.join(" and "))
}
