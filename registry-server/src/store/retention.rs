//! Which artifacts of a source are here.

use jiff::Timestamp;
use mcpkg_core::{Digest, PackageName, Platform, Version};

use super::row::{parse, unsigned};
use super::{Store, StoreError};

/// An artifact of a release, and whether its bytes are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CachedArtifact {
    /// The package.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
    /// When that was logged.
    pub(crate) published_at: Timestamp,
    /// What it runs on.
    pub(crate) platform: Platform,
    /// The digest of its bytes.
    pub(crate) digest: Digest,
    /// Its length in bytes.
    pub(crate) size_bytes: u64,
    /// Whether they are here.
    pub(crate) is_here: bool,
}

type Row = (String, String, String, String, String, i64, bool);

impl Store {
    /// Every artifact of every release.
    pub(crate) async fn artifacts(&self) -> Result<Vec<CachedArtifact>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select name, version, published_at, platform, artifact.digest, artifact.size_bytes,
                    blob.digest is not null
               from artifact join release using (release_id) join package using (package_id)
               left join blob on blob.digest = artifact.digest
              order by release_id, platform",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(artifact).collect()
    }

    /// Forgets that the bytes of an artifact are here. Says whether they were. Only in the
    /// index of a source's log, which fetches them again when somebody asks.
    pub(crate) async fn forget_artifact(&self, digest: Digest) -> Result<bool, StoreError> {
        let done = sqlx::query("delete from blob where digest = ?")
            .bind(digest.to_string())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn artifact(
    (name, version, at, platform, digest, size, is_here): Row,
) -> Result<CachedArtifact, StoreError> {
    Ok(CachedArtifact {
        name: parse("package.name", &name)?,
        version: parse("release.version", &version)?,
        published_at: parse("release.published_at", &at)?,
        platform: parse("artifact.platform", &platform)?,
        digest: parse("artifact.digest", &digest)?,
        size_bytes: unsigned("artifact.size_bytes", size)?,
        is_here,
    })
}
