//! Publishing: who may, what is checked before, and what happens again.

use std::fs;

use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore};
use mcpkg_test_support::{Draft, World};
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

    let again: Value = serde_json::from_str(&ci.ok(&["publish", "--json"]).stdout).unwrap();
    assert_eq!(again["existed"], true, "the same content again is no error");
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
