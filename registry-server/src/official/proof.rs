//! The proof that somebody speaks for a domain: a timestamp, signed with a key that the
//! domain lists.
//!
//! The protocol is the MCP registry's: the signature is over the timestamp alone, not
//! over who asks for it. Whoever sees one could hand it in elsewhere, so it counts for
//! seconds, and once.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ED25519, UnparsedPublicKey};
use jiff::{SignedDuration, Timestamp};
use mcpkg_core::Digest;
use mcpkg_core::domain::{DomainMethod, domain_of};
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::official::ProofKey;
use serde::Deserialize;

use super::error::OfficialError;
use super::token::{Grant, Who};
use crate::app::App;

/// How far a timestamp may be from our clock.
///
/// Source: the MCP registry.
const WINDOW: SignedDuration = SignedDuration::from_secs(15);

/// The longest signature, in hexadecimal digits: that of P-384.
const MAX_SIGNATURE_LEN: usize = 192;

/// What is handed in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct DomainProofBody {
    /// The domain, such as `example.com`.
    domain: String,
    /// The time, as RFC 3339.
    timestamp: String,
    /// The signature over the bytes of `timestamp`, in hexadecimal: of Ed25519, or of
    /// ECDSA with P-384 and SHA-384, r and s of 48 bytes each.
    signed_timestamp: String,
}

impl App {
    /// What the proof shows: that its holder speaks for a domain.
    pub(crate) async fn prove_domain(
        &self,
        method: DomainMethod,
        proof: DomainProofBody,
        now: Timestamp,
    ) -> Result<Grant, OfficialError> {
        let DomainProofBody { domain, timestamp, signed_timestamp } = proof;
        let domain = domain.to_ascii_lowercase();
        let wrong =
            |reason| OfficialError::Proof { domain: domain.chars().take(253).collect(), reason };
        let labels: Vec<&str> = domain.rsplit('.').collect();
        let namespace = labels.join(".");
        // A forge's domain is not its accounts', and an address is no domain.
        if domain_of(&namespace).as_deref() != Some(&domain) {
            return Err(wrong("it is not a domain that namespaces belong to"));
        }
        // Before it is asked: nobody makes us ask a domain that we have no use for.
        if !self.official.is_open_at_or_below(&namespace) {
            return Err(OfficialError::NotOpen(format!("{namespace}/*")));
        }
        let at: Timestamp =
            timestamp.parse().map_err(|_| wrong("the timestamp is none of RFC 3339"))?;
        if at.duration_since(now).abs() > WINDOW {
            return Err(wrong("the timestamp is not within 15 seconds of our clock"));
        }
        let signature = Some(&signed_timestamp).filter(|text| text.len() <= MAX_SIGNATURE_LEN);
        let signature = signature.and_then(|text| hex::decode(text).ok());
        let signature = signature.ok_or_else(|| wrong("the signature is not hexadecimal"))?;
        let keys = self.authority.proof_keys(method, &domain).await?;
        if keys.is_empty() {
            return Err(wrong("the domain lists no key"));
        }
        if !keys.iter().any(|key| verifies(key, timestamp.as_bytes(), &signature)) {
            return Err(wrong("the signature is of none of the keys that the domain lists"));
        }
        // Not by the signature: of ECDSA, anybody can make a second one out of it.
        let used = Digest::of(format!("{domain}\n{}", at.as_second()).as_bytes());
        self.official.used.once(used, at + WINDOW, now)?;
        let pattern: NamePattern = format!("{namespace}/*")
            .parse()
            .map_err(|_| wrong("it is not a domain that namespaces belong to"))?;
        Ok(match method {
            DomainMethod::Dns => Grant {
                who: Who::Dns(domain),
                names: vec![pattern],
                // Whoever has a domain has what is below it, as with certificates.
                below: Some(namespace),
            },
            DomainMethod::WellKnown => {
                Grant { who: Who::Https(domain), names: vec![pattern], below: None }
            }
        })
    }
}

fn verifies(key: &ProofKey, message: &[u8], signature: &[u8]) -> bool {
    match key {
        ProofKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        ProofKey::EcdsaP384(point) => {
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
        }
    }
    .is_ok()
}
