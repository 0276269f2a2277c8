//! Bundles of our own making: what must verify, and each way in which one must
//! not, with the reason.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use jiff::Timestamp;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::provenance::Provenance;
use mcpkg_core::{Coded, Digest, Platform, TreeDigest, TreeHasher};
use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore, surgery};
use mcpkg_verify::{
    Attestation, ReleaseSubjects, Subject, TrustRoot, VerifyError, verify, verify_release,
};
use serde_json::{Value, json};

const ARTIFACT: Digest = Digest::from_bytes([1; 32]);
const OTHER_ARTIFACT: Digest = Digest::from_bytes([2; 32]);
const METADATA: Digest = Digest::from_bytes([3; 32]);

type Change = fn(&mut Value);
type Operation = fn(&mut Value, &Value);

fn tree(name: &str) -> TreeDigest {
    let mut tree = TreeHasher::default();
    tree.add(name, ARTIFACT, false);
    tree.finish()
}

/// The statement that `mcpkg publish` makes over one artifact for any platform.
fn statement() -> Value {
    Provenance {
        name: &"io.github.acme/weather".parse().unwrap(),
        version: &"1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: &[(Platform::Any, ARTIFACT, tree("a"))],
        build: None,
        recipe: None,
        path: None,
    }
    .statement()
}

fn release() -> ReleaseSubjects {
    ReleaseSubjects {
        name: "io.github.acme/weather".parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: vec![(ARTIFACT, Some(tree("a")))],
    }
}

fn root(sigstore: &TestSigstore) -> TrustRoot {
    TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap()
}

fn sign(sigstore: &TestSigstore, statement: &Value) -> String {
    sigstore.sign_statement(&Identity::github("acme/weather"), statement.to_string().as_bytes())
}

fn check(
    release: &ReleaseSubjects,
    bundle: &str,
    root: &TrustRoot,
) -> Result<Vec<Evidence>, VerifyError> {
    verify_release(release, &[bundle.as_bytes()], &root.into())
}

#[test]
fn a_release_signed_in_ci_verifies_and_says_who_built_it_from_what() {
    let sigstore = TestSigstore::start();
    let identity = Identity::github("acme/weather")
        .git_ref("refs/tags/v1.2.0")
        .repository_id("77")
        .owner_id("88")
        .environment(Some("release"));
    let bundle = sigstore.sign_statement(&identity, statement().to_string().as_bytes());
    let before = Timestamp::now();
    let evidence = check(&release(), &bundle, &root(&sigstore)).unwrap().remove(0);
    let build = evidence.signer.build.unwrap();
    assert_eq!(build.source_repository.as_deref(), Some("https://github.com/acme/weather"));
    assert_eq!(build.source_repository_id.as_deref(), Some("77"));
    assert_eq!(build.source_owner_id.as_deref(), Some("88"));
    assert_eq!(build.environment.as_deref(), Some("release"));
    assert_eq!(build.source_ref.as_deref(), Some("refs/tags/v1.2.0"));
    assert_eq!(evidence.subjects, [METADATA, ARTIFACT, tree("a").of_listing()]);
    assert_eq!(evidence.bundle, Digest::of(bundle.trim().as_bytes()));
    assert!(evidence.signed_at.duration_since(before).as_secs().abs() < 600);
}

#[test]
fn a_person_and_a_blob_verify_too() {
    let sigstore = TestSigstore::start();
    let root = root(&sigstore);
    let person = Identity::email("alice@acme.example");
    let bundle = sigstore.sign_statement(&person, statement().to_string().as_bytes());
    let evidence = check(&release(), &bundle, &root).unwrap().remove(0);
    assert_eq!(evidence.signer.subject, "alice@acme.example");
    assert_eq!(evidence.signer.build, None);

    let blob = sigstore.sign_blob(&person, b"bytes");
    let subject = Subject::Artifact(Digest::of(b"bytes"));
    let evidence = verify(&[subject], Attestation::Blob, blob.as_bytes(), &root).unwrap();
    assert_eq!(evidence.subjects, [Digest::of(b"bytes")]);
    assert_eq!(evidence.statement, None);
    let error = verify(&[subject], Attestation::Provenance, blob.as_bytes(), &root).unwrap_err();
    assert_eq!(error.code().as_str(), "E_ATTESTATION", "a signed blob is no provenance");
    let other = [subject, Subject::Artifact(ARTIFACT)];
    let error = verify(&other, Attestation::Blob, blob.as_bytes(), &root).unwrap_err();
    assert_eq!(error.code().as_str(), "E_ATTESTATION", "one signature is over one blob");
}

