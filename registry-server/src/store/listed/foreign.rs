//! Rows of what is not ours: entries of registries that are followed, and what was
//! published here without a signature.

use jiff::Timestamp;
use mcpkg_core::official::ListedStatus;
use mcpkg_core::{Digest, PackageName};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::holder::holder;
use super::write::{choose_latest, name_id};
use super::{Holder, ServerRow, key, page};
use crate::store::row::time;
use crate::store::{Store, StoreError};

/// Where an entry that is not ours is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The registry at this address lists it.
    Source(String),
    /// Whom this describes has published it here, unsigned.
    Published(String),
}

/// An entry that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct NewListed {
    /// Its name.
    pub(crate) name: PackageName,
    /// Its version, whatever that looks like.
    pub(crate) version: String,
    /// Its `server` object, byte for byte.
    pub(crate) document: String,
    /// What is off with it, in sentences.
    pub(crate) oddities: Vec<String>,
    /// Whether pages may show it.
    pub(crate) is_presentable: bool,
    /// Whether it may be chosen.
    pub(crate) status: ListedStatus,
    /// Why not.
    pub(crate) status_message: Option<String>,
    /// When that changed.
    pub(crate) status_changed_at: Timestamp,
    /// When it was published.
    pub(crate) published_at: Timestamp,
    /// Whether its source calls it the newest.
    pub(crate) is_latest: bool,
}

/// A page of a registry that is followed, and where that leaves us.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// What can be listed.
    pub(crate) entries: Vec<NewListed>,
    /// What cannot: the original, and why.
    pub(crate) set_aside: Vec<(String, String)>,
    /// The source's address.
    pub(crate) source: String,
    /// How far it has been followed, once this page is in.
    pub(crate) progress: Progress,
}

/// How far a registry has been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// What is asked for: changes since then.
    pub(crate) since: String,
    /// The page to go on with, of a run that has not ended.
    pub(crate) cursor: Option<String>,
    /// The newest change that this run has seen.
    pub(crate) newest: String,
}

/// What came of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// How many entries are new.
    pub(crate) new: u64,
    /// How many are now otherwise than before.
    pub(crate) changed: u64,
    /// How many are as they were.
    pub(crate) same: u64,
    /// What was refused, because the name is somebody else's.
    pub(crate) refused: Vec<(PackageName, Holder)>,
}

/// Why an entry was not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The name is somebody else's.
    Name(Holder),
    /// The version is there, with other content.
    Version,
}

impl Store {
    /// How far the registry at `source` has been followed.
    pub(crate) async fn progress(&self, source: &str) -> Result<Option<Progress>, StoreError> {
        let found: Option<(String, Option<String>, String)> =
            sqlx::query_as("select since, cursor, newest from server_source where source = ?")
                .bind(source)
                .fetch_optional(&self.reader)
                .await?;
        Ok(found.map(|(since, cursor, newest)| Progress { since, cursor, newest }))
    }

