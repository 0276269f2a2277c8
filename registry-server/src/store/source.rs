//! Applying somebody else's log, of which nothing may be left out.
//!
//! An entry that breaks a rule, or whose evidence fails, stays in the copy of the log and
//! gets a row in `withheld`. So the size of what was applied is always that of a tree.

use jiff::Timestamp;
use mcpkg_core::api::WithheldRelease;
use mcpkg_core::log::{Entry, Tree};
use mcpkg_core::{Code, Digest, PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::listed::{list_if_new, list_release, show};
use super::publish::{NewRelease, apply, insert_blob};
use super::row::{parse, signed, time, unsigned};
use super::rules::broken_rule;
use super::statements::apply_statement;
use super::{Store, StoreError, StoredBlob};
use crate::blobs::SmallBlob;
use crate::failpoint;

/// An entry of a source's log, and what its evidence showed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// Where it is in the log.
    pub(crate) index: u64,
    /// What it says; nothing where nobody here knows how to read it.
    pub(crate) entry: Option<Entry>,
    /// What is shown of it, or why it is not given out.
    pub(crate) finding: Result<Shown, Withholding>,
}

/// What is shown of an entry whose evidence holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// What to show for a release, from its `server.json`.
    pub(crate) title: String,
    /// What it does, from its `server.json`.
    pub(crate) description: String,
    /// The canonical `server.json`.
    pub(crate) server_json: String,
    /// The blobs of it, which are in their places before it is applied.
    pub(crate) blobs: Vec<SmallBlob>,
}

/// Why an entry is not given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Withholding {
    /// The stable code.
    pub(crate) code: Code,
    /// In a sentence.
    pub(crate) reason: String,
    /// Whether it may turn out otherwise when it is asked for again.
    pub(crate) is_passing: bool,
}

impl Withholding {
    /// For as long as the source answers so: what it sent is not what its log has.
    pub(crate) fn passing(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), is_passing: true }
    }

    /// For good.
    pub(crate) fn lasting(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), is_passing: false }
    }

    /// Until the source or the configuration says otherwise.
    pub(crate) fn for_now(code: Code, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), is_passing: true }
    }
}

impl Store {
    /// Makes entries of a source's log visible, which together make it the tree `tree`.
    /// All of them or none. Gives those that break a rule of the log.
    pub(crate) async fn follow(
        &self,
        entries: &[Followed],
        tree: &Tree,
        now: Timestamp,
    ) -> Result<Vec<(u64, Withholding)>, StoreError> {
        let failed = |error| StoreError::File(sqlx::Error::Io(error));
        failpoint::around_async("follow", failed, async {
            let mut transaction = self.writer.begin_with("begin immediate").await?;
            let mut broken = Vec::new();
            for followed in entries {
                let rule = follow(&mut transaction, followed, now).await?;
                broken.extend(rule.map(|rule| (followed.index, rule)));
            }
            sqlx::query("update log set size = ?, root = ?")
                .bind(signed("log.size", tree.size)?)
                .bind(tree.root.to_string())
                .execute(&mut *transaction)
                .await?;
            failpoint::hit("in-follow");
            transaction.commit().await?;
            Ok(broken)
        })
        .await
    }

