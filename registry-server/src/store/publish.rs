//! Applying the log: one short transaction, all of it or nothing.

use jiff::Timestamp;
use mcpkg_core::api::Artifact;
use mcpkg_core::domain::DomainProof;
use mcpkg_core::log::{Publish, Tree};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::change::Change;
use super::listed::list_release;
use super::releases::lookalike;
use super::row::{parse, proof_json, publisher_json, signed, time, unsigned};
use super::statements::apply_statement;
use super::{Store, StoreError, StoredBlob};
use crate::failpoint;

/// A release that was verified and whose blobs are in place.
#[derive(Clone, Debug)]
pub(crate) struct NewRelease {
    /// The package.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
    /// What to show for it, from its `server.json`.
    pub(crate) title: String,
    /// What it does, from its `server.json`.
    pub(crate) description: String,
    /// The canonical `server.json`.
    pub(crate) server_json: String,
    /// The digest of it.
    pub(crate) metadata: Digest,
    /// What can be downloaded, by platform.
    pub(crate) artifacts: Vec<Artifact>,
    /// The Sigstore bundles.
    pub(crate) bundles: Vec<Digest>,
    /// Every blob named above.
    pub(crate) blobs: Vec<StoredBlob>,
    /// Who signed it.
    pub(crate) publisher: Publisher,
    /// What the domain of the namespace said of them, where that decides.
    pub(crate) authority: Option<DomainProof>,
    /// When it was accepted.
    pub(crate) published_at: Timestamp,
}

impl NewRelease {
    /// What the log says of it, if the package's entry before it is `previous`.
    pub(crate) fn entry(&self, previous: Option<u64>) -> Publish {
        let mut artifacts = self.artifacts.clone();
        artifacts.sort_by_key(|artifact| artifact.platform.to_string());
        Publish {
            name: self.name.clone(),
            version: self.version.clone(),
            metadata: self.metadata,
            artifacts,
            evidence: self.bundles.clone(),
            publisher: self.publisher.clone(),
            authority: self.authority.clone(),
            previous,
            time: self.published_at,
        }
    }
}

impl Store {
    /// How far the log has been applied.
    pub(crate) async fn applied(&self) -> Result<Tree, StoreError> {
        let mut connection = self.reader.acquire().await?;
        applied(&mut connection).await
    }

    /// Makes what the log says visible: these changes, each with the index of its
    /// entry, which together make it the tree `tree`. All of it or nothing.
    pub(crate) async fn apply(
        &self,
        changes: &[(u64, Change)],
        tree: &Tree,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::File(sqlx::Error::Io(error));
        failpoint::around_async("transaction", failed, async {
            let mut transaction = self.writer.begin_with("begin immediate").await?;
            for (index, change) in changes {
                match change {
                    Change::Release(release) => {
                        let release_id = apply(&mut transaction, *index, release).await?;
                        let now = release.published_at;
                        list_release(&mut transaction, release_id, *index, release, now).await?;
                    }
                    Change::Statement(statement) => {
                        insert_blob(&mut transaction, &statement.bundle).await?;
                        let entry = &statement.entry;
                        apply_statement(&mut transaction, *index, entry, entry.time()).await?;
                    }
                }
            }
            sqlx::query("update log set size = ?, root = ?")
                .bind(signed("log.size", tree.size)?)
                .bind(tree.root.to_string())
                .execute(&mut *transaction)
                .await?;
            failpoint::hit("in-transaction");
            // Dropped without it, the transaction rolls back.
            transaction.commit().await?;
            Ok(())
        })
        .await
    }
}

/// How far the log has been applied, as `connection` sees it.
pub(super) async fn applied(connection: &mut SqliteConnection) -> Result<Tree, StoreError> {
    let (size, root): (i64, String) =
        sqlx::query_as("select size, root from log").fetch_one(connection).await?;
    Ok(Tree { size: unsigned("log.size", size)?, root: parse("log.root", &root)? })
}

/// Makes a release visible, and says which row it has.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    index: u64,
    release: &NewRelease,
) -> Result<i64, StoreError> {
    let package_id = match lookalike(connection, &release.name).await? {
        Some((package_id, _)) => package_id,
        None => insert_package(connection, release).await?,
    };
    let release_id = insert_release(connection, package_id, release).await?;
    sqlx::query(
        "insert into entry (log_index, kind, package_id, release_id) values (?, 'publish', ?, ?)",
    )
    .bind(signed("entry.log_index", index)?)
    .bind(package_id)
    .bind(release_id)
    .execute(&mut *connection)
    .await?;
    list(connection, package_id, release_id, &release.version).await?;
    Ok(release_id)
}

