//! The log is a Merkle tree whose proofs hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mcpkg_test_support::sigstore::{TestSigstore, surgery};
use serde_json::{Value, json};
use sigstore_types::Sha256Hash;

use crate::{ARTIFACT, release, statement, verify};

/// The leaf, index and size of an entry, its path and its root.
fn proof(entry: &Value) -> (Vec<u8>, u64, u64, Vec<Sha256Hash>, Sha256Hash) {
    let number = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let proof = &entry["inclusionProof"];
    (
        BASE64.decode(entry["canonicalizedBody"].as_str().unwrap()).unwrap(),
        number(&proof["logIndex"]),
        number(&proof["treeSize"]),
        serde_json::from_value(proof["hashes"].clone()).unwrap(),
        serde_json::from_value(proof["rootHash"].clone()).unwrap(),
    )
}

fn assert_proved(entry: &Value) {
    let (body, index, size, path, root) = proof(entry);
    let leaf = sigstore_merkle::hash_leaf(&body);
    sigstore_merkle::verify_inclusion_proof(&leaf, index, size, &path, &root).unwrap();
}

#[test]
fn every_entry_of_a_growing_log_is_proved() {
    let sigstore = TestSigstore::start();
    for count in 1..=50 {
        let bundle = sigstore.sign_blob(&release(), ARTIFACT);
        verify(&sigstore, &bundle).unwrap();
        let mut bundle: Value = serde_json::from_str(&bundle).unwrap();
        let entry = surgery::part(&mut bundle, surgery::LOG_ENTRY);
        assert_proved(entry);
        let (_, index, size, ..) = proof(entry);
        assert_eq!((index + 1, size), (count, count));
    }
}

#[tokio::test]
async fn the_log_takes_envelopes_and_checks_their_signature() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_statement(&release(), &statement());
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    let enter = async |envelope: &Value| {
        let request = json!({ "dsseRequestV002": {
            "envelope": envelope,
            "verifiers": [{
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "x509Certificate": bundle["verificationMaterial"]["certificate"],
            }],
        }});
        let url = format!("{}/api/v2/log/entries", sigstore.url());
        reqwest::Client::new().post(url).json(&request).send().await.unwrap()
    };

    let answer = enter(&bundle["dsseEnvelope"]).await;
    assert_eq!(answer.status(), 201);
    let entry: Value = answer.json().await.unwrap();
    assert_eq!(entry["kindVersion"], json!({ "kind": "dsse", "version": "0.0.2" }));
    assert_proved(&entry);
    let body: Value = serde_json::from_slice(&proof(&entry).0).unwrap();
    let digest = &body["spec"]["dsseV002"]["payloadHash"]["digest"];
    assert_eq!(digest, &json!(sigstore_crypto::sha256(&statement())));

    let mut changed = bundle.clone();
    surgery::flip_bit(&mut changed, surgery::PAYLOAD);
    assert_eq!(enter(&changed["dsseEnvelope"]).await.status(), 400);
}

#[test]
fn threads_can_share_one_log() {
    let sigstore = TestSigstore::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let bundle = sigstore.sign_statement(&release(), &statement());
                verify(&sigstore, &bundle).unwrap();
            });
        }
    });
}
