//! Which releases are listed: those that can be had.
//!
//! What decides that lies outside of the log: the last decision, what a source's evidence
//! did not show, and what was taken down. Whoever changes one of these calls [`show`] in
//! the same transaction, so that a list and its newest versions never say otherwise.
//!
//! What was listed and can be had no longer is withdrawn: lists that have deletions have
//! it, so that whoever follows changes lets it go too. What was never listed is in none.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mcpkg_core::{PackageName, Version};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::key;
use super::write::choose_latest;
use crate::store::row::time;
use crate::store::{Store, StoreError};

impl Store {
    /// Keeps what is taken down: all of it, in the place of what was before.
    pub(crate) async fn set_taken_down(
        &self,
        releases: impl IntoIterator<Item = (&PackageName, &Version)> + Send,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let wanted: BTreeSet<(String, String)> =
            releases.into_iter().map(|(name, version)| (key(name), version.to_string())).collect();
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let found: Vec<(String, String)> =
            sqlx::query_as("select name_key, version from taken_down")
                .fetch_all(&mut *transaction)
                .await?;
        let found: BTreeSet<(String, String)> = found.into_iter().collect();
        for (name_key, version) in found.difference(&wanted) {
            sqlx::query("delete from taken_down where name_key = ? and version = ?")
                .bind(name_key)
                .bind(version)
                .execute(&mut *transaction)
                .await?;
        }
        for (name_key, version) in wanted.difference(&found) {
            sqlx::query("insert into taken_down (name_key, version) values (?, ?)")
                .bind(name_key)
                .bind(version)
                .execute(&mut *transaction)
                .await?;
        }
        let changed = found.symmetric_difference(&wanted).map(|(name_key, _)| name_key);
        for name_key in changed.collect::<BTreeSet<_>>() {
            show_key(&mut transaction, name_key, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Lists the releases of a package that can be had, and withdraws the others. Either
/// counts as changed at `now`: whoever follows changes has not seen it yet.
pub(in crate::store) async fn show(
    connection: &mut SqliteConnection,
    fold_key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name_key: Option<String> =
        sqlx::query_scalar("select lower(name) from package where fold_key = ?")
            .bind(fold_key)
            .fetch_optional(&mut *connection)
            .await?;
    match name_key {
        Some(name_key) => show_key(connection, &name_key, now).await,
        None => Ok(()),
    }
}

/// The same for every name.
pub(in crate::store) async fn show_all(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    run(connection, turn_over(now), now).await
}

async fn show_key(
    connection: &mut SqliteConnection,
    name_key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut query = turn_over(now);
    query.push(" and name_id = (select name_id from server_name where name_key = ");
    query.push_bind(name_key.to_owned()).push(")");
    run(connection, query, now).await
}

/// Turns over whether a release is listed as one that can be had, where it is not as it has
/// to be. What is withdrawn was shown before, and stays so.
fn turn_over(now: Timestamp) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("update server set updated_at = ");
    query.push_bind(time(now)).push(", withdrawn_at = case when is_shown = 1 and ");
    query.push("withdrawn_at is null then ").push_bind(time(now)).push(
        " end, is_shown = 1
          where release_id is not null
            and (is_shown = 1 and withdrawn_at is null)
                != exists (select 1 from obtainable
                            where obtainable.release_id = server.release_id)",
    );
    query
}

async fn run(
    connection: &mut SqliteConnection,
    mut query: QueryBuilder<Sqlite>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query.push(" returning name_id");
    let names: Vec<i64> = query.build_query_scalar().fetch_all(&mut *connection).await?;
    for name_id in names.into_iter().collect::<BTreeSet<_>>() {
        choose_latest(connection, name_id, now).await?;
    }
    Ok(())
}
