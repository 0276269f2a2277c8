//! The test Sigstore does what it says, and only that.
//!
//! What it signs is judged by `sigstore-verify`, which shares no code with it
//! but the hashes and signatures underneath.

#![expect(clippy::unwrap_used, reason = "clippy does not see that these are helpers of tests")]

mod faults;
mod log;
mod tokens;

use std::io::{ErrorKind, Read as _};

use mcpkg_test_support::sigstore::{
    GITHUB_ISSUER, GITLAB_ISSUER, Identity, REUSABLE_WORKFLOW_COMMIT, TestSigstore,
};
use serde_json::json;
use sigstore_crypto::CertificateInfo;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::Bundle;
use sigstore_verify::{
    Error, SubjectAltName, TimestampError, VerificationPolicy, VerificationResult,
};

const ARTIFACT: &[u8] = b"the artifact";

fn statement() -> Vec<u8> {
    let digest = sigstore_crypto::sha256(ARTIFACT).to_hex();
    serde_json::to_vec(&json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "weather.mcpb", "digest": { "sha256": digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }))
    .unwrap()
}

fn release() -> Identity {
    Identity::github("acme/weather").git_ref("refs/tags/v1.2.0")
}

/// Verifies with everything on, for a signer of any name.
fn verify(sigstore: &TestSigstore, bundle: &str) -> Result<VerificationResult, Error> {
    let root = TrustedRoot::from_json(&sigstore.trusted_root_json()).unwrap();
    let bundle = Bundle::from_json(bundle)?;
    sigstore_verify::verify(ARTIFACT, &bundle, &VerificationPolicy::any_identity(), &root)
}

fn certificate(result: &VerificationResult) -> &CertificateInfo {
    assert!(result.certificate_verified() && result.sct_verified() && result.tlog_verified());
    result.certificate().unwrap()
}

#[test]
fn a_signed_statement_verifies_and_says_who_built_it() {
    let sigstore = TestSigstore::start();
    let identity = release()
        .commit("1111111111111111111111111111111111111111")
        .event("release")
        .repository_id("41")
        .owner_id("42")
        .environment(Some("release"));
    let bundle = sigstore.sign_statement(&identity, &statement());
    let result = verify(&sigstore, &bundle).unwrap();
    let certificate = certificate(&result);
    let workflow = "https://github.com/acme/weather/.github/workflows/release.yml@refs/tags/v1.2.0";

    assert_eq!(result.identity(), Some(&SubjectAltName::Uri(workflow.to_owned())));
    assert_eq!(result.issuer(), Some(GITHUB_ISSUER));
    let claims = &certificate.ci_claims;
    let commit = "1111111111111111111111111111111111111111";
    for (number, found, expected) in [
        (9, &claims.build_signer_uri, workflow),
        (10, &claims.build_signer_digest, commit),
        (11, &claims.runner_environment, "github-hosted"),
        (12, &claims.source_repository_uri, "https://github.com/acme/weather"),
        (13, &claims.source_repository_digest, commit),
        (14, &claims.source_repository_ref, "refs/tags/v1.2.0"),
        (15, &claims.source_repository_identifier, "41"),
        (16, &claims.source_repository_owner_uri, "https://github.com/acme"),
        (17, &claims.source_repository_owner_identifier, "42"),
        (18, &claims.build_config_uri, workflow),
        (19, &claims.build_config_digest, commit),
        (20, &claims.build_trigger, "release"),
        (
            21,
            &claims.run_invocation_uri,
            "https://github.com/acme/weather/actions/runs/7000001/attempts/1",
        ),
        (22, &claims.source_repository_visibility_at_signing, "public"),
        (23, &claims.deployment_environment, "release"),
        (24, &claims.token_subject, "repo:acme@42/weather@41:environment:release"),
    ] {
        assert_eq!(found.as_deref(), Some(expected), "extension {number}");
    }
    let validity = certificate.not_after.duration_since(certificate.not_before);
    assert_eq!(validity.as_secs(), 600);
}

#[test]
fn signed_bytes_verify() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_blob(&release(), ARTIFACT);
    certificate(&verify(&sigstore, &bundle).unwrap());
}

