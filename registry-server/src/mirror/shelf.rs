//! What documents are served from: the registry's own releases, or those of a source.
//!
//! Both are a log, an index of it and bytes, and are served by the same code. They differ
//! in who signs the index of a package: a log of our own is signed here, and for a
//! source's there is what the source has signed.

use std::sync::Arc;

use mcpkg_core::api::{IndexLog, Removals, SignedIndexes, WithheldRelease};
use mcpkg_core::log::IndexedEntry;
use mcpkg_core::{Digest, PackageName, Version};

use super::{RemovalList, Source};
use crate::admission::Admission;
use crate::blobs::Blobs;
use crate::cache::Cache;
use crate::error::ApiError;
use crate::log::{Log, Signer, Snapshot};
use crate::store::{LoggedIndex, Store, StoredBlob};

/// Releases that are served below one address. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    /// What is published.
    pub(crate) store: Store,
    /// The bytes of it.
    pub(crate) blobs: Blobs,
    /// Documents that were asked for lately.
    pub(crate) cache: Arc<Cache>,
    /// What was accepted.
    pub(crate) log: Log,
    /// What was taken down.
    pub(crate) removals: RemovalList,
    /// What decides which of it is given out.
    pub(crate) admission: Option<Arc<Admission>>,
    origin: Origin,
}

/// Whose releases they are.
#[derive(Clone, Debug)]
enum Origin {
    /// This registry's own.
    Own(Signer),
    /// A source's.
    Source(Arc<Source>),
}

impl Shelf {
    /// The registry's own releases.
    pub(crate) fn own(
        store: Store,
        blobs: Blobs,
        cache: Arc<Cache>,
        log: Log,
        signer: Signer,
        removals: RemovalList,
    ) -> Self {
        let origin = Origin::Own(signer);
        Self { store, blobs, cache, log, removals, admission: None, origin }
    }

    /// Those of a source.
    pub(crate) fn of_source(source: Arc<Source>) -> Self {
        Self {
            store: source.store.clone(),
            blobs: source.blobs.clone(),
            cache: Arc::clone(&source.cache),
            log: source.log.clone(),
            removals: source.removals.clone(),
            admission: None,
            origin: Origin::Source(source),
        }
    }

    /// The same, of which only what `admission` admits is given out.
    #[must_use]
    pub(crate) fn guarded_by(self, admission: &Arc<Admission>) -> Self {
        Self { admission: Some(Arc::clone(admission)), ..self }
    }

    /// The source that these are from, unless they are our own.
    pub(crate) fn source(&self) -> Option<&Arc<Source>> {
        match &self.origin {
            Origin::Own(_) => None,
            Origin::Source(source) => Some(source),
        }
    }

    /// Refuses to serve what may be too old.
    pub(crate) async fn refuse_if_silent(&self) -> Result<(), ApiError> {
        match self.source() {
            None => Ok(()),
            Some(source) => Ok(source.refuse_if_silent().await?),
        }
    }

    /// What the log says of a package at `snapshot`; `None` if another one is served by
    /// now.
    pub(crate) async fn sign(
        &self,
        listing: &LoggedIndex,
        snapshot: &Snapshot,
    ) -> Result<Option<IndexLog>, ApiError> {
        let index = match &self.origin {
            Origin::Own(signer) => {
                let entries = before(&listing.entries, snapshot.tree.size);
                Some(signer.sign_index(&listing.name, entries, snapshot.tree))
            }
            Origin::Source(source) => source.index_at(&listing.name, snapshot).await?,
        };
        let checkpoint = || snapshot.checkpoint.clone();
        Ok(index.map(|index| IndexLog { index, checkpoint: checkpoint(), consistency: None }))
    }

    /// The signed indexes of these packages, all of one tree. What is not known is left
    /// out.
    pub(crate) async fn signed_indexes(
        &self,
        names: &[PackageName],
    ) -> Result<SignedIndexes, ApiError> {
        let signer = match &self.origin {
            Origin::Own(signer) => signer.clone(),
            Origin::Source(source) => return Ok(source.indexes(names).await?),
        };
        // First the snapshot: what it has was applied before it was served.
        let snapshot = self.log.served();
        let known = self.store.entries_of(names).await?;
        crate::blobs::blocking(move || {
            let size = snapshot.tree.size;
            let indexes = known
                .into_iter()
                .map(|(name, entries)| (name, before(&entries, size)))
                .filter(|(_, entries)| !entries.is_empty())
                .map(|(name, entries)| signer.sign_index(&name, entries, snapshot.tree))
                .collect();
            Ok(SignedIndexes { checkpoint: snapshot.checkpoint.clone(), indexes })
        })
        .await
    }

    /// Everything that was taken down.
    pub(crate) fn all_removals(&self) -> Arc<Removals> {
        self.removals.all()
    }

    /// Which releases of a package are not given out.
    pub(crate) async fn withheld(
        &self,
        name: &PackageName,
    ) -> Result<Vec<WithheldRelease>, ApiError> {
        let mut withheld = self.removals.of_package(name);
        if self.source().is_some() {
            withheld.extend(self.store.withheld(name).await?);
        }
        for denied in self.not_admitted(name).await?.0 {
            if !withheld.iter().any(|it| it.version == denied.version) {
                withheld.push(denied);
            }
        }
        Ok(withheld)
    }

    /// Whether an operator, or the source, has taken a release down.
    pub(crate) fn has_taken_down(&self, name: &PackageName, version: &str) -> bool {
        let all = self.removals.all();
        all.removals.iter().any(|it| it.name == *name && it.version.to_string() == version)
    }

    /// Whether a release is given out.
    pub(crate) async fn gives_out(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<bool, ApiError> {
        let withheld = self.withheld(name).await?;
        Ok(!withheld.iter().any(|it| it.version == *version))
    }

    /// Refuses a release that is not given out.
    pub(crate) async fn refuse_withheld(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<(), ApiError> {
        let withheld = self.withheld(name).await?.into_iter().find(|it| it.version == *version);
        withheld.map_or(Ok(()), |withheld| Err(ApiError::Withheld(Box::new(withheld))))
    }

    /// What is recorded of a blob that is given out, fetched from its source if it is not
    /// here.
    pub(crate) async fn blob(&self, digest: Digest) -> Result<StoredBlob, ApiError> {
        self.refuse_withheld_blob(digest).await?;
        let blob = match &self.origin {
            Origin::Own(_) => self.store.find_blob(digest).await?,
            Origin::Source(source) => source.blob(digest).await?,
        };
        blob.ok_or_else(|| ApiError::NotFound(digest.to_string()))
    }

    /// Refuses a blob if no release that has it is given out.
    async fn refuse_withheld_blob(&self, digest: Digest) -> Result<(), ApiError> {
        let is_open = self.source().is_none() && !self.is_judged();
        if is_open && self.removals.all().removals.is_empty() {
            return Ok(());
        }
        let mut refused = None;
        for (name, version) in self.store.releases_with(digest).await? {
            match self.refuse_withheld(&name, &version).await {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

/// The entries that a tree of `size` has.
fn before(entries: &[IndexedEntry], size: u64) -> Vec<IndexedEntry> {
    entries.iter().filter(|entry| entry.index < size).cloned().collect()
}
