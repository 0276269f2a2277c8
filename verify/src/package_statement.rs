//! Statements about packages: a status, a binding, a rebuild.

use mcpkg_core::Digest;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::json;
use mcpkg_core::provenance::{PAYLOAD_TYPE, STATEMENT_V1};
use mcpkg_core::statement::{PackageStatement, StatementError};
use serde_json::Value;
use sigstore_verify::types::SignatureContent;

use crate::bundle::{MAX_BYTES, ParsedBundle};
use crate::statement::{Attestation, Subject};
use crate::{VerifyError, Vouchers};

/// Verifies that `bundle` signs a statement about a package that builds upon the log
/// entry whose bytes have the SHA-256 `entry`, as [`Vouchers::verify`] does.
///
/// Whether the signer may state it is for the caller to see: it depends on what the
/// statement is, and on whom the name is bound to.
///
/// # Errors
///
/// As [`Vouchers::verify`]; and [`VerifyError::PackageStatement`] for a statement that is none about a package.
pub fn verify_package_statement(
    bundle: &[u8],
    entry: Digest,
    vouchers: &Vouchers,
) -> Result<(Evidence, PackageStatement), VerifyError> {
    let parsed = ParsedBundle::read(bundle)?;
    let statement = read(&parsed)?;
    let evidence = vouchers.verify_parsed(&[Subject::Entry(entry)], Attestation::Blob, &parsed)?;
    Ok((evidence, statement))
}

/// What `bundle` claims to state. Nothing of it is verified: it says which package's
/// entry and which trust roots to verify it with.
pub fn claimed_package_statement(bundle: &[u8]) -> Result<PackageStatement, VerifyError> {
    read(&ParsedBundle::read(bundle)?)
}

/// The digest that `bundle` claims for the entry which it builds upon: that of its first
/// subject. Nothing of it is verified. It is for those who have not got the entry's
/// bytes: then [`verify_package_statement`] proves that the signer meant *some* entry,
/// at the place in the log that the statement names.
pub fn claimed_entry(bundle: &[u8]) -> Result<Digest, VerifyError> {
    let parsed = ParsedBundle::read(bundle)?;
    let statement = parsed.statement(Attestation::Blob)?;
    let subjects = statement.map(|statement| statement.sha256_subjects()).unwrap_or_default();
    let none = || StatementError::Malformed("it is about no entry".to_owned());
    Ok(*subjects.first().ok_or_else(none)?)
}

fn read(parsed: &ParsedBundle) -> Result<PackageStatement, VerifyError> {
    let malformed = |what: &str| StatementError::Malformed(what.to_owned());
    let SignatureContent::DsseEnvelope(envelope) = &parsed.bundle.content else {
        return Err(malformed("it is a bare signature").into());
    };
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(malformed("it is not an in-toto statement").into());
    }
    // Strictly: the same key twice would be two statements to two readers.
    let payload = json::parse(envelope.payload.as_bytes(), MAX_BYTES)
        .map_err(|error| StatementError::Malformed(error.to_string()))?;
    if payload.get("_type").and_then(Value::as_str) != Some(STATEMENT_V1) {
        return Err(malformed("it is not an in-toto statement of version 1").into());
    }
    let kind = payload.get("predicateType").and_then(Value::as_str);
    let kind = kind.ok_or_else(|| malformed("it has no predicate type"))?;
    let predicate = payload.get("predicate").ok_or_else(|| malformed("it has no predicate"))?;
    Ok(PackageStatement::read(kind, predicate)?)
}
