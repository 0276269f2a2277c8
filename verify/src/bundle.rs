//! Reading a bundle, within bounds.
//!
//! `sigstore-verify` caps nothing, so sizes and counts are bounded here, before
//! a certificate is parsed or a hash computed. The numbers are several times
//! what real bundles hold (one log entry, one timestamp, 12 KiB).

use mcpkg_core::Digest;
use serde::Deserialize;
use sigstore_verify::VerificationResult;
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Bundle, SignatureContent};

use crate::VerifyError;
use crate::statement::{Attestation, CheckedStatement, Subject, SubjectDigest};

/// The longest bundle, in bytes. npm's and PyPI's are 4 to 12 KiB.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most transparency-log entries; one is usual.
pub const MAX_LOG_ENTRIES: usize = 4;
/// The most RFC 3161 timestamps; one is usual.
pub const MAX_TIMESTAMPS: usize = 4;
/// The most certificates in a chain (bundle formats 0.1 and 0.2); three are usual.
pub const MAX_CERTIFICATES: usize = 8;
/// The most hashes in an inclusion proof: a tree cannot be deeper than this.
pub const MAX_PROOF_HASHES: usize = 64;

/// A bundle that has been read and is within bounds. Nothing in it is believed.
pub(crate) struct ParsedBundle {
    pub(crate) bundle: Bundle,
    /// The digest of the bundle's text without surrounding white space.
    pub(crate) digest: Digest,
}

/// The parts of a bundle that are counted. Unknown fields are left to the
/// library, which reads the same bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    tlog_entries: Vec<Entry>,
    timestamp_verification_data: Option<Timestamps>,
    x509_certificate_chain: Option<Chain>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    inclusion_proof: Option<Proof>,
}

#[derive(Deserialize)]
struct Proof {
    #[serde(default)]
    hashes: Vec<Ignored>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Option<Vec<Ignored>>,
}

#[derive(Deserialize)]
struct Chain {
    #[serde(default)]
    certificates: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    signatures: Vec<Ignored>,
}

type Ignored = serde::de::IgnoredAny;

impl ParsedBundle {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        at_most("bytes", bytes.len(), MAX_BYTES)?;
        let text = std::str::from_utf8(bytes).map_err(malformed)?.trim();
        let outline: Outline = serde_json::from_str(text).map_err(malformed)?;
        let material = &outline.verification_material;
        at_most("log entries", material.tlog_entries.len(), MAX_LOG_ENTRIES)?;
        for entry in &material.tlog_entries {
            let hashes = entry.inclusion_proof.as_ref().map_or(0, |proof| proof.hashes.len());
            at_most("hashes in a proof", hashes, MAX_PROOF_HASHES)?;
        }
        if let Some(timestamps) = &material.timestamp_verification_data {
            let count = timestamps.rfc3161_timestamps.as_ref().map_or(0, Vec::len);
            at_most("timestamps", count, MAX_TIMESTAMPS)?;
        }
        if let Some(chain) = &material.x509_certificate_chain {
            at_most("certificates", chain.certificates.len(), MAX_CERTIFICATES)?;
        }
        if let Some(envelope) = &outline.dsse_envelope
            && envelope.signatures.len() != 1
        {
            return Err(VerifyError::SignatureCount(envelope.signatures.len()));
        }
        let bundle = Bundle::from_json(text).map_err(malformed)?;
        Ok(Self { bundle, digest: Digest::of(text.as_bytes()) })
    }

    /// What the bundle says about the key that signed it, if that was a key and
    /// no certificate. Nobody has vouched for it.
    pub(crate) fn key_hint(&self) -> Option<&str> {
        match &self.bundle.verification_material.content {
            VerificationMaterialContent::PublicKey(key) => Some(&key.hint),
            _ => None,
        }
    }

    /// The checked statement in the bundle, or `None` for a signed blob.
    pub(crate) fn statement(
        &self,
        attestation: Attestation,
    ) -> Result<Option<CheckedStatement>, VerifyError> {
        match (&self.bundle.content, attestation) {
            (SignatureContent::DsseEnvelope(envelope), _) => CheckedStatement::read(
                &envelope.payload_type,
                envelope.payload.as_bytes(),
                attestation,
            )
            .map(Some),
            (_, Attestation::Blob) => Ok(None),
            _ => Err(VerifyError::Kind {
                what: "bundle's content",
                found: "a bare signature".to_owned(),
                expected: "a signed statement",
            }),
        }
    }

    /// Checks everything about the bundle that does not depend on who signed,
    /// with `verify` for the cryptography over one digest that it covers.
    pub(crate) fn check(
        &self,
        subjects: &[Subject],
        attestation: Attestation,
        verify: impl Fn(&SubjectDigest) -> Result<VerificationResult, VerifyError>,
    ) -> Result<VerificationResult, VerifyError> {
        let first = subjects.first().ok_or(VerifyError::NoSubject)?;
        let Some(statement) = self.statement(attestation)? else {
            // One signature over one blob: more subjects cannot all be it.
            if let Some(second) = subjects.get(1) {
                return Err(second.missing());
            }
            return verify(&first.digest());
        };
        // The library checks that *some* subject matches. Give it one that the
        // statement names, so that a failure of the signature is reported as
        // that; and check ourselves that every subject asked for is there.
        let named = subjects.iter().map(Subject::digest).find(|digest| statement.names(digest));
        let result = match named.or_else(|| statement.any_digest()) {
            Some(digest) => verify(&digest)?,
            None => return Err(first.missing()),
        };
        match subjects.iter().find(|subject| !statement.names(&subject.digest())) {
            Some(missing) => Err(missing.missing()),
            None => Ok(result),
        }
    }
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), VerifyError> {
    if found > limit { Err(VerifyError::TooMuch { what, found, limit }) } else { Ok(()) }
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> VerifyError {
    VerifyError::Malformed(Box::new(error))
}