#[tokio::test]
async fn a_test_with_a_runtime_of_its_own_can_sign() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_blob(&release(), ARTIFACT);
    verify(&sigstore, &bundle).unwrap();
}

#[test]
fn a_certificate_names_the_reusable_workflow_that_signs() {
    let sigstore = TestSigstore::start();
    let shared = "evil/shared/.github/workflows/x.yml@refs/heads/main";
    let bundle = sigstore.sign_blob(&release().reusable_workflow(shared), ARTIFACT);
    let result = verify(&sigstore, &bundle).unwrap();
    let claims = &certificate(&result).ci_claims;

    let signer = SubjectAltName::Uri(format!("https://github.com/{shared}"));
    assert_eq!(result.identity(), Some(&signer));
    assert_eq!(claims.build_signer_digest.as_deref(), Some(REUSABLE_WORKFLOW_COMMIT));
    assert_eq!(
        claims.build_config_uri.as_deref(),
        Some("https://github.com/acme/weather/.github/workflows/release.yml@refs/tags/v1.2.0")
    );
    assert_eq!(claims.source_repository_uri.as_deref(), Some("https://github.com/acme/weather"));
}

#[test]
fn the_subject_of_a_github_token_has_the_shape_of_its_time() {
    let sigstore = TestSigstore::start();
    for (identity, subject) in [
        (release(), "repo:acme@2001/weather@1001:ref:refs/tags/v1.2.0"),
        (release().subject_without_ids(), "repo:acme/weather:ref:refs/tags/v1.2.0"),
        (
            release().subject_without_ids().environment(Some("prod")),
            "repo:acme/weather:environment:prod",
        ),
        (release().event("pull_request"), "repo:acme@2001/weather@1001:pull_request"),
    ] {
        let bundle = sigstore.sign_blob(&identity, ARTIFACT);
        let result = verify(&sigstore, &bundle).unwrap();
        assert_eq!(certificate(&result).ci_claims.token_subject.as_deref(), Some(subject));
    }
}

#[test]
fn people_and_gitlab_pipelines_can_sign_too() {
    let sigstore = TestSigstore::start();

    let bundle = sigstore.sign_blob(&Identity::email("a@example.com"), ARTIFACT);
    let result = verify(&sigstore, &bundle).unwrap();
    assert_eq!(result.identity(), Some(&SubjectAltName::Email("a@example.com".to_owned())));
    assert_eq!(result.issuer(), Some(sigstore.url()));
    assert!(certificate(&result).ci_claims.is_empty());

    let bundle = sigstore.sign_blob(&Identity::gitlab("acme/tools/weather", "v1.2.0"), ARTIFACT);
    let result = verify(&sigstore, &bundle).unwrap();
    let config = "https://gitlab.com/acme/tools/weather//.gitlab-ci.yml@refs/tags/v1.2.0";
    assert_eq!(result.identity(), Some(&SubjectAltName::Uri(config.to_owned())));
    assert_eq!(result.issuer(), Some(GITLAB_ISSUER));
    let claims = &certificate(&result).ci_claims;
    assert_eq!(claims.source_repository_ref.as_deref(), Some("refs/tags/v1.2.0"));
    assert_eq!(
        claims.source_repository_owner_uri.as_deref(),
        Some("https://gitlab.com/acme/tools")
    );
}

#[test]
fn two_instances_distrust_one_another() {
    let (one, other) = (TestSigstore::start(), TestSigstore::start());
    let bundle = one.sign_statement(&release(), &statement());
    verify(&one, &bundle).unwrap();
    assert!(matches!(verify(&other, &bundle), Err(Error::Timestamp(TimestampError::Invalid(_)))));
}

#[test]
fn dropping_a_sigstore_closes_its_connections() {
    let sigstore = TestSigstore::start();
    let address = sigstore.url().trim_start_matches("http://");
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    drop(sigstore);
    let read = connection.read(&mut [0]);
    assert!(matches!(read.map_err(|err| err.kind()), Ok(0) | Err(ErrorKind::ConnectionReset)));
}
