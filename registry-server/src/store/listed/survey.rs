//! Reading what is listed row by row, for `fsck` and backups.

use mcpkg_core::{PackageName, Version};

use super::key;
use super::write::{evidence, with_packages};
use crate::store::row::unsigned;
use crate::store::{Release, Store, StoreError};

/// An entry that is nobody's release.
#[derive(Clone, Debug)]
pub(crate) struct UnsignedRow {
    /// Its place among all rows.
    pub(crate) server_id: i64,
    /// The name in lower case.
    pub(crate) name_key: String,
    /// Which version.
    pub(crate) version: String,
    /// The original.
    pub(crate) document: String,
    /// Whether a package has its name, and it is listed all the same.
    pub(crate) is_in_the_way: bool,
}

impl Store {
    /// How many entries nobody has signed.
    pub(crate) async fn count_unsigned(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("select count(*) from server where release_id is null")
            .fetch_one(&self.reader)
            .await?;
        unsigned("server", count)
    }

    /// Up to `limit` entries that nobody has signed, from the row after `after` on.
    pub(crate) async fn unsigned_after(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<UnsignedRow>, StoreError> {
        type Row = (i64, String, String, String, bool);
        let rows: Vec<Row> = sqlx::query_as(
            "select server_id, name_key, version, document,
                    status != 'deleted'
                    and exists (select 1 from package where name = name_key)
               from server where release_id is null and server_id > ? order by server_id limit ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        let read = |(server_id, name_key, version, document, is_in_the_way): Row| UnsignedRow {
            server_id,
            name_key,
            version,
            document,
            is_in_the_way,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Whether a release is listed as it was signed; `None` if it has no row.
    pub(crate) async fn is_listed_as(
        &self,
        name: &PackageName,
        version: &Version,
        (release, server_json): (&Release, &str),
    ) -> Result<Option<bool>, StoreError> {
        let found: Option<(String, String)> = sqlx::query_as(
            "select document, evidence from server
              where name_key = ? and version = ? and release_id is not null",
        )
        .bind(key(name))
        .bind(version.to_string())
        .fetch_optional(&self.reader)
        .await?;
        let expected = (
            with_packages(server_json, &release.artifacts),
            evidence(release.metadata, release.entry),
        );
        Ok(found.map(|found| found == expected))
    }
}
