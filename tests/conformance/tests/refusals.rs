//! The suite's kinds of negative cases, on bundles of our own making: each
//! changes one thing, and is refused for that and nothing else.

use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore, surgery};
use serde_json::{Value, json};

use crate::protocol::{ARTIFACT, Case, statement};

/// One thing that is asked for otherwise.
type Change = fn(&mut Case);
/// One thing that is done to a bundle, with parts of another.
type Operation = fn(&mut Value, &Value);

#[test]
fn another_identity_issuer_artifact_or_instance_is_refused() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_blob(&Identity::github("acme/weather"), ARTIFACT);
    let changes: [(Change, &str); 5] = [
        (|case| case.identity.push('x'), "the identity is `"),
        // The start of a name is not the name.
        (|case| case.identity.truncate(case.identity.len() - 1), "the identity is `"),
        (|case| case.issuer.push('/'), "the issuer is `"),
        (
            |case| case.artifact = format!("sha256:{}", "0".repeat(64)),
            "does not match artifact hash",
        ),
        (
            |case| {
                let other = TestSigstore::start().trusted_root_json();
                std::fs::write(case.path("trusted_root.json"), other).unwrap();
            },
            "does not hold",
        ),
    ];
    for (index, (change, reason)) in changes.into_iter().enumerate() {
        let mut case = Case::new(&sigstore, &bundle);
        case.verify().accepted("unchanged");
        change(&mut case);
        case.verify().refused(&format!("change {index}"), reason);
    }
}

#[test]
fn what_a_service_did_wrong_is_refused_for_what_it_did() {
    for (fault, reason) in [
        (Fault::CertificateFromStranger, "InvalidSignatureForPublicKey"),
        (Fault::CertificateExpired, "CertExpired"),
        (Fault::SctFromStranger, "SCT signature verification failed"),
        (Fault::RekorCheckpointFromStranger, "No valid Rekor signature found on checkpoint"),
        (Fault::RekorProofOfAnother, "root hash mismatch"),
        (Fault::RekorEntryOfAnother, "artifact hash mismatch for hashedrekord entry"),
        (Fault::TimestampFromStranger, "does not match any trusted TSA certificate"),
        (Fault::TimestampOfAnother, "Timestamp message hash mismatch"),
        (Fault::TimestampOutsideValidity, "CertNotValidYet"),
        (Fault::NoTimestamp, "no verified timestamp"),
    ] {
        let sigstore = TestSigstore::start().with_fault(fault);
        let job = Identity::github("acme/weather");
        for bundle in [
            sigstore.sign_blob(&job, ARTIFACT),
            sigstore.sign_statement(&job, statement().to_string().as_bytes()),
        ] {
            Case::new(&sigstore, &bundle).verify().refused(&format!("{fault:?}"), reason);
        }
    }
}

#[test]
fn a_bundle_that_was_operated_on_is_refused() {
    let sigstore = TestSigstore::start();
    let job = Identity::github("acme/weather");
    let message = sigstore.sign_blob(&job, ARTIFACT);
    let envelope = sigstore.sign_statement(&job, statement().to_string().as_bytes());
    let other = sigstore.sign_statement(&job, statement().to_string().as_bytes());
    let operations: [(&str, &str, Operation, &str); 12] = [
        (
            "message",
            "signature",
            |b, _| surgery::flip_signature(b),
            "Timestamp message hash mismatch",
        ),
        (
            "message",
            "digest",
            |b, _| surgery::flip_bit(b, "/messageSignature/messageDigest/digest"),
            "does not match artifact hash",
        ),
        (
            "envelope",
            "signature",
            |b, _| surgery::flip_signature(b),
            "Timestamp message hash mismatch",
        ),
        (
            "envelope",
            "payload",
            |b, _| surgery::flip_bit(b, surgery::PAYLOAD),
            "statement is malformed",
        ),
        (
            "envelope",
            "payload type",
            |b, _| *surgery::part(b, surgery::PAYLOAD_TYPE) = json!("text/plain"),
            "payload type is `text/plain`",
        ),
        (
            "envelope",
            "two signatures",
            surgery::add_signature,
            "2 signatures, expected exactly one",
        ),
        (
            "envelope",
            "swapped entry",
            |b, o| surgery::take(b, o, surgery::LOG_ENTRY),
            "does not match certificate in Rekor entry",
        ),
        (
            "envelope",
            "swapped certificate",
            |b, o| surgery::take(b, o, surgery::CERTIFICATE),
            "ECDSA_P256_SHA256 signature invalid",
        ),
        (
            "envelope",
            "swapped material",
            surgery::take_verification_material,
            "Timestamp message hash mismatch",
        ),
        (
            "message",
            "log entries",
            |b, _| surgery::remove_log_entries(b),
            "must have an inclusion proof",
        ),
        (
            "message",
            "checkpoint",
            |b, _| *surgery::part(b, surgery::CHECKPOINT) = json!(""),
            "no checkpoint",
        ),
        (
            "message",
            "media type",
            |b, _| *surgery::part(b, "/mediaType") = json!("text/plain"),
            "Invalid media type",
        ),
    ];
    let other: Value = serde_json::from_str(&other).unwrap();
    for (kind, what, operate, reason) in operations {
        let bundle = if kind == "message" { &message } else { &envelope };
        let mut bundle: Value = serde_json::from_str(bundle).unwrap();
        operate(&mut bundle, &other);
        let case = Case::new(&sigstore, &bundle.to_string());
        case.verify().refused(&format!("{kind}: {what}"), reason);
    }
}

#[test]
fn a_statement_of_no_known_type_is_refused() {
    let sigstore = TestSigstore::start();
    let statement = statement();
    let mut signed = statement.clone();
    signed["_type"] = json!("https://in-toto.io/Statement/v9");
    let job = Identity::github("acme/weather");
    let bundle = sigstore.sign_statement(&job, signed.to_string().as_bytes());
    Case::new(&sigstore, &bundle).verify().refused("unknown", "statement type");
    // No client signs a statement without a type, so this is one that was edited;
    // it is refused before its signature is looked at.
    let bundle = sigstore.sign_statement(&job, statement.to_string().as_bytes());
    let mut bundle: Value = serde_json::from_str(&bundle).unwrap();
    let mut untyped = statement;
    untyped.as_object_mut().unwrap().remove("_type");
    surgery::replace_bytes(&mut bundle, surgery::PAYLOAD, untyped.to_string().as_bytes());
    let outcome = Case::new(&sigstore, &bundle.to_string()).verify();
    outcome.refused("missing", "missing field `_type`");
}

#[test]
fn a_time_outside_what_the_trusted_root_allows_is_refused() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_blob(&Identity::github("acme/weather"), ARTIFACT);
    for (service, reason) in [
        ("/tlogs/0/publicKey/validFor", "the log's key is not trusted for"),
        ("/ctlogs/0/publicKey/validFor", "key not found or not valid"),
        ("/certificateAuthorities/0/validFor", "no trusted certificate authority is valid"),
        ("/timestampAuthorities/0/validFor", "is outside the validity period of the authority"),
    ] {
        let case = Case::new(&sigstore, &bundle);
        let mut root: Value = serde_json::from_str(&sigstore.trusted_root_json()).unwrap();
        *surgery::part(&mut root, service) =
            json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" });
        std::fs::write(case.path("trusted_root.json"), root.to_string()).unwrap();
        case.verify().refused(service, reason);
    }
}
