//! What installing a release would mean, and what became of it.

use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::lock::LockedConfinement;
use mcpkg_upstream::carried::Carried;

use super::{confinement, elsewhere, release};
use crate::agents::{Agent, Scope};
use crate::error::Result;
use crate::ops::content::Content;
use crate::ops::release::TrustedRelease;
use crate::ops::upstream;
use crate::places::Places;
use crate::settings;
use crate::ui::Ui;

/// Shows what installing a release would mean. `carried` is what its artifact was made of.
pub fn install(
    ui: &Ui,
    (trusted, brought): (&TrustedRelease, &Content),
    carried: Option<&Carried>,
    chosen: Option<LockedConfinement>,
    places: &Places,
    now: Timestamp,
) {
    release(ui, trusted, Some(brought.settings()), now);
    for (label, text) in carried.into_iter().flat_map(upstream::in_words) {
        ui.detail(label, text);
    }
    let asked = trusted.server_json.permissions();
    match brought.place() {
        Some(place) => elsewhere(ui, place, chosen, asked, places),
        None => confinement(ui, chosen, asked, places),
    }
}

/// Says which agents have it, and what each asks of its user first.
pub fn linked(ui: &Ui, agents: &[&'static dyn Agent], scope: Scope) {
    for agent in agents {
        ui.status("Linked", format!("into {}", agent.display_name()));
        if let Some(gate) = agent.next_step(scope) {
            ui.detail("note", gate);
        }
    }
}

/// Says which files would be changed, to whoever wants to know more.
pub fn plans(ui: &Ui, plans: &[settings::Plan], lock: &Path) {
    for plan in plans {
        ui.more("settings", plan.path().display());
    }
    ui.more("lock", lock.display());
}

/// Shows what would change in settings.
pub fn differences(ui: &Ui, plans: &[settings::Plan]) -> Result<()> {
    plans.iter().try_for_each(|plan| ui.raw(plan.difference().as_bytes()))
}
