//! Policies that change while the server runs.
//!
//! The files are looked at every few seconds, and at once on SIGHUP. What changed is
//! only read when it has stopped changing: a file that an editor is still writing may
//! parse, and lack the `forbid` at its end. Policies that are not valid change nothing:
//! those in force stay, the log says why, and so does `/readyz`.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::load::{Policies, PolicyError, texts};
use super::{Engine, Watch};
use crate::app::App;
use crate::blobs::blocking;
use crate::hangup::Hangups;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What became of a look at the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reloaded {
    /// They are as they were.
    Unchanged,
    /// They have changed since the last look, and may go on changing.
    Changing,
    /// What they say is in force now.
    Loaded,
    /// They cannot be used, and what was in force stays.
    Refused,
}

/// When a change is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// When two looks have found the same.
    Settled,
    /// Now: somebody says that it is complete.
    AtOnce,
}

impl Engine {
    /// Looks at the files, and takes what has changed. Reads files, so it blocks.
    pub(crate) fn look(&self, patience: Patience) -> Reloaded {
        let found = texts(&self.source);
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match found {
            Ok(found) => found,
            Err(error) => return refuse(&mut watch.refused, &error),
        };
        if found == *self.policies().texts() {
            if std::mem::take(&mut *watch).refused.is_some() {
                tracing::info!("the policies are again those in force");
            }
            return Reloaded::Unchanged;
        }
        if watch.tried.as_ref() == Some(&found) {
            return Reloaded::Unchanged;
        }
        if patience == Patience::Settled && watch.seen.as_ref() != Some(&found) {
            watch.seen = Some(found);
            return Reloaded::Changing;
        }
        match Policies::parse(found.clone()) {
            Ok(policies) => {
                let count = policies.notes().len();
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policies);
                *watch = Watch::default();
                tracing::info!(policies = count, "the policies were reloaded");
                Reloaded::Loaded
            }
            Err(error) => {
                watch.tried = Some(found);
                refuse(&mut watch.refused, &error)
            }
        }
    }
}

fn refuse(refused: &mut Option<String>, error: &PolicyError) -> Reloaded {
    let reason = error.to_string();
    if refused.as_ref() == Some(&reason) {
        return Reloaded::Unchanged;
    }
    *refused = Some(reason);
    let cause = error as &dyn std::error::Error;
    tracing::error!(error = cause, "the policies cannot be used; those before stay in force");
    Reloaded::Refused
}

/// Keeps the policies as their files have them.
pub(crate) async fn reload_for_ever(app: App, mut hangups: Hangups) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let patience = tokio::select! {
            _ = ticks.tick() => Patience::Settled,
            () = hangups.next() => Patience::AtOnce,
        };
        let app = app.clone();
        blocking(move || Ok::<_, std::convert::Infallible>(app.engine.look(patience))).await.ok();
    }
}
