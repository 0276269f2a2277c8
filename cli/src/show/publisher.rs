//! Who publishes a package, and who will.

use std::fmt::Write as _;

use mcpkg_core::PackageName;
use serde_json::{Value, json};

use crate::ops::statement::binding::Bound;

/// Whom a name is bound to, and what was announced, as data.
pub fn publisher_data(name: &PackageName, bound: &Bound) -> Value {
    let Bound { publisher, announced, changes } = bound;
    let changes: Vec<_> = changes
        .iter()
        .map(|(entry, change)| {
            json!({
                "publisher": change.publisher,
                "reference": change.publisher.reference(),
                "by": change.signer.reference(),
                "announced": change.time,
                "effective": change.effective,
                "entry": entry,
            })
        })
        .collect();
    json!({
        "name": name,
        "publisher": publisher,
        "reference": publisher.reference(),
        "announced": announced.as_ref().map(|(entry, _)| *entry),
        "changes": changes,
    })
}

/// The same as text, a line for each that was ever announced.
pub fn publisher_text(bound: &Bound) -> String {
    let mut text = format!("{:<12} {}\n", "published by", bound.publisher.reference());
    for (entry, change) in &bound.changes {
        let is_to_come = bound.announced.as_ref().is_some_and(|(to_come, _)| to_come == entry);
        let label = if is_to_come { "announced" } else { "before" };
        let (to, by) = (change.publisher.reference(), change.signer.reference());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{label:<12} {to}, from {} on, by {by} (entry {entry}, {})",
            change.effective, change.time
        );
    }
    text
}
