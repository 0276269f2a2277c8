//! What the user sees of a release before approving it, and in `info`.
//!
//! The order is that of the questions one would ask: who built it, from what,
//! when; what may it do; which secrets does it want; where does it talk to.

use std::fmt::Write as _;

use jiff::Timestamp;
use mcpkg_core::api::{PackageIndex, Status};
use mcpkg_core::manifest::Manifest;
use mcpkg_core::publisher::Publisher;

use crate::ops::release::TrustedRelease;
use crate::ui::Ui;

/// Shows what installing a release would mean.
pub fn release(ui: &Ui, release: &TrustedRelease, manifest: &Manifest, now: Timestamp) {
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
    for (key, config) in manifest.config_keys() {
        let label = if config.is_sensitive { "secret" } else { "setting" };
        let need = if config.is_required { "" } else { " (optional)" };
        ui.detail(label, format!("{key}: {}{need}", config.title));
    }
    ui.detail("confinement", "none yet: it runs with your own rights");
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
    for artifact in &release.document.artifacts {
        line("artifact", &format!("{} {}", artifact.platform, artifact.digest));
        line("", &format!("{} ({} bytes)", artifact.tree, artifact.size_bytes));
    }
    for evidence in &release.evidence {
        line("evidence", &format!("{} at log index {}", evidence.bundle, evidence.log.index));
    }
    let releases: Vec<_> = index
        .releases
        .iter()
        .map(|release| match release.status {
            Status::Active => release.version.to_string(),
            Status::Yanked => format!("{} (yanked)", release.version),
        })
        .collect();
    line("releases", &releases.join(", "));
    text
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
