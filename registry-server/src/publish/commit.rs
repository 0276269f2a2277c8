//! Making a verified release visible.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mcpkg_core::Digest;

use super::verify::Verified;
use super::{Metadata, PublishError};
use crate::app::App;
use crate::blobs::{Staged, blocking};
use crate::failpoint;
use crate::log::{LogError, Logged};
use crate::store::{Bar, Change, NewRelease, Release};

/// What became of a publish.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The release, whoever made it.
    pub(crate) release: Release,
    /// Whether it was made now.
    pub(crate) is_new: bool,
}

impl App {
    /// Stores a release, whether the client still waits for it or not.
    pub(super) async fn commit(&self, verified: Verified) -> Result<Outcome, PublishError> {
        let app = self.clone();
        match tokio::spawn(async move { app.commit_now(verified).await }).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(PublishError::Busy),
            },
        }
    }

    async fn commit_now(&self, verified: Verified) -> Result<Outcome, PublishError> {
        let Metadata { server, .. } = &verified.metadata;
        if let Some(release) = self.store.find_release(server.name(), server.version()).await? {
            return self.repeat(release, verified).await;
        }
        let release = new_release(&verified, Timestamp::now());
        let Verified { metadata, bundles, artifacts, evidence, authority, .. } = verified;
        let bundles = bundles.into_iter().map(|bundle| bundle.staged);
        let Metadata { server, staged } = metadata;
        let all = std::iter::once(staged).chain(bundles);
        self.put_all(all.chain(artifacts.into_iter().map(|(_, staged)| staged)).collect()).await?;

        match self.submit(Change::Release(release.clone())).await? {
            Logged::New(_) => {
                let found = self.store.find_release(&release.name, &release.version).await?;
                let release = found.ok_or_else(|| Arc::new(LogError::Stopping))?;
                Ok(Outcome { release, is_new: true })
            }
            Logged::Barred(Bar::Exists(found)) if is_same(&found, &release) => {
                Ok(Outcome { release: *found, is_new: false })
            }
            Logged::Barred(Bar::Exists(found)) => Err(PublishError::other_content(&found)),
            Logged::Barred(Bar::Lookalike(existing)) => {
                Err(PublishError::Lookalike { name: release.name, existing })
            }
            Logged::Barred(Bar::Bound(bound)) => {
                let digests: Vec<Digest> =
                    release.artifacts.iter().map(|artifact| artifact.digest).collect();
                let authority = authority.as_ref();
                self.judge(&server, &digests, &evidence, Some(&bound), authority)?;
                Err(PublishError::Busy)
            }
            Logged::Barred(Bar::OverQuota(over)) => {
                Err(PublishError::over_quota(&release.name, over))
            }
            // These are said of statements alone.
            Logged::Barred(
                Bar::Stated(_) | Bar::Conflict(_) | Bar::Unknown | Bar::Already | Bar::TooMany(_),
            ) => Err(PublishError::Busy),
        }
    }

    /// Hands a change to the log, which answers when a checkpoint covers it.
    pub(crate) async fn submit(&self, change: Change) -> Result<Logged, Arc<LogError>> {
        let seconds = self.limits.log_seconds;
        let submitted = self.sequencer.submit(change);
        match tokio::time::timeout(Duration::from_secs(seconds), submitted).await {
            Ok(logged) => logged,
            // It goes on without us, and the same request finds what became of it.
            Err(_) => Err(Arc::new(LogError::Slow(seconds))),
        }
    }

    /// Answers for a release that exists: with it if it has the same content,
    /// whatever the evidence. Its blobs are put again, in case one rotted.
    async fn repeat(&self, release: Release, verified: Verified) -> Result<Outcome, PublishError> {
        if !is_same(&release, &new_release(&verified, release.published_at)) {
            return Err(PublishError::other_content(&release));
        }
        let Verified { metadata, bundles, artifacts, .. } = verified;
        let known = bundles.into_iter().map(|bundle| bundle.staged);
        let known = known.filter(|staged| release.bundles.contains(&staged.digest()));
        let all = std::iter::once(metadata.staged).chain(known);
        self.put_all(all.chain(artifacts.into_iter().map(|(_, staged)| staged)).collect()).await?;
        Ok(Outcome { release, is_new: false })
    }

    pub(crate) async fn put_all(&self, all: Vec<Staged>) -> Result<(), PublishError> {
        let blobs = self.blobs.clone();
        blocking(move || {
            for staged in all {
                blobs.put(staged)?;
                failpoint::hit("blob-stored");
            }
            Ok(())
        })
        .await
    }
}

/// Whether two releases of one version are the same: the signed document, and
/// what is installed. Which bundles prove it may differ.
fn is_same(found: &Release, wanted: &NewRelease) -> bool {
    let digests = |artifacts: &[mcpkg_core::api::Artifact]| -> BTreeSet<Digest> {
        artifacts.iter().map(|artifact| artifact.digest).collect()
    };
    found.metadata == wanted.metadata && digests(&found.artifacts) == digests(&wanted.artifacts)
}

/// What to store of a release.
fn new_release(verified: &Verified, now: Timestamp) -> NewRelease {
    let Verified { metadata, bundles, artifacts, publisher, authority, .. } = verified;
    let server = &metadata.server;
    let staged = std::iter::once(&metadata.staged)
        .chain(bundles.iter().map(|bundle| &bundle.staged))
        .chain(artifacts.iter().map(|(_, staged)| staged));
    // The same bundle twice is one bundle.
    let mut seen = BTreeSet::new();
    let bundles = bundles.iter().map(|bundle| bundle.staged.digest());
    NewRelease {
        name: server.name().clone(),
        version: server.version().clone(),
        title: server.title().unwrap_or_default().to_owned(),
        description: server.description().to_owned(),
        server_json: String::from_utf8_lossy(server.canonical()).into_owned(),
        metadata: server.digest(),
        artifacts: artifacts.iter().map(|(artifact, _)| artifact.clone()).collect(),
        bundles: bundles.filter(|&digest| seen.insert(digest)).collect(),
        blobs: staged.map(Staged::stored).collect(),
        publisher: publisher.clone(),
        authority: authority.clone(),
        published_at: now,
    }
}
