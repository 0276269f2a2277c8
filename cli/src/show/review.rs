//! What the user sees of a release that a registry holds back: the difference.

use std::fmt::Write as _;

use mcpkg_core::review::{Difference, FilesDifference, Review};

use crate::ui::Ui;

/// How many files of each kind are shown; `--json` has more.
const SHOWN_FILES: usize = 20;

/// Shows it as talk, before a question.
pub fn review(ui: &Ui, review: &Review) {
    for (label, text) in lines(review) {
        ui.detail(&label, text);
    }
}

/// The same as data.
pub fn review_text(review: &Review) -> String {
    let mut shown = String::new();
    for (label, text) in lines(review) {
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "{label:>12} {text}");
    }
    shown
}

fn lines(review: &Review) -> Vec<(String, String)> {
    let Review { line, difference, votes, fingerprint, .. } = review;
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push((label.to_owned(), text));
    say("why", line.decision.sentence.clone());
    if !line.decision.policies.is_empty() {
        say("policies", line.decision.policies.join(", "));
    }
    match &difference.since {
        Some(since) => say("compared to", since.to_string()),
        None => say("compared to", "nothing: no release of it is given out yet".to_owned()),
    }
    if let Some(changed) = &difference.publisher {
        say("publisher", format!("{} instead of {}", changed.now, changed.before));
    }
    for text in difference.permissions_added.describe() {
        say("may now", text);
    }
    for text in difference.permissions_removed.describe() {
        say("no longer", text);
    }
    for (label, list) in lists(difference) {
        for text in list {
            say(label, text.clone());
        }
    }
    for (platform, files) in &difference.files {
        for text in describe_files(files) {
            say(platform, text);
        }
    }
    if lines.len() <= 3 {
        lines.push(("changed".to_owned(), "nothing that is known of it".to_owned()));
    }
    for vote in votes {
        let text = format!("{} by {}: {}", vote.verdict, vote.by, vote.reason);
        lines.push(("said".to_owned(), text));
    }
    lines.push(("fingerprint".to_owned(), fingerprint.to_string()));
    lines
}

fn lists(difference: &Difference) -> [(&'static str, &Vec<String>); 10] {
    [
        ("shows", &difference.tools),
        ("known now", &difference.advisories_added),
        ("mended", &difference.advisories_removed),
        ("licence", &difference.licences_added),
        ("licence gone", &difference.licences_removed),
        ("runs now", &difference.elsewhere_added),
        ("runs no more", &difference.elsewhere_removed),
        ("carries", &difference.dependencies_added),
        ("drops", &difference.dependencies_removed),
        ("unknown", &difference.unknown),
    ]
}

fn describe_files(files: &FilesDifference) -> Vec<String> {
    let mut texts = Vec::new();
    let mut hidden = files.more;
    for (verb, list) in
        [("added", &files.added), ("removed", &files.removed), ("changed", &files.changed)]
    {
        for file in list.iter().take(SHOWN_FILES) {
            let mode = if file.is_executable { ", may be started" } else { "" };
            texts.push(format!("{verb} {} ({} bytes{mode})", file.path, file.size_bytes));
        }
        hidden += list.len().saturating_sub(SHOWN_FILES);
    }
    if hidden > 0 {
        texts.push(format!("and {hidden} more files"));
    }
    texts
}
