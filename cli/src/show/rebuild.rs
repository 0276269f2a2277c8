//! What came of a rebuild, in words.

use std::fmt::Write as _;

use mcpkg_core::statement::RebuildResult;
use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::ops::build::Confinement;
use crate::ops::rebuild::{Difference, RebuildOutcome, RecipeOrigin};
use crate::ui::Ui;

/// How many files are shown. With `--json` it is all of them.
const SHOWN: usize = 20;

/// Shows what came of a rebuild.
pub fn rebuild(ui: &Ui, outcome: &RebuildOutcome) {
    let release = format!("{}@{}", outcome.name, outcome.version);
    match outcome.recipe_origin {
        RecipeOrigin::Signed => ui.detail("recipe", "the one that was signed"),
        RecipeOrigin::Committed => ui.warn(
            "the recipe was not signed: it is the one in the source at that commit, and nobody \
             says that the release was built with it",
        ),
    }
    match &outcome.confinement {
        Confinement::Confined { network: false } => ui.detail("confined", "yes, without network"),
        Confinement::Confined { network: true } => {
            ui.detail("confined", "yes, with the network that its recipe asks for");
        }
        Confinement::Unconfined { reason } => {
            ui.warn(format!("the build was not confined: {reason}"));
        }
    }
    for (tool, version) in &outcome.tools {
        ui.detail("tool", format!("{tool}: {version}"));
    }
    match outcome.result {
        RebuildResult::Identical => ui.status("Identical", &release),
        RebuildResult::Different => {
            ui.status("Different", &release);
            ui.detail("", "That is a reason to look, and not an accusation: a build may depend on");
            ui.detail("", "the time, the folder or the machine, and nobody meant any harm.");
        }
        RebuildResult::Failed => {
            for line in outcome.failure.iter().flat_map(|failure| failure.log_end.lines()) {
                ui.detail("|", line);
            }
            ui.detail("log", outcome.log.display());
        }
    }
}

/// A rebuild as data: what came of it, and what was logged of it.
pub fn rebuild_data(ui: &Ui, outcome: &RebuildOutcome, attested: Option<&Value>) -> Result<()> {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        outcome: &'a RebuildOutcome,
        #[serde(skip_serializing_if = "Option::is_none")]
        attested: Option<&'a Value>,
    }
    ui.data(&Data { outcome, attested }, || text(outcome))
}

fn text(outcome: &RebuildOutcome) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{label:<12} {value}");
    };
    line(
        "result",
        &match outcome.result {
            RebuildResult::Identical => "identical",
            RebuildResult::Different => "different",
            RebuildResult::Failed => "could not build",
        },
    );
    line("release", &outcome.tree_expected);
    if let Some(found) = outcome.tree_found {
        line("rebuild", &found);
    }
    for difference in outcome.differences.iter().take(SHOWN) {
        line("", &"");
        line("file", &difference.path());
        for (label, value) in lines(difference) {
            line(label, &value);
        }
    }
    if let Some(more) = outcome.differences.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        line("", &format!("and {more} files more: `--json` has all of them"));
    }
    text
}

fn lines(difference: &Difference) -> Vec<(&'static str, String)> {
    let only = |side: &str| vec![("", format!("is in the {side} alone"))];
    match difference {
        Difference::OnlyInRelease { .. } => only("release"),
        Difference::OnlyInRebuild { .. } => only("rebuild"),
        Difference::Mode { is_executable_in_release, .. } => {
            let side = if *is_executable_in_release { "release" } else { "rebuild" };
            vec![("", format!("is executable in the {side} alone"))]
        }
        Difference::Content { offset, release, rebuild, causes, .. } => {
            let mut lines = vec![
                ("", format!("differs from byte {offset} on")),
                ("  release", release.clone()),
                ("  rebuild", rebuild.clone()),
            ];
            lines.extend(causes.iter().map(|cause| ("  looks like", cause.to_string())));
            lines
        }
    }
}
