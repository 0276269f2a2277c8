//! What was audited. Its database is not the registry's: see `migrations/audit/`.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteJournalMode, SqlitePool, SqliteSynchronous};

use super::error::corrupt;
use super::row::{parse, signed, unsigned};
use super::{StoreError, options, options_of_reader, pool, refuse_old_sqlite, schema};
use crate::audit::{AuditEvent, AuditRecord, Outcome, time};
use crate::config::SyslogAddress;

/// The database of what was audited. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct AuditStore {
    reader: SqlitePool,
    writer: SqlitePool,
}

/// A row: all columns, in their order.
type Row = (i64, String, String, String, String, String, String, Option<String>, String);

impl AuditStore {
    /// Opens the database at `path`, and makes it if there is none.
    pub(crate) async fn open(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let options = options(path, wait)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1, wait).connect_with(options).await?;
        refuse_old_sqlite(&writer).await?;
        schema::migrate(&writer, schema::AUDIT).await?;
        let reader = pool(1, wait).connect_with(options_of_reader(path, wait)).await?;
        Ok(Self { reader, writer })
    }

    /// Opens the database at `path` to look at it, also beside a running server.
    pub(crate) async fn open_read_only(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let reader = pool(1, wait).connect_with(options_of_reader(path, wait)).await?;
        refuse_old_sqlite(&reader).await?;
        schema::refuse_other_schema(&reader, schema::AUDIT).await?;
        Ok(Self { writer: reader.clone(), reader })
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Adds events at the end, all of them or none, and says what they became.
    pub(crate) async fn append(
        &self,
        events: Vec<(AuditEvent, Timestamp)>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let last: Option<Row> = sqlx::query_as(
            "select audit_id, at, actor, action, resource, outcome, policies, reason, digest
                              from audit order by audit_id desc limit 1",
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let mut last = last.map(record).transpose()?;
        let mut records = Vec::with_capacity(events.len());
        for (event, at) in events {
            let AuditEvent { actor, action, resource, outcome, policies, reason } = event;
            let id = last.as_ref().map_or(0, |record: &AuditRecord| record.id) + 1;
            let at = time(at);
            let mut record = AuditRecord {
                id,
                at,
                actor,
                action,
                resource,
                outcome,
                policies,
                reason,
                digest: None,
            };
            let digest = record.seal(last.as_ref());
            record.digest = Some(digest);
            let policies =
                serde_json::to_string(&record.policies).map_err(corrupt("audit.policies"))?;
            sqlx::query("insert into audit values (?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(signed("audit.audit_id", id)?)
                .bind(&record.at)
                .bind(&record.actor)
                .bind(&record.action)
                .bind(&record.resource)
                .bind(record.outcome.as_str())
                .bind(policies)
                .bind(&record.reason)
                .bind(digest.to_string())
                .execute(&mut *transaction)
                .await?;
            last = Some(record.clone());
            records.push(record);
        }
        transaction.commit().await?;
        Ok(records)
    }

    /// What follows the record `id`, at most `limit` of it.
    pub(crate) async fn after(&self, id: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select audit_id, at, actor, action, resource, outcome, policies, reason, digest
               from audit where audit_id > ? order by audit_id limit ?",
        )
        .bind(signed("audit.audit_id", id)?)
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(record).collect()
    }

    /// The number of the last record; 0 if there is none.
    pub(crate) async fn newest(&self) -> Result<u64, StoreError> {
        let newest: Option<i64> =
            sqlx::query_scalar("select max(audit_id) from audit").fetch_one(&self.reader).await?;
        unsigned("audit.audit_id", newest.unwrap_or_default())
    }

    /// The number of the last record that was passed on to `address`, if any was.
    pub(crate) async fn passed_on(
        &self,
        address: &SyslogAddress,
    ) -> Result<Option<u64>, StoreError> {
        let last: Option<i64> = sqlx::query_scalar("select audit_id from relay where address = ?")
            .bind(address.to_string())
            .fetch_optional(&self.reader)
            .await?;
        last.map(|last| unsigned("relay.audit_id", last)).transpose()
    }

    /// Keeps that the records up to `last` were passed on to `address`.
    pub(crate) async fn pass_on(
        &self,
        address: &SyslogAddress,
        last: u64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into relay values (?, ?)
             on conflict (address) do update set audit_id = excluded.audit_id",
        )
        .bind(address.to_string())
        .bind(signed("relay.audit_id", last)?)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

fn record(row: Row) -> Result<AuditRecord, StoreError> {
    let (id, at, actor, action, resource, outcome, policies, reason, digest) = row;
    Ok(AuditRecord {
        id: unsigned("audit.audit_id", id)?,
        at,
        actor,
        action,
        resource,
        // The schema knows no third.
        outcome: if outcome == "allowed" { Outcome::Allowed } else { Outcome::Denied },
        policies: serde_json::from_str(&policies).map_err(corrupt("audit.policies"))?,
        reason,
        digest: Some(parse("audit.digest", &digest)?),
    })
}
