//! What is done for a source without anybody asking, one turn after the other.

use std::sync::Arc;
use std::time::Duration;

use super::source::Source;
use super::{MirrorError, Shelf};
use crate::blobs::blocking;

/// How often the list of what was taken down is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Keeps a source current for as long as it is polled.
pub(crate) async fn follow_for_ever(source: Arc<Source>) {
    if source.upstream().is_none() {
        return;
    }
    let mut turns = tokio::time::interval(source.refresh);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = source.take_turn().await {
            let error = error.inner() as &dyn std::error::Error;
            tracing::warn!(source = %source.name, error, "the source could not be kept current");
        }
    }
}

/// Reads again what was taken down here, for as long as it is polled.
pub(crate) async fn watch_removals(shelf: Shelf) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let removals = shelf.removals.clone();
        match blocking(move || removals.reload()).await {
            Ok(changed) => {
                if !changed.is_empty()
                    && let Err(error) = shelf.removals.tell(&shelf.store).await
                {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "lists were not told what was taken down");
                }
                for (name, version) in changed {
                    shelf.cache.invalidate(&name, Some(&version));
                    tracing::warn!(%name, %version, "what was taken down has changed");
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the list of what was taken down cannot be read");
            }
        }
    }
}

impl Source {
    /// Follows the log, learns what was taken down, and fetches what follows from both.
    pub(crate) async fn take_turn(self: &Arc<Self>) -> Result<(), MirrorError> {
        // What was taken down is learnt whether or not the log can be followed.
        let removed = self.learn_removals().await;
        self.follow().await.map_err(MirrorError::Shared)?;
        removed?;
        self.renew_indexes().await?;
        self.reconsider().await?;
        if self.prefetch {
            self.fetch_ahead().await?;
        }
        Ok(())
    }

    /// Reads what the source has taken down.
    async fn learn_removals(self: &Arc<Self>) -> Result<(), MirrorError> {
        let Some(upstream) = self.upstream() else { return Ok(()) };
        let list = upstream.removals().await?;
        let (removals, path) = (self.removals.clone(), self.folder.clone());
        let changed = blocking(move || removals.replace(&list))
            .await
            .map_err(|source| MirrorError::Write { path, source })?;
        if !changed.is_empty() {
            self.removals.tell(&self.store).await?;
        }
        for (name, version) in changed {
            self.cache.invalidate(&name, Some(&version));
            tracing::warn!(source = %self.name, %name, %version, "what was taken down has changed");
        }
        Ok(())
    }

    /// Takes over everything that the upstream has: log, indexes, bytes.
    pub(crate) async fn take_all(self: &Arc<Self>) -> Result<(), MirrorError> {
        self.learn_removals().await?;
        self.follow().await.map_err(MirrorError::Shared)?;
        self.reconsider().await?;
        self.hold_all_indexes().await?;
        self.fetch_ahead().await
    }
}
