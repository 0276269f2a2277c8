//! Rows of releases.

use jiff::Timestamp;
use mcpkg_core::api::Artifact;
use mcpkg_core::log::StatusChange;
use mcpkg_core::official::ListedStatus;
use mcpkg_core::{Digest, PackageName, Version};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnection;

use super::holder::give_way;
use super::{OWN_ADDRESS, key, listed_status};
use crate::store::publish::NewRelease;
use crate::store::release::find;
use crate::store::row::{parse, time};
use crate::store::{Release, Store, StoreError};

/// A release that has no row yet: it was published before there were any.
#[derive(Clone, Debug)]
pub(crate) struct Unlisted {
    /// Its row among releases.
    release_id: i64,
    /// All that is known of it.
    pub(crate) release: Release,
}

/// Lists a release that is the entry `index`, and became known here at `now`.
pub(in crate::store) async fn list_release(
    connection: &mut SqliteConnection,
    release_id: i64,
    index: u64,
    release: &NewRelease,
    now: Timestamp,
) -> Result<(), StoreError> {
    let NewRelease { name, version, published_at, metadata, artifacts, server_json, .. } = release;
    give_way(connection, name, version, *published_at).await?;
    let row = Row {
        release_id,
        name,
        version,
        document: with_packages(server_json, artifacts),
        evidence: evidence(*metadata, index),
        status: ListedStatus::Active,
        published_at: *published_at,
    };
    insert(connection, &row, now).await
}

/// Lists the new status of a release, which became known here at `now`.
pub(in crate::store) async fn list_status(
    connection: &mut SqliteConnection,
    release_id: i64,
    change: &StatusChange,
    now: Timestamp,
) -> Result<(), StoreError> {
    let status = listed_status(change.status);
    let name_id: Option<i64> = sqlx::query_scalar(
        "update server
            set status = ?2, status_message = ?3, status_changed_at = ?4, updated_at = ?5
          where release_id = ?1 returning name_id",
    )
    .bind(release_id)
    .bind(status.as_str())
    .bind(&change.reason)
    .bind(time(change.time))
    .bind(time(now))
    .fetch_optional(&mut *connection)
    .await?;
    match name_id {
        Some(name_id) => choose_latest(connection, name_id, now).await,
        // It was published before there were rows, and gets one at the next start.
        None => Ok(()),
    }
}

impl Store {
    /// Some releases that have no row yet, and a `server.json` that is here: what a source
    /// has not shown is listed when it does.
    pub(crate) async fn unlisted(&self, limit: u32) -> Result<Vec<Unlisted>, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "select release_id, name, version from release join package using (package_id)
              where not exists (select 1 from server where server.release_id = release.release_id)
                and exists (select 1 from blob where blob.digest = release.metadata)
              order by release_id limit ?",
        )
        .bind(limit)
        .fetch_all(&mut *snapshot)
        .await?;
        let mut unlisted = Vec::with_capacity(rows.len());
        for (release_id, name, version) in rows {
            let name = parse("package.name", &name)?;
            let version = parse("release.version", &version)?;
            let found = find(&mut snapshot, &name, &version).await?;
            unlisted.extend(found.map(|release| Unlisted { release_id, release }));
        }
        snapshot.rollback().await?;
        Ok(unlisted)
    }

    /// Lists a release that has no row yet, with its `server.json`.
    pub(crate) async fn list_late(
        &self,
        Unlisted { release_id, release }: &Unlisted,
        server_json: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        list_found(&mut transaction, *release_id, release, server_json, now).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Lists the release that the entry at `index` published, if it did and has no row yet.
pub(in crate::store) async fn list_if_new(
    connection: &mut SqliteConnection,
    index: i64,
    server_json: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let found: Option<(i64, String, String)> = sqlx::query_as(
        "select release_id, name, version
           from entry join release using (release_id)
           join package on package.package_id = release.package_id
          where log_index = ? and kind = 'publish'
            and not exists (select 1 from server where server.release_id = release.release_id)",
    )
    .bind(index)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((release_id, name, version)) = found else { return Ok(()) };
    let name = parse("package.name", &name)?;
    let version = parse("release.version", &version)?;
    match find(connection, &name, &version).await? {
        Some(release) => list_found(connection, release_id, &release, server_json, now).await,
        None => Ok(()),
    }
}

async fn list_found(
    connection: &mut SqliteConnection,
    release_id: i64,
    release: &Release,
    server_json: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = Row {
        release_id,
        name: &release.name,
        version: &release.version,
        document: with_packages(server_json, &release.artifacts),
        evidence: evidence(release.metadata, release.entry),
        status: listed_status(release.status),
        published_at: release.published_at,
    };
    insert(connection, &row, now).await
}

/// The row of a release that has none.
struct Row<'a> {
    release_id: i64,
    name: &'a PackageName,
    version: &'a Version,
    document: String,
    evidence: String,
    status: ListedStatus,
    published_at: Timestamp,
}

