//! Applying the log: one short transaction, all of it or nothing.

use jiff::Timestamp;
use mcpkg_core::api::Artifact;
use mcpkg_core::log::{Publish, Tree};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::releases::{Release, find, lookalike, package};
use super::row::{parse, publisher_json, signed, time, unsigned};
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
    pub(crate) metadata: Digest,
    /// What can be downloaded, by platform.
    pub(crate) artifacts: Vec<Artifact>,
    /// The Sigstore bundles.
    pub(crate) bundles: Vec<Digest>,
    /// Every blob named above.
    pub(crate) blobs: Vec<StoredBlob>,
    /// Who signed it.
    pub(crate) publisher: Publisher,
    /// When it was accepted.
    pub(crate) published_at: Timestamp,
}

/// Whether a [`NewRelease`] may be logged.
#[derive(Clone, Debug)]
pub(crate) enum Admission {
    /// It may.
    Free {
        /// The package's name, in the case that its first release used.
        name: PackageName,
        /// The package's last entry in the log.
        previous: Option<u64>,
    },
    /// There is a release of that version; it stays as it is.
    Exists(Release),
    /// Another package has a name that looks the same.
    Lookalike(PackageName),
    /// The name was bound to another publisher in the meantime.
    Bound(Publisher),
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
            previous,
            time: self.published_at,
        }
    }
}

impl Store {
    /// Whether `release` may be logged, given everything that was applied.
    pub(crate) async fn admit(&self, release: &NewRelease) -> Result<Admission, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let admission = admit(&mut snapshot, release).await;
        snapshot.rollback().await?;
        admission
    }

    /// How far the log has been applied.
    pub(crate) async fn applied(&self) -> Result<Tree, StoreError> {
        let mut connection = self.reader.acquire().await?;
        applied(&mut connection).await
    }

    /// Makes what the log says visible: these releases, each with the index of its
    /// entry, which together make it the tree `tree`. All of it or nothing.
    pub(crate) async fn apply(
        &self,
        releases: &[(u64, NewRelease)],
        tree: &Tree,
    ) -> Result<(), StoreError> {
        let failed = |error| StoreError::File(sqlx::Error::Io(error));
        failpoint::around_async("transaction", failed, async {
            let mut transaction = self.writer.begin_with("begin immediate").await?;
            for (index, release) in releases {
                apply(&mut transaction, *index, release).await?;
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

async fn admit(
    connection: &mut SqliteConnection,
    release: &NewRelease,
) -> Result<Admission, StoreError> {
    let Some((package_id, name)) = lookalike(connection, &release.name).await? else {
        return Ok(Admission::Free { name: release.name.clone(), previous: None });
    };
    if name != release.name {
        return Ok(Admission::Lookalike(name));
    }
    if let Some(release) = find(connection, &release.name, &release.version).await? {
        return Ok(Admission::Exists(release));
    }
    let bound = package(connection, &release.name).await?.map(|(_, _, bound)| bound);
    if let Some(bound) = bound.filter(|it| it.difference(&release.publisher).is_some()) {
        return Ok(Admission::Bound(bound));
    }
    let previous: Option<i64> =
        sqlx::query_scalar("select max(log_index) from entry where package_id = ?")
            .bind(package_id)
            .fetch_one(connection)
            .await?;
    let previous = previous.map(|index| unsigned("entry.log_index", index)).transpose()?;
    Ok(Admission::Free { name, previous })
}

/// How far the log has been applied, as `connection` sees it.
pub(super) async fn applied(connection: &mut SqliteConnection) -> Result<Tree, StoreError> {
    let (size, root): (i64, String) =
        sqlx::query_as("select size, root from log").fetch_one(connection).await?;
    Ok(Tree { size: unsigned("log.size", size)?, root: parse("log.root", &root)? })
}

async fn apply(
    connection: &mut SqliteConnection,
    index: u64,
    release: &NewRelease,
) -> Result<(), StoreError> {
    let package_id = match lookalike(connection, &release.name).await? {
        Some((package_id, _)) => package_id,
        None => insert_package(connection, release).await?,
    };
    let release_id = insert_release(connection, package_id, release).await?;
    list(connection, package_id, release_id, release).await?;
    sqlx::query(
        "insert into entry (log_index, kind, package_id, release_id) values (?, 'publish', ?, ?)",
    )
    .bind(signed("entry.log_index", index)?)
    .bind(package_id)
    .bind(release_id)
    .execute(connection)
    .await?;
    Ok(())
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
    sqlx::query("insert into binding (package_id, publisher, bound_at) values (?, ?, ?)")
        .bind(package_id)
        .bind(publisher_json(&release.publisher)?)
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
        sqlx::query(
            "insert into blob (digest, size_bytes, chunks) values (?, ?, ?)
             on conflict (digest) do nothing",
        )
        .bind(blob.digest.to_string())
        .bind(signed("blob.size_bytes", blob.chunks.size_bytes())?)
        .bind(blob.chunks.to_bytes())
        .execute(&mut *connection)
        .await?;
    }
    let release_id: i64 = sqlx::query_scalar(
        "insert into release (package_id, version, metadata, publisher, published_at)
         values (?, ?, ?, ?, ?) returning release_id",
    )
    .bind(package_id)
    .bind(release.version.to_string())
    .bind(release.metadata.to_string())
    .bind(publisher_json(&release.publisher)?)
    .bind(time(release.published_at))
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

/// Lists the release in searches, if it is the one to show of its package: the
/// newest that is no pre-release, or else the newest.
async fn list(
    connection: &mut SqliteConnection,
    package_id: i64,
    release_id: i64,
    release: &NewRelease,
) -> Result<(), StoreError> {
    let listed: Option<String> = sqlx::query_scalar(
        "select version from listing join release using (release_id)
          where listing.package_id = ?",
    )
    .bind(package_id)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(listed) = listed {
        let listed: Version = parse("release.version", &listed)?;
        let rank = |version: &Version| (!version.is_prerelease(), version.clone());
        if rank(&listed) > rank(&release.version) {
            return Ok(());
        }
    }
    sqlx::query(
        "insert into listing (package_id, release_id, name, title, description)
         values (?, ?, ?, ?, ?)
         on conflict (package_id) do update
            set release_id = excluded.release_id, title = excluded.title,
                description = excluded.description",
    )
    .bind(package_id)
    .bind(release_id)
    .bind(release.name.as_str())
    .bind(&release.title)
    .bind(&release.description)
    .execute(connection)
    .await?;
    Ok(())
}
