//! Who signed these bytes: Sigstore evidence.
//!
//! This crate is the file an auditor reads. It turns a Sigstore bundle, which
//! anybody can write, into [`Evidence`], which says only what has been proved.
//! It opens no socket and no file; everything it needs is an argument.
//!
//! # What is checked, and by whom
//!
//! | check | by |
//! |---|---|
//! | sizes and counts, before anything is parsed in earnest | [`mod@bundle`], here |
//! | certificate chain, its validity at every signing time, SCT | `sigstore-verify` |
//! | RFC 3161 timestamps, each by a trusted authority within its window | `sigstore-verify` |
//! | transparency-log inclusion proof, checkpoint, promise; entry = bundle | `sigstore-verify` |
//! | signature: DSSE over a statement, or over a blob's digest | `sigstore-verify` |
//! | which log has the entry, and where; its key's validity window | `log`, here |
//! | a managed key's validity window | [`mod@key`], here |
//! | who may vouch for this name at all | `vouch`, here |
//! | a trust root that is fetched: signatures, rotation, rollback, expiry | `sigstore-tuf`, in [`mod@tuf`] |
//! | statement, predicate and build type are ones we know | [`mod@statement`], here |
//! | *which* subjects: every one that was asked for, not some | [`mod@statement`], here |
//! | what npm and PyPI attest: name and digest in one subject; the registry's key | `upstream`, here |
//! | the predicate's commit is the certificate's | [`mod@statement`], here |
//!
//! The library takes a policy about the signer's identity. We ask it for any
//! identity on purpose: whether *this* signer may publish *this* name is one
//! decision, made in one place, [`mcpkg_core::policy::judge`].
//!
//! No type of the Sigstore libraries appears in this crate's API, so that their
//! monthly breaking releases stop here.

pub mod bundle;
mod error;
pub mod key;
mod log;
mod package_statement;
mod release;
mod signer;
pub mod statement;
mod trust;
pub mod tuf;
mod upstream;
mod vex;
mod vouch;

use mcpkg_core::Digest;
use mcpkg_core::evidence::Evidence;
use sigstore_verify::types::SignatureContent;
use sigstore_verify::{VerificationPolicy, VerificationResult};

pub use error::VerifyError;
pub use key::TrustedKey;
pub use package_statement::{claimed_entry, claimed_package_statement, verify_package_statement};
pub use release::{ReleaseSubjects, verify_release};
pub use statement::{Attestation, Subject};
pub use trust::{TrustRoot, TrustRootError};
pub use upstream::{RegistryKey, UpstreamEvidence, UpstreamKind, UpstreamSubject, verify_upstream};
pub use vex::{ClaimedVex, claimed_vex, verify_vex};
pub use vouch::{TrustStore, Vouchers};

use bundle::ParsedBundle;

/// Verifies that `bundle` signs every one of `subjects`, keylessly, under
/// `trust_root`, as an attestation of one of the kinds `attestation` allows.
///
/// Takes about 1 ms. Holding evidence means that all of the checks of the
/// [crate documentation](crate) passed.
///
/// # Errors
///
/// One [`VerifyError`], the first that was found; each carries a stable code.
/// `subjects` must not be empty: evidence for nothing is an error too.
pub fn verify(
    subjects: &[Subject],
    attestation: Attestation,
    bundle: &[u8],
    trust_root: &TrustRoot,
) -> Result<Evidence, VerifyError> {
    let parsed = ParsedBundle::read(bundle)?;
    verify_parsed(subjects, attestation, &parsed, trust_root)
}

/// As [`verify`], for a bundle that has been read already.
fn verify_parsed(
    subjects: &[Subject],
    attestation: Attestation,
    parsed: &ParsedBundle,
    trust_root: &TrustRoot,
) -> Result<Evidence, VerifyError> {
    let policy = VerificationPolicy::any_identity();
    let result = parsed
        .check(subjects, attestation, |digest| digest.verify_with(trust_root, parsed, &policy))?;
    // The default policy checks all of these. Asking again costs nothing and
    // holds if that default ever changes.
    if !(result.certificate_verified() && result.sct_verified() && result.tlog_verified()) {
        return Err(VerifyError::Incomplete);
    }
    let signer = signer::of_certificate(&result)?;
    let statement = parsed.statement(attestation)?;
    if let (Some(statement), Some(claims)) = (&statement, &signer.build) {
        statement.agrees_with(claims)?;
    }
    evidence(parsed, signer, &result, statement, trust_root)
}

/// As [`verify`], for a bundle that a managed key signed instead of a
/// certificate: the key, and when it may be used, come from the caller.
///
/// # Errors
///
/// As [`verify`]; and [`VerifyError::KeyWindow`] if a proven signing time lies
/// outside the key's window, or none is proven while the key has a window.
pub fn verify_with_key(
    subjects: &[Subject],
    attestation: Attestation,
    bundle: &[u8],
    key: &TrustedKey,
    trust_root: &TrustRoot,
) -> Result<Evidence, VerifyError> {
    verify_parsed_with_key(subjects, attestation, &ParsedBundle::read(bundle)?, key, trust_root)
}

/// As [`verify_with_key`], for a bundle that has been read already.
fn verify_parsed_with_key(
    subjects: &[Subject],
    attestation: Attestation,
    parsed: &ParsedBundle,
    key: &TrustedKey,
    trust_root: &TrustRoot,
) -> Result<Evidence, VerifyError> {
    let policy = key.policy();
    let result = parsed
        .check(subjects, attestation, |digest| digest.verify_with(trust_root, parsed, &policy))?;
    if !result.tlog_verified() {
        return Err(VerifyError::Incomplete);
    }
    key.check_window(result.verified_timestamps())?;
    let statement = parsed.statement(attestation)?;
    evidence(parsed, key.signer(), &result, statement, trust_root)
}

fn evidence(
    parsed: &ParsedBundle,
    signer: mcpkg_core::evidence::Signer,
    result: &VerificationResult,
    statement: Option<statement::CheckedStatement>,
    trust_root: &TrustRoot,
) -> Result<Evidence, VerifyError> {
    // The earliest proven time: a later one only proves that the signature
    // still existed then.
    let signed_at =
        result.verified_timestamps().iter().min().copied().ok_or(VerifyError::NoTime)?;
    let material = &parsed.bundle.verification_material;
    let entry = material.tlog_entries.first().ok_or(VerifyError::Incomplete)?;
    let log = log::place(entry, trust_root.log_keys(), signed_at)?;
    let subjects = match (&statement, &parsed.bundle.content) {
        (Some(statement), _) => statement.sha256_subjects(),
        (None, SignatureContent::MessageSignature(signature)) => signature
            .message_digest
            .as_ref()
            .and_then(|digest| <[u8; 32]>::try_from(digest.digest.as_bytes()).ok())
            .map(Digest::from_bytes)
            .into_iter()
            .collect(),
        (None, _) => Vec::new(),
    };
    Ok(Evidence {
        bundle: parsed.digest,
        subjects,
        signer,
        signed_at,
        log,
        statement: statement.map(statement::CheckedStatement::into_summary).transpose()?,
    })
}
