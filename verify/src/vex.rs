//! What a publisher says of advisories: an `OpenVEX` document in a Sigstore bundle.
//!
//! It is the predicate of an in-toto statement, as `vexctl attest` makes it, whose
//! subjects are what it is about.

use mcpkg_core::evidence::Evidence;
use mcpkg_core::provenance::PAYLOAD_TYPE;
use mcpkg_core::vex::{CONTEXT, Document};
use mcpkg_core::{Digest, json};
use serde_json::Value;
use sigstore_verify::types::SignatureContent;

use crate::bundle::{MAX_BYTES, ParsedBundle};
use crate::statement::{Attestation, Subject};
use crate::{VerifyError, Vouchers};

/// A document that somebody claims to have signed.
#[derive(Clone, Debug)]
pub struct ClaimedVex {
    /// What it says.
    pub document: Document,
    /// The same, in its canonical form.
    pub canonical: Vec<u8>,
    /// The digests of what it is about.
    pub subjects: Vec<Digest>,
}

/// What `bundle` claims to say, and about what. Nothing of it is verified: it says which
/// package's trust roots to verify it with.
///
/// # Errors
///
/// If it is no bundle with a statement, or if the statement's predicate is no document.
pub fn claimed_vex(bundle: &[u8]) -> Result<ClaimedVex, VerifyError> {
    let parsed = ParsedBundle::read(bundle)?;
    let SignatureContent::DsseEnvelope(envelope) = &parsed.bundle.content else {
        return Err(unexpected("content", "a bare signature"));
    };
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(unexpected("payload type", &envelope.payload_type));
    }
    // Strictly: the same key twice would be two statements to two readers.
    let payload = json::parse(envelope.payload.as_bytes(), MAX_BYTES)
        .map_err(|error| VerifyError::Vex(Box::new(error)))?;
    let kind = payload.get("predicateType").and_then(Value::as_str).unwrap_or_default();
    if kind != CONTEXT {
        return Err(unexpected("predicate type", kind));
    }
    let predicate = payload.get("predicate").unwrap_or(&Value::Null);
    let document =
        Document::from_value(predicate).map_err(|error| VerifyError::Vex(Box::new(error)))?;
    let statement = parsed.statement(Attestation::Blob)?;
    let subjects = statement.map(|statement| statement.sha256_subjects()).unwrap_or_default();
    Ok(ClaimedVex { document, canonical: json::canonical(predicate), subjects })
}

/// Verifies that `bundle` signs its document over the metadata or the artifact of a
/// release whose digest is `subject`.
///
/// Whether the signer may say it is for the caller to see.
///
/// # Errors
///
/// As [`Vouchers::verify`] and [`claimed_vex`].
pub fn verify_vex(
    bundle: &[u8],
    subject: Digest,
    vouchers: &Vouchers,
) -> Result<(Evidence, ClaimedVex), VerifyError> {
    let claimed = claimed_vex(bundle)?;
    let parsed = ParsedBundle::read(bundle)?;
    let subjects = [Subject::Artifact(subject)];
    let evidence = vouchers.verify_parsed(&subjects, Attestation::Blob, &parsed)?;
    Ok((evidence, claimed))
}

fn unexpected(what: &'static str, found: &str) -> VerifyError {
    let found = found.chars().take(120).collect::<String>().escape_debug().to_string();
    VerifyError::Kind { what, found, expected: "a signed OpenVEX document" }
}
