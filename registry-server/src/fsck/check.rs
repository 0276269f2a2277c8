//! The checks, one after the other.

use std::time::{Duration, SystemTime};

use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, PackageName, Version};

use super::source::Copy;
use super::{Finding, Invariant, Report};
use crate::blobs::{BlobError, BlobFile, Blobs, blocking};
use crate::log::OpenedLog;
use crate::start_error::StorageError;
use crate::store::{Release, Store, StoreError, StoredBlob};

/// How many blobs are asked of the database at once.
pub(super) const PAGE: u32 = 1000;

/// A running server looks for leftovers once an hour, so they may be that much
/// older than their time.
const SLACK: Duration = Duration::from_hours(2);

const RESTORE: &str = "restore the file from a backup, or publish the same release again";
pub(super) const RESTORE_DATABASE: &str = "restore the database from a backup";
const START: &str = "start the server, which removes it";
const NOT_OURS: &str = "look at the file, and move it out of the data folder";

pub(super) struct Checker<'a> {
    store: &'a Store,
    blobs: &'a Blobs,
    /// The databases of sources, whose blobs are among ours.
    sources: &'a [Store],
    report: Report,
}

impl<'a> Checker<'a> {
    pub(super) fn new(store: &'a Store, blobs: &'a Blobs, sources: &'a [Store]) -> Self {
        let report = Report {
            is_sound: true,
            releases: 0,
            blobs: 0,
            entries: 0,
            unsigned: 0,
            pending: 0,
            leftovers: 0,
            findings: Vec::new(),
        };
        Self { store, blobs, sources, report }
    }

    pub(super) async fn run(
        mut self,
        log: OpenedLog,
        copies: Vec<Copy>,
        sweep_after: Duration,
        now: SystemTime,
    ) -> Result<Report, StorageError> {
        for problem in self.store.broken_pages().await? {
            self.find(Invariant::I1, "the database".to_owned(), problem, RESTORE_DATABASE);
        }
        for store in std::iter::once(self.store).chain(self.sources) {
            self.blobs(store).await?;
        }
        self.releases().await?;
        self.unsigned().await?;
        self.log(log).await?;
        for copy in copies {
            let store = copy.store.clone();
            let checked = self.source(copy).await;
            store.close().await;
            checked?;
        }
        self.files(sweep_after, now).await?;
        self.report.is_sound = self.report.findings.is_empty();
        Ok(self.report)
    }

    /// I1: every blob of a release is there, and is what its digest says.
    async fn blobs(&mut self, store: &Store) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let page = store.blobs_after(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.digest);
            for blob in page {
                self.report.blobs += 1;
                let digest = blob.digest;
                match self.hash(blob).await {
                    Ok(found) if found == digest => (),
                    Ok(_) => self.damaged(digest, "its bytes have changed"),
                    Err(BlobError::Damaged { reason, .. }) => self.damaged(digest, reason),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    async fn hash(&self, blob: StoredBlob) -> Result<Digest, BlobError> {
        let blobs = self.blobs.clone();
        blocking(move || blobs.open_now(blob)?.digest()).await
    }

    fn damaged(&mut self, digest: Digest, reason: &str) {
        self.find(Invariant::I1, digest.to_string(), reason.to_owned(), RESTORE);
    }

    /// I1: every release can be read, and is the one that was signed.
    async fn releases(&mut self) -> Result<(), StorageError> {
        for (name, version) in self.store.releases().await? {
            self.report.releases += 1;
            let subject = format!("{name}@{version}");
            let release = match self.store.find_release(&name, &version).await {
                Ok(Some(release)) => release,
                // Published releases stay, so it was there a moment ago and is.
                Ok(None) => continue,
                Err(error @ StoreError::Corrupt { .. }) => {
                    self.find(Invariant::I1, subject, error.to_string(), RESTORE_DATABASE);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match self.unlike_its_blobs(&name, &version, &release).await? {
                Ok(None) => (),
                Ok(Some(server)) => {
                    let signed = String::from_utf8_lossy(server.canonical());
                    self.list_of(&name, &version, (&release, &signed)).await?;
                }
                Err(problem) => self.find(Invariant::I1, subject, problem, RESTORE_DATABASE),
            }
        }
        Ok(())
    }

    /// The document of a release that was signed, or how the release differs from it and
    /// from the blobs it refers to. Blobs that are damaged were found before.
    async fn unlike_its_blobs(
        &self,
        name: &PackageName,
        version: &Version,
        release: &Release,
    ) -> Result<Result<Option<ServerJson>, String>, StorageError> {
        for artifact in &release.artifacts {
            let blob = self.store.find_blob(artifact.digest).await?;
            if blob.is_none_or(|blob| blob.chunks.size_bytes() != artifact.size_bytes) {
                return Ok(Err(format!("the artifact {} has another length", artifact.digest)));
            }
        }
        if release.bundles.is_empty() {
            return Ok(Err("it has no evidence".to_owned()));
        }
        let Some(blob) = self.store.find_blob(release.metadata).await? else {
            return Ok(Err("its server.json is not a blob".to_owned()));
        };
        let blobs = self.blobs.clone();
        let bytes = match blocking(move || blobs.open_now(blob)?.read()).await {
            Ok(bytes) => bytes,
            Err(BlobError::Damaged { .. }) => return Ok(Ok(None)),
            Err(error) => return Err(error.into()),
        };
        Ok(match ServerJson::read_strict(&bytes) {
            Err(_) => Err("its server.json cannot be read".to_owned()),
            Ok(server) if server.name() != name || server.version() != version => {
                Err(format!("its server.json is of {}@{}", server.name(), server.version()))
            }
            Ok(server) => Ok(Some(server)),
        })
    }

    /// I4: every file belongs to a release, or is young.
    async fn files(&mut self, sweep_after: Duration, now: SystemTime) -> Result<(), StorageError> {
        let blobs = self.blobs.clone();
        let before = now.checked_sub(sweep_after + SLACK);
        for file in blocking(move || blobs.files()).await? {
            let path = file.path.display().to_string();
            let Some(digest) = file.digest else {
                self.find(Invariant::I4, path, "it is not a blob".to_owned(), NOT_OURS);
                continue;
            };
            if self.is_needed(digest).await? {
                continue;
            }
            match modified(file).await? {
                // It was swept in this moment.
                None => (),
                // What is signed and not applied may need it.
                Some(modified)
                    if self.report.pending == 0
                        && before.is_some_and(|before| modified < before) =>
                {
                    let problem = "no release needs it, and its time is over".to_owned();
                    self.find(Invariant::I4, digest.to_string(), problem, START);
                }
                Some(_) => self.report.leftovers += 1,
            }
        }
        Ok(())
    }

    /// Whether a release refers to a blob, be it of the registry or of a source.
    async fn is_needed(&self, digest: Digest) -> Result<bool, StoreError> {
        for store in std::iter::once(self.store).chain(self.sources) {
            if store.has_blob(digest).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn store(&self) -> &Store {
        self.store
    }

    pub(super) fn report_mut(&mut self) -> &mut Report {
        &mut self.report
    }

    pub(super) fn find(
        &mut self,
        invariant: Invariant,
        subject: String,
        problem: String,
        advice: &'static str,
    ) {
        self.report.findings.push(Finding { invariant, subject, problem, advice });
    }
}

/// When a file was written, or `None` if it is gone.
async fn modified(file: BlobFile) -> Result<Option<SystemTime>, BlobError> {
    blocking(move || match file.modified() {
        Ok(modified) => Ok(Some(modified)),
        Err(BlobError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    })
    .await
}
