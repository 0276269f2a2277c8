//! What a mirror remembers beside the logs that it copies.

use std::collections::HashMap;

use jiff::Timestamp;
use mcpkg_core::log::IndexedEntry;
use mcpkg_core::{Digest, PackageName};
use serde::Serialize;
use sqlx::QueryBuilder;

use super::listed::give_way_to_source;
use super::releases::indexed_entry;
use super::row::{parse, signed, time, unsigned};
use super::{Store, StoreError};

/// The signed index of a package, and the tree that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldIndex {
    /// Of which package.
    pub(crate) name: PackageName,
    /// The size of the tree.
    pub(crate) size: u64,
    /// The note, byte for byte.
    pub(crate) note: String,
}

/// Somebody who fetched some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    /// From which source; empty for the registry's own.
    pub source: String,
    /// Who, as far as that is known.
    pub who: String,
    /// When they did first.
    pub first_at: Timestamp,
    /// When they did last.
    pub last_at: Timestamp,
    /// How often.
    pub times: u64,
}

impl Store {
    /// The signed index of a package that was kept last.
    pub(crate) async fn held_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<HeldIndex>, StoreError> {
        let row: Option<(String, i64, String)> =
            sqlx::query_as("select name, size, note from held_index where fold_key = ?")
                .bind(name.fold_key())
                .fetch_optional(&self.reader)
                .await?;
        row.map(|(name, size, note)| {
            let name = parse("held_index.name", &name)?;
            Ok(HeldIndex { name, size: unsigned("held_index.size", size)?, note })
        })
        .transpose()
    }

    /// Keeps signed indexes, each unless there is a newer one.
    pub(crate) async fn hold_indexes(&self, indexes: &[HeldIndex]) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for HeldIndex { name, size, note } in indexes {
            sqlx::query(
                "insert into held_index (fold_key, name, size, note) values (?, ?, ?, ?)
                 on conflict (fold_key) do update
                    set size = excluded.size, note = excluded.note
                  where excluded.size >= held_index.size",
            )
            .bind(name.fold_key())
            .bind(name.as_str())
            .bind(signed("held_index.size", *size)?)
            .bind(note)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// A package of which there is no signed index of the tree of `size`.
    pub(crate) async fn package_without_index(
        &self,
        size: u64,
    ) -> Result<Option<PackageName>, StoreError> {
        let name: Option<String> = sqlx::query_scalar(
            "select name from package
              where fold_key not in (select fold_key from held_index where size = ?) limit 1",
        )
        .bind(signed("held_index.size", size)?)
        .fetch_optional(&self.reader)
        .await?;
        name.map(|name| parse("package.name", &name)).transpose()
    }

    /// Up to `limit` packages whose signed index is of a smaller tree than `size`.
    pub(crate) async fn outdated_indexes(
        &self,
        size: u64,
        limit: u32,
    ) -> Result<Vec<PackageName>, StoreError> {
        let rows: Vec<String> =
            sqlx::query_scalar("select name from held_index where size < ? order by size limit ?")
                .bind(signed("held_index.size", size)?)
                .bind(limit)
                .fetch_all(&self.reader)
                .await?;
        rows.iter().map(|name| parse("held_index.name", name)).collect()
    }

    /// The entries about each of these packages, in the order of the log; nothing for a
    /// package that there is not.
    pub(crate) async fn entries_of(
        &self,
        names: &[PackageName],
    ) -> Result<Vec<(PackageName, Vec<IndexedEntry>)>, StoreError> {
        type Row = (String, i64, String, Option<String>, Option<String>);
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(
            "select name, log_index, kind, version, word
               from package join entry using (package_id) left join release using (release_id)
              where fold_key in (",
        );
        let mut keys = query.separated(", ");
        for name in names {
            keys.push_bind(name.fold_key());
        }
        query.push(") order by log_index");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.reader).await?;
        let mut found: HashMap<String, Vec<IndexedEntry>> = HashMap::new();
        for (name, index, kind, version, word) in rows {
            let entry = indexed_entry((index, kind, version, word, None, None))?;
            found.entry(name).or_default().push(entry);
        }
        found
            .into_iter()
            .map(|(name, entries)| Ok((parse("package.name", &name)?, entries)))
            .collect()
    }

    /// Packages of which there is no signed index yet, after `after`, in the order of
    /// their names.
    pub(crate) async fn packages_after(
        &self,
        after: Option<&PackageName>,
        limit: u32,
    ) -> Result<Vec<PackageName>, StoreError> {
        let rows: Vec<String> =
            sqlx::query_scalar("select name from package where name > ? order by name limit ?")
                .bind(after.map_or("", PackageName::as_str))
                .bind(limit)
                .fetch_all(&self.reader)
                .await?;
        rows.iter().map(|name| parse("package.name", name)).collect()
    }

    /// The source that a package came from first, if it came from one.
    pub(crate) async fn claimant(&self, name: &PackageName) -> Result<Option<String>, StoreError> {
        Ok(sqlx::query_scalar("select source from claim where fold_key = ?")
            .bind(name.fold_key())
            .fetch_optional(&self.reader)
            .await?)
    }

    /// Remembers that packages come from `source`, each unless it came from another.
    pub(crate) async fn claim(
        &self,
        names: &[&PackageName],
        source: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for name in names {
            sqlx::query(
                "insert into claim (fold_key, source, claimed_at) values (?, ?, ?)
                 on conflict (fold_key) do nothing",
            )
            .bind(name.fold_key())
            .bind(source)
            .bind(time(now))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes what is listed under these names, and is no package, out of the way of a
    /// source that has packages of them.
    pub(crate) async fn give_way_to_source(
        &self,
        names: &[&PackageName],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for name in names {
            give_way_to_source(&mut transaction, name, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Lets a package come from another source from now on. Says whether it came from one.
    pub(crate) async fn release_claim(&self, name: &PackageName) -> Result<bool, StoreError> {
        let done = sqlx::query("delete from claim where fold_key = ?")
            .bind(name.fold_key())
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Remembers who fetched which bytes, from which source, and when last.
    pub(crate) async fn add_fetches(
        &self,
        fetches: &[(Digest, String, String)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for (digest, source, who) in fetches {
            sqlx::query(
                "insert into fetch (digest, source, who, first_at, last_at, times)
                 values (?1, ?2, ?3, ?4, ?4, 1)
                 on conflict (digest, source, who) do update
                    set last_at = excluded.last_at, times = times + 1",
            )
            .bind(digest.to_string())
            .bind(source)
            .bind(who)
            .bind(time(now))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Who fetched these bytes, the last first.
    pub(crate) async fn fetches(&self, digest: Digest) -> Result<Vec<Fetch>, StoreError> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(
            "select source, who, first_at, last_at, times from fetch
              where digest = ? order by last_at desc, who",
        )
        .bind(digest.to_string())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(source, who, first_at, last_at, times)| {
                Ok(Fetch {
                    source,
                    who,
                    first_at: parse("fetch.first_at", &first_at)?,
                    last_at: parse("fetch.last_at", &last_at)?,
                    times: unsigned("fetch.times", times)?,
                })
            })
            .collect()
    }
}
