//! Reading: the documents that the registry serves.

use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::api::{BundleDocument, LoggedStatement, ReleaseDocument, ReleaseLog};
use mcpkg_core::{Digest, PackageName, Version};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::blobs::{BlobError, blocking};
use crate::cache::{Document, Key};
use crate::conditional::entity_tag;
use crate::error::ApiError;
use crate::log::Receipted;
use crate::mirror::Shelf;
use crate::store::{Holder, LoggedIndex, Release, Statement, StoredBlob};

impl Shelf {
    /// The index of a package, signed at the newest tree. For a client that has
    /// `seen` a tree of some size, with the proof that this one goes on from it.
    pub(crate) async fn index(
        &self,
        name: PackageName,
        seen: Option<u64>,
    ) -> Result<Document, ApiError> {
        let document = self.index_document(name).await?;
        let Some(seen) = seen else { return Ok(document) };
        let size = document.size;
        self.with_consistency(document, seen, size).await
    }

    async fn index_document(&self, name: PackageName) -> Result<Document, ApiError> {
        self.refuse_if_silent().await?;
        self.renew();
        let key = Key::Index(name);
        for _ in 0..ATTEMPTS {
            if let Some(document) = self.index_now(&key).await? {
                return Ok(document);
            }
        }
        Err(ApiError::Moving)
    }

    /// The index at the tree that is served; `None` if that is another one by now.
    async fn index_now(&self, key: &Key) -> Result<Option<Document>, ApiError> {
        // First the snapshot and then the list. What is in the snapshot's tree was
        // applied before it was served, so the list has it; what is in the list and
        // not in the tree is left out, or whoever is shown it would see the log go
        // back when the next answer is of the tree that everybody else is shown.
        let snapshot = self.log.served();
        let missing = match self.cache.get(key, snapshot.id) {
            Ok(document) => return Ok(Some(document)),
            Err(missing) => missing,
        };
        let Key::Index(name) = key else { return Err(ApiError::Panic) };
        let listing = match missing.listing {
            Some(listing) => listing,
            None => self.listing(name).await?,
        };
        let size = snapshot.tree.size;
        let now = Timestamp::now();
        let Some(log) = self.sign(&listing, &snapshot).await? else { return Ok(None) };
        let Some((mut index, expires)) = listing.at(size, now, log) else {
            return Err(ApiError::NotFound(name.to_string()));
        };
        index.bindings = self.logged_statements(listing.announcements(size)).await?;
        index.withheld = self.withheld(&listing.name).await?;
        let mut document = document(&index, size, Some(snapshot.id))?;
        let until = self.not_admitted(&listing.name).await?.1;
        document.expires = expires.into_iter().chain(until).min();
        document.listing = Some(listing);
        self.cache.put(key.clone(), &document, missing.generation);
        Ok(Some(document))
    }

    /// Everything that was logged about a package. A source is looked at for one that is
    /// not known, and is not told which.
    async fn listing(&self, name: &PackageName) -> Result<Arc<LoggedIndex>, ApiError> {
        if let Some(listing) = self.store.package_index(name).await? {
            return Ok(Arc::new(listing));
        }
        let Some(source) = self.source() else { return Err(self.no_package(name).await?) };
        source.look_for_news().await;
        let listing = self.store.package_index(name).await?;
        Ok(Arc::new(listing.ok_or_else(|| ApiError::NotFound(name.to_string()))?))
    }

    /// What to say where there is no package of ours: whether something unsigned is listed.
    async fn no_package(&self, name: &PackageName) -> Result<ApiError, ApiError> {
        Ok(match self.store.holder(name).await? {
            Holder::Published | Holder::Source(_) => ApiError::Unsigned(name.to_string()),
            Holder::Nobody | Holder::Signed | Holder::Mirrored(_) => {
                ApiError::NotFound(name.to_string())
            }
        })
    }

    /// Statements with their proofs, as they are served.
    async fn logged_statements(
        &self,
        statements: Vec<Statement>,
    ) -> Result<Vec<LoggedStatement>, ApiError> {
        let mut logged = Vec::with_capacity(statements.len());
        for statement in statements {
            logged.push(self.logged_statement(statement).await?);
        }
        Ok(logged)
    }

    /// A statement with the proof that it is logged.
    pub(crate) async fn logged_statement(
        &self,
        Statement { index, bundle: digest }: Statement,
    ) -> Result<LoggedStatement, ApiError> {
        let log = self.log.clone();
        let Receipted { leaf, receipt, .. } = blocking(move || log.receipt(index)).await?;
        let entry = serde_json::from_slice(&leaf).map_err(|_| ApiError::Panic)?;
        let bundle = BundleDocument { digest, bundle: self.json(digest).await? };
        Ok(LoggedStatement { entry, receipt: receipt.to_string(), bundle })
    }

