//! Files that are being received.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use mcpkg_core::Digest;
use tempfile::NamedTempFile;

use super::{BlobError, Blobs, CHUNK_BYTES, ChunkDigests, ChunkHasher, failed_to};
use crate::failpoint;
use crate::store::StoredBlob;

/// A file in `staging/` that is written and hashed as bytes arrive. Dropped, it
/// is removed.
///
/// Bytes gather in memory up to one chunk, and are written and hashed on a
/// blocking thread: the async threads neither wait for the disk nor hash.
#[derive(Debug)]
pub(crate) struct StagingFile {
    file: NamedTempFile,
    hasher: ChunkHasher,
    pending: Vec<u8>,
}

/// A file in `staging/` that is complete, synced and hashed. Dropped, it is
/// removed.
#[derive(Debug)]
pub(crate) struct Staged {
    file: NamedTempFile,
    digest: Digest,
    chunks: ChunkDigests,
}

impl Blobs {
    /// Starts a file in `staging/`. Blocks.
    pub(crate) fn stage(&self) -> Result<StagingFile, BlobError> {
        let staging = &self.inner.staging;
        let file = tempfile::Builder::new()
            .prefix("")
            .tempfile_in(staging)
            .map_err(failed_to("write in", staging))?;
        Ok(StagingFile { file, hasher: ChunkHasher::default(), pending: Vec::new() })
    }

    /// Writes `bytes`, of which `stored` is known already, to a file in `staging/` that is
    /// not synced yet. Blocks.
    pub(super) fn write_hashed(
        &self,
        StoredBlob { digest, chunks }: &StoredBlob,
        bytes: &[u8],
    ) -> Result<Staged, BlobError> {
        let mut file = self.stage()?.file;
        let path = file.path().to_owned();
        file.write_all(bytes).map_err(failed_to("write", &path))?;
        Ok(Staged { file, digest: *digest, chunks: chunks.clone() })
    }

    /// Stages `bytes` as they are. Blocks.
    pub(crate) fn stage_bytes(&self, bytes: &[u8]) -> Result<Staged, BlobError> {
        let mut staging = self.stage()?;
        staging.write(bytes)?;
        staging.sync()
    }
}

impl StagingFile {
    /// How many bytes came so far.
    pub(crate) fn len(&self) -> u64 {
        self.hasher.size_bytes() + self.pending.len() as u64
    }

    /// Adds bytes, and writes what has gathered if that is a chunk.
    pub(crate) async fn push(mut self, bytes: &[u8]) -> Result<Self, BlobError> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < CHUNK_BYTES {
            return Ok(self);
        }
        blocking(move || {
            let pending = std::mem::take(&mut self.pending);
            self.write(&pending)?;
            self.pending = pending;
            self.pending.clear();
            Ok(self)
        })
        .await
    }

    /// Writes the rest, and makes the file survive a crash.
    pub(crate) async fn finish(mut self) -> Result<Staged, BlobError> {
        blocking(move || {
            let pending = std::mem::take(&mut self.pending);
            self.write(&pending)?;
            self.sync()
        })
        .await
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hasher.update(bytes);
        let path = self.file.path().to_owned();
        self.file.write_all(bytes).map_err(failed_to("write", &path))
    }

    pub(super) fn sync(self) -> Result<Staged, BlobError> {
        let Self { file, hasher, .. } = self;
        sync(&file)?;
        let (digest, chunks) = hasher.finish();
        Ok(Staged { file, digest, chunks })
    }
}

fn sync(file: &NamedTempFile) -> Result<(), BlobError> {
    failpoint::around("staging", || file.as_file().sync_all())
        .map_err(failed_to("sync", file.path()))
}

impl Staged {
    /// The digest of the bytes.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.chunks.size_bytes()
    }

    /// What to record of it.
    pub(crate) fn stored(&self) -> StoredBlob {
        StoredBlob { digest: self.digest, chunks: self.chunks.clone() }
    }

    /// The bytes, to be read from the start.
    pub(crate) fn reader(&mut self) -> io::Result<impl Read + Seek> {
        let file = self.file.as_file_mut();
        file.seek(SeekFrom::Start(0))?;
        Ok(io::BufReader::with_capacity(64 * 1024, file))
    }

    /// Makes the bytes survive a crash, where they were only written. Blocks.
    pub(super) fn sync(&self) -> Result<(), BlobError> {
        sync(&self.file)
    }

    pub(super) fn move_to(self, path: &Path) -> Result<(), BlobError> {
        // The sweep goes by this time, and receiving may have taken long.
        self.file
            .as_file()
            .set_modified(SystemTime::now())
            .map_err(failed_to("write", self.file.path()))?;
        failpoint::around("blob", || self.file.persist(path).map(drop).map_err(|error| error.error))
            .map_err(failed_to("write", path))
    }
}

/// Runs `work` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and so is the caller.
            Err(_) => std::future::pending().await,
        },
    }
}
