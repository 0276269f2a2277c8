//! Which blobs belong to releases.

use mcpkg_core::{Digest, PackageName};

use super::error::corrupt;
use super::row::{parse, unsigned};
use super::{Store, StoreError};
use crate::blobs::ChunkDigests;

/// What is recorded of a blob that belongs to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBlob {
    /// Its name and what it must hash to.
    pub(crate) digest: Digest,
    /// Its length and the digest of each part.
    pub(crate) chunks: ChunkDigests,
}

impl Store {
    /// Finds a blob that belongs to a release.
    pub(crate) async fn find_blob(&self, digest: Digest) -> Result<Option<StoredBlob>, StoreError> {
        let row: Option<(String, i64, Vec<u8>)> =
            sqlx::query_as("select digest, size_bytes, chunks from blob where digest = ?")
                .bind(digest.to_string())
                .fetch_optional(&self.reader)
                .await?;
        row.map(stored_blob).transpose()
    }

    /// The `server.json` of every release of a package, as far as they are here.
    pub(crate) async fn documents_of(
        &self,
        name: &PackageName,
    ) -> Result<Vec<StoredBlob>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
            "select digest, size_bytes, chunks from blob
              where digest in (select metadata from release join package using (package_id)
                                where package.name = ?)",
        )
        .bind(name.as_str())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(stored_blob).collect()
    }

    /// The artifacts of a package that are here and were not looked into yet.
    pub(crate) async fn uninspected_of(
        &self,
        name: &PackageName,
    ) -> Result<Vec<StoredBlob>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
            "select digest, size_bytes, chunks from blob
              where digest in (select artifact.digest from artifact join release using (release_id)
                                 join package using (package_id) where package.name = ?)
                and not exists (select 1 from inspection where inspection.digest = blob.digest)",
        )
        .bind(name.as_str())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(stored_blob).collect()
    }

    /// Whether a blob belongs to a release.
    pub(crate) async fn has_blob(&self, digest: Digest) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("select exists (select 1 from blob where digest = ?)")
            .bind(digest.to_string())
            .fetch_one(&self.reader)
            .await?)
    }

    /// Up to `limit` blobs whose digests come after `after`, in order.
    pub(crate) async fn blobs_after(
        &self,
        after: Option<Digest>,
        limit: u32,
    ) -> Result<Vec<StoredBlob>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
            "select digest, size_bytes, chunks from blob where digest > ? order by digest limit ?",
        )
        .bind(after.map(|digest| digest.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(stored_blob).collect()
    }
}

fn stored_blob((digest, size, chunks): (String, i64, Vec<u8>)) -> Result<StoredBlob, StoreError> {
    let size_bytes = unsigned("blob.size_bytes", size)?;
    Ok(StoredBlob {
        digest: parse("blob.digest", &digest)?,
        chunks: ChunkDigests::from_parts(size_bytes, &chunks).map_err(corrupt("blob.chunks"))?,
    })
}