    /// The document of a release. For a client that has accepted a checkpoint of the
    /// size `at`, with the proof that it goes on from the receipt's.
    pub(crate) async fn release(
        &self,
        name: PackageName,
        version: Version,
        at: Option<u64>,
    ) -> Result<Document, ApiError> {
        let document = self.whole_release(name, version).await?;
        let Some(at) = at else { return Ok(document) };
        let size = document.size;
        self.with_consistency(document, size, at).await
    }

    async fn whole_release(
        &self,
        name: PackageName,
        version: Version,
    ) -> Result<Document, ApiError> {
        self.refuse_if_silent().await?;
        self.renew();
        let key = Key::Release(name, version);
        let generation = match self.cache.get(&key, 0) {
            Ok(document) => return Ok(document),
            Err(missing) => missing.generation,
        };
        let Key::Release(name, version) = &key else { return Err(ApiError::Panic) };
        let release = self.find_release(name, version).await?;
        let (release, size) = self.release_document(release).await?;
        let mut document = document(&release, size, None)?;
        document.expires = self.not_admitted(name).await?.1;
        self.cache.put(key, &document, generation);
        Ok(document)
    }

    /// Forgets documents that were made with other policies or advisories.
    fn renew(&self) {
        if let Some(admission) = &self.admission {
            self.cache.renew(admission.edition());
        }
    }

    /// Adds to a document, which ends with what the log says, the proof that the tree
    /// of size `old` is the start of that of size `new`; nothing if there is none.
    async fn with_consistency(
        &self,
        document: Document,
        old: u64,
        new: u64,
    ) -> Result<Document, ApiError> {
        let log = self.log.clone();
        let Some(proof) = blocking(move || log.consistency(old, new)).await? else {
            return Ok(document);
        };
        let proof = serde_json::to_vec(&proof).map_err(|_| ApiError::Panic)?;
        let mut body = document.body.to_vec();
        let end = body.len().checked_sub(END.len()).filter(|&end| body[end..] == *END);
        body.truncate(end.ok_or(ApiError::Panic)?);
        body.extend(b",\"consistency\":");
        body.extend(proof);
        body.extend(END);
        let tag = entity_tag(Digest::of(&body));
        Ok(Document { body: body.into(), tag, ..document })
    }

    /// The evidence of a release alone.
    pub(crate) async fn evidence(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Document, ApiError> {
        let release = self.find_release(name, version).await?;
        document(&self.bundles(&release.bundles).await?, 0, None)
    }

    pub(crate) async fn find_release(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Release, ApiError> {
        self.refuse_withheld(name, version).await?;
        let release = self.store.find_release(name, version).await?;
        // The copy of a log is in the database before it is served.
        let release = release.filter(|release| release.entry < self.log.newest_size());
        release.ok_or_else(|| ApiError::NotFound(format!("{name}@{version}")))
    }

    /// The document of `release`, with the bytes of its small blobs and the receipt,
    /// and the size of the receipt's tree.
    pub(crate) async fn release_document(
        &self,
        release: Release,
    ) -> Result<(ReleaseDocument, u64), ApiError> {
        let (log, entry) = (self.log.clone(), release.entry);
        let Receipted { leaf, receipt, size } = blocking(move || log.receipt(entry)).await?;
        let entry = serde_json::from_slice(&leaf).map_err(|_| ApiError::Panic)?;
        let mut statements = self.store.statements(&release.name, &release.version).await?;
        statements.retain(|statement| statement.index < self.log.newest_size());
        let statements = self.logged_statements(statements).await?;
        let document = ReleaseDocument {
            server_json: self.json(release.metadata).await?,
            evidence: self.bundles(&release.bundles).await?,
            name: release.name,
            version: release.version,
            metadata: release.metadata,
            artifacts: release.artifacts,
            publisher: release.publisher,
            published_at: release.published_at,
            status: release.status,
            statements,
            log: ReleaseLog { entry, receipt: receipt.to_string(), consistency: None },
        };
        Ok((document, size))
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

    /// What is recorded of a blob that is here.
    pub(crate) async fn find_blob(&self, digest: Digest) -> Result<StoredBlob, ApiError> {
        let blob = self.store.find_blob(digest).await?;
        blob.ok_or_else(|| ApiError::NotFound(digest.to_string()))
    }
}

/// How often the log may go on while an index is made.
const ATTEMPTS: usize = 4;

/// How the documents end that a proof can be added to: `log` is their last member,
/// and in it `consistency` would be.
const END: &[u8] = b"}}";

fn document(
    value: &impl Serialize,
    size: u64,
    snapshot: Option<u64>,
) -> Result<Document, ApiError> {
    // Our own types have no map with keys that are no strings, which is the
    // only way for this to fail.
    let body = serde_json::to_vec(value).map_err(|_| ApiError::Panic)?;
    let tag = entity_tag(Digest::of(&body));
    Ok(Document { body: body.into(), tag, size, snapshot, expires: None, listing: None })
}
