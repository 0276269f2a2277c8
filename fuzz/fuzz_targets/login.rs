//! What registries and issuers say of logging in: read or refused, and about nobody else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;

#[path = "../../cli/src/login/challenge.rs"]
mod challenge;
#[expect(dead_code, reason = "only what the readers need of it is used here")]
#[path = "../../cli/src/login/error.rs"]
mod error;
#[expect(dead_code, reason = "only what reads is used here")]
#[path = "../../cli/src/login/metadata.rs"]
mod metadata;
#[path = "../../cli/src/registry/loopback.rs"]
mod registry;

use challenge::Challenge;
use error::LoginError;
use metadata::{IssuerMetadata, ResourceMetadata, issuer_url};

fuzz_target!(|bytes: &[u8]| {
    let base: Url = "https://mcp.acme.example/source/public".parse().expect("it is an address");
    if let Ok(found) = ResourceMetadata::read(bytes, &base, &base) {
        let resource: Url = found.resource.parse().expect("it was compared");
        assert_eq!(resource.origin(), base.origin());
        for issuer in &found.authorization_servers {
            if let Ok(url) = issuer_url(issuer, &base) {
                assert_eq!(url.scheme(), "https");
            }
        }
    }
    if let Ok(found) = IssuerMetadata::read(bytes, &base, "https://sso.acme.example") {
        assert_eq!(found.issuer, "https://sso.acme.example");
        assert_eq!(found.token_endpoint.scheme(), "https");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for challenge in Challenge::read(text) {
        assert!(!challenge.scheme.is_empty());
        if let Some(value) = challenge.parameter("resource_metadata") {
            // Nothing that was not sent.
            assert!(value.len() <= text.len());
        }
    }
});
