//! What the user sees of a package of npm or PyPI before approving it.

use mcpkg_core::lock::LockedServer;
use mcpkg_upstream::Made;

use crate::ops::upstream::{self, Chosen};
use crate::ui::Ui;

/// How many packages are named for one reason.
const SHOWN: usize = 5;

/// Who is behind a release, and what it was built from.
pub fn upstream_publisher(chosen: &Chosen) -> Vec<(&'static str, String)> {
    let mut lines = upstream::attested(chosen.statements.iter().map(|it| &it.evidence));
    lines.push(("published by", chosen.publisher.to_string()));
    let built = chosen.statements.iter().find_map(|it| it.evidence.evidence.source());
    lines.extend(built.map(|source| ("commit", source.commit)));
    lines
}

/// Says what is wrong with a release, and was accepted or prevented.
pub fn upstream_warnings(ui: &Ui, chosen: &Chosen) {
    if let Some(lack) = chosen.lack {
        ui.warn(format!("{lack}; you accepted this release by its name"));
    }
    for member in chosen.closure.members.iter().filter(|member| member.is_yanked == Some(true)) {
        let release = &member.release;
        ui.warn(format!("{release} was yanked by its author; you accepted it by its name"));
    }
    let deprecated = chosen.closure.members.iter().filter_map(|member| {
        let reason = member.deprecated.as_ref()?;
        let colon = if reason.is_empty() { "" } else { ": " };
        Some(format!("{} is deprecated{colon}{reason}", member.release))
    });
    warn_of_some(*ui, deprecated, "are deprecated");
    let scripts = chosen.closure.members.iter().filter(|member| member.has_script);
    let scripts = scripts
        .map(|member| format!("{} has an install script, which was not run", member.release));
    warn_of_some(*ui, scripts, "have install scripts, which were not run");
}

/// Says the first of many: a package brings as many others as its author likes, and what
/// else is said of it must not scroll away.
fn warn_of_some(ui: Ui, warnings: impl Iterator<Item = String>, what: &str) {
    let mut hidden = 0;
    for (index, warning) in warnings.enumerate() {
        if index < SHOWN {
            ui.warn(warning);
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        ui.warn(format!("{hidden} more of what it brings {what}"));
    }
}

/// Shows what installing it would mean.
pub fn upstream(ui: &Ui, (chosen, made): (&Chosen, &Made), server: &LockedServer) {
    ui.heading(&chosen.closure.root().release);
    ui.detail("", made.manifest.description());
    for (label, text) in upstream_publisher(chosen) {
        ui.detail(label, text);
    }
    let others = chosen.closure.members.len() - 1;
    ui.detail("brings", format!("{others} other packages, each pinned by its digest"));
    upstream_warnings(ui, chosen);
    let granted = server.granted.describe();
    if granted.is_empty() {
        ui.detail("granted", "nothing: no files, no network; `--grant-…` grants more");
    }
    for line in granted {
        ui.detail("granted", line);
    }
}