    /// Which releases of a package are not given out.
    pub(crate) async fn withheld(
        &self,
        name: &PackageName,
    ) -> Result<Vec<WithheldRelease>, StoreError> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "select release.version, code, reason
               from withheld
               join package using (fold_key)
               join release on release.package_id = package.package_id
                           and release.version = coalesce(withheld.version, release.version)
              where withheld.fold_key = ? order by withheld.log_index",
        )
        .bind(name.fold_key())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(version, code, reason)| {
                let version = parse("release.version", &version)?;
                let code = parse("withheld.code", &code)?;
                Ok(WithheldRelease { version, code, policy: None, reason })
            })
            .collect()
    }

    /// How many entries are not given out.
    pub(crate) async fn count_withheld(&self) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from withheld").fetch_one(&self.reader).await?;
        unsigned("withheld", count)
    }

    /// The entries from `first` on that are not given out, for now or for good.
    pub(crate) async fn withheld_from(&self, first: u64) -> Result<Vec<u64>, StoreError> {
        let rows: Vec<i64> = sqlx::query_scalar(
            "select log_index from withheld where log_index >= ? order by log_index",
        )
        .bind(signed("withheld.log_index", first)?)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(|index| unsigned("withheld.log_index", index)).collect()
    }

    /// Whether an entry is not given out.
    pub(crate) async fn is_withheld(&self, index: u64) -> Result<bool, StoreError> {
        let query = "select exists (select 1 from withheld where log_index = ?)";
        Ok(sqlx::query_scalar(query)
            .bind(signed("withheld.log_index", index)?)
            .fetch_one(&self.reader)
            .await?)
    }

    /// How many entries are known, be they given out or not, for `fsck`.
    pub(crate) async fn known_entries(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "select count(*) from (select log_index from entry union select log_index from withheld)",
        )
        .fetch_one(&self.reader)
        .await?;
        unsigned("entry", count)
    }

    /// Up to `limit` entries that may turn out otherwise, those first that were not asked
    /// for the longest.
    pub(crate) async fn withheld_for_now(&self, limit: u32) -> Result<Vec<u64>, StoreError> {
        let rows: Vec<i64> = sqlx::query_scalar(
            "select log_index from withheld where is_passing = 1
              order by checked_at, log_index limit ?",
        )
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(|index| unsigned("withheld.log_index", index)).collect()
    }

    /// Records what came of asking for a withheld entry again. Says whether it is given
    /// out now.
    pub(crate) async fn reconsider(
        &self,
        index: u64,
        finding: &Result<Shown, Withholding>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let log_index = signed("withheld.log_index", index)?;
        match finding {
            Ok(shown) => {
                for blob in &shown.blobs {
                    insert_blob(&mut transaction, blob.stored()).await?;
                }
                let fold_key: Option<String> = sqlx::query_scalar(
                    "delete from withheld where log_index = ? returning fold_key",
                )
                .bind(log_index)
                .fetch_optional(&mut *transaction)
                .await?;
                list_if_new(&mut transaction, log_index, &shown.server_json, now).await?;
                show(&mut transaction, &fold_key.unwrap_or_default(), now).await?;
            }
            Err(Withholding { code, reason, is_passing }) => {
                sqlx::query(
                    "update withheld set code = ?, reason = ?, is_passing = ?, checked_at = ?
                      where log_index = ?",
                )
                .bind(code.as_str())
                .bind(reason)
                .bind(i64::from(*is_passing))
                .bind(time(now))
                .bind(log_index)
                .execute(&mut *transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(finding.is_ok())
    }

    /// The length of an artifact that a release names, whether its bytes are here or not.
    pub(crate) async fn artifact_size(&self, digest: Digest) -> Result<Option<u64>, StoreError> {
        let size: Option<i64> =
            sqlx::query_scalar("select size_bytes from artifact where digest = ? limit 1")
                .bind(digest.to_string())
                .fetch_optional(&self.reader)
                .await?;
        size.map(|size| unsigned("artifact.size_bytes", size)).transpose()
    }

    /// Up to `limit` artifacts whose bytes are not here, with their lengths.
    pub(crate) async fn missing_artifacts(&self, limit: u32) -> Result<Vec<Digest>, StoreError> {
        let rows: Vec<String> = sqlx::query_scalar(
            "select distinct artifact.digest from artifact
               left join blob on blob.digest = artifact.digest
              where blob.digest is null order by artifact.release_id limit ?",
        )
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|digest| parse("artifact.digest", digest)).collect()
    }

    /// The entries that published an artifact whose bytes are not here.
    pub(crate) async fn entries_without_artifact(&self) -> Result<Vec<u64>, StoreError> {
        let rows: Vec<i64> = sqlx::query_scalar(
            "select distinct log_index from entry
               join artifact using (release_id)
               left join blob on blob.digest = artifact.digest
              where kind = 'publish' and blob.digest is null order by log_index",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter().map(|index| unsigned("entry.log_index", index)).collect()
    }

    /// Records a blob whose bytes are here now.
    pub(crate) async fn add_blob(&self, blob: &StoredBlob) -> Result<(), StoreError> {
        insert_blob(&mut *self.writer.acquire().await?, blob).await
    }

    /// The releases whose `server.json`, artifact or evidence a blob is.
    pub(crate) async fn releases_with(
        &self,
        digest: Digest,
    ) -> Result<Vec<(PackageName, Version)>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select name, version from release join package using (package_id)
              where release_id in (
                    select release_id from artifact where digest = ?1
                     union select release_id from release where metadata = ?1
                     union select release_id from evidence where bundle = ?1)",
        )
        .bind(digest.to_string())
        .fetch_all(&self.reader)
        .await?;
        rows.into_iter()
            .map(|(name, version)| {
                Ok((parse("package.name", &name)?, parse("release.version", &version)?))
            })
            .collect()
    }
}

