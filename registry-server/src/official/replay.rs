//! Proofs that were used, for as long as they could be used again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use mcpkg_core::Digest;

use super::error::OfficialError;

/// The most that are remembered: a day of one a second. Beyond, nobody gets in, which
/// is better than to forget.
const MAX_PROOFS: usize = 86_400;

/// Which proofs were used. A restart forgets them, and with them the key of every
/// token that they were exchanged for; what is left is their own short life.
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<HashMap<Digest, Timestamp>>);

impl Used {
    /// Uses the proof of this digest, which counts until `until`.
    pub(super) fn once(
        &self,
        proof: Digest,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), OfficialError> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MAX_PROOFS {
            used.retain(|_, until| *until >= now);
        }
        if used.len() >= MAX_PROOFS || used.get(&proof).is_some_and(|until| *until >= now) {
            return Err(OfficialError::Replay);
        }
        used.insert(proof, until);
        Ok(())
    }
}