#[test]
fn what_github_attests_over_the_same_files_verifies() {
    let sigstore = TestSigstore::start();
    let identity = Identity::github("acme/weather").commit(&"ab".repeat(20));
    let mut statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            { "name": "weather-1.2.0.mcpb", "digest": { "sha256": ARTIFACT.to_hex() } },
            { "name": "server.json", "digest": { "sha256": METADATA.to_hex() } },
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {},
                "resolvedDependencies": [{
                    "uri": "git+https://github.com/acme/weather@refs/heads/main",
                    "digest": { "gitCommit": "ab".repeat(20) },
                }],
            },
            "runDetails": { "builder": { "id": "https://github.com/actions/runner" } },
        },
    });
    let root = root(&sigstore);
    let bundle = sigstore.sign_statement(&identity, statement.to_string().as_bytes());
    check(&release(), &bundle, &root).unwrap();

    // A workflow writes its own predicate; the certificate does not follow it.
    statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] =
        json!("cd".repeat(20));
    let bundle = sigstore.sign_statement(&identity, statement.to_string().as_bytes());
    let error = check(&release(), &bundle, &root).unwrap_err();
    assert!(matches!(error, VerifyError::Disagreement { .. }), "{error:?}");
}

#[test]
fn a_statement_of_something_else_is_no_evidence() {
    let sigstore = TestSigstore::start();
    let root = root(&sigstore);
    let rows: [(&str, Change, &str); 12] = [
        ("nothing is wrong", |_| (), ""),
        (
            "another release's artifact",
            |s| s["subject"][1]["digest"]["sha256"] = json!(OTHER_ARTIFACT.to_hex()),
            "E_ATTESTATION",
        ),
        (
            "another release's name",
            |s| {
                s["predicate"]["buildDefinition"]["externalParameters"]["name"] =
                    json!("io.github.acme/tides");
            },
            "E_ATTESTATION",
        ),
        (
            "another release's version",
            |s| {
                s["predicate"]["buildDefinition"]["externalParameters"]["version"] = json!("1.2.1");
            },
            "E_ATTESTATION",
        ),
        (
            "another server.json",
            |s| s["subject"][0]["digest"]["sha256"] = json!(OTHER_ARTIFACT.to_hex()),
            "E_METADATA",
        ),
        (
            "another tree in the same artifact",
            |s| s["subject"][2]["digest"]["sha256"] = json!(OTHER_ARTIFACT.to_hex()),
            "E_ATTESTATION",
        ),
        ("an unknown statement type", |s| s["_type"] = json!("https://x/v9"), "E_ATTESTATION"),
        ("an unknown predicate", |s| s["predicateType"] = json!("https://x/v1"), "E_ATTESTATION"),
        (
            "an unknown build type",
            |s| s["predicate"]["buildDefinition"]["buildType"] = json!("https://x/v1"),
            "E_ATTESTATION",
        ),
        ("no build at all", |s| s["predicate"] = json!({}), "E_ATTESTATION"),
        (
            "a digest in upper case, which nothing is named by",
            |s| {
                s["subject"][1]["digest"]["sha256"] =
                    json!(Digest::from_bytes([0xab; 32]).to_hex().to_uppercase());
            },
            "E_ATTESTATION",
        ),
        (
            "more subjects than a release can have",
            |s| s["subject"] = json!(vec![s["subject"][0].clone(); 1025]),
            "E_LIMIT",
        ),
    ];
    for (what, change, code) in rows {
        let mut statement = statement();
        change(&mut statement);
        let result = check(&release(), &sign(&sigstore, &statement), &root);
        let found = result.err().map_or("", |error| error.code().as_str());
        assert_eq!(found, code, "{what}");
    }
}

