//! Proofs that were shown.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mcpkg_core::Digest;

use super::dpop::{LEEWAY_SECONDS, MAX_AGE_SECONDS};

/// For how long a proof is remembered: for as long as it could be shown again.
const REMEMBERED: Duration = Duration::from_secs((MAX_AGE_SECONDS + 2 * LEEWAY_SECONDS) as u64);

/// How many are remembered. Only those get here that go with a token of ours; more in
/// a minute, and some are refused.
const MOST: usize = 200_000;

/// What a proof is known again by: its key and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen(Digest);

impl Seen {
    pub(super) fn new(key: &str, id: &str) -> Self {
        // A thumbprint has one length, so no two pairs are one text.
        Self(Digest::of(format!("{key} {id}").as_bytes()))
    }
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// It was not shown before.
    New,
    /// It was.
    Again,
    /// There is no room to remember it, so it must not be taken.
    Full,
}

/// Proofs that were shown, for as long as they could be shown again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    /// When each was shown.
    at: BTreeMap<Seen, Instant>,
    swept: Option<Instant>,
}

impl Replays {
    /// Remembers a proof that is shown at `now`.
    pub(super) fn remember(&self, seen: Seen, now: Instant) -> Remembered {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = shown.swept.is_none_or(|swept| now.duration_since(swept) > REMEMBERED);
        if is_due || shown.at.len() >= MOST {
            shown.at.retain(|_, at| now.duration_since(*at) <= REMEMBERED);
            shown.swept = Some(now);
        }
        if shown.at.contains_key(&seen) {
            return Remembered::Again;
        }
        if shown.at.len() >= MOST {
            return Remembered::Full;
        }
        shown.at.insert(seen, now);
        Remembered::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_remembered_for_as_long_as_it_could_be_shown() {
        let (replays, now) = (Replays::default(), Instant::now());
        let seen = Seen::new("key", "a");
        assert_eq!(replays.remember(seen, now), Remembered::New);
        let last = now + Duration::from_secs((MAX_AGE_SECONDS + LEEWAY_SECONDS).unsigned_abs());
        assert_eq!(replays.remember(seen, last), Remembered::Again);
        assert_eq!(replays.remember(Seen::new("key", "b"), last), Remembered::New);
        assert_eq!(replays.remember(Seen::new("other", "a"), last), Remembered::New);
        assert_eq!(replays.remember(seen, last + REMEMBERED * 2), Remembered::New);
    }

    #[test]
    fn what_cannot_be_remembered_is_not_taken() {
        let (replays, now) = (Replays::default(), Instant::now());
        for id in 0..MOST {
            let seen = Seen::new("key", &id.to_string());
            assert_eq!(replays.remember(seen, now), Remembered::New);
        }
        assert_eq!(replays.remember(Seen::new("key", "more"), now), Remembered::Full);
        let later = now + REMEMBERED * 2;
        assert_eq!(replays.remember(Seen::new("key", "more"), later), Remembered::New);
    }
}
