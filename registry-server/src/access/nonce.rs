//! Nonces: that a proof was made now.
//!
//! When a proof was made is its maker's word. Whoever gets at a key for a moment can make
//! proofs for all of next week, and after a restart nobody remembers which were shown. A
//! proof that has to contain something that only this server can have said, and only
//! lately, ends both.
//!
//! Nothing is kept of those that were given out. The nonce of a period is the MAC of its
//! number, with a key that is made at each start, so nobody can say the next one, and what
//! another start gave out is worth nothing. It is taken for the period that it was given
//! out in and for the next: whoever got it at the very end has time to use it.
//!
//! Source: RFC 9449, sections 8, 9 and 11.3.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::dpop::MAX_AGE_SECONDS;

/// How long a nonce is the one that is given out. As long as a proof is good by its own
/// time: with less, what is old would be known by the nonce alone, and clients with many
/// requests would be sent back more often.
const PERIOD: Duration = Duration::from_secs(MAX_AGE_SECONDS.unsigned_abs());

/// What is given out, and taken.
#[derive(Debug)]
pub(super) struct Nonces {
    key: hmac::Key,
    since: Instant,
}

/// When a nonce was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// In this period.
    Now,
    /// In the one before: it is taken, and there is a newer one.
    Before,
    /// Longer ago, or by nobody here.
    Never,
}

impl Nonces {
    /// Those of a server that starts at `now`. Fails if the system has no randomness.
    pub(super) fn generate(now: Instant) -> Result<Self, getrandom::Error> {
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*secret), since: now })
    }

    /// The nonce that is given out at `now`.
    pub(super) fn current(&self, now: Instant) -> String {
        let tag = hmac::sign(&self.key, &self.period(now).to_be_bytes());
        URL_SAFE_NO_PAD.encode(tag)
    }

    /// When `nonce` was given out, seen from `now`.
    pub(super) fn given(&self, nonce: &str, now: Instant) -> Given {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(nonce) else { return Given::Never };
        let period = self.period(now);
        let is_of = |period: u64| hmac::verify(&self.key, &period.to_be_bytes(), &tag).is_ok();
        if is_of(period) {
            Given::Now
        } else if period.checked_sub(1).is_some_and(is_of) {
            Given::Before
        } else {
            Given::Never
        }
    }

    fn period(&self, now: Instant) -> u64 {
        now.duration_since(self.since).as_secs() / PERIOD.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_in_its_period_and_the_next() {
        let start = Instant::now();
        let nonces = Nonces::generate(start).unwrap();
        for first in [start, start + PERIOD * 7] {
            let (nonce, last) =
                (nonces.current(first), PERIOD.saturating_sub(Duration::from_millis(1)));
            assert_eq!(nonces.current(first + last), nonce);
            assert_ne!(nonces.current(first + PERIOD), nonce);
            for (after, expected) in [
                (Duration::ZERO, Given::Now),
                (last, Given::Now),
                (PERIOD, Given::Before),
                (PERIOD + last, Given::Before),
                (PERIOD * 2, Given::Never),
                (PERIOD * 9, Given::Never),
            ] {
                assert_eq!(nonces.given(&nonce, first + after), expected, "{after:?}");
            }
        }
    }

    #[test]
    fn what_nobody_gave_out_is_not_taken() {
        let start = Instant::now();
        let nonces = Nonces::generate(start).unwrap();
        let own = nonces.current(start);
        let later = nonces.current(start + PERIOD);
        let other = Nonces::generate(start).unwrap().current(start);
        for nonce in ["", "a-nonce", &own[1..], &format!("{own}A"), &later, &other] {
            assert_eq!(nonces.given(nonce, start), Given::Never, "{nonce}");
        }
    }
}