#[test]
fn every_artifact_has_to_be_covered_and_each_bundle_has_to_cover_one() {
    let sigstore = TestSigstore::start();
    let root = root(&sigstore);
    let bundle = |artifact: Digest| {
        let mut statement = statement();
        statement["subject"][1]["digest"]["sha256"] = json!(artifact.to_hex());
        sign(&sigstore, &statement)
    };
    let (one, two) = (bundle(ARTIFACT), bundle(OTHER_ARTIFACT));
    let artifacts = vec![(ARTIFACT, None), (OTHER_ARTIFACT, None)];
    let both = ReleaseSubjects { artifacts, ..release() };
    let check = |release: &ReleaseSubjects, bundles: &[&[u8]]| {
        verify_release(release, bundles, &(&root).into()).map_err(|error| error.code().as_str())
    };
    assert_eq!(check(&both, &[one.as_bytes(), two.as_bytes()]).unwrap().len(), 2);
    assert_eq!(check(&both, &[one.as_bytes()]), Err("E_ATTESTATION"));
    assert_eq!(check(&release(), &[one.as_bytes(), two.as_bytes()]), Err("E_ATTESTATION"));
    // A release of remotes has no artifact, and its server.json is enough.
    let remote = ReleaseSubjects { artifacts: vec![], ..release() };
    assert_eq!(check(&remote, &[one.as_bytes()]).unwrap().len(), 1);
}

#[test]
fn each_broken_service_is_noticed() {
    for &fault in Fault::ALL.iter().filter(|fault| !fault.prevents_signing()) {
        let sigstore = TestSigstore::start();
        let root = root(&sigstore);
        check(&release(), &sign(&sigstore, &statement()), &root).unwrap();
        sigstore.break_with(fault);
        let error = check(&release(), &sign(&sigstore, &statement()), &root).unwrap_err();
        assert_eq!(error.code().as_str(), "E_SIGNATURE", "{fault:?}: {error:?}");
    }
}

#[test]
fn a_bundle_that_was_operated_on_is_refused() {
    let sigstore = TestSigstore::start();
    let root = root(&sigstore);
    let original: Value = serde_json::from_str(&sign(&sigstore, &statement())).unwrap();
    let other: Value = {
        let mut statement = statement();
        statement["subject"][1]["digest"]["sha256"] = json!(OTHER_ARTIFACT.to_hex());
        serde_json::from_str(&sign(&sigstore, &statement)).unwrap()
    };
    let rows: [(&str, Operation, &str); 8] = [
        ("nothing", |_, _| (), ""),
        ("a flipped signature", |bundle, _| surgery::flip_signature(bundle), "E_SIGNATURE"),
        ("two signatures", surgery::add_signature, "E_ATTESTATION"),
        (
            "another's material",
            |bundle, other| surgery::take_verification_material(bundle, other),
            "E_SIGNATURE",
        ),
        ("no log entry", |bundle, _| surgery::remove_log_entries(bundle), "E_SIGNATURE"),
        (
            // The checkpoint's key is found by the first four bytes of the id.
            "another log's id",
            |bundle, _| {
                surgery::flip_bit(bundle, "/verificationMaterial/tlogEntries/0/logId/keyId");
            },
            "E_SIGNATURE",
        ),
        ("no timestamp", |bundle, _| surgery::remove_timestamps(bundle), "E_SIGNATURE"),
        ("many log entries", |bundle, _| surgery::repeat_log_entry(bundle, 5), "E_LIMIT"),
    ];
    for (what, operate, code) in rows {
        let mut bundle = original.clone();
        operate(&mut bundle, &other);
        let result = check(&release(), &bundle.to_string(), &root);
        let found = result.as_ref().err().map_or("", |error| error.code().as_str());
        assert_eq!(found, code, "{what}: {result:?}");
    }
}

#[test]
fn what_is_no_bundle_is_refused_within_bounds() {
    let sigstore = TestSigstore::start();
    let root = root(&sigstore);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = " ".repeat(mcpkg_verify::bundle::MAX_BYTES + 1);
    for (bundle, code) in [
        ("", "E_ATTESTATION"),
        ("{}", "E_ATTESTATION"),
        ("null", "E_ATTESTATION"),
        (deep.as_str(), "E_ATTESTATION"),
        (huge.as_str(), "E_LIMIT"),
    ] {
        let error = check(&release(), bundle, &root).unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error:?}");
    }
}
