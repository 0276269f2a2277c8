//! Reading: the documents that the registry serves.

use mcpkg_core::api::{BundleDocument, ReleaseDocument};
use mcpkg_core::{Digest, PackageName, Version};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::app::App;
use crate::blobs::{BlobError, blocking};
use crate::cache::{Document, Key};
use crate::conditional::entity_tag;
use crate::error::ApiError;
use crate::store::{Release, StoredBlob};

impl App {
    /// The index of a package.
    pub(crate) async fn index(&self, name: PackageName) -> Result<Document, ApiError> {
        let key = Key::Index(name);
        let generation = match self.cache.get(&key) {
            Ok(document) => return Ok(document),
            Err(generation) => generation,
        };
        let Key::Index(name) = &key else { return Err(ApiError::Panic) };
        let index = self.store.package_index(name).await?;
        let index = index.ok_or_else(|| ApiError::NotFound(name.to_string()))?;
        let document = document(&index)?;
        self.cache.put(key, &document, generation);
        Ok(document)
    }

    /// The document of a release.
    pub(crate) async fn release(
        &self,
        name: PackageName,
        version: Version,
    ) -> Result<Document, ApiError> {
        let key = Key::Release(name, version);
        let generation = match self.cache.get(&key) {
            Ok(document) => return Ok(document),
            Err(generation) => generation,
        };
        let Key::Release(name, version) = &key else { return Err(ApiError::Panic) };
        let release = self.find_release(name, version).await?;
        let document = document(&self.release_document(release).await?)?;
        self.cache.put(key, &document, generation);
        Ok(document)
    }

    /// The evidence of a release alone.
    pub(crate) async fn evidence(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Document, ApiError> {
        let release = self.find_release(name, version).await?;
        document(&self.bundles(&release.bundles).await?)
    }

    async fn find_release(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Release, ApiError> {
        let release = self.store.find_release(name, version).await?;
        release.ok_or_else(|| ApiError::NotFound(format!("{name}@{version}")))
    }

    /// The document of `release`, with the bytes of its small blobs.
    pub(crate) async fn release_document(
        &self,
        release: Release,
    ) -> Result<ReleaseDocument, ApiError> {
        Ok(ReleaseDocument {
            server_json: self.json(release.metadata).await?,
            evidence: self.bundles(&release.bundles).await?,
            name: release.name,
            version: release.version,
            metadata: release.metadata,
            artifacts: release.artifacts,
            publisher: release.publisher,
            published_at: release.published_at,
            status: release.status,
        })
    }

    async fn bundles(&self, digests: &[Digest]) -> Result<Vec<BundleDocument>, ApiError> {
        let mut bundles = Vec::with_capacity(digests.len());
        for &digest in digests {
            bundles.push(BundleDocument { digest, bundle: self.json(digest).await? });
        }
        Ok(bundles)
    }

    /// A blob that is JSON, byte for byte.
    async fn json(&self, digest: Digest) -> Result<Box<RawValue>, ApiError> {
        let blob = self.find_blob(digest).await?;
        let blobs = self.blobs.clone();
        Ok(blocking(move || {
            let bytes = blobs.open_now(blob)?.read()?;
            serde_json::from_slice(&bytes)
                .map_err(|_| BlobError::Damaged { digest, reason: "it is not JSON" })
        })
        .await?)
    }

    /// What is recorded of a blob.
    pub(crate) async fn find_blob(&self, digest: Digest) -> Result<StoredBlob, ApiError> {
        let blob = self.store.find_blob(digest).await?;
        blob.ok_or_else(|| ApiError::NotFound(digest.to_string()))
    }
}

fn document(value: &impl Serialize) -> Result<Document, ApiError> {
    // Our own types have no map with keys that are no strings, which is the
    // only way for this to fail.
    let body = serde_json::to_vec(value).map_err(|_| ApiError::Panic)?;
    let tag = entity_tag(Digest::of(&body));
    Ok(Document { body: body.into(), tag })
}
