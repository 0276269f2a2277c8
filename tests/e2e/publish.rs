//! Publishing: who may, what is checked before, and what happens again.

use std::fs;

use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore};
use mcpkg_test_support::{Draft, LyingRegistry, World};
use serde_json::Value;

use crate::fixture::{Fixture, NAME, acme};

/// Puts a release, packed and with its evidence, into `dist`.
fn packed(world: &World, fixture: &Fixture, draft: &Draft, identity: &Identity) {
    let submission = draft.sign(&fixture.sigstore, identity);
    world.file("dist/server.json", &submission.server_json);
    world.file("dist/weather.mcpb", &submission.artifacts[0]);
    world.file("bundle.json", &submission.bundles[0]);
}

#[test]
fn ci_publishes_with_no_secret_and_anybody_can_install_it() {
    let fixture = Fixture::empty();
    let ci = fixture.ci(&acme().environment(Some("release")));
    packed(&ci, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let outcome = ci.ok(&["publish", "--json"]);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["existed"], false);
    assert_eq!(summary["publisher"]["environment"], "release");
    assert_eq!(summary["evidence"][0]["signer"]["build"]["sourceRepositoryId"], "1001");
    assert_eq!(summary["log"]["entry"], 0);
    let log = fixture.registry.log_key();
    let logged = format!("Logged as entry 0 of {}", log.name());
    assert!(outcome.stderr.contains(&logged), "{outcome}");

    let again: Value = serde_json::from_str(&ci.ok(&["publish", "--json"]).stdout).unwrap();
    assert_eq!(again["existed"], true, "the same content again is no error");
    assert_eq!(again["log"], summary["log"], "and has the same receipt");
    fixture.developer().ok(&["install", NAME, "--yes"]);
}

#[test]
fn a_token_in_a_file_and_a_bundle_made_elsewhere_do_as_well() {
    let fixture = Fixture::empty();
    let author = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    author.refused(&["publish"], 1, &["E_SIGNATURE"]);
    author.ok(&["publish", "--bundle", "bundle.json", "--dry-run"]);
    author.refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
    author.ok(&["publish", "--bundle", "bundle.json"]);

    packed(&author, &fixture, &Draft::new(NAME, "1.3.0"), &acme());
    author.file("token", fixture.sigstore.token(&acme()));
    let config = author.file("signing.json", fixture.sigstore.signing_config_json());
    let config = config.display().to_string();
    author.ok(&["publish", "--identity-token", "token", "--signing-config", &config]);
    let info = author.ok(&["info", NAME]).stdout;
    assert!(info.contains("1.3.0, 1.2.0"), "{info}");
}

#[test]
fn nobody_else_can_publish_under_the_name() {
    let fixture = Fixture::with_weather();
    let tag = "refs/tags/v1.3.0";
    let acme = || Identity::github("acme/weather").git_ref(tag);
    let rows = [
        (
            vec!["E_PUBLISHER", "E_NAMESPACE"],
            Identity::github("mallory/weather").git_ref(tag).owner_id("3").repository_id("4"),
        ),
        (vec!["E_PUBLISHER_ID"], acme().owner_id("3").repository_id("4")),
        (vec!["E_PUBLISHER"], Identity::github("acme/tides").git_ref(tag).repository_id("9")),
        (vec!["E_PUBLISHER"], acme().git_ref("refs/heads/main")),
        (vec!["E_PUBLISHER"], acme().environment(Some("staging"))),
        (vec!["E_PUBLISHER"], acme().workflow(".github/workflows/other.yml")),
        (
            vec!["E_PUBLISHER"],
            acme().reusable_workflow("mallory/ci/.github/workflows/x.yml@refs/heads/main"),
        ),
        (vec!["E_OIDC_EVENT"], acme().event("pull_request_target")),
        (vec!["E_OIDC_EVENT"], acme().event("workflow_run")),
    ];
    for (codes, identity) in rows {
        let ci = fixture.ci(&identity);
        packed(&ci, &fixture, &Draft::new(NAME, "1.3.0"), &identity);
        ci.refused(&["publish"], 3, &codes);
        ci.refused(&["info", "io.github.acme/weather@1.3.0"], 1, &["E_NOT_FOUND"]);
    }
    // GitHub's other shape of a subject is the same publisher: ids are what match.
    let ci = fixture.ci(&acme().subject_without_ids());
    packed(&ci, &fixture, &Draft::new(NAME, "1.3.0"), &acme());
    ci.ok(&["publish"]);
}

