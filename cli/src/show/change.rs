//! What an update would change, before it is approved.

use mcpkg_core::PackageName;

use crate::ops::change::{Change, Names};
use crate::ops::release::TrustedRelease;
use crate::ui::Ui;

/// How many names of a kind are shown; `--json` has all of them.
const SHOWN: usize = 12;

/// Shows what an update of a server would change.
pub fn change(ui: &Ui, release: &TrustedRelease, change: &Change, now: jiff::Timestamp) {
    change_by(ui, &release.document.name, super::who(release, now), change);
}

/// The same, of what is by those who are said in `who`.
pub fn change_by(ui: &Ui, name: &PackageName, who: Vec<(&'static str, String)>, change: &Change) {
    ui.heading(format!("{name} {} -> {}", change.from, change.to));
    for (label, text) in who {
        ui.detail(label, text);
    }
    match &change.publisher {
        Some((before, after)) => {
            ui.warn(format!("another publisher: {before} before, {after} now"));
        }
        None => ui.detail("publisher", "the same as before"),
    }
    if let (Some(before), Some(after)) = &change.commit {
        ui.detail("commits", format!("{before} -> {after}"));
    }
    if let Some((before, after)) = &change.runs {
        ui.warn(format!("it runs something else: {before} before, {after} now"));
    }
    list(*ui, "asks also for", "+", &change.permissions_added.describe());
    list(*ui, "no more for", "-", &change.permissions_removed.describe());
    names(*ui, "settings", &change.settings);
    names(*ui, "tools", &change.tools);
    names(*ui, "dependencies", &change.dependencies);
    let Names { added, removed, changed } = &change.files;
    let counts = (changed.len(), added.len(), removed.len());
    ui.detail("files", format!("{} changed, {} new, {} gone", counts.0, counts.1, counts.2));
}

fn names(ui: Ui, label: &str, names: &Names) {
    list(ui, label, "+", &names.added);
    list(ui, label, "-", &names.removed);
    list(ui, label, "~", &names.changed);
}

fn list(ui: Ui, label: &str, mark: &str, lines: &[String]) {
    for line in lines.iter().take(SHOWN) {
        ui.detail(label, format!("{mark} {line}"));
    }
    if lines.len() > SHOWN {
        ui.detail(label, format!("{mark} and {} more", lines.len() - SHOWN));
    }
}
