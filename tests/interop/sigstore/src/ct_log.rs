//! A certificate transparency log's front (RFC 6962, section 4.2), for where
//! tesseract cannot be had: it signs that it has seen a precertificate, which is
//! all that Fulcio and its clients see of a log. It keeps no tree.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use der::{Decode as _, Encode as _, asn1::ObjectIdentifier};
use jiff::Timestamp;
use mcpkg_test_support::background::Background;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use x509_cert::Certificate;

use crate::Result;

/// The extension that makes a certificate a precertificate (section 3.1).
const POISON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.3");

/// The log, until it is dropped.
pub(crate) struct CtLog {
    server: Background,
    /// Its public key, in PEM.
    pub(crate) public_key: String,
}

struct Key {
    pair: KeyPair,
    id: String,
}

impl CtLog {
    pub(crate) fn start() -> Result<Self> {
        let pair = KeyPair::generate_ecdsa_p256()?;
        let public = pair.public_key_der()?;
        let id = BASE64.encode(sigstore_crypto::sha256(public.as_bytes()).as_bytes());
        let key = Arc::new(Key { pair, id });
        let router = Router::new().route("/ct/v1/add-pre-chain", post(add)).with_state(key);
        Ok(Self { server: Background::serve(|_| router), public_key: public.to_pem() })
    }

    /// Where it is, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }
}

async fn add(
    State(key): State<Arc<Key>>,
    Json(request): Json<Value>,
) -> std::result::Result<Json<Value>, (StatusCode, String)> {
    timestamp(&key, &request)
        .map(Json)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Signs a `SignedCertificateTimestamp` over a precertificate (section 3.2).
fn timestamp(key: &Key, request: &Value) -> Result<Value> {
    let certificate = |index: usize| -> Result<Certificate> {
        let text = request["chain"][index].as_str().ok_or("the chain is too short")?;
        Ok(Certificate::from_der(&BASE64.decode(text)?)?)
    };
    let mut entry = certificate(0)?.tbs_certificate;
    let extensions = entry.extensions.as_mut().ok_or("no extensions")?;
    let count = extensions.len();
    extensions.retain(|extension| extension.extn_id != POISON);
    if extensions.len() + 1 != count {
        return Err("it is no precertificate".into());
    }
    let entry = entry.to_der()?;
    let issuer = certificate(1)?.tbs_certificate.subject_public_key_info.to_der()?;
    let milliseconds = Timestamp::now().as_millisecond();

    // Version 1, a certificate's timestamp, over a precertificate's entry.
    let mut signed = vec![0, 0];
    signed.extend(milliseconds.to_be_bytes());
    signed.extend([0, 1]);
    signed.extend(sigstore_crypto::sha256(&issuer).as_bytes());
    signed.extend(&u32::try_from(entry.len())?.to_be_bytes()[1..]);
    signed.extend(entry);
    signed.extend([0, 0]);
    let signature = key.pair.sign(&signed)?.into_bytes();

    // `DigitallySigned`: SHA-256, ECDSA, and the signature with its length.
    let mut digitally_signed = vec![4, 3];
    digitally_signed.extend(u16::try_from(signature.len())?.to_be_bytes());
    digitally_signed.extend(signature);
    Ok(json!({
        "sct_version": 0,
        "id": key.id,
        "timestamp": milliseconds,
        "extensions": "",
        "signature": BASE64.encode(digitally_signed),
    }))
}
