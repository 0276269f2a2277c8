//! Whose a name is, and what gives way to whom.

use jiff::Timestamp;
use mcpkg_core::{PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::{Holder, key};
use crate::store::StoreError;
use crate::store::row::time;

/// What is said of an entry whose name a signed package has taken, here or at a source.
const TAKEN: &str = "a signed package has this name now";

/// Who has listed `name`. A package that looks like it is as good as itself. One query,
/// because it is asked of each entry that is followed.
pub(super) async fn holder(
    connection: &mut SqliteConnection,
    name: &PackageName,
) -> Result<Holder, StoreError> {
    type Row = (bool, Option<String>, bool, Option<String>);
    let (is_signed, claimant, is_listed, source): Row = sqlx::query_as(
        "select exists (select 1 from package where fold_key = ?1),
                (select source from claim where fold_key = ?1),
                exists (select 1 from server where name_key = ?2),
                (select source from server where name_key = ?2 limit 1)",
    )
    .bind(name.fold_key())
    .bind(key(name))
    .fetch_one(connection)
    .await?;
    Ok(match (claimant, source) {
        _ if is_signed => Holder::Signed,
        (Some(source), _) => Holder::Mirrored(source),
        (None, Some(source)) => Holder::Source(source),
        (None, None) if is_listed => Holder::Published,
        (None, None) => Holder::Nobody,
    })
}

/// Takes entries of this name, none of which is a release, out of the way of a source that
/// has a package of it.
pub(in crate::store) async fn give_way_to_source(
    connection: &mut SqliteConnection,
    name: &PackageName,
    now: Timestamp,
) -> Result<(), StoreError> {
    mark_taken(connection, name, now).await?;
    // The newest is one of the source's.
    sqlx::query("update server set is_latest = 0 where name_key = ? and release_id is null")
        .bind(key(name))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes entries that are not ours out of the way of a signed package.
pub(super) async fn give_way(
    connection: &mut SqliteConnection,
    name: &PackageName,
    version: &Version,
    now: Timestamp,
) -> Result<(), StoreError> {
    mark_taken(connection, name, now).await?;
    // One with this very version cannot be shown beside the release.
    sqlx::query(
        "update server set is_shown = 0 where name_key = ? and version = ? and release_id is null",
    )
    .bind(key(name))
    .bind(version.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Shows entries of this name as deleted, so that whoever follows us hears of it.
async fn mark_taken(
    connection: &mut SqliteConnection,
    name: &PackageName,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "update server
            set status = 'deleted', status_message = ?2, status_changed_at = ?3, updated_at = ?3
          where name_key = ?1 and release_id is null and status_message is not ?2",
    )
    .bind(key(name))
    .bind(TAKEN)
    .bind(time(now))
    .execute(connection)
    .await?;
    Ok(())
}
