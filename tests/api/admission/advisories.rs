//! What is known against a release, and who may say that it does not matter.

use mcpkg_core::provenance::STATEMENT_V1;
use mcpkg_core::{Digest, vex};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Draft, Submission};
use serde_json::{Value, json};

use super::{ALL, Stage, forbid};
use crate::{NAME, acme};

/// A dump of one advisory, about a package that the release carries.
const DUMP: &str = r#"[
    { "id": "GHSA-1", "summary": "steals wallets", "affected": [{
        "package": { "ecosystem": "npm", "name": "flatmap-stream" },
        "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "0.1.2" }] }]
    }], "database_specific": { "severity": "HIGH" } },
    { "id": "GO-1", "affected": [{ "package": { "ecosystem": "Go", "name": "x" } }] },
    { "id": "GHSA-2", "withdrawn": "2026-01-01T00:00:00Z" }
]"#;

/// A stage with a release that carries what the advisory is about, and that is held back
/// where something bad is known.
fn stage() -> (Stage, crate::process::Process, Submission) {
    let known = forbid("known", "@approval(\"one\")", "resource.advisories.worst >= 3");
    let stage = Stage::new(&format!("{ALL}{known}"));
    stage.write("dump.json", DUMP);
    let process = stage.place.serve();
    let mut draft = Draft::new(NAME, "1.0.0");
    draft.artifacts[0].files.push((
        "server/node_modules/flatmap-stream/package.json".to_owned(),
        br#"{"version":"0.1.1"}"#.to_vec(),
    ));
    let submission = stage.publish(&process, &draft);
    (stage, process, submission)
}

fn document(name: &str) -> Value {
    json!({
        "@context": vex::CONTEXT,
        "@id": "https://acme.example/vex/1",
        "author": "acme",
        "timestamp": "2026-11-01T00:00:00Z",
        "version": 1,
        "statements": [{
            "vulnerability": { "name": "GHSA-1" },
            "products": [{ "@id": format!("pkg:mcpkg/{name}@1.0.0") }],
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }],
    })
}

/// The document, signed over something.
fn signed(stage: &Stage, by: &Identity, subject: Digest) -> String {
    let statement = json!({
        "_type": STATEMENT_V1,
        "subject": [{ "name": "weather", "digest": { "sha256": subject.to_hex() } }],
        "predicateType": vex::CONTEXT,
        "predicate": document(NAME),
    });
    stage.sigstore.sign_statement(by, statement.to_string().as_bytes())
}

/// The same with the signature of something else.
fn resigned(bundle: &str) -> String {
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    let signature = bundle.pointer_mut("/dsseEnvelope/signatures/0/sig").unwrap();
    let mut text = signature.as_str().unwrap().to_owned();
    // In the middle of a number, so that it is a signature still.
    let other = if &text[40..=40] == "A" { "B" } else { "A" };
    text.replace_range(40..=40, other);
    *signature = text.into();
    bundle.to_string()
}

#[test]
fn an_advisory_holds_a_release_back_until_the_operator_says_that_it_does_not_matter() {
    let (stage, _process, _) = stage();
    assert_eq!(stage.outcome("1.0.0"), "admitted");
    let imported = stage.place.json(&["advisories", "import", "dump.json"]);
    assert_eq!(imported, json!({ "advisories": 1, "withdrawn": 1, "elsewhere": 1 }));
    let explained = stage.explain("1.0.0", &[]);
    assert_eq!(explained["decision"]["outcome"], "quarantined");
    let against = &explained["facts"]["advisories"][0];
    assert_eq!(against["id"], "GHSA-1");
    assert_eq!(against["severity"], "high");
    assert_eq!(against["part"], "npm:flatmap-stream 0.1.1");

    stage.write("vex.json", &document(NAME).to_string());
    stage.place.json(&["advisories", "vex", "vex.json", "--name", NAME]);
    let explained = stage.explain("1.0.0", &[]);
    assert_eq!(explained["decision"]["outcome"], "admitted");
    assert_eq!(explained["facts"]["excused"][0]["by"], "the operator");
}

#[test]
fn a_dump_that_cannot_be_read_to_its_end_changes_nothing() {
    let (stage, _process, _) = stage();
    stage.place.json(&["advisories", "import", "dump.json"]);
    for (dump, code) in [
        (DUMP.replace("\"GO-1\"", "7"), "E_REQUEST"),
        (DUMP[..DUMP.len() - 1].to_owned(), "E_REQUEST"),
        ("[]".to_owned(), "E_REQUEST"),
    ] {
        stage.write("broken.json", &dump);
        let said = stage.place.refused(&["advisories", "import", "broken.json"], 1);
        assert!(said.starts_with(&format!("error[{code}]")), "{said}");
        assert_eq!(stage.outcome("1.0.0"), "quarantined");
    }
    let left = std::fs::read_dir(stage.place.data()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("advisories-")
    });
    assert_eq!(left.count(), 0, "nothing half-done is left");
}

#[test]
fn a_publisher_is_believed_about_its_own_release_and_nobody_else() {
    let (stage, _process, submission) = stage();
    stage.place.json(&["advisories", "import", "dump.json"]);
    let metadata = Digest::of(&submission.server_json);
    let unsigned = document(NAME).to_string();
    for (bundle, code) in [
        (
            signed(&stage, &Identity::github("acme/news").repository_id("1002"), metadata),
            "E_PUBLISHER",
        ),
        (signed(&stage, &acme(), Digest::of(b"something else")), "E_NOT_FOUND"),
        (resigned(&signed(&stage, &acme(), metadata)), "E_SIGNATURE"),
        (unsigned, "E_ATTESTATION"),
    ] {
        stage.write("vex.bundle", &bundle);
        let said = stage.place.refused(&["advisories", "vex", "vex.bundle"], 1);
        assert!(said.starts_with(&format!("error[{code}]")), "{code}: {said}");
        assert_eq!(stage.outcome("1.0.0"), "quarantined");
    }
    stage.write("vex.bundle", &signed(&stage, &acme(), metadata));
    let said = stage.place.json(&["advisories", "vex", "vex.bundle"]);
    assert_eq!((&said["version"], &said["statements"]), (&json!("1.0.0"), &json!(1)));
    let explained = stage.explain("1.0.0", &[]);
    assert_eq!(explained["decision"]["outcome"], "admitted", "{explained:#}");
}
