//! Which releases were decided how, and which have to be decided again.

use jiff::Timestamp;
use mcpkg_core::review::Outcome;
use mcpkg_core::{Digest, PackageName};

use super::admission::{Given, JUDGED, given};
use super::row::{parse, time};
use super::{Store, StoreError};

/// A release that is not given out: its row, its name, and its decision.
type HeldRow = (i64, String, String, String, String, String, String, i64, Option<String>);

/// A release with its name, and its decision if there is one.
type SinceRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

impl Store {
    /// Up to `limit` packages of which something was decided that time may have changed.
    pub(crate) async fn expired(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<PackageName>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(
            "select distinct name from decision join release using (release_id)
               join package using (package_id) where good_until <= ? limit ?",
        )
        .bind(time(now))
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        names.iter().map(|name| parse("package.name", name)).collect()
    }

    /// Up to `limit` packages of which something has to be decided again, or for the
    /// first time. Reads every release.
    pub(crate) async fn undecided(
        &self,
        basis: Digest,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<PackageName>, StoreError> {
        let names: Vec<String> = sqlx::query_scalar(
            "select name from package
              where exists (
                select 1 from release left join decision using (release_id)
                 where release.package_id = package.package_id
                   and (decision.release_id is null or basis != ?1 or good_until <= ?2
                        or last_entry < (select max(log_index) from entry
                                          where entry.package_id = package.package_id)))
              limit ?3",
        )
        .bind(basis.to_string())
        .bind(time(now))
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        names.iter().map(|name| parse("package.name", name)).collect()
    }

    /// Up to `limit` releases that were decided to be `outcome`, the longest waiting
    /// first, from the row after `after` on; and the row to go on from.
    pub(crate) async fn held(
        &self,
        outcome: Outcome,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<(PackageName, Given)>, i64), StoreError> {
        let text = format!(
            "select release_id, name, version, {JUDGED}
               from decision join release using (release_id) join package using (package_id)
              where outcome = ? and release_id > ? order by release_id limit ?",
        );
        let rows: Vec<HeldRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(outcome.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.reader)
            .await?;
        let last = rows.last().map_or(after, |row| row.0);
        let held =
            rows.into_iter().map(|(_, name, version, body, facts, print, basis, entry, until)| {
                let row = (
                    version,
                    Some(body),
                    Some(facts),
                    Some(print),
                    Some(basis),
                    Some(entry),
                    until,
                );
                Ok((parse("package.name", &name)?, given(row)?))
            });
        Ok((held.collect::<Result<_, StoreError>>()?, last))
    }

    /// The releases that were published since `since`, with what was known of each when
    /// it was last decided.
    pub(crate) async fn judged_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(PackageName, Given)>, StoreError> {
        let text = format!(
            "select name, version, {JUDGED}
               from release join package using (package_id) left join decision using (release_id)
              where published_at >= ? order by release_id",
        );
        let rows: Vec<SinceRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(time(since))
            .fetch_all(&self.reader)
            .await?;
        let read = |(name, version, body, facts, print, basis, entry, until): SinceRow| {
            let given = given((version, body, facts, print, basis, entry, until))?;
            Ok((parse("package.name", &name)?, given))
        };
        rows.into_iter().map(read).collect()
    }
}
