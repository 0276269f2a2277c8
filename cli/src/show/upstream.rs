//! What the user sees of a package of npm or PyPI before approving it.

use mcpkg_core::lock::LockedServer;
use mcpkg_upstream::Made;

use crate::ops::upstream::{self, Chosen};
use crate::ui::Ui;

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
    for member in &chosen.closure.members {
        let Some(reason) = &member.deprecated else { continue };
        let colon = if reason.is_empty() { "" } else { ": " };
        ui.warn(format!("{} is deprecated{colon}{reason}", member.release));
    }
    for member in chosen.closure.members.iter().filter(|member| member.has_script) {
        ui.warn(format!("{} has an install script, which was not run", member.release));
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
