//! What the registry knows: packages, releases, and who published them.
//!
//! [`Store`] has one method per use case, domain values in and out. It is a
//! plain struct over SQLite; the day a second database joins, its methods
//! become a trait. Only this module knows SQL.
//!
//! # Connections
//!
//! One connection writes, and each of its transactions starts with `begin
//! immediate`, so no transaction is refused half-way because another one wrote
//! first. A few read-only connections read; in WAL mode they neither block the
//! writer nor see a transaction that is not committed.
//!
//! Every wait is bounded: a database that another process has locked is an
//! error after `limits.database_seconds`, never a request that hangs.

mod admission;
mod advisories;
mod audit;
mod blobs;
mod change;
mod error;
mod inspections;
mod judged;
mod listed;
mod mirror;
mod owners;
mod publish;
mod release;
mod releases;
mod retention;
mod row;
mod rules;
mod schema;
mod search;
mod source;
mod statements;
mod takeover;
#[cfg(test)]
mod tests;
mod usage;
mod webhooks;
mod words;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub(crate) use admission::{Ear, Gate, Given, Judged, LogOf};
pub(crate) use advisories::{ADVISORIES, AdvisoryStore, AdvisoryWriter};
pub(crate) use audit::AuditStore;
pub(crate) use blobs::StoredBlob;
pub(crate) use change::{Admission, Bar, Change, NewStatement};
pub(crate) use error::StoreError;
pub(crate) use listed::{
    Deleted, Holder, Import, NewListed, OWN_ADDRESS, Position, Progress, Scope, ServerFilter,
    ServerOddities, ServerRow, Taken, UnsignedRow, VersionFilter,
};
pub use mirror::Fetch;
pub(crate) use mirror::HeldIndex;
pub(crate) use publish::NewRelease;
pub(crate) use release::Release;
pub(crate) use releases::LoggedIndex;
pub(crate) use retention::CachedArtifact;
pub(crate) use search::{Cursor, MAX_QUERY_LEN, SearchQuery};
pub(crate) use source::{Followed, Shown, Withholding};
pub(crate) use statements::{Basis, Statement};
pub(crate) use usage::OverQuota;
pub(crate) use webhooks::{Delivery, DeliveryState, Event};
pub(crate) use words::{NewVote, StoredVex, StoredVote, ToldVex};

/// How many requests read the database at once. More than the cores of a large
/// machine would only queue for the same pages.
const READERS: u32 = 8;

/// The oldest SQLite whose WAL mode does not lose data: older ones can
/// overwrite what a concurrent checkpoint has just written.
///
/// Source: DESIGN section 8; SQLite's release notes of 3.51.3.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// The registry's database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    reader: SqlitePool,
    writer: SqlitePool,
}

impl Store {
    /// Opens the database at `path`, makes it if there is none, and brings its
    /// schema up to date. Nothing waits for longer than `wait`.
    pub(crate) async fn open(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        Self::open_with(options(path, wait), path, wait).await
    }

    /// The same for the database of a source, which names blobs that are not here.
    pub(crate) async fn open_source(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        Self::open_with(options(path, wait).foreign_keys(false), path, wait).await
    }

    async fn open_with(
        options: SqliteConnectOptions,
        path: &Path,
        wait: Duration,
    ) -> Result<Self, StoreError> {
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1, wait).connect_with(options).await?;
        refuse_old_sqlite(&writer).await?;
        schema::migrate(&writer, schema::REGISTRY).await?;
        let reader = pool(READERS, wait).connect_with(options_of_reader(path, wait)).await?;
        Ok(Self { reader, writer })
    }

    /// Opens the database at `path` to look at it, also beside a running server.
    pub(crate) async fn open_read_only(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let reader = pool(1, wait).connect_with(options_of_reader(path, wait)).await?;
        refuse_old_sqlite(&reader).await?;
        schema::refuse_other_schema(&reader, schema::REGISTRY).await?;
        Ok(Self { writer: reader.clone(), reader })
    }

    /// Opens the database at `path` beside the server that runs on it, to write what that
    /// keeps nothing of in its memory. Its schema has to be this program's.
    pub(crate) async fn open_beside(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let options = options(path, wait).synchronous(SqliteSynchronous::Full);
        let writer = pool(1, wait).connect_with(options).await?;
        refuse_old_sqlite(&writer).await?;
        schema::refuse_other_schema(&writer, schema::REGISTRY).await?;
        let reader = pool(1, wait).connect_with(options_of_reader(path, wait)).await?;
        Ok(Self { reader, writer })
    }

    /// Closes every connection, which folds the write-ahead log into the file.
    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// What is wrong with the file of the database itself, for `fsck`.
    pub(crate) async fn broken_pages(&self) -> Result<Vec<String>, StoreError> {
        let lines: Vec<String> =
            sqlx::query_scalar("pragma integrity_check").fetch_all(&self.reader).await?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.reader).await?;
        Ok(())
    }
}

fn options(path: &Path, wait: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(wait)
        // Without it, `insert or replace` deletes rows past the triggers that
        // keep releases as they are.
        .pragma("recursive_triggers", "on")
        .pragma("trusted_schema", "off")
        .pragma("cell_size_check", "on")
}

fn options_of_reader(path: &Path, wait: Duration) -> SqliteConnectOptions {
    options(path, wait).read_only(true).pragma("query_only", "on")
}

fn pool(connections: u32, wait: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(wait)
        // The connections are to a local file: they neither time out nor break.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn refuse_old_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("select sqlite_version()").fetch_one(pool).await?;
    if is_recent_enough(&found) { Ok(()) } else { Err(StoreError::OldSqlite { found }) }
}

fn is_recent_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    (major, minor, patch) >= OLDEST_SQLITE
}
