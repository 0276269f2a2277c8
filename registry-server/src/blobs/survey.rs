//! Reading blobs that the database does not know (any more).

use std::fs::File;
use std::io::{self, Read as _};

use mcpkg_core::Digest;

use super::{BlobError, Blobs, CHUNK_BYTES, ChunkHasher, failed_to};
use crate::store::StoredBlob;

impl Blobs {
    /// Reads a small blob, and takes the digests of its parts. Blocks.
    ///
    /// # Errors
    ///
    /// [`BlobError::Damaged`] if it is missing or its bytes are others.
    pub(crate) fn survey(&self, digest: Digest) -> Result<(StoredBlob, Vec<u8>), BlobError> {
        let mut bytes = Vec::new();
        let blob = self.hash_file(digest, |chunk| bytes.extend_from_slice(chunk))?;
        Ok((blob, bytes))
    }

    /// Takes the digests of the parts of a blob of any size. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::survey`].
    pub(crate) fn survey_large(&self, digest: Digest) -> Result<StoredBlob, BlobError> {
        self.hash_file(digest, |_| ())
    }

    /// Copies a blob from `source`, unless it is here already. Says whether it did.
    /// Blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::survey`]: what is copied is hashed.
    pub(crate) fn copy_from(&self, source: &Self, digest: Digest) -> Result<bool, BlobError> {
        if self.path(digest).exists() {
            return Ok(false);
        }
        let mut staging = self.stage()?;
        let mut result = Ok(());
        source.hash_file(digest, |chunk| {
            if result.is_ok() {
                result = staging.write(chunk);
            }
        })?;
        result?;
        self.put(staging.sync()?)?;
        Ok(true)
    }

    fn hash_file(
        &self,
        digest: Digest,
        mut each: impl FnMut(&[u8]),
    ) -> Result<StoredBlob, BlobError> {
        let path = self.path(digest);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::Damaged { digest, reason: "it is missing" });
            }
            other => other.map_err(failed_to("read", &path))?,
        };
        let mut hasher = ChunkHasher::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let len = file.read(&mut chunk).map_err(failed_to("read", &path))?;
            if len == 0 {
                break;
            }
            hasher.update(&chunk[..len]);
            each(&chunk[..len]);
        }
        let (found, chunks) = hasher.finish();
        if found == digest {
            Ok(StoredBlob { digest, chunks })
        } else {
            Err(BlobError::Damaged { digest, reason: "its bytes have changed" })
        }
    }
}
