//! What a registry answers to a statement, and what the services answered before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcpkg_core::api::Status;
use mcpkg_test_support::sigstore::{Fault, Identity};
use mcpkg_test_support::{Basis, LyingRegistry};
use serde_json::{Value, json};

use super::{RELEASE, ci_at, entries, state};
use crate::fixture::{Fixture, NAME, acme, is_index};

/// A change to the answer to a statement; given the answer to another, too.
type Edit = fn(&mut Value, &Value);

#[test]
fn what_is_stated_is_what_the_receipt_proves() {
    let rows: [(&str, &str, Edit); 6] = [
        ("E_LOG_EMPTY", "no receipt", |it, _| it["receipt"] = "".into()),
        ("E_NOTE", "a receipt that is cut", |it, _| it["receipt"] = "x".into()),
        ("E_LOG_PROOF", "the receipt of another entry", |it, other| {
            it["receipt"] = other["receipt"].clone();
        }),
        ("E_LOG_PROOF", "another entry", |it, other| it["entry"] = other["entry"].clone()),
        ("E_LOG_SUBJECT", "another bundle", |it, other| it["bundle"] = other["bundle"].clone()),
        ("E_LOG_SUBJECT", "another statement altogether", |it, other| *it = other.clone()),
    ];
    for (code, what, edit) in rows {
        let fixture = Fixture::with_weather();
        state(&fixture, |it| it.status("1.2.0", Status::Deprecated, None), &acme());
        let other = fixture.release(NAME, "1.2.0")["statements"][0].clone();
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
            if path == "/v1/statements" { answer.edit(|it| edit(it, &other)) } else { answer }
        });
        let ci = ci_at(&fixture, liar.url(), &acme());
        let outcome = ci.run(&["yank", RELEASE]);
        assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
        assert!(!outcome.stderr.contains("Logged"), "{what}\n{outcome}");
    }
}

#[test]
fn what_is_answered_and_then_not_shown_is_not_logged() {
    let fixture = Fixture::with_weather();
    let before = fixture.registry.http().get(&format!("/v1/packages/{NAME}")).body;
    let is_stated = Arc::new(AtomicBool::new(false));
    let liar = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
        if path == "/v1/statements" {
            is_stated.store(true, Ordering::SeqCst);
        }
        // The index as it was before, which the log has signed.
        if is_index(path) && is_stated.load(Ordering::SeqCst) {
            answer.body.clone_from(&before);
        }
        answer
    });
    let ci = ci_at(&fixture, liar.url(), &acme());
    let outcome = ci.run(&["yank", RELEASE]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert_eq!(outcome.codes(), ["E_LOG_PROOF"], "{outcome}");
    assert!(!outcome.stderr.contains("Logged"), "{outcome}");
}

#[test]
fn who_is_never_first_is_told_so() {
    let fixture = Arc::new(Fixture::with_weather());
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let shared = Arc::clone(&fixture);
    let busy = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
        if is_index(path) {
            let fixture = Arc::clone(&shared);
            let other = std::thread::spawn(move || {
                let basis = Basis::of(fixture.registry.http(), NAME);
                let status = if basis.on.entry % 2 == 1 { Status::Yanked } else { Status::Active };
                state(&fixture, |it| it.status("1.3.0", status, None), &acme());
            });
            other.join().unwrap();
        }
        answer
    });
    let ci = ci_at(&fixture, busy.url(), &acme());
    let outcome = ci.refused(&["yank", RELEASE], 3, &["E_CONFLICT"]);
    assert_eq!(outcome.stderr.matches("Signed as").count(), 3, "{outcome}");
    let yanked = fixture.release(NAME, "1.2.0");
    assert_eq!(yanked["status"], "active");
}

#[test]
fn what_the_signing_services_answer_is_checked_before_it_is_sent() {
    let fixture = Fixture::with_weather();
    for fault in
        [Fault::SctFromStranger, Fault::RekorCheckpointFromStranger, Fault::TimestampFromStranger]
    {
        fixture.sigstore.repair();
        fixture.sigstore.break_with(fault);
        let ci = fixture.ci(&acme());
        let outcome = ci.run(&["yank", RELEASE]);
        assert_eq!(outcome.codes(), ["E_SIGNATURE"], "{fault:?}\n{outcome}");
        assert_eq!(entries(&fixture), 1, "{fault:?}");
    }
}

#[test]
fn an_entry_that_is_served_otherwise_than_it_was_signed_is_not_built_upon() {
    type Change = fn(&mut Vec<u8>);
    let fixture = Fixture::with_weather();
    let is_entries = |path: &str| path.contains("/tile/entries/");
    let rows: [(&str, &str, Change); 3] = [
        ("E_LOG_TILE", "a byte is flipped", |body| body[40] ^= 1),
        ("E_LOG_TILE", "it is cut", |body| body.truncate(40)),
        ("E_LOG_EMPTY", "there is nothing", Vec::clear),
    ];
    for (code, what, change) in rows {
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
            if is_entries(path) {
                change(&mut answer.body);
            }
            answer
        });
        let ci = ci_at(&fixture, liar.url(), &acme());
        let outcome = ci.refused(&["yank", RELEASE], 3, &[code]);
        assert!(!outcome.stderr.contains("Signed"), "{what}\n{outcome}");
    }
    assert_eq!(entries(&fixture), 1);
}

#[test]
fn everybody_can_see_who_they_would_be() {
    let fixture = Fixture::with_weather();
    let shown = fixture.release(NAME, "1.2.0")["publisher"].clone();
    let ci = fixture.ci(&acme());
    let who: Value =
        serde_json::from_str(&ci.ok(&["publisher", "whoami", "--json"]).stdout).unwrap();
    assert_eq!(who["publisher"], shown, "what a token says is what the certificate says");
    let person = Identity::email("alice@acme.example");
    let world = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    world.file("token", fixture.sigstore.token(&person));
    let config = world.file("signing.json", fixture.sigstore.signing_config_json());
    let config = config.display().to_string();
    let whoami = ["publisher", "whoami", "--identity-token", "token", "--signing-config", &config];
    let outcome = world.ok(&whoami);
    assert!(outcome.stdout.starts_with("alice@acme.example,issuer=http"), "{outcome}");
    assert_eq!(json!(null), fixture.release(NAME, "1.2.0")["statements"], "nothing was stated");
}
