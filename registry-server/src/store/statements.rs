//! Statements about packages: what may be stated, and what was.

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_core::log::{BindingChange, Entry, Rebuild};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::change::{Bar, last_entry};
use super::releases::{Binding, binding_at, lookalike};
use super::row::{parse, proof_json, publisher, publisher_json, signed, time, unsigned};
use super::{Store, StoreError};

/// The most statements about one release. Rebuilds are anybody's, and every client
/// that installs the release reads them.
pub(crate) const MAX_STATEMENTS: u64 = 64;

/// What a statement builds upon, and who may make it.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    /// The index of the package's last entry.
    pub(crate) last: u64,
    /// Whom the name is bound to.
    pub(crate) binding: Binding,
}

/// A statement that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The index of its entry.
    pub(crate) index: u64,
    /// Its Sigstore bundle.
    pub(crate) bundle: Digest,
}

impl Store {
    /// What a statement about `name` builds upon at a time, if there is such a package.
    pub(crate) async fn basis(
        &self,
        name: &PackageName,
        at: Timestamp,
    ) -> Result<Option<Basis>, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let Some((package_id, found)) = lookalike(&mut snapshot, name).await? else {
            return Ok(None);
        };
        if found != *name {
            return Ok(None);
        }
        let last = last_entry(&mut snapshot, package_id).await?;
        let binding = binding_at(&mut snapshot, package_id, at).await?;
        snapshot.rollback().await?;
        Ok(Some(Basis { last, binding }))
    }

    /// The index of the entry that the statement in `bundle` became, if it was logged.
    pub(crate) async fn find_statement(&self, bundle: Digest) -> Result<Option<u64>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        stated(&mut connection, bundle).await
    }

    /// What was stated about a release since it was published, oldest first.
    pub(crate) async fn statements(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Vec<Statement>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select log_index, bundle
               from entry join release using (release_id)
               join package on package.package_id = release.package_id
              where package.name = ? and release.version = ? and bundle is not null
              order by log_index",
        )
        .bind(name.as_str())
        .bind(version.to_string())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(statement).collect()
    }
}

pub(super) fn statement((index, bundle): (i64, String)) -> Result<Statement, StoreError> {
    Ok(Statement {
        index: unsigned("entry.log_index", index)?,
        bundle: parse("entry.bundle", &bundle)?,
    })
}

pub(super) async fn stated(
    connection: &mut SqliteConnection,
    bundle: Digest,
) -> Result<Option<u64>, StoreError> {
    let index: Option<i64> = sqlx::query_scalar("select log_index from entry where bundle = ?")
        .bind(bundle.to_string())
        .fetch_optional(connection)
        .await?;
    index.map(|index| unsigned("entry.log_index", index)).transpose()
}

/// Why `entry`, which is no publish, may not be logged, if it may not.
pub(super) async fn admit_statement(
    connection: &mut SqliteConnection,
    entry: &Entry,
) -> Result<Option<Bar>, StoreError> {
    let package = lookalike(connection, entry.name()).await?;
    let Some((package_id, _)) = package.filter(|(_, name)| name == entry.name()) else {
        return Ok(Some(Bar::Unknown));
    };
    let last = last_entry(connection, package_id).await?;
    if entry.previous() != Some(last) {
        return Ok(Some(Bar::Conflict(last)));
    }
    let signer = match entry {
        Entry::Status(change) => Some(&change.publisher),
        Entry::Binding(change) => Some(&change.signer),
        Entry::Publish(_) | Entry::Rebuild(_) => None,
    };
    let Binding { bound, announced, .. } = binding_at(connection, package_id, entry.time()).await?;
    if let Some(signer) = signer
        && bound.difference(signer).is_some()
    {
        return Ok(Some(Bar::Bound(bound)));
    }
    let version = match entry {
        Entry::Publish(_) => return Ok(Some(Bar::Unknown)),
        Entry::Binding(change) => {
            // To name the one who publishes now takes back what was announced.
            let next = announced.as_ref().unwrap_or(&bound);
            return Ok((change.publisher == *next).then_some(Bar::Already));
        }
        Entry::Status(change) => &change.version,
        Entry::Rebuild(rebuild) => &rebuild.version,
    };
    let Some((release_id, status)) = release(connection, package_id, version).await? else {
        return Ok(Some(Bar::Unknown));
    };
    match entry {
        Entry::Status(change) if change.status == status => return Ok(Some(Bar::Already)),
        Entry::Rebuild(rebuild) if has_said(connection, release_id, rebuild).await? => {
            return Ok(Some(Bar::Already));
        }
        _ => (),
    }
    let count: i64 = sqlx::query_scalar(
        "select count(*) from entry where release_id = ? and bundle is not null",
    )
    .bind(release_id)
    .fetch_one(connection)
    .await?;
    // Whoever publishes it can always yank it.
    let is_full =
        matches!(entry, Entry::Rebuild(_)) && unsigned("entry.log_index", count)? >= MAX_STATEMENTS;
    Ok(is_full.then_some(Bar::TooMany(MAX_STATEMENTS)))
}

