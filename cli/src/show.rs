//! What the user sees of a release before approving it, and in `info`.
//!
//! The order is that of the questions one would ask: who built it, from what,
//! when; what may it do; which secrets does it want; where does it talk to.

mod change;
mod elsewhere;
mod install;
mod migrate;
mod publisher;
mod rebuild;
mod registry;
mod review;
mod standing;
mod trust;
mod upstream;

use std::fmt::Write as _;

use jiff::Timestamp;
use mcpkg_core::api::{IndexLine, PackageIndex, RebuildLine, Status};
use mcpkg_core::elsewhere::{Elsewhere, Settings};
use mcpkg_core::lock::LockedConfinement;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::RebuildResult;

pub use self::change::{change, change_by};
pub use self::elsewhere::elsewhere;
pub use self::install::{differences, install, linked, plans};
pub use self::migrate::migration;
pub use self::publisher::{publisher_data, publisher_text};
pub use self::rebuild::{rebuild, rebuild_data};
pub use self::registry::{registries, registry_log};
pub use self::review::{review, review_text};
pub use self::standing::{StandingTable, standing_data, up_to_date};
pub use self::trust::trust_update;
pub use self::upstream::{upstream, upstream_publisher, upstream_warnings};
use crate::atomic;
use crate::ops::release::TrustedRelease;
use crate::ops::statement::release::Rebuilt;
use crate::places::Places;
use crate::sandbox::{self, Found, Level};
use crate::ui::Ui;

/// Shows what installing a release would mean.
///
/// Its settings may stand in its artifact, and not be known yet.
pub fn release(ui: &Ui, release: &TrustedRelease, settings: Option<&Settings>, now: Timestamp) {
    let server_json = &release.server_json;
    ui.heading(format!("{}@{}", server_json.name(), server_json.version()));
    ui.detail("", server_json.description());
    for (label, text) in who(release, now) {
        ui.detail(label, text);
    }
    let asked = server_json.permissions().describe();
    if asked.is_empty() {
        ui.detail("asks for", "nothing: no files, no network, no secrets");
    }
    for (index, line) in asked.iter().enumerate() {
        ui.detail(if index == 0 { "asks for" } else { "" }, line);
    }
    for (key, config) in settings.into_iter().flatten() {
        let label = if config.is_sensitive { "secret" } else { "setting" };
        let need = if config.is_required { "" } else { " (optional)" };
        ui.detail(label, format!("{key}: {}{need}", config.title));
    }
}

/// Shows how well a server would be confined, and what stands in the way of what it asks.
pub fn confinement(
    ui: &Ui,
    chosen: Option<LockedConfinement>,
    asked: &Permissions,
    places: &Places,
) {
    if chosen == Some(LockedConfinement::None) {
        ui.detail("confinement", "NONE, as you asked: it may do all that you can do");
        return;
    }
    let root = places.empty();
    let found = match atomic::create_folder(&root) {
        Ok(()) => sandbox::probe(root),
        Err(error) => Found { level: Level::None, reason: Some(error.to_string()) },
    };
    let reason = found.reason.as_deref().unwrap_or_default();
    match found.level {
        Level::Strong => {
            ui.detail("confinement", "strong: it gets what it asks for, and nothing else");
        }
        Level::Medium => {
            ui.detail("confinement", format!("medium: {reason}"));
            if !asked.network.allow.is_empty() {
                ui.warn("it will not start here: a list of hosts cannot be enforced at this level");
            }
        }
        Level::None => {
            ui.detail("confinement", format!("none: {reason}"));
            ui.warn("it will not start here, unless you install it with `--unconfined`");
        }
    }
}

/// `mcpkg info` as text.
pub fn info(release: &TrustedRelease, index: &PackageIndex, now: Timestamp) -> String {
    let server_json = &release.server_json;
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<12} {value}");
    };
    line("name", server_json.name().as_str());
    line("version", &server_json.version().to_string());
    line("about", server_json.description());
    for (label, value) in who(release, now) {
        line(label, &value);
    }
    for permission in server_json.permissions().describe() {
        line("asks for", &permission);
    }
    for (label, value) in since(release) {
        line(label, &value);
    }
    for artifact in &release.document.artifacts {
        line("artifact", &format!("{} {}", artifact.platform, artifact.digest));
        line("", &format!("{} ({} bytes)", artifact.tree, artifact.size_bytes));
    }
    if release.document.artifacts.is_empty()
        && let Ok(elsewhere) = Elsewhere::of(server_json)
    {
        line("runs", &elsewhere.pinned().to_string());
    }
    for evidence in &release.evidence {
        line("evidence", &format!("{} at log index {}", evidence.bundle, evidence.log.index));
    }
    let releases: Vec<_> = index.releases.iter().map(release_in_words).collect();
    line("releases", &releases.join(", "));
    text
}

