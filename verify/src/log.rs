//! Which log has the entry, and where: only what has been proved.
//!
//! `sigstore-verify` finds the key of a checkpoint by the first four bytes of
//! its id, and looks at the id that the *bundle* states only where there is a
//! promise (a Rekor v1 SET). Of an entry of Rekor v1 it proves the index inside
//! the inclusion proof, and the one beside it, again, only by a promise. What
//! it leaves open is what its question, "is this in some trusted log?", does not
//! need; [`LogEntry`] answers another one. For the same reason it holds a log to
//! the window of its key only where there is a promise.
//!
//! Proved by the fuzz target `bundle`, and by the test
//! `a_bundle_that_was_operated_on_is_refused`.

use jiff::Timestamp;
use mcpkg_core::evidence::LogEntry;
use sigstore_verify::crypto::Keyring;
use sigstore_verify::types::Sha256Hash;
use sigstore_verify::types::bundle::{KindVersion, TransparencyLogEntry};

use crate::VerifyError;

/// The place that `entry` proves under `keys`, which are by the id of their log.
/// The key has to be trusted for `signed_at`, its window's ends included.
///
/// The entry's promise, proof and checkpoint must have been verified before.
pub(crate) fn place(
    entry: &TransparencyLogEntry,
    keys: &Keyring,
    signed_at: Timestamp,
) -> Result<LogEntry, VerifyError> {
    let stated = entry.log_id.key_id.as_bytes();
    let log_id = hex::encode(stated);
    if entry.inclusion_promise.is_some() {
        // The promise is signed by the key of the stated id, over id and index.
        return Ok(LogEntry { log_id, index: entry.log_index.get() });
    }
    let proof = entry.inclusion_proof.as_ref().ok_or(VerifyError::Incomplete)?;
    let checkpoint = proof.checkpoint.checkpoint().ok_or(VerifyError::Incomplete)?;
    let id = Sha256Hash::try_from(stated).ok();
    let key = id.and_then(|id| keys.key(&id));
    let is_signed = key.is_some_and(|key| {
        let note = checkpoint.signed_data();
        checkpoint.signatures().iter().any(|signed| key.verify(note, &signed.signature).is_ok())
    });
    if !is_signed {
        return Err(VerifyError::Log { stated: log_id });
    }
    if id.and_then(|id| keys.key_at(&id, signed_at)).is_none() {
        return Err(VerifyError::LogWindow { at: signed_at });
    }
    let index = match entry.kind_version {
        KindVersion::HashedRekordV002 => entry.log_index.get(),
        _ => proof.log_index.get(),
    };
    Ok(LogEntry { log_id, index })
}
