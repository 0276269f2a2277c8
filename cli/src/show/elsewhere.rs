//! Where a server without an artifact runs, and what that keeps from it.

use mcpkg_core::elsewhere::Elsewhere;
use mcpkg_core::lock::LockedConfinement;
use mcpkg_core::permissions::Permissions;

use crate::ops::launch::elsewhere;
use crate::places::Places;
use crate::ui::Ui;

/// Shows what is started or connected to, and how well it is confined.
pub fn elsewhere(
    ui: &Ui,
    place: &Elsewhere,
    chosen: Option<LockedConfinement>,
    asked: &Permissions,
    places: &Places,
) {
    match place {
        Elsewhere::Remote(remote) => {
            let host = remote.url().host();
            ui.detail("connects to", remote.url());
            ui.detail("confinement", format!("none is needed: it runs at {host}, not here"));
            ui.detail("note", format!("what an agent says to it, {host} is told"));
        }
        Elsewhere::Image(image) => {
            ui.detail("starts", image.reference());
            let Some(engine) = elsewhere::engine(places) else {
                ui.warn("it will not start here: there is neither podman nor docker in the PATH");
                return;
            };
            let network = if chosen == Some(LockedConfinement::None) {
                "ANY network, as you asked"
            } else if asked.network.allow.is_empty() {
                "no network"
            } else {
                "no network, although it asks for hosts"
            };
            let engine = engine.program.display();
            ui.detail(
                "confinement",
                format!("container: {network}, no rights, a read-only root, by {engine}"),
            );
        }
    }
}
