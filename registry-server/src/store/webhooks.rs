//! What happened, and whom it was told: an outbox.
//!
//! An event is written by the transaction in which it happens (a trigger does it), is
//! handed to every webhook that wants it, and only then forgotten. What is handed over
//! twice is one delivery, so a stop at any point loses nothing and repeats nothing but
//! perhaps the last request.

use jiff::Timestamp;
use mcpkg_core::Code;
use serde_json::Value;

use super::error::corrupt;
use super::row::{parse, time, unsigned};
use super::{Store, StoreError};

/// The most deliveries to one webhook that wait at once. A receiver that is away for
/// longer learns the rest from the log.
const MAX_WAITING: i64 = 10_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Its place among the others.
    pub(crate) number: i64,
    /// What, such as `release.held`.
    pub(crate) kind: String,
    /// When.
    pub(crate) at: Timestamp,
    /// To what.
    pub(crate) data: Value,
}

/// Something that a webhook is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delivery {
    /// Its row.
    pub(crate) number: i64,
    /// The name of the webhook.
    pub(crate) webhook: String,
    /// The id that the receiver sees, the same however often it is sent.
    pub(crate) message: String,
    /// What is sent.
    pub(crate) body: String,
    /// What became of it.
    pub(crate) state: DeliveryState,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// When it is tried next.
    pub(crate) due_at: Timestamp,
    /// Why the last attempt failed.
    pub(crate) problem: Option<String>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    /// It is tried again.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It was tried often enough.
    Dead,
}

type Row = (i64, String, String, String, String, i64, String, Option<String>);

const COLUMNS: &str = "delivery_id, webhook, message, body, state, attempts, due_at, problem";

impl Store {
    /// Says that something happened which no table shows.
    pub(crate) async fn add_event(
        &self,
        kind: &str,
        at: Timestamp,
        data: &Value,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into event (kind, at, data)
             select ?, ?, ? where (select has_listeners from gate)",
        )
        .bind(kind)
        .bind(time(at))
        .bind(data.to_string())
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Says that a source has stopped, unless that was said last.
    pub(crate) async fn source_stopped(
        &self,
        source: &str,
        code: Code,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("insert into stopped_source values (?, ?, ?) on conflict (source) do nothing")
            .bind(source)
            .bind(code.as_str())
            .bind(time(at))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Says that a source goes on, if it was said last that it has stopped.
    pub(crate) async fn source_resumed(&self, source: &str) -> Result<(), StoreError> {
        sqlx::query("delete from stopped_source where source = ?")
            .bind(source)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Up to `limit` events that were not handed over yet, oldest first.
    pub(crate) async fn events(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<(i64, String, String, String)> =
            sqlx::query_as("select event_id, kind, at, data from event order by event_id limit ?")
                .bind(limit)
                .fetch_all(&self.reader)
                .await?;
        let read = |(number, kind, at, data): (i64, String, String, String)| {
            let data = serde_json::from_str(&data).map_err(corrupt("event.data"))?;
            Ok(Event { number, kind, at: parse("event.at", &at)?, data })
        };
        rows.into_iter().map(read).collect()
    }

    /// Forgets the events up to `number`, which were handed over.
    pub(crate) async fn forget_events(&self, number: i64) -> Result<(), StoreError> {
        sqlx::query("delete from event where event_id <= ?")
            .bind(number)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Hands something to a webhook, unless it was handed to it before. What is too much
    /// is dead at once, so that nobody thinks it was told.
    pub(crate) async fn hand_over(
        &self,
        webhook: &str,
        message: &str,
        body: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into delivery (webhook, message, body, state, due_at, problem)
             select ?1, ?2, ?3,
                    case when waiting < ?5 then 'waiting' else 'dead' end, ?4,
                    case when waiting < ?5 then null else 'too many were waiting' end
               from (select count(*) as waiting from delivery
                      where webhook = ?1 and state = 'waiting')
              where true
             on conflict (webhook, message) do nothing",
        )
        .bind(webhook)
        .bind(message)
        .bind(body)
        .bind(time(now))
        .bind(MAX_WAITING)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Up to `limit` deliveries that are due, the oldest first.
    pub(crate) async fn due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let text = format!(
            "select {COLUMNS} from delivery where state = 'waiting' and due_at <= ?
              order by due_at, delivery_id limit ?",
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(time(now))
            .bind(limit)
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(delivery).collect()
    }

    /// Keeps what became of an attempt.
    pub(crate) async fn attempted(&self, delivery: &Delivery) -> Result<(), StoreError> {
        sqlx::query(
            "update delivery set state = ?, attempts = ?, due_at = ?, problem = ? where delivery_id = ?",
        )
        .bind(delivery.state.as_str())
        .bind(i64::from(delivery.attempts))
        .bind(time(delivery.due_at))
        .bind(delivery.problem.as_deref())
        .bind(delivery.number)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// What was not delivered: what waits, and what was given up; newest last.
    pub(crate) async fn undelivered(&self) -> Result<Vec<Delivery>, StoreError> {
        let text = format!(
            "select {COLUMNS} from delivery where state != 'delivered' order by delivery_id"
        );
        let rows: Vec<Row> =
            sqlx::query_as(sqlx::AssertSqlSafe(text)).fetch_all(&self.reader).await?;
        rows.into_iter().map(delivery).collect()
    }

    /// Makes everything due now that was not delivered to a webhook, be it given up.
    /// Says how much that is.
    pub(crate) async fn retry(
        &self,
        webhook: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "update delivery set state = 'waiting', attempts = 0, due_at = ?
              where state != 'delivered' and (?2 is null or webhook = ?2)",
        )
        .bind(time(now))
        .bind(webhook)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets what was delivered before `before`. Says how much that is.
    pub(crate) async fn forget_delivered(&self, before: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query("delete from delivery where state = 'delivered' and due_at < ?")
            .bind(time(before))
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected())
    }
}

fn delivery(
    (number, webhook, message, body, state, attempts, due, problem): Row,
) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        number,
        webhook,
        message,
        body,
        state: parse("delivery.state", &state)?,
        attempts: u32::try_from(unsigned("delivery.attempts", attempts)?).unwrap_or(u32::MAX),
        due_at: parse("delivery.due_at", &due)?,
        problem,
    })
}

/// A word that is no [`DeliveryState`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no state of a delivery")]
pub(crate) struct UnknownState;

impl DeliveryState {
    const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Dead];

    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl std::fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or(UnknownState)
    }
}
