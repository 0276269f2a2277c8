//! Checkpoints of another time.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{Checkpoint, SignedNote};
use serde_json::json;

use super::{INSTALL, moved, refused, with_index};
use crate::fixture::Fixture;

#[test]
fn a_checkpoint_older_than_a_day_is_warned_of_and_older_than_a_week_refused() {
    let fixture = Fixture::with_weather();
    let log = fixture.log(&[(crate::fixture::NAME, "1.2.0")]);
    let hours = SignedDuration::from_hours;
    let now = Timestamp::now();
    for (what, time, expected) in [
        ("an hour", now - hours(1), Ok("")),
        ("25 hours", now - hours(25), Ok("last signed 25 h ago")),
        ("eight days", now - hours(8 * 24), Err("held back")),
        ("half an hour ahead", now + hours(1) / 2, Ok("")),
        ("two hours ahead", now + hours(2), Err("clock")),
    ] {
        let developer = fixture.developer();
        let checkpoint = log.checkpoint(time);
        let liar =
            with_index(&fixture, move |index| index["log"]["checkpoint"] = json!(checkpoint));
        moved(&developer, fixture.registry.url(), &liar);
        match expected {
            Ok(warning) => {
                let outcome = developer.ok(&INSTALL);
                let is_warned = outcome.stderr.contains("warning");
                assert_eq!(is_warned, !warning.is_empty(), "{what}\n{outcome}");
                assert!(outcome.stderr.contains(warning), "{what}\n{outcome}");
            }
            Err("clock") => {
                let outcome = refused(&developer, "E_STALE", what);
                assert!(outcome.stderr.contains("clock of this machine"), "{what}\n{outcome}");
            }
            Err(_) => {
                let outcome = refused(&developer, "E_STALE", what);
                assert!(outcome.stderr.contains("192 h ago"), "{what}\n{outcome}");
            }
        }
    }
    // Without the line that says when, it could be of any time.
    let text = Checkpoint { origin: log.key.name().to_owned(), tree: log.tree(1) }.to_text();
    let undated = SignedNote::new(text.clone(), vec![log.key.sign(&text)]).to_string();
    let developer = fixture.developer();
    let liar = with_index(&fixture, move |index| index["log"]["checkpoint"] = json!(undated));
    moved(&developer, fixture.registry.url(), &liar);
    refused(&developer, "E_STALE", "undated");
}
