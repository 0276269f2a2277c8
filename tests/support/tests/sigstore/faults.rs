//! Each fault, and each change to a bundle, is one that a verifier notices.

use mcpkg_test_support::sigstore::{Fault, TestSigstore, surgery};
use serde_json::Value;
use sigstore_sign::oidc::IdentityToken;
use sigstore_sign::{SigningContext, SigningServices};
use sigstore_trust_root::SigningConfig;

use crate::{ARTIFACT, release, statement, verify};

#[test]
fn every_fault_fails_for_its_own_reason() {
    let sigstore = TestSigstore::start();
    let reasons = [
        (Fault::CertificateFromStranger, "InvalidSignatureForPublicKey"),
        (Fault::CertificateExpired, "CertExpired"),
        (Fault::SctFromStranger, "SCT signature verification failed"),
        (Fault::FulcioRefuses, "no certificates today"),
        (Fault::RekorCheckpointFromStranger, "No valid Rekor signature found"),
        (Fault::RekorProofOfAnother, "root hash mismatch"),
        (Fault::RekorEntryOfAnother, "artifact hash mismatch for hashedrekord entry"),
        (Fault::RekorUnavailable, "the service is not available"),
        (Fault::TimestampFromStranger, "does not match any trusted TSA certificate"),
        (Fault::TimestampOfAnother, "Timestamp message hash mismatch"),
        (Fault::TimestampOutsideValidity, "CertNotValidYet"),
        (Fault::NoTimestamp, "no verified timestamp"),
    ];
    assert_eq!(reasons.map(|(fault, _)| fault), Fault::ALL);

    for sign in [
        |sigstore: &TestSigstore| sigstore.try_sign_statement(&release(), &statement()),
        |sigstore: &TestSigstore| sigstore.try_sign_blob(&release(), ARTIFACT),
    ] {
        for (fault, reason) in reasons {
            sigstore.repair();
            verify(&sigstore, &sign(&sigstore).unwrap()).unwrap();

            sigstore.break_with(fault);
            let signed = sign(&sigstore);
            assert_eq!(signed.is_err(), fault.prevents_signing(), "{fault:?}");
            let err = match signed {
                Ok(bundle) => verify(&sigstore, &bundle).unwrap_err().to_string(),
                Err(err) => err.to_string(),
            };
            assert!(err.contains(reason), "{fault:?}: {err}");
        }
    }
}

#[tokio::test]
async fn a_client_with_our_signing_config_meets_the_faults_itself() {
    let sigstore = TestSigstore::start();
    let config = SigningConfig::from_json(&sigstore.signing_config_json()).unwrap();
    let context = SigningContext::new(SigningServices::from_signing_config(&config).unwrap());
    let token = IdentityToken::from_jwt(&sigstore.token(&release())).unwrap();
    let signer = context.signer(token);
    let bundle = signer.sign(ARTIFACT).await.unwrap().to_json().unwrap();
    verify(&sigstore, &bundle).unwrap();

    for (fault, reason) in [
        (Fault::FulcioRefuses, "no certificates today"),
        (Fault::RekorEntryOfAnother, "does not match the submitted entry"),
        (Fault::RekorUnavailable, "the service is not available"),
        (Fault::TimestampOfAnother, "message imprint mismatch"),
        (Fault::NoTimestamp, "503 Service Unavailable"),
    ] {
        sigstore.repair();
        sigstore.break_with(fault);
        let err = signer.sign(ARTIFACT).await.unwrap_err().to_string();
        assert!(err.contains(reason), "{fault:?}: {err}");
    }
}

/// A statement that differs in one letter from the one that is signed.
fn changed_statement() -> Vec<u8> {
    let text = String::from_utf8(statement()).unwrap();
    text.replace("provenance/v1", "provenance/v2").into_bytes()
}

/// Changes a bundle, with the help of another.
type Operation = fn(&mut Value, &Value);

#[test]
fn a_bundle_does_not_survive_surgery() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_statement(&release(), &statement());
    verify(&sigstore, &bundle).unwrap();
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    let other = sigstore.sign_statement(&release(), &statement());
    let other: Value = serde_json::from_str(&other).unwrap();

    let operations: [(&str, Operation, &str); 12] = [
        (
            "payload",
            |bundle, _| surgery::replace_bytes(bundle, surgery::PAYLOAD, &changed_statement()),
            "DSSE signature verification failed",
        ),
        (
            "payload type",
            |bundle, _| *surgery::part(bundle, surgery::PAYLOAD_TYPE) = "a/b".into(),
            "unsupported DSSE payload type",
        ),
        (
            "signature",
            |bundle, _| surgery::flip_signature(bundle),
            "Timestamp message hash mismatch",
        ),
        ("two signatures", surgery::add_signature, "exactly one signature"),
        (
            "certificate",
            |bundle, _| surgery::flip_bit(bundle, surgery::CERTIFICATE),
            "InvalidSignatureForPublicKey",
        ),
        ("body", |bundle, _| surgery::flip_bit(bundle, surgery::BODY), "root hash mismatch"),
        (
            "timestamp",
            |bundle, _| surgery::flip_bit(bundle, surgery::TIMESTAMP),
            "Failed to verify timestamp signature",
        ),
        ("no timestamp", |bundle, _| surgery::remove_timestamps(bundle), "no verified timestamp"),
        (
            "no entry",
            |bundle, _| surgery::remove_log_entries(bundle),
            "must have an inclusion proof",
        ),
        (
            "material of another",
            surgery::take_verification_material,
            "Timestamp message hash mismatch",
        ),
        (
            "checkpoint of another",
            |b, other| surgery::take(b, other, surgery::CHECKPOINT),
            "expected 1 proof hashes, got 0",
        ),
        (
            "entry of another",
            |b, other| surgery::take(b, other, surgery::LOG_ENTRY),
            "does not match certificate in Rekor entry",
        ),
    ];
    for (name, operate, reason) in operations {
        let mut changed = bundle.clone();
        operate(&mut changed, &other);
        let err = verify(&sigstore, &changed.to_string()).unwrap_err().to_string();
        assert!(err.contains(reason), "{name}: {err}");
    }
}
