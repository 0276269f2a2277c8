//! Rekor, version 2: the log that every signature is entered into.
//!
//! An entry is answered with its proof right away: the path to the root of the
//! tree, and the root signed in a checkpoint.
//!
//! Source: [`rekor-tiles`][tiles] for the requests and the bodies, [C2SP
//! `tlog-checkpoint`][checkpoint] for the checkpoint.
//!
//! [tiles]: https://github.com/sigstore/rekor-tiles/blob/main/api/proto/rekor/v2/entry.proto
//! [checkpoint]: https://c2sp.org/tlog-checkpoint

use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sigstore_crypto::SigningScheme;
use sigstore_types::{DerCertificate, DerPublicKey, DsseEnvelope, Sha256Hash, SignatureBytes};

use super::faults::{Fault, Faults};
use super::merkle;
use super::refusal::Refusal;
use super::services::Services;

/// The only algorithm that we take: the names that `protobuf-specs` gives it.
const KEY_DETAILS: &str = "PKIX_ECDSA_P256_SHA_256";
const SCHEME: SigningScheme = SigningScheme::EcdsaP256Sha256;

/// `CreateEntryRequest`.
#[derive(Deserialize)]
pub(super) enum Request {
    /// A signature over a digest. `sigstore-sign` sends these for envelopes
    /// too, with the digest of the pre-authentication encoding.
    #[serde(rename = "hashedRekordRequestV002")]
    HashedRekord { digest: Sha256Hash, signature: Signature },
    /// A signed envelope.
    #[serde(rename = "dsseRequestV002")]
    Dsse { envelope: DsseEnvelope, verifiers: [Verifier; 1] },
}

/// A signature, and who made it.
#[derive(Deserialize, Serialize)]
pub(super) struct Signature {
    content: SignatureBytes,
    verifier: Verifier,
}

/// Whose signature it is.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verifier {
    key_details: String,
    #[serde(flatten)]
    key: VerifierKey,
}

/// A certificate or a key, in DER.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum VerifierKey {
    X509Certificate { raw_bytes: DerCertificate },
    PublicKey { raw_bytes: DerPublicKey },
}

impl Verifier {
    fn public_key(&self) -> Result<DerPublicKey, Refusal> {
        if self.key_details != KEY_DETAILS {
            return Err(Refusal::bad_request(format!("unknown `{}`", self.key_details)));
        }
        match &self.key {
            VerifierKey::PublicKey { raw_bytes } => Ok(raw_bytes.clone()),
            VerifierKey::X509Certificate { raw_bytes } => {
                sigstore_crypto::parse_certificate_info(raw_bytes)
                    .map(|certificate| certificate.public_key)
                    .map_err(Refusal::bad_request)
            }
        }
    }
}

/// What is entered into the log.
pub(super) struct Entry {
    kind: &'static str,
    body: Value,
}

impl Request {
    /// Checks the signature, as Rekor does, and forms the entry.
    pub(super) fn into_entry(self) -> Result<Entry, Refusal> {
        match self {
            Self::HashedRekord { digest, signature } => {
                let key = signature.verifier.public_key()?;
                let (digest_bytes, content) = (digest.as_bytes(), &signature.content);
                sigstore_crypto::verify_signature_prehashed(&key, digest_bytes, content, SCHEME)
                    .map_err(Refusal::bad_request)?;
                let data = json!({ "algorithm": "SHA2_256", "digest": digest });
                let spec = json!({ "hashedRekordV002": { "data": data, "signature": signature } });
                Ok(Entry::new("hashedrekord", &spec))
            }
            Self::Dsse { envelope, verifiers: [verifier] } => {
                let key = verifier.public_key()?;
                let content = envelope.signature.sig.clone();
                sigstore_crypto::verify_signature(&key, &envelope.pae(), &content, SCHEME)
                    .map_err(Refusal::bad_request)?;
                let digest = sigstore_crypto::sha256(envelope.payload.as_bytes());
                let hash = json!({ "algorithm": "SHA2_256", "digest": digest });
                let signatures = [Signature { content, verifier }];
                let spec = json!({ "dsseV002": { "payloadHash": hash, "signatures": signatures } });
                Ok(Entry::new("dsse", &spec))
            }
        }
    }
}

impl Entry {
    fn new(kind: &'static str, spec: &Value) -> Self {
        Self { kind, body: json!({ "apiVersion": "0.0.2", "kind": kind, "spec": spec }) }
    }

    /// A `hashedrekord` entry that was in the log before, from its body.
    pub(super) fn again(body: &[u8]) -> serde_json::Result<Self> {
        Ok(Self { kind: "hashedrekord", body: serde_json::from_slice(body)? })
    }

    /// The same entry, for a payload that nobody signed.
    fn of_another(mut self) -> Self {
        let digest = json!(sigstore_crypto::sha256(b"another payload"));
        for path in ["/spec/hashedRekordV002/data/digest", "/spec/dsseV002/payloadHash/digest"] {
            if let Some(place) = self.body.pointer_mut(path) {
                place.clone_from(&digest);
            }
        }
        self
    }
}

/// The leaves of the tree.
#[derive(Default)]
pub(super) struct Log(Mutex<merkle::Tree>);

/// Enters `entry` into the log, and answers with a `TransparencyLogEntry`.
pub(super) fn append(services: &Services, entry: Entry, faults: &Faults) -> Result<Value, Refusal> {
    if faults.has(Fault::RekorUnavailable) {
        return Err(Refusal::unavailable());
    }
    let entry = if faults.has(Fault::RekorEntryOfAnother) { entry.of_another() } else { entry };
    let body = serde_json_canonicalizer::to_vec(&entry.body).map_err(Refusal::bad_request)?;

    let mut leaves = services.log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let index = leaves.len();
    leaves.push(sigstore_merkle::hash_leaf(&body));
    let proved = if faults.has(Fault::RekorProofOfAnother) {
        leaves.push(sigstore_merkle::hash_leaf(b"another entry"));
        index + 1
    } else {
        index
    };
    let root = leaves.root();
    let signer = services.signer(faults.has(Fault::RekorCheckpointFromStranger));
    let id = services.trusted.rekor.id();
    Ok(json!({
        "logIndex": index.to_string(),
        "logId": { "keyId": id },
        "kindVersion": { "kind": entry.kind, "version": "0.0.2" },
        "inclusionProof": {
            "logIndex": proved.to_string(),
            "treeSize": leaves.len().to_string(),
            "rootHash": root,
            "hashes": leaves.path(proved),
            "checkpoint": {
                "envelope": checkpoint(services.origin(), leaves.len(), root, id, |text| {
                    signer.rekor.sign(text)
                }),
            },
        },
        "canonicalizedBody": BASE64.encode(body),
    }))
}

/// A signed tree head: three lines, and a signature that starts with the first
/// four bytes of the log's id.
fn checkpoint(
    origin: &str,
    size: usize,
    root: Sha256Hash,
    id: Sha256Hash,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let text = format!("{origin}\n{size}\n{}\n", root.to_base64());
    let signature = [&id.as_bytes()[..4], &sign(text.as_bytes())].concat();
    format!("{text}\n\u{2014} {origin} {}\n", BASE64.encode(signature))
}