async fn follow(
    connection: &mut SqliteConnection,
    followed: &Followed,
    now: Timestamp,
) -> Result<Option<Withholding>, StoreError> {
    let Followed { index, entry, finding } = followed;
    let Some(entry) = entry else {
        if let Err(withholding) = finding {
            withhold(connection, *index, None, withholding, now).await?;
        }
        return Ok(None);
    };
    if let Some(broken) = broken_rule(connection, entry).await? {
        withhold(connection, *index, Some(entry), &broken, now).await?;
        return Ok(Some(broken));
    }
    if let Err(withholding) = finding {
        withhold(connection, *index, Some(entry), withholding, now).await?;
    }
    let shown = finding.as_ref().cloned().unwrap_or_default();
    for blob in &shown.blobs {
        insert_blob(connection, blob.stored()).await?;
    }
    match entry {
        Entry::Publish(publish) => {
            let release = NewRelease {
                name: publish.name.clone(),
                version: publish.version.clone(),
                title: shown.title,
                description: shown.description,
                server_json: shown.server_json,
                metadata: publish.metadata,
                artifacts: publish.artifacts.clone(),
                bundles: publish.evidence.clone(),
                blobs: Vec::new(),
                publisher: publish.publisher.clone(),
                authority: publish.authority.clone(),
                published_at: publish.time,
            };
            let release_id = apply(connection, *index, &release).await?;
            // What the source has not shown has no document to list.
            if finding.is_ok() {
                list_release(connection, release_id, *index, &release, now).await?;
            }
        }
        entry => apply_statement(connection, *index, entry, now).await?,
    }
    Ok(None)
}

async fn withhold(
    connection: &mut SqliteConnection,
    index: u64,
    entry: Option<&Entry>,
    Withholding { code, reason, is_passing }: &Withholding,
    now: Timestamp,
) -> Result<(), StoreError> {
    let version = match entry {
        Some(Entry::Publish(publish)) => Some(&publish.version),
        Some(Entry::Status(change)) => Some(&change.version),
        Some(Entry::Rebuild(rebuild)) => Some(&rebuild.version),
        Some(Entry::Binding(_)) | None => None,
    };
    sqlx::query(
        "insert into withheld
             (log_index, fold_key, version, code, reason, is_passing, checked_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed("withheld.log_index", index)?)
    .bind(entry.map(|entry| entry.name().fold_key()).unwrap_or_default())
    .bind(version.map(ToString::to_string))
    .bind(code.as_str())
    .bind(reason)
    .bind(i64::from(*is_passing))
    .bind(time(now))
    .execute(&mut *connection)
    .await?;
    match entry {
        Some(entry) => show(connection, &entry.name().fold_key(), now).await,
        None => Ok(()),
    }
}
