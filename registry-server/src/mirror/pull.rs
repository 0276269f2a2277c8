//! Bytes that are fetched when somebody asks for them.
//!
//! ```text
//! fifty ask for one artifact ── one request to the source ── staging, hashed, bounded by
//! the size that is signed ── the digest is right ── its place ── all fifty are served
//! ```
//!
//! So not a byte is served before all of them are known to be right. What failed is told
//! to all who waited, and not remembered.

use std::sync::Arc;

use futures_util::stream::StreamExt as _;
use mcpkg_core::Digest;

use super::MirrorError;
use super::source::Source;
use super::upstream::{Resource, UpstreamError};
use crate::blobs::{BlobError, blocking};
use crate::config::SourceMode;
use crate::store::StoredBlob;

/// How many artifacts are looked for at once, to be fetched before anybody asks.
const PREFETCHED: u32 = 256;

impl Source {
    /// The blob of some release, fetched if it is not here; `None` if there is none.
    pub(crate) async fn blob(
        self: &Arc<Self>,
        digest: Digest,
    ) -> Result<Option<StoredBlob>, MirrorError> {
        if let Some(blob) = self.store.find_blob(digest).await? {
            return Ok(Some(blob));
        }
        let Some(size_bytes) = self.store.artifact_size(digest).await? else { return Ok(None) };
        let source = Arc::clone(self);
        let work = || async move { source.pull(digest, size_bytes).await.map_err(Arc::new) };
        self.pulls.run(digest, work).await.map(Some).map_err(MirrorError::Shared)
    }

    async fn pull(&self, digest: Digest, size_bytes: u64) -> Result<StoredBlob, MirrorError> {
        // Another source, or the registry itself, may have it.
        let blobs = self.blobs.clone();
        match blocking(move || blobs.survey_large(digest)).await {
            Ok(stored) => {
                self.store.add_blob(&stored).await?;
                return Ok(stored);
            }
            Err(BlobError::Damaged { .. }) => (),
            Err(error) => return Err(error.into()),
        }
        let upstream = self.upstream().ok_or(MirrorError::NotImported(digest))?;
        let resource = Resource::Blob(digest);
        let mut body = match upstream.open(&resource, size_bytes).await {
            Err(UpstreamError::Missing { .. }) if self.mode == SourceMode::Offline => {
                return Err(MirrorError::NotImported(digest));
            }
            other => other?,
        };
        let blobs = self.blobs.clone();
        let mut staging = blocking(move || blobs.stage()).await?;
        while let Some(chunk) = body.next().await {
            staging = staging.push(&chunk?).await?;
        }
        let staged = staging.finish().await?;
        let found = staged.digest();
        if found != digest {
            return Err(UpstreamError::Digest { expected: digest, found }.into());
        }
        let stored = staged.stored();
        let blobs = self.blobs.clone();
        blocking(move || blobs.put(staged)).await?;
        self.store.add_blob(&stored).await?;
        tracing::info!(source = %self.name, %digest, size_bytes, "fetched an artifact");
        Ok(stored)
    }

    /// Fetches artifacts that nobody has asked for yet.
    pub(super) async fn fetch_ahead(self: &Arc<Self>) -> Result<(), MirrorError> {
        loop {
            let missing = self.store.missing_artifacts(PREFETCHED).await?;
            let mut fetched = 0;
            for digest in missing {
                match self.blob(digest).await {
                    Ok(_) => fetched += 1,
                    Err(error) => match error.inner() {
                        // One that cannot be had must not keep the others back.
                        MirrorError::NotImported(_) => (),
                        MirrorError::Upstream(error) if !error.is_passing() => (),
                        _ => return Err(error),
                    },
                }
            }
            if fetched == 0 {
                return Ok(());
            }
        }
    }
}
