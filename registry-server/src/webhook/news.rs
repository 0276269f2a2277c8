//! What happens outside of the tables: other policies, a source that is no longer
//! followed, a release that an operator takes down.
//!
//! What happens in a table is written down by the transaction in which it happens. This is
//! found out by looking. That a source has stopped is in the database until it goes on, so
//! that a start in between tells neither again. What was taken down stands in a file that the operator's command
//! writes, perhaps while no server runs; it is told for some days after it happened, always
//! as the same message, so that a start in between forgets nothing and repeats nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::Code;
use mcpkg_core::api::{Removal, Removals, SourceDocument};
use serde_json::json;

use crate::app::App;
use crate::config::EventKind;
use crate::policy::Policies;
use crate::store::{Event, StoreError};

/// For how long it is told that something was taken down: for less than it is remembered
/// that it was delivered.
const TOLD: SignedDuration = SignedDuration::from_hours(24 * 6);

/// What was told already.
#[derive(Debug)]
pub(super) struct News {
    policies: Arc<Policies>,
    /// What was seen last of each source.
    sources: BTreeMap<String, Following>,
    /// What was taken down, by the source; of the registry itself, by `None`.
    removals: BTreeMap<Option<String>, Arc<Removals>>,
}

/// Whether a source is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// It is.
    GoesOn,
    /// It told something else than before.
    Stopped(Code),
}

impl News {
    /// Nothing, but for the policies that the server has started with.
    pub(super) fn since_start(app: &App) -> Self {
        let policies = app.engine.policies();
        Self { policies, sources: BTreeMap::new(), removals: BTreeMap::new() }
    }

    /// Writes down that other policies are in force, and which sources have lied, or do so
    /// no longer.
    pub(super) async fn write_down(&mut self, app: &App) -> Result<(), StoreError> {
        let policies = app.engine.policies();
        if !Arc::ptr_eq(&policies, &self.policies) {
            let data = json!({ "policies": policies.notes().len() });
            let kind = EventKind::PolicyReloaded.as_str();
            app.store.add_event(kind, Timestamp::now(), &data).await?;
            self.policies = policies;
        }
        for source in app.mirror.sources() {
            let name = source.name().to_string();
            let document = source.document().await.ok();
            let Some(following) = document.as_ref().and_then(following) else { continue };
            if self.sources.get(&name) == Some(&following) {
                continue;
            }
            match following {
                Following::GoesOn => app.store.source_resumed(&name).await?,
                Following::Stopped(code) => {
                    app.store.source_stopped(&name, code, Timestamp::now()).await?;
                }
            }
            self.sources.insert(name, following);
        }
        Ok(())
    }

    /// Whether everything on this list was told.
    pub(super) fn has_told(&self, source: Option<&String>, list: &Arc<Removals>) -> bool {
        self.removals.get(&source.cloned()).is_some_and(|told| Arc::ptr_eq(told, list))
    }

    /// Remembers that it was.
    pub(super) fn tell(&mut self, source: Option<&String>, list: Arc<Removals>) {
        self.removals.insert(source.cloned(), list);
    }
}

/// Whether a source is followed; nothing where it was not asked since the start, or did not
/// answer: then what was known before still holds.
fn following(document: &SourceDocument) -> Option<Following> {
    match (document.problem, document.followed_at) {
        (Some(code @ (Code::LogFork | Code::Rollback)), _) => Some(Following::Stopped(code)),
        (None, Some(_)) => Some(Following::GoesOn),
        _ => None,
    }
}

/// What was taken down lately, each the same event whenever this is asked.
pub(super) fn removed(list: &Removals, now: Timestamp) -> Vec<Event> {
    let since = now.saturating_sub(TOLD).unwrap_or(Timestamp::MIN);
    let event = |it: &Removal| Event {
        // No row has this number.
        number: 0,
        kind: EventKind::Removed.as_str().to_owned(),
        at: it.removed_at,
        data: json!({ "name": it.name, "version": it.version, "reason": it.reason }),
    };
    list.removals.iter().filter(|it| it.removed_at > since).map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_down_is_told_for_some_days_and_always_the_same() {
        let now: Timestamp = "2026-11-10T00:00:00Z".parse().unwrap();
        let removal = |at: &str| Removal {
            name: "io.github.acme/weather".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            reason: "stolen".to_owned(),
            removed_at: at.parse().unwrap(),
        };
        let list = Removals {
            removals: vec![removal("2026-11-03T23:59:59Z"), removal("2026-11-09T00:00:00Z")],
        };
        let told = removed(&list, now);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].data["reason"], "stolen");
        let later = now + SignedDuration::from_hours(1);
        assert_eq!(removed(&list, later), told);
    }
}
