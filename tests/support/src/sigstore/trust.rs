//! What clients are configured with: whom to trust, and where to sign.
//!
//! Source: `sigstore_trustroot.proto` in [`protobuf-specs`][specs].
//!
//! [specs]: https://github.com/sigstore/protobuf-specs

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use super::authorities::{LogKey, ORGANIZATION};
use super::services::Services;

/// Long before every key was made, so that only the certificates' own times count.
const START: &str = "2020-01-01T00:00:00Z";

/// `TrustedRoot`, version 0.1.
pub(super) fn trusted_root(services: &Services) -> Value {
    let keys = &services.trusted;
    let log = |key: &LogKey| {
        json!({
            "baseUrl": services.url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": key.public(),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": { "start": START },
            },
            "logId": { "keyId": key.id() },
        })
    };
    let authority = |path: &str, name: &str, chain: &[&Vec<u8>]| {
        let certificates: Vec<Value> =
            chain.iter().map(|der| json!({ "rawBytes": BASE64.encode(der) })).collect();
        json!({
            "subject": { "organization": ORGANIZATION, "commonName": name },
            "uri": format!("{}{path}", services.url),
            "certChain": { "certificates": certificates },
            "validFor": { "start": START },
        })
    };
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log(&keys.rekor)],
        "ctlogs": [log(&keys.ct_log)],
        "certificateAuthorities": [authority("", "fulcio", &[&keys.fulcio.certificate])],
        "timestampAuthorities": [
            authority("/api/v1/timestamp", "tsa", &[&keys.tsa.certificate, &keys.tsa.root]),
        ],
    })
}

/// `SigningConfig`, version 0.2. `prefix` comes before the path of each service
/// that takes part in signing.
pub(super) fn signing_config(services: &Services, prefix: &str) -> Value {
    let service = |path: &str, version: u32| {
        json!([{
            "url": format!("{}{path}", services.url),
            "majorApiVersion": version,
            "validFor": { "start": START },
            "operator": ORGANIZATION,
        }])
    };
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service(prefix, 1),
        "oidcUrls": service("", 1),
        "rekorTlogUrls": service(prefix, 2),
        "rekorTlogConfig": { "selector": "ANY" },
        "tsaUrls": service(&format!("{prefix}/api/v1/timestamp"), 1),
        "tsaConfig": { "selector": "ANY" },
    })
}
