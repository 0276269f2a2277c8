//! How much of a namespace there is, and may be.
//!
//! The last word is the sequencer's, which takes one release after the other: two that
//! are published at once cannot both be the last that fits.

use mcpkg_core::PackageName;
use sqlx::sqlite::SqliteConnection;

use super::row::{signed, unsigned};
use super::{Store, StoreError};
use crate::config::QuotaFile;

/// What a namespace has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    /// How many releases.
    releases: u64,
    /// The size of all their artifacts, in bytes.
    bytes: u64,
}

/// What a namespace would have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverQuota {
    /// Releases: it may have so many.
    Releases(u64),
    /// Bytes: it may have so many.
    Bytes(u64),
}

impl Store {
    /// Sets how much each namespace may have.
    pub(crate) async fn set_quotas(&self, quotas: &[QuotaFile]) -> Result<(), StoreError> {
        let limit = |limit: Option<u64>| limit.map(|it| signed("quota", it)).transpose();
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        sqlx::query("delete from quota").execute(&mut *transaction).await?;
        for quota in quotas {
            sqlx::query("insert into quota (namespace, releases, bytes) values (?, ?, ?)")
                .bind(&quota.namespace)
                .bind(limit(quota.releases)?)
                .bind(limit(quota.bytes)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// What the namespace of `name` would have too much of, with one release of `bytes`
    /// more.
    pub(crate) async fn over_quota(
        &self,
        name: &PackageName,
        bytes: u64,
    ) -> Result<Option<OverQuota>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        over_quota(&mut connection, name, bytes).await
    }
}

async fn usage(connection: &mut SqliteConnection, name: &PackageName) -> Result<Usage, StoreError> {
    // Everything from `com.acme/` to before `com.acme0`, the character after the slash.
    let (releases, bytes): (i64, i64) = sqlx::query_as(
        "select count(distinct release_id), coalesce(sum(size_bytes), 0)
           from package join release using (package_id) left join artifact using (release_id)
          where name >= ?1 || '/' collate nocase and name < ?1 || '0' collate nocase",
    )
    .bind(name.namespace())
    .fetch_one(connection)
    .await?;
    Ok(Usage { releases: unsigned("release_id", releases)?, bytes: unsigned("size_bytes", bytes)? })
}

/// The same, read on `connection`.
pub(super) async fn over_quota(
    connection: &mut SqliteConnection,
    name: &PackageName,
    more: u64,
) -> Result<Option<OverQuota>, StoreError> {
    let quota: Option<(Option<i64>, Option<i64>)> = sqlx::query_as(
        "select releases, bytes from quota where namespace in (?, '*')
          order by namespace = '*' limit 1",
    )
    .bind(name.namespace())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((releases, bytes)) = quota else { return Ok(None) };
    let has = usage(connection, name).await?;
    let limit = |limit: Option<i64>| limit.map(|it| unsigned("quota", it)).transpose();
    if let Some(limit) = limit(releases)?
        && has.releases >= limit
    {
        return Ok(Some(OverQuota::Releases(limit)));
    }
    if let Some(limit) = limit(bytes)?
        && has.bytes.saturating_add(more) > limit
    {
        return Ok(Some(OverQuota::Bytes(limit)));
    }
    Ok(None)
}
