//! Signing with a key instead of a certificate, logged and stamped all the same.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use sigstore_crypto::KeyPair;
use sigstore_types::DerPublicKey;
use sigstore_types::dsse::pae;

use super::services::Services;
use super::{rekor, tsa};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A key that a company manages itself, ECDSA over P-256.
pub struct ManagedKey {
    pair: KeyPair,
    public: DerPublicKey,
    private_pem: String,
}

impl ManagedKey {
    /// Makes a fresh one.
    pub fn generate() -> Self {
        let made = rcgen::KeyPair::generate().expect("the system has randomness");
        let pair = KeyPair::from_pkcs8_der(made.serialized_der()).expect("it is ECDSA over P-256");
        let public = pair.public_key_der().expect("a key that was just made encodes");
        Self { pair, public, private_pem: made.serialize_pem() }
    }

    /// The key itself, as `-----BEGIN PRIVATE KEY-----`.
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// The public key, as `-----BEGIN PUBLIC KEY-----`.
    pub fn public_pem(&self) -> String {
        let text = BASE64.encode(self.public.as_bytes());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// What rules call it: `sha256:<hex>` of the public key's SPKI.
    pub fn subject(&self) -> String {
        format!("sha256:{}", hex::encode(sigstore_crypto::sha256(self.public.as_bytes())))
    }

    /// Signs an in-toto statement; the bundle's hint is `hint`.
    pub(super) fn sign(&self, services: &Services, statement: &[u8], hint: &str) -> String {
        let message = pae(PAYLOAD_TYPE, statement);
        let signature = self.pair.sign(&message).expect("the key signs");
        let request = json!({ "hashedRekordRequestV002": {
            "digest": sigstore_crypto::sha256(&message),
            "signature": {
                "content": signature,
                "verifier": {
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "publicKey": { "rawBytes": self.public },
                },
            },
        } });
        let request: rekor::Request =
            serde_json::from_value(request).expect("the request is one that Rekor takes");
        let faults = services.faults();
        let entry = request.into_entry().expect("the signature is right");
        let entry = rekor::append(services, entry, &faults).expect("the log is available");
        let stamp = tsa::stamp_signature(services, signature.as_bytes(), &faults)
            .expect("a signature can be stamped");
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "publicKey": { "hint": hint },
                "tlogEntries": [entry],
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{ "signedTimestamp": BASE64.encode(stamp) }],
                },
            },
            "dsseEnvelope": {
                "payload": BASE64.encode(statement),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{ "sig": signature }],
            },
        })
        .to_string()
    }
}