/// Inserts a row as what an earlier database has listed, if it did.
async fn insert(
    connection: &mut SqliteConnection,
    row: &Row<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name_id = name_id(connection, row.name).await?;
    let before: Option<(String, Option<String>)> = sqlx::query_as(
        "delete from listed_before where name_key = ? and version = ?
         returning updated_at, withdrawn_at",
    )
    .bind(key(row.name))
    .bind(row.version.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let was_listed = before.is_some();
    let (updated_at, withdrawn_at) = before.unwrap_or_else(|| (time(now), None));
    sqlx::query(
        "insert into server
             (name_id, name_key, version, release_id, document, evidence, status,
              status_changed_at, published_at, updated_at, withdrawn_at, is_shown)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10,
                 ?11 or exists (select 1 from obtainable where release_id = ?4))",
    )
    .bind(name_id)
    .bind(key(row.name))
    .bind(row.version.to_string())
    .bind(row.release_id)
    .bind(&row.document)
    .bind(&row.evidence)
    .bind(row.status.as_str())
    .bind(time(row.published_at))
    .bind(updated_at)
    .bind(withdrawn_at)
    .bind(was_listed)
    .execute(&mut *connection)
    .await?;
    choose_latest(connection, name_id, now).await
}

/// The row of a name, which is made if there is none.
pub(super) async fn name_id(
    connection: &mut SqliteConnection,
    name: &PackageName,
) -> Result<i64, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("select name_id from server_name where name_key = ?")
            .bind(key(name))
            .fetch_optional(&mut *connection)
            .await?;
    if let Some(found) = found {
        return Ok(found);
    }
    Ok(sqlx::query_scalar(
        "insert into server_name (name, name_key) values (?, ?) returning name_id",
    )
    .bind(name.as_str())
    .bind(key(name))
    .fetch_one(connection)
    .await?)
}

/// Says which version of a name is the newest: of those that are shown and not deleted the newest
/// that is no pre-release, or the newest of those; what is no version, by its time. One that
/// has become the newest because another one went counts as changed at `now`: whoever
/// follows the newest alone would not hear of it otherwise.
pub(super) async fn choose_latest(
    connection: &mut SqliteConnection,
    name_id: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, String, bool, String)> = sqlx::query_as(
        "select server_id, version, status = 'deleted' or withdrawn_at is not null, published_at
           from server where name_id = ? and is_shown = 1",
    )
    .bind(name_id)
    .fetch_all(&mut *connection)
    .await?;
    let newest = rows.into_iter().max_by_key(|(server_id, version, is_gone, published_at)| {
        let version: Option<Version> = version.parse().ok();
        let version = version.map(|version| (!version.is_prerelease(), version));
        (!is_gone, version, published_at.clone(), *server_id)
    });
    sqlx::query(
        "update server
            set is_latest = (server_id is ?2),
                updated_at = case when server_id is ?2 then max(updated_at, ?3) else updated_at end
          where name_id = ?1 and is_latest != (server_id is ?2)",
    )
    .bind(name_id)
    .bind(newest.map(|(server_id, ..)| server_id))
    .bind(time(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// A release's `server.json` with the packages that a registry adds: each artifact, at
/// this registry's address, before the images that its author lists. What is signed is
/// otherwise as it is.
pub(super) fn with_packages(server_json: &str, artifacts: &[Artifact]) -> String {
    let mut artifacts: Vec<&Artifact> = artifacts.iter().collect();
    // In one order, whoever says what there is: as the log has them.
    artifacts.sort_by_key(|artifact| artifact.platform.to_string());
    let mut packages: Vec<Value> = artifacts
        .into_iter()
        .map(|artifact| {
            json!({
                "registryType": "mcpb",
                "identifier": format!("{OWN_ADDRESS}/v1/blobs/{}", artifact.digest),
                "fileSha256": artifact.digest.to_hex(),
                "transport": { "type": "stdio" },
            })
        })
        .collect();
    if packages.is_empty() {
        return server_json.to_owned();
    }
    let mut rest = None;
    if let Ok(Value::Object(mut document)) = serde_json::from_str(server_json)
        && let Some(Value::Array(images)) = document.shift_remove("packages")
    {
        packages.extend(images);
        rest = Some(Value::from(document).to_string());
    }
    let rest = rest.as_deref().unwrap_or(server_json);
    let Some(open) = rest.strip_suffix('}') else { return server_json.to_owned() };
    // Escaped, it would no longer be the mark that it is.
    let packages = Value::from(packages).to_string().replace("\\u001f", "\u{1f}");
    format!("{open},\"packages\":{packages}}}")
}

/// What `_meta` points to: enough to find the evidence, and to tell that it is there.
pub(super) fn evidence(metadata: Digest, entry: u64) -> String {
    json!({ "signed": true, "metadata": metadata, "entry": entry }).to_string()
}
