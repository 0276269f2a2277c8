//! What `mcpkg migrate` found, and what will become of it.

use crate::ops::migrate::{Change, Plan};
use crate::ui::Ui;

/// Shows what was found: where, whose it seems to be, and what will become of it.
pub fn migration(ui: Ui, plans: &[Plan]) {
    for plan in plans {
        ui.heading(format!("{}  {}", plan.agent.display_name(), plan.path.display()));
        for change in &plan.changes {
            entry(ui, plan.agent.display_name(), change);
        }
    }
}

fn entry(ui: Ui, agent: &str, change: &Change) {
    for (at, (literal, name)) in change.literals.iter().zip(&change.names).enumerate() {
        let (site, masked) = (&literal.site, literal.masked());
        let what = if change.rewritten.stays.contains(&at) {
            format!("{site}: {masked} stays, because {agent} takes no reference there")
        } else {
            format!("{site}: {masked} becomes store:{name}")
        };
        ui.detail(&change.key, what);
    }
    if let Some(replaced) = &change.rewritten.edits.replaced {
        ui.detail(&change.key, format!("starts {} from now on", replaced.server));
    }
    for edit in &change.rewritten.edits.texts {
        let how = format!("`mcpkg secret exec --env {}=store:{} -- …`", edit.variable, edit.name);
        ui.detail("", format!("start {agent} with it: {how}"));
    }
}
