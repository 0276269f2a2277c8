//! Writing a release: one short transaction, all of it or nothing.

use jiff::Timestamp;
use mcpkg_core::api::Artifact;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::releases::{Release, find, lookalike, package};
use super::row::{parse, publisher_json, signed, time};
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

/// What became of a [`NewRelease`].
#[derive(Clone, Debug)]
pub(crate) enum Published {
    /// It is visible now.
    New(Release),
    /// There is a release of that version; it stays as it is.
    Exists(Release),
    /// Another package has a name that looks the same.
    Lookalike(PackageName),
    /// The name was bound to another publisher in the meantime.
    Bound(Publisher),
}

impl Store {
    /// Makes `release` visible, unless something is in its way.
    ///
    /// Of several calls for one version, one makes it and the others find it.
    pub(crate) async fn publish_release(
        &self,
        release: &NewRelease,
    ) -> Result<Published, StoreError> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let outcome = publish(&mut transaction, release).await?;
        failpoint::hit("in-transaction");
        // Dropped without it, the transaction rolls back.
        if matches!(outcome, Published::New(_)) {
            transaction.commit().await?;
        }
        Ok(outcome)
    }
}

async fn publish(
    connection: &mut SqliteConnection,
    release: &NewRelease,
) -> Result<Published, StoreError> {
    let package_id = match lookalike(connection, &release.name).await? {
        Some((_, name)) if name != release.name => return Ok(Published::Lookalike(name)),
        Some((package_id, _)) => {
            if let Some(release) = find(connection, &release.name, &release.version).await? {
                return Ok(Published::Exists(release));
            }
            let bound = package(connection, &release.name).await?.map(|(_, _, bound)| bound);
            if let Some(bound) = bound.filter(|it| it.difference(&release.publisher).is_some()) {
                return Ok(Published::Bound(bound));
            }
            package_id
        }
        None => insert_package(connection, release).await?,
    };
    let release_id = insert_release(connection, package_id, release).await?;
    list(connection, package_id, release_id, release).await?;
    insert_audit(connection, release_id, release).await?;
    let found = find(connection, &release.name, &release.version).await?;
    Ok(Published::New(found.ok_or(StoreError::Statement(sqlx::Error::RowNotFound))?))
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

/// Records the publish, which seals the release.
async fn insert_audit(
    connection: &mut SqliteConnection,
    release_id: i64,
    release: &NewRelease,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit (release_id, at, action, name, version, metadata, publisher)
         select ?1, ?2, 'publish', name, ?3, ?4, ?5
           from package join release using (package_id) where release_id = ?1",
    )
    .bind(release_id)
    .bind(time(release.published_at))
    .bind(release.version.to_string())
    .bind(release.metadata.to_string())
    .bind(publisher_json(&release.publisher)?)
    .execute(connection)
    .await?;
    Ok(())
}
