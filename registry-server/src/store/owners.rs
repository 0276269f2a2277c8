//! Which packages a blob belongs to: whoever may read none of them is not given it.

use mcpkg_core::{Digest, PackageName};

use super::row::parse;
use super::{Store, StoreError};

impl Store {
    /// The packages that have the blob `digest`: as an artifact, a `server.json`, or a
    /// bundle of a release or a statement. Mostly one; the same artifact may
    /// be released under several names.
    pub(crate) async fn owners(&self, digest: Digest) -> Result<Vec<PackageName>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(
            "select name from package where package_id in (
                 select package_id from release where metadata = ?1
                  union select package_id from artifact join release using (release_id)
                         where digest = ?1
                  union select package_id from evidence join release using (release_id)
                         where bundle = ?1
                  union select package_id from entry where bundle = ?1)
              order by name",
        )
        .bind(digest.to_string())
        .fetch_all(&self.reader)
        .await?;
        names.iter().map(|name| parse("package.name", name)).collect()
    }
}
