//! Advisories, in a file of their own.
//!
//! A dump of OSV has hundreds of thousands, none of them is in the log, and one dump
//! replaces another as a whole. So they are no part of the registry's database: a new
//! file is written beside the old one, and takes its place when everything in it was
//! read and checked. Nobody sees half of a dump, and nothing waits for one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::advisory::{Advisory, Subject};
use serde_json::Value;
use sqlx::sqlite::{SqliteJournalMode, SqlitePool, SqliteSynchronous, SqliteTransaction};

use super::error::corrupt;
use super::row::{parse, signed, time, unsigned};
use super::{StoreError, options, options_of_reader, pool};

/// The file in the data folder.
pub(crate) const ADVISORIES: &str = "advisories.sqlite3";

/// How many advisories are read at once.
const PAGE: i64 = 1000;

/// What a new file has. No migration ever: another shape is another import.
const SCHEMA: &str = "
    create table advisory (
        advisory_id integer primary key,
        id          text not null,
        body        text not null check (json_valid(body)) -- what we read of it
    ) strict;
    -- Ecosystem and name, in lower case.
    create table subject (
        ecosystem   text not null,
        name        text not null,
        advisory_id integer not null references advisory (advisory_id),
        primary key (ecosystem, name, advisory_id)
    ) strict, without rowid;
    create table dump (
        only        integer primary key check (only = 1),
        digest      text not null, -- of every advisory in it, in order
        imported_at text not null,
        advisories  integer not null
    ) strict;";

/// The advisories of a registry, to be read.
#[derive(Clone, Debug)]
pub(crate) struct AdvisoryStore {
    reader: SqlitePool,
    dump: Dump,
}

/// What is known of a whole dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dump {
    /// The digest of every advisory in it.
    pub(crate) digest: Digest,
    /// When it was imported.
    pub(crate) imported_at: Timestamp,
    /// How many advisories it has.
    pub(crate) advisories: u64,
}

/// A file of advisories that is being written.
#[derive(Debug)]
pub(crate) struct AdvisoryWriter {
    pool: SqlitePool,
    transaction: SqliteTransaction<'static>,
    path: PathBuf,
    digests: Vec<u8>,
    advisories: u64,
}

impl AdvisoryStore {
    /// Opens those in `data`, if any were imported.
    pub(crate) async fn open(data: &Path, wait: Duration) -> Result<Option<Self>, StoreError> {
        let path = data.join(ADVISORIES);
        if !path.exists() {
            return Ok(None);
        }
        let options = options_of_reader(&path, wait).immutable(true);
        let reader = pool(2, wait).connect_with(options).await?;
        let (digest, at, count): (String, String, i64) =
            sqlx::query_as("select digest, imported_at, advisories from dump")
                .fetch_one(&reader)
                .await?;
        let dump = Dump {
            digest: parse("dump.digest", &digest)?,
            imported_at: parse("dump.imported_at", &at)?,
            advisories: unsigned("dump.advisories", count)?,
        };
        Ok(Some(Self { reader, dump }))
    }

    /// What is known of all of them.
    pub(crate) fn dump(&self) -> &Dump {
        &self.dump
    }

