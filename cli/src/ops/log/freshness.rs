//! Whether a checkpoint is new enough to say what there is.
//!
//! Whoever stands between us and a registry cannot change what the log signed,
//! but can show what it signed long ago. So a log signs its checkpoint at least
//! hourly, with the time, and an old one is as good as none.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::SignedCheckpoint;

use super::Distrust;

/// The age at which a checkpoint is warned of.
const WARN_AGE: SignedDuration = SignedDuration::from_hours(24);
/// The age at which it is refused: a long week-end of a registry that cannot sign.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far ahead of our clock its time may be.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// Checks when `checkpoint` was signed. What it gives is a warning, if it is due.
pub(super) fn check(
    checkpoint: &SignedCheckpoint,
    now: Timestamp,
) -> Result<Option<String>, Distrust> {
    let signed_at = checkpoint.signed_at().ok_or(Distrust::Undated)?;
    let age = now.duration_since(signed_at);
    if age < -MAX_AHEAD {
        return Err(Distrust::Ahead { signed_at, now });
    }
    if age > MAX_AGE {
        return Err(Distrust::Stale { signed_at, age, max_age: MAX_AGE });
    }
    Ok((age > WARN_AGE).then(|| {
        let hours = age.as_hours();
        format!("the registry's log was last signed {hours} h ago; what is newer is not shown")
    }))
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Coded as _;
    use mcpkg_core::log::{Checkpoint, LogTrust, SignedNote, SigningKey, Tree};

    use super::*;

    #[test]
    fn a_checkpoint_is_believed_for_a_week_and_warned_of_after_a_day() {
        let key = SigningKey::from_seed("log.example", [7; 32]).unwrap();
        let trust = LogTrust::new(key.verifier());
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let text = Checkpoint { origin: "log.example".into(), tree: Tree::empty() }.to_text();
        let signed = |age: Option<SignedDuration>| {
            let mut lines = vec![key.sign(&text)];
            lines.extend(
                age.map(|age| key.cosign(&text, u64::try_from((now - age).as_second()).unwrap())),
            );
            trust.verify_checkpoint(&SignedNote::new(text.clone(), lines).to_string()).unwrap()
        };
        let (hour, second) = (SignedDuration::from_hours(1), SignedDuration::from_secs(1));
        for (age, found) in [
            (Some(SignedDuration::ZERO), Ok(false)),
            (Some(hour * 24), Ok(false)),
            (Some(hour * 24 + second), Ok(true)),
            (Some(hour * 24 * 7), Ok(true)),
            (Some(hour * 24 * 7 + second), Err("E_STALE")),
            (Some(-hour), Ok(false)),
            (Some(-hour - second), Err("E_STALE")),
            (None, Err("E_STALE")),
        ] {
            let warned = check(&signed(age), now).map(|warning| warning.is_some());
            assert_eq!(warned.map_err(|error| error.code().as_str()), found, "{age:?}");
        }
    }
}