#[test]
fn other_content_for_a_version_is_refused() {
    let fixture = Fixture::with_weather();
    let ci = fixture.ci(&acme());
    packed(&ci, &fixture, &Draft::new(NAME, "1.2.0").description("Other"), &acme());
    ci.refused(&["publish"], 3, &["E_IMMUTABLE"]);
}

#[test]
fn what_the_signing_services_answer_is_checked_before_anything_is_sent() {
    let fixture = Fixture::empty();
    for fault in
        [Fault::SctFromStranger, Fault::RekorCheckpointFromStranger, Fault::TimestampFromStranger]
    {
        fixture.sigstore.repair();
        fixture.sigstore.break_with(fault);
        let ci = fixture.ci(&acme());
        packed(&ci, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
        let outcome = ci.run(&["publish"]);
        assert!(outcome.code != Some(0), "{fault:?}\n{outcome}");
        assert_eq!(outcome.codes(), ["E_SIGNATURE"], "{fault:?}\n{outcome}");
    }
    fixture.sigstore.repair();
    fixture.developer().refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
}

#[test]
fn evidence_of_something_else_is_not_uploaded() {
    let fixture = Fixture::empty();
    let author = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let bundle = fs::read(author.path().join("bundle.json")).unwrap();
    let publish = ["publish", "--bundle", "bundle.json"];

    packed(&author, &fixture, &Draft::new(NAME, "1.2.0").with_bytes(10), &acme());
    author.file("bundle.json", &bundle);
    author.refused(&publish, 3, &["E_ATTESTATION"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0").description("Other"), &acme());
    author.file("bundle.json", &bundle);
    author.refused(&publish, 3, &["E_METADATA"]);
    let elsewhere = TestSigstore::start();
    let other = Draft::new(NAME, "1.2.0").sign(&elsewhere, &acme());
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    author.file("bundle.json", &other.bundles[0]);
    author.refused(&publish, 3, &["E_SIGNATURE"]);
}

/// A change to what a registry answers to a publish.
type Edit = fn(&mut Value, &Value);

#[test]
fn what_is_published_is_what_the_receipt_proves() {
    let fixture = Fixture::with_weather();
    let rows: [(&str, &str, Edit); 6] = [
        ("E_LOG_EMPTY", "no receipt", |release, _| release["log"]["receipt"] = "".into()),
        ("E_LOG_SUBJECT", "the receipt and entry of another release", |release, other| {
            release["log"] = other["log"].clone();
        }),
        ("E_LOG_PROOF", "the receipt of another release", |release, other| {
            release["log"]["receipt"] = other["log"]["receipt"].clone();
        }),
        ("E_LOG_PROOF", "the entry of another release", |release, other| {
            release["log"]["entry"] = other["log"]["entry"].clone();
        }),
        ("E_NOTE", "a receipt that is cut", |release, _| {
            let receipt = release["log"]["receipt"].as_str().unwrap();
            release["log"]["receipt"] = receipt[..receipt.len() - 9].into();
        }),
        ("E_ATTESTATION", "another release altogether", |release, other| *release = other.clone()),
    ];
    for (number, (code, what, edit)) in rows.into_iter().enumerate() {
        let other = fixture.release(NAME, "1.2.0");
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
            if path != "/v1/publish" {
                return answer;
            }
            answer.edit(|release| edit(release, &other))
        });
        let author = fixture.stranger_at(liar.url(), &["--private"]);
        packed(&author, &fixture, &Draft::new(NAME, &format!("1.3.{number}")), &acme());
        let outcome = author.run(&["publish", "--bundle", "bundle.json"]);
        assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
        assert!(!outcome.stderr.contains("Published"), "{what}\n{outcome}");
    }
}
