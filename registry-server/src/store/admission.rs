//! Which releases are given out.

use jiff::Timestamp;
use mcpkg_core::review::Decision;
use mcpkg_core::{Digest, PackageName, Version};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::error::corrupt;
use super::listed::{show, show_all};
use super::publish::list_again;
use super::row::{parse, signed, time, unsigned};
use super::{Store, StoreError};

/// Whether releases wait for a decision before they are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They do not.
    Open,
    /// They do.
    Closed,
}

/// Whose log a database is an index of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogOf {
    /// The registry's own.
    Registry,
    /// A source's.
    Source,
}

/// Whether anybody is told what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ear {
    /// Nobody is.
    Absent,
    /// Somebody is.
    Listens,
}

/// Whether a release is given out, as far as the database knows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    /// Which release.
    pub(crate) version: Version,
    /// What was decided of it last, if anything was.
    pub(crate) judged: Option<Judged>,
}

/// A decision, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// What was decided.
    pub(crate) decision: Decision,
    /// What was known of the release.
    pub(crate) facts: Value,
    /// What a person judges, as a digest.
    pub(crate) fingerprint: Digest,
    /// The policies and advisories that it was decided with, as a digest.
    pub(crate) basis: Digest,
    /// The last entry of the package then.
    pub(crate) last_entry: u64,
    /// When time alone may change it.
    pub(crate) good_until: Option<Timestamp>,
}

/// What a decision is read from.
type Row = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

pub(super) const JUDGED: &str = "body, facts, fingerprint, basis, decision.last_entry, good_until";

impl Store {
    /// Opens or closes the gate, and says whose log this is an index of and whether
    /// anybody listens. What searches and lists show is made again if the gate was moved.
    pub(crate) async fn set_gate(
        &self,
        gate: Gate,
        log: LogOf,
        ear: Ear,
    ) -> Result<(), StoreError> {
        let (is_closed, has_listeners) = (gate == Gate::Closed, ear == Ear::Listens);
        let is_copy = log == LogOf::Source;
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let (was_closed, was_heard, was_copy): (bool, bool, bool) =
            sqlx::query_as("select is_closed, has_listeners, is_copy from gate")
                .fetch_one(&mut *transaction)
                .await?;
        if (was_closed, was_heard, was_copy) == (is_closed, has_listeners, is_copy) {
            return Ok(());
        }
        sqlx::query("update gate set is_closed = ?, has_listeners = ?, is_copy = ?")
            .bind(is_closed)
            .bind(has_listeners)
            .bind(is_copy)
            .execute(&mut *transaction)
            .await?;
        if was_closed != is_closed {
            let packages: Vec<i64> = sqlx::query_scalar("select package_id from package")
                .fetch_all(&mut *transaction)
                .await?;
            for package_id in packages {
                list_again(&mut transaction, package_id).await?;
            }
            show_all(&mut transaction, Timestamp::now()).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Every release of a package, with what was decided of it. None if there is no
    /// such package.
    pub(crate) async fn given(&self, name: &PackageName) -> Result<Vec<Given>, StoreError> {
        let text = format!(
            "select version, {JUDGED}
               from release join package using (package_id) left join decision using (release_id)
              where package.name = ? order by release_id",
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(text))
            .bind(name.as_str())
            .fetch_all(&self.reader)
            .await?;
        rows.into_iter().map(given).collect()
    }

    /// The index of the last entry about a package.
    pub(crate) async fn last_entry(&self, name: &PackageName) -> Result<Option<u64>, StoreError> {
        let last: Option<i64> = sqlx::query_scalar(
            "select max(log_index) from entry join package using (package_id) where name = ?",
        )
        .bind(name.as_str())
        .fetch_one(&self.reader)
        .await?;
        last.map(|last| unsigned("entry.log_index", last)).transpose()
    }

    /// Keeps decisions of releases of one package, and lists it as they say from now on:
    /// from when they are kept, for whoever has followed changes meanwhile is not to miss it.
    pub(crate) async fn decide(
        &self,
        name: &PackageName,
        decisions: &[(Version, Judged)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        for (version, judged) in decisions {
            decide(&mut transaction, name, version, judged).await?;
        }
        let package: Option<i64> =
            sqlx::query_scalar("select package_id from package where name = ?")
                .bind(name.as_str())
                .fetch_optional(&mut *transaction)
                .await?;
        if let Some(package_id) = package {
            list_again(&mut transaction, package_id).await?;
        }
        show(&mut transaction, &name.fold_key(), Timestamp::now()).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn decide(
    connection: &mut SqliteConnection,
    name: &PackageName,
    version: &Version,
    judged: &Judged,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(&judged.decision).map_err(corrupt("decision.body"))?;
    sqlx::query(
        "insert into decision
             (release_id, outcome, body, facts, fingerprint, basis, last_entry, decided_at, good_until)
         select release_id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
           from release join package using (package_id) where name = ?1 and version = ?2
         on conflict (release_id) do update
            set outcome = excluded.outcome, body = excluded.body, facts = excluded.facts,
                fingerprint = excluded.fingerprint, basis = excluded.basis,
                last_entry = excluded.last_entry, decided_at = excluded.decided_at,
                good_until = excluded.good_until",
    )
    .bind(name.as_str())
    .bind(version.to_string())
    .bind(judged.decision.outcome.as_str())
    .bind(body)
    .bind(judged.facts.to_string())
    .bind(judged.fingerprint.to_string())
    .bind(judged.basis.to_string())
    .bind(signed("decision.last_entry", judged.last_entry)?)
    .bind(time(judged.decision.decided_at))
    .bind(judged.good_until.map(time))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn given(
    (version, body, facts, print, basis, entry, until): Row,
) -> Result<Given, StoreError> {
    let version = parse("release.version", &version)?;
    let (Some(body), Some(facts), Some(print), Some(basis), Some(entry)) =
        (body, facts, print, basis, entry)
    else {
        return Ok(Given { version, judged: None });
    };
    let judged = Judged {
        decision: serde_json::from_str(&body).map_err(corrupt("decision.body"))?,
        facts: serde_json::from_str(&facts).map_err(corrupt("decision.facts"))?,
        fingerprint: parse("decision.fingerprint", &print)?,
        basis: parse("decision.basis", &basis)?,
        last_entry: unsigned("decision.last_entry", entry)?,
        good_until: until.map(|at| parse("decision.good_until", &at)).transpose()?,
    };
    Ok(Given { version, judged: Some(judged) })
}