/// A release of an index: `1.2.0 (yanked, rebuilt: 2 identical, 1 different)`. The last
/// word of each who built it again counts. What came of it is signed in the index, and
/// by whom is the registry's word: `info` of that release shows what they signed.
fn release_in_words(line: &IndexLine) -> String {
    let is_last = |index: usize, rebuild: &RebuildLine| {
        let after = line.rebuilds.iter().skip(index + 1);
        after.into_iter().all(|it| it.rebuilder.difference(&rebuild.rebuilder).is_some())
    };
    let last: Vec<_> = line
        .rebuilds
        .iter()
        .enumerate()
        .filter(|(index, rebuild)| is_last(*index, rebuild))
        .map(|(_, rebuild)| rebuild.result)
        .collect();
    let results = [RebuildResult::Identical, RebuildResult::Different, RebuildResult::Failed];
    let counts: Vec<_> = results
        .into_iter()
        .map(|result| (last.iter().filter(|it| **it == result).count(), result))
        .filter(|(count, _)| *count > 0)
        .map(|(count, result)| format!("{count} {result}"))
        .collect();
    let status = (line.status != Status::Active).then(|| line.status.to_string());
    let rebuilt = (!counts.is_empty()).then(|| format!("rebuilt: {}", counts.join(", ")));
    let remarks: Vec<_> = status.into_iter().chain(rebuilt).collect();
    if remarks.is_empty() {
        return line.version.to_string();
    }
    format!("{} ({})", line.version, remarks.join(", "))
}

/// What was stated since it was published: its status, another publisher, rebuilds.
fn since(release: &TrustedRelease) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let since = &release.since;
    if since.status != Status::Active {
        let reason = since.reason().unwrap_or("no reason was given");
        lines.push(("status", format!("{}: {reason}", since.status)));
    }
    lines.push(("publisher", release.publisher.reference()));
    let announced = release.bindings.last();
    if let Some((entry, change)) =
        announced.filter(|(_, it)| it.publisher.difference(&release.publisher).is_some())
    {
        let announced = format!(
            "{} from {} on, by {} (entry {entry})",
            change.publisher.reference(),
            change.effective,
            change.signer.reference()
        );
        lines.push(("announced", announced));
    }
    for (entry, reason) in &since.unverified {
        lines.push(("rebuilt", format!("entry {entry} could not be verified: {reason}")));
    }
    for Rebuilt { index: entry, rebuild, .. } in &since.rebuilds {
        let result = match rebuild.result {
            RebuildResult::Identical => "the same files",
            RebuildResult::Different => "other files, which is a reason to look",
            RebuildResult::Failed => "it could not be built",
        };
        lines.push(("rebuilt", format!("{result}: {} (entry {entry})", rebuild.rebuilder)));
    }
    lines
}

fn who(release: &TrustedRelease, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut lines = vec![("built by", release.publisher.to_string())];
    if let Publisher::Workflow(workflow) = &release.publisher {
        let ids = format!(
            "{} (repository {}, owner {})",
            workflow.repository, workflow.repository_id, workflow.owner_id
        );
        lines.push(("from", ids));
    }
    if let Some(commit) = release.commit() {
        lines.push(("commit", commit.to_owned()));
    }
    if let Some(run) = release.run_uri() {
        lines.push(("run", run.to_owned()));
    }
    let dated = |at: Timestamp| format!("{at} ({} ago)", ago(now.duration_since(at)));
    lines.push(("signed", dated(release.signed_at)));
    let logged = format!("{}, as entry {}", dated(release.log.publish.time), release.log.index);
    lines.push(("logged", logged));
    lines
}

/// A duration as people say it: `3 days`, `5 hours`, `12 minutes`.
fn ago(age: jiff::SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    let (count, unit) = match minutes {
        0..60 => (minutes, "minute"),
        60..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn ages_are_said_in_the_largest_unit_that_fits() {
        for (minutes, words) in [
            (-5, "0 minutes"),
            (1, "1 minute"),
            (59, "59 minutes"),
            (60, "1 hour"),
            (47 * 60, "47 hours"),
            (48 * 60, "2 days"),
        ] {
            assert_eq!(ago(jiff::SignedDuration::from_mins(minutes)), words);
        }
    }
}