    /// Advisories in the order of the dump, as they are kept: those after the number
    /// `after`, of at most `most_bytes` together unless the first is longer; with the
    /// number of the last. `None` where there is none any more.
    pub(crate) async fn page(
        &self,
        after: i64,
        most_bytes: usize,
    ) -> Result<Option<(i64, Vec<String>)>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select advisory_id, body from advisory
              where advisory_id > ? order by advisory_id limit ?",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(&self.reader)
        .await?;
        let (mut page, mut bytes): (Option<(i64, Vec<String>)>, _) = (None, 0);
        for (number, body) in rows {
            bytes += body.len();
            match &mut page {
                None => page = Some((number, vec![body])),
                Some((last, bodies)) if bytes <= most_bytes => {
                    *last = number;
                    bodies.push(body);
                }
                Some(_) => break,
            }
        }
        Ok(page)
    }

    /// Those that are about each of `subjects`, in any version: in one query, however many
    /// subjects there are. What there is nothing about is left out.
    pub(crate) async fn about(
        &self,
        subjects: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Vec<Advisory>>, StoreError> {
        let keys: Vec<_> = subjects.iter().map(Subject::key).collect();
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "select subject.ecosystem, subject.name, body
               from (select distinct value ->> 0 as ecosystem, value ->> 1 as name
                       from json_each(?)) as asked
               join subject on subject.ecosystem = asked.ecosystem and subject.name = asked.name
               join advisory using (advisory_id) order by id",
        )
        .bind(serde_json::to_string(&keys).map_err(corrupt("subject"))?)
        .fetch_all(&self.reader)
        .await?;
        let mut known: BTreeMap<(String, String), Vec<Advisory>> = BTreeMap::new();
        for (ecosystem, name, body) in rows {
            let advisory = Advisory::parse(body.as_bytes()).map_err(corrupt("advisory.body"))?;
            known.entry((ecosystem, name)).or_default().extend(advisory);
        }
        let of = |subject: &Subject| {
            let known = known.get(&subject.key()).into_iter().flatten();
            let about: Vec<_> = known.filter(|it| it.is_about(subject)).cloned().collect();
            (!about.is_empty()).then(|| (subject.clone(), about))
        };
        Ok(subjects.iter().filter_map(of).collect())
    }
}

impl AdvisoryWriter {
    /// Begins a file at `path`, where there is none.
    pub(crate) async fn create(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let options = options(path, wait)
            .create_if_missing(true)
            // The file is nobody's until it is finished.
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Normal);
        let pool = pool(1, wait).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let transaction = pool.begin().await?;
        let path = path.to_owned();
        Ok(Self { pool, transaction, path, digests: Vec::new(), advisories: 0 })
    }

    /// Adds an advisory, which was read from `value`.
    pub(crate) async fn add(
        &mut self,
        advisory: &Advisory,
        value: &Value,
    ) -> Result<(), StoreError> {
        let body = relevant(value).to_string();
        self.digests.extend(Digest::of(body.as_bytes()).as_bytes());
        self.advisories += 1;
        let number: i64 = sqlx::query_scalar(
            "insert into advisory (id, body) values (?, ?) returning advisory_id",
        )
        .bind(&advisory.id)
        .bind(body)
        .fetch_one(&mut *self.transaction)
        .await?;
        for (ecosystem, name) in advisory.keys().into_iter().collect::<BTreeSet<_>>() {
            sqlx::query("insert into subject values (?, ?, ?)")
                .bind(ecosystem)
                .bind(name)
                .bind(number)
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(())
    }

    /// Ends the file, whose content is on disk then. Gives its path, and what it is.
    pub(crate) async fn finish(self, now: Timestamp) -> Result<(PathBuf, Dump), StoreError> {
        let Self { pool, mut transaction, path, digests, advisories } = self;
        let dump = Dump { digest: Digest::of(&digests), imported_at: now, advisories };
        sqlx::query("insert into dump values (1, ?, ?, ?)")
            .bind(dump.digest.to_string())
            .bind(time(now))
            .bind(signed("dump.advisories", advisories)?)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        pool.close().await;
        Ok((path, dump))
    }
}

/// What we read of an advisory, and nothing else: most of one is prose.
fn relevant(value: &Value) -> Value {
    let part = |value: &Value, keys: &[&str]| -> Value {
        let members =
            keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone())));
        Value::Object(members.collect())
    };
    let mut kept = part(value, &["id", "summary", "withdrawn", "severity"]);
    let affected = value.get("affected").and_then(Value::as_array).into_iter().flatten();
    let affected: Vec<Value> =
        affected.map(|it| part(it, &["package", "ranges", "versions"])).collect();
    let rating = value.get("database_specific").map(|it| part(it, &["severity"]));
    if let Value::Object(members) = &mut kept {
        members.extend(rating.map(|rating| ("database_specific".to_owned(), rating)));
        members.insert("affected".to_owned(), affected.into());
    }
    kept
}