    /// Takes in a page, all of it or nothing.
    pub(crate) async fn import(
        &self,
        import: &Import,
        now: Timestamp,
    ) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for entry in &import.entries {
            match holder(&mut transaction, &entry.name).await? {
                Holder::Nobody => (),
                Holder::Source(source) if source == import.source => (),
                other => {
                    imported.refused.push((entry.name.clone(), other));
                    continue;
                }
            }
            let origin = Origin::Source(import.source.clone());
            match put(&mut transaction, entry, &origin, now).await? {
                Put::New => imported.new += 1,
                Put::Changed => imported.changed += 1,
                Put::Same => imported.same += 1,
            }
        }
        for (original, reason) in &import.set_aside {
            sqlx::query(
                "insert into server_set_aside (digest, source, original, reason, seen_at)
                 values (?, ?, ?, ?, ?) on conflict (digest) do nothing",
            )
            .bind(Digest::of(original.as_bytes()).to_string())
            .bind(&import.source)
            .bind(original)
            .bind(reason)
            .bind(time(now))
            .execute(&mut *transaction)
            .await?;
        }
        let Progress { since, cursor, newest } = &import.progress;
        sqlx::query(
            "insert into server_source (source, since, cursor, newest) values (?1, ?2, ?3, ?4)
             on conflict (source) do update set since = ?2, cursor = ?3, newest = ?4",
        )
        .bind(&import.source)
        .bind(since)
        .bind(cursor)
        .bind(newest)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(imported)
    }

    /// Lists an entry that `by` publishes here, unsigned.
    pub(crate) async fn publish_unsigned(
        &self,
        entry: &NewListed,
        by: &str,
        now: Timestamp,
    ) -> Result<Result<ServerRow, Taken>, StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let holder = holder(&mut transaction, &entry.name).await?;
        if !matches!(holder, Holder::Nobody | Holder::Published) {
            return Ok(Err(Taken::Name(holder)));
        }
        let found: Option<String> =
            sqlx::query_scalar("select document from server where name_key = ? and version = ?")
                .bind(key(&entry.name))
                .bind(&entry.version)
                .fetch_optional(&mut *transaction)
                .await?;
        match found {
            Some(document) if document != entry.document => return Ok(Err(Taken::Version)),
            Some(_) => (),
            None => {
                put(&mut transaction, entry, &Origin::Published(by.to_owned()), now).await?;
            }
        }
        let mut rows = published(&mut transaction, &entry.name, Some(&entry.version)).await?;
        transaction.commit().await?;
        Ok(rows.pop().ok_or(Taken::Version))
    }

    /// Gives what was published here unsigned another status: one version, or all.
    /// Nothing comes back if there is none.
    pub(crate) async fn change_listed_status(
        &self,
        name: &PackageName,
        version: Option<&str>,
        (status, message): (ListedStatus, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<ServerRow>, StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        sqlx::query(
            "update server
                set status = ?3, status_message = ?4, status_changed_at = ?5, updated_at = ?5
              where name_key = ?1 and (?2 is null or version = ?2)
                and published_by is not null and is_shown = 1",
        )
        .bind(key(name))
        .bind(version)
        .bind(status.as_str())
        .bind(message)
        .bind(time(now))
        .execute(&mut *transaction)
        .await?;
        let name_id = name_id(&mut transaction, name).await?;
        choose_latest(&mut transaction, name_id, now).await?;
        let rows = published(&mut transaction, name, version).await?;
        // A name that nobody has stays unknown.
        if rows.is_empty() {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(rows)
    }
}

/// What was published here of `name`: one version, or all of them.
async fn published(
    connection: &mut SqliteConnection,
    name: &PackageName,
    version: Option<&str>,
) -> Result<Vec<ServerRow>, StoreError> {
    let mut query = page::select();
    query.push(" from server where is_shown = 1 and published_by is not null and name_key = ");
    query.push_bind(key(name));
    if let Some(version) = version {
        query.push(" and version = ").push_bind(version.to_owned());
    }
    query.push(" order by published_at desc, server_id desc");
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// What became of an entry.
enum Put {
    New,
    Changed,
    Same,
}

/// Writes the row of an entry, if it is not as it is.
async fn put(
    connection: &mut SqliteConnection,
    entry: &NewListed,
    origin: &Origin,
    now: Timestamp,
) -> Result<Put, StoreError> {
    let name_id = name_id(connection, &entry.name).await?;
    let (source, published_by) = match origin {
        Origin::Source(source) => (Some(source), None),
        Origin::Published(by) => (None, Some(by)),
    };
    let evidence = match origin {
        Origin::Source(source) => json!({ "signed": false, "source": source }),
        Origin::Published(_) => json!({ "signed": false }),
    };
    let was_there: bool = sqlx::query_scalar(
        "select exists (select 1 from server where name_key = ? and version = ? and source is ?
                           and release_id is null)",
    )
    .bind(key(&entry.name))
    .bind(&entry.version)
    .bind(source)
    .fetch_one(&mut *connection)
    .await?;
    let written = sqlx::query(
        "insert into server
             (name_id, name_key, version, source, published_by, document, evidence, oddities,
              status, status_message, status_changed_at, published_at, updated_at, is_shown)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         on conflict (name_key, version, coalesce(source, ''), release_id is null) do update
            set document = ?6, oddities = ?8, status = ?9, status_message = ?10,
                status_changed_at = ?11, published_at = ?12, updated_at = ?13, is_shown = ?14
          where (document, oddities, status, published_at) is not (?6, ?8, ?9, ?12)
             or status_message is not ?10",
    )
    .bind(name_id)
    .bind(key(&entry.name))
    .bind(&entry.version)
    .bind(source)
    .bind(published_by)
    .bind(&entry.document)
    .bind(evidence.to_string())
    .bind(json!(entry.oddities).to_string())
    .bind(entry.status.as_str())
    .bind(&entry.status_message)
    .bind(time(entry.status_changed_at))
    .bind(time(entry.published_at))
    .bind(time(now))
    .bind(entry.is_presentable)
    .execute(&mut *connection)
    .await?;
    mark_latest(connection, name_id, entry, now).await?;
    Ok(match (was_there, written.rows_affected()) {
        (false, _) => Put::New,
        (true, 0) => Put::Same,
        (true, _) => Put::Changed,
    })
}

/// Believes the source which version is its newest; where it does not say, or has
/// deleted that one, chooses.
async fn mark_latest(
    connection: &mut SqliteConnection,
    name_id: i64,
    entry: &NewListed,
    now: Timestamp,
) -> Result<(), StoreError> {
    if entry.is_latest && entry.is_presentable && entry.status != ListedStatus::Deleted {
        sqlx::query(
            "update server set is_latest = (version = ?2)
              where name_id = ?1 and is_latest != (version = ?2)",
        )
        .bind(name_id)
        .bind(&entry.version)
        .execute(connection)
        .await?;
        return Ok(());
    }
    let has_one: bool = sqlx::query_scalar(
        "select exists (select 1 from server where name_id = ? and is_latest = 1
                           and is_shown = 1 and status != 'deleted' and withdrawn_at is null)",
    )
    .bind(name_id)
    .fetch_one(&mut *connection)
    .await?;
    if has_one { Ok(()) } else { choose_latest(connection, name_id, now).await }
}
