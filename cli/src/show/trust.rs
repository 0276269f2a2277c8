//! What became of a trust root that was asked for what is new.

use serde_json::{Value, json};

use crate::ops::trust::{CurrentRoot, Update};
use crate::ui::Ui;

/// Shows what an update of the root called `name` came to, and gives it as data.
pub fn trust_update(ui: &Ui, name: &str, Update { before, after }: &Update) -> Value {
    let fingerprint = |current: &CurrentRoot| current.root.fingerprint();
    let is_changed = before.as_ref().map(fingerprint) != Some(fingerprint(after));
    let verb = if is_changed { "Updated" } else { "Unchanged" };
    ui.status(verb, name);
    let versions = |current: &CurrentRoot| {
        current.status.map(|status| (status.root_version, status.targets_version))
    };
    let found = versions(after);
    if let Some((root, targets)) = found {
        let was = before.as_ref().and_then(versions).filter(|was| Some(*was) != found);
        let was = was.map(|(root, targets)| format!(", was {root} and {targets}"));
        ui.detail("version", format!("{root}, targets {targets}{}", was.unwrap_or_default()));
    }
    if is_changed {
        if let Some(before) = before {
            ui.detail("was", fingerprint(before));
        }
        ui.detail("is", fingerprint(after));
    }
    if let Some(status) = after.status {
        ui.detail("usable until", status.expires);
    }
    json!({
        "name": name,
        "isChanged": is_changed,
        "fingerprint": fingerprint(after),
        "was": before.as_ref().map(fingerprint),
        "status": after.status,
    })
}