/// Whether the last word of the rebuilder about the release is the same. Of a release
/// with several artifacts there is one to be said of each.
async fn has_said(
    connection: &mut SqliteConnection,
    release_id: i64,
    rebuild: &Rebuild,
) -> Result<bool, StoreError> {
    let last: Option<String> = sqlx::query_scalar(
        "select word from entry where release_id = ? and kind = 'rebuild' and signer = ?
          order by log_index desc limit 1",
    )
    .bind(release_id)
    .bind(publisher_json(&rebuild.rebuilder)?)
    .fetch_optional(&mut *connection)
    .await?;
    let artifacts: i64 = sqlx::query_scalar("select count(*) from artifact where release_id = ?")
        .bind(release_id)
        .fetch_one(connection)
        .await?;
    Ok(artifacts < 2 && last.is_some_and(|word| word == rebuild.result.to_string()))
}

async fn release(
    connection: &mut SqliteConnection,
    package_id: i64,
    version: &Version,
) -> Result<Option<(i64, Status)>, StoreError> {
    let row: Option<(i64, String)> = sqlx::query_as(
        "select release_id, status from release where package_id = ? and version = ?",
    )
    .bind(package_id)
    .bind(version.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|(id, status)| Ok((id, parse("release.status", &status)?))).transpose()
}

/// Makes a statement visible, which became known here at `now`.
pub(super) async fn apply_statement(
    connection: &mut SqliteConnection,
    index: u64,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), StoreError> {
    let missing = || {
        let what = std::io::Error::other(format!("it has nothing of `{}`", entry.name()));
        super::error::corrupt("package")(what)
    };
    let (package_id, _) = lookalike(connection, entry.name()).await?.ok_or_else(missing)?;
    let (kind, version, word, signer, bundle) = match entry {
        Entry::Publish(_) => return Err(missing()),
        Entry::Status(change) => {
            let word = change.status.to_string();
            ("status", Some(&change.version), Some(word), &change.publisher, change.evidence)
        }
        Entry::Binding(change) => ("binding", None, None, &change.signer, change.evidence),
        Entry::Rebuild(rebuild) => {
            let word = rebuild.result.to_string();
            ("rebuild", Some(&rebuild.version), Some(word), &rebuild.rebuilder, rebuild.evidence)
        }
    };
    let release_id = match version {
        None => None,
        Some(version) => {
            let found = release(connection, package_id, version).await?.ok_or_else(missing)?;
            Some(found.0)
        }
    };
    sqlx::query(
        "insert into entry (log_index, kind, package_id, release_id, word, signer, bundle)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed("entry.log_index", index)?)
    .bind(kind)
    .bind(package_id)
    .bind(release_id)
    .bind(word.as_deref())
    .bind(publisher_json(signer)?)
    .bind(bundle.to_string())
    .execute(&mut *connection)
    .await?;
    match entry {
        Entry::Binding(change) => bind(connection, package_id, change).await,
        Entry::Status(change) => {
            sqlx::query("update release set status = ? where release_id = ?")
                .bind(change.status.to_string())
                .bind(release_id)
                .execute(&mut *connection)
                .await?;
            if let Some(release_id) = release_id {
                super::listed::list_status(connection, release_id, change, now).await?;
            }
            super::publish::list_again(connection, package_id).await
        }
        Entry::Publish(_) | Entry::Rebuild(_) => Ok(()),
    }
}

async fn bind(
    connection: &mut SqliteConnection,
    package_id: i64,
    change: &BindingChange,
) -> Result<(), StoreError> {
    let former = binding_at(connection, package_id, change.time).await?;
    sqlx::query(
        "insert into binding
             (package_id, publisher, authority, former, former_authority, effective_at)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(package_id)
    .bind(publisher_json(&change.publisher)?)
    .bind(proof_json(change.authority.as_ref())?)
    .bind(publisher_json(&former.bound)?)
    .bind(proof_json(former.authority.as_ref())?)
    .bind(time(change.effective))
    .execute(connection)
    .await?;
    Ok(())
}

/// What the database says of the statement at `index`, for `fsck`.
pub(crate) type StatementRow = (String, Option<String>, Option<Publisher>, Digest);

impl Store {
    /// Kind, word, signer and bundle of the statement at `index`, for `fsck`.
    pub(crate) async fn statement_row(
        &self,
        index: u64,
    ) -> Result<Option<StatementRow>, StoreError> {
        let row: Option<(String, Option<String>, Option<String>, String)> = sqlx::query_as(
            "select kind, word, signer, bundle from entry
              where log_index = ? and bundle is not null",
        )
        .bind(signed("entry.log_index", index)?)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|(kind, word, signer, bundle)| {
            let signer = signer.map(|json| publisher("entry.signer", &json)).transpose()?;
            Ok((kind, word, signer, parse("entry.bundle", &bundle)?))
        })
        .transpose()
    }
}