async fn insert_package(
    connection: &mut SqliteConnection,
    release: &NewRelease,
) -> Result<i64, StoreError> {
    let package_id: i64 = sqlx::query_scalar(
        "insert into package (name, fold_key, created_at) values (?, ?, ?) returning package_id",
    )
    .bind(release.name.as_str())
    .bind(release.name.fold_key())
    .bind(time(release.published_at))
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "insert into binding (package_id, publisher, authority, effective_at) values (?, ?, ?, ?)",
    )
    .bind(package_id)
    .bind(publisher_json(&release.publisher)?)
    .bind(proof_json(release.authority.as_ref())?)
    .bind(time(release.published_at))
    .execute(connection)
    .await?;
    Ok(package_id)
}

async fn insert_release(
    connection: &mut SqliteConnection,
    package_id: i64,
    release: &NewRelease,
) -> Result<i64, StoreError> {
    for blob in &release.blobs {
        insert_blob(connection, blob).await?;
    }
    let release_id: i64 = sqlx::query_scalar(
        "insert into release
             (package_id, version, metadata, publisher, published_at, title, description)
         values (?, ?, ?, ?, ?, ?, ?) returning release_id",
    )
    .bind(package_id)
    .bind(release.version.to_string())
    .bind(release.metadata.to_string())
    .bind(publisher_json(&release.publisher)?)
    .bind(time(release.published_at))
    .bind(&release.title)
    .bind(&release.description)
    .fetch_one(&mut *connection)
    .await?;
    for artifact in &release.artifacts {
        sqlx::query(
            "insert into artifact (release_id, platform, digest, tree, size_bytes)
             values (?, ?, ?, ?, ?)",
        )
        .bind(release_id)
        .bind(artifact.platform.to_string())
        .bind(artifact.digest.to_string())
        .bind(artifact.tree.to_string())
        .bind(signed("artifact.size_bytes", artifact.size_bytes)?)
        .execute(&mut *connection)
        .await?;
    }
    for (position, bundle) in (0_i64..).zip(&release.bundles) {
        sqlx::query("insert into evidence (release_id, position, bundle) values (?, ?, ?)")
            .bind(release_id)
            .bind(position)
            .bind(bundle.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(release_id)
}

/// Records a blob, if it is new.
pub(super) async fn insert_blob(
    connection: &mut SqliteConnection,
    blob: &StoredBlob,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into blob (digest, size_bytes, chunks) values (?, ?, ?)
         on conflict (digest) do nothing",
    )
    .bind(blob.digest.to_string())
    .bind(signed("blob.size_bytes", blob.chunks.size_bytes())?)
    .bind(blob.chunks.to_bytes())
    .execute(connection)
    .await?;
    Ok(())
}

/// Lists a new release in searches, if it is the one to show of its package: the
/// newest that is no pre-release, or else the newest.
async fn list(
    connection: &mut SqliteConnection,
    package_id: i64,
    release_id: i64,
    version: &Version,
) -> Result<(), StoreError> {
    let listed: Option<String> = sqlx::query_scalar(
        "select version from listing join release using (release_id)
          where listing.package_id = ?",
    )
    .bind(package_id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(listed) = listed
        && rank(&parse("release.version", &listed)?) > rank(version)
    {
        return Ok(());
    }
    // Behind a closed gate it is listed when it is admitted.
    let is_given_out: bool =
        sqlx::query_scalar("select exists (select 1 from given_out where release_id = ?)")
            .bind(release_id)
            .fetch_one(&mut *connection)
            .await?;
    if is_given_out { show(connection, release_id).await } else { Ok(()) }
}

/// The same, from among all releases of the package that are given out and not yanked,
/// if any.
pub(super) async fn list_again(
    connection: &mut SqliteConnection,
    package_id: i64,
) -> Result<(), StoreError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "select release_id, version from release
          where package_id = ? and status != 'yanked'
            and exists (select 1 from given_out where given_out.release_id = release.release_id)",
    )
    .bind(package_id)
    .fetch_all(&mut *connection)
    .await?;
    let mut best: Option<(Version, i64)> = None;
    for (release_id, version) in rows {
        let version: Version = parse("release.version", &version)?;
        if best.as_ref().is_none_or(|(best, _)| rank(&version) > rank(best)) {
            best = Some((version, release_id));
        }
    }
    if let Some((_, release_id)) = best {
        return show(connection, release_id).await;
    }
    sqlx::query("delete from listing where package_id = ?")
        .bind(package_id)
        .execute(connection)
        .await?;
    Ok(())
}

fn rank(version: &Version) -> (bool, &Version) {
    (!version.is_prerelease(), version)
}

async fn show(connection: &mut SqliteConnection, release_id: i64) -> Result<(), StoreError> {
    sqlx::query(
        "insert into listing (package_id, release_id, name, title, description)
         select package_id, release_id, name, title, description
           from release join package using (package_id) where release_id = ?
         on conflict (package_id) do update
            set release_id = excluded.release_id, title = excluded.title,
                description = excluded.description",
    )
    .bind(release_id)
    .execute(connection)
    .await?;
    Ok(())
}
