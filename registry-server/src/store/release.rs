//! Reading releases: one of them, or all of a package at once.

use std::collections::HashMap;

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, Status};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::FromRow as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::row::{parse, publisher, unsigned};
use super::{Store, StoreError};

/// One release, without the bytes of its blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// The package, in the case that its first release used.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
    /// The canonical `server.json`.
    pub(crate) metadata: Digest,
    /// What can be downloaded, by platform.
    pub(crate) artifacts: Vec<Artifact>,
    /// Its Sigstore bundles, in the order they were sent.
    pub(crate) bundles: Vec<Digest>,
    /// Who signed it.
    pub(crate) publisher: Publisher,
    /// When it was accepted.
    pub(crate) published_at: Timestamp,
    /// Whether it may be chosen.
    pub(crate) status: Status,
    /// The index of the log's entry that published it.
    pub(crate) entry: u64,
}

impl Store {
    /// Finds one release, yanked or not: a lockfile may still point at it.
    pub(crate) async fn find_release(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Release>, StoreError> {
        // One transaction, so that the three queries see one state.
        let mut snapshot = self.reader.begin().await?;
        let release = find(&mut snapshot, name, version).await?;
        snapshot.rollback().await?;
        Ok(release)
    }

    /// Every release of a package, by its version, in three queries however many there are.
    pub(crate) async fn releases_of(
        &self,
        name: &PackageName,
    ) -> Result<HashMap<Version, Release>, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let rows = sqlx::query(
            "select release_id, name, version, metadata, publisher, published_at, status, log_index
               from release join package using (package_id) join entry using (release_id)
              where package.name = ? and kind = 'publish'",
        )
        .bind(name.as_str())
        .fetch_all(&mut *snapshot)
        .await?;
        let mut releases = rows.iter().map(release).collect::<Result<HashMap<_, _>, _>>()?;
        let artifacts: Vec<(i64, String, String, String, i64)> = sqlx::query_as(
            "select release_id, platform, digest, tree, size_bytes
               from artifact join release using (release_id) join package using (package_id)
              where package.name = ? order by platform",
        )
        .bind(name.as_str())
        .fetch_all(&mut *snapshot)
        .await?;
        for (release_id, platform, digest, tree, size) in artifacts {
            if let Some(release) = releases.get_mut(&release_id) {
                release.artifacts.push(artifact((platform, digest, tree, size))?);
            }
        }
        let bundles: Vec<(i64, String)> = sqlx::query_as(
            "select release_id, bundle
               from evidence join release using (release_id) join package using (package_id)
              where package.name = ? order by position",
        )
        .bind(name.as_str())
        .fetch_all(&mut *snapshot)
        .await?;
        for (release_id, bundle) in bundles {
            if let Some(release) = releases.get_mut(&release_id) {
                release.bundles.push(parse("evidence.bundle", &bundle)?);
            }
        }
        snapshot.rollback().await?;
        Ok(releases.into_values().map(|release| (release.version.clone(), release)).collect())
    }

    /// Every release, in the order of the log, for `fsck`.
    pub(crate) async fn releases(&self) -> Result<Vec<(PackageName, Version)>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select name, version from release join package using (package_id) order by release_id",
        )
        .fetch_all(&self.reader)
        .await?;
        let parsed = |(name, version): (String, String)| {
            Ok((parse("package.name", &name)?, parse("release.version", &version)?))
        };
        rows.into_iter().map(parsed).collect()
    }
}

/// One release, read on `connection` so that a transaction can use it too.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    name: &PackageName,
    version: &Version,
) -> Result<Option<Release>, StoreError> {
    let row = sqlx::query(
        "select release_id, name, version, metadata, publisher, published_at, status, log_index
           from release join package using (package_id) join entry using (release_id)
          where package.name = ? and release.version = ? and kind = 'publish'",
    )
    .bind(name.as_str())
    .bind(version.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (release_id, release) = release(&row)?;

    let artifacts: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select platform, digest, tree, size_bytes from artifact
          where release_id = ? order by platform",
    )
    .bind(release_id)
    .fetch_all(&mut *connection)
    .await?;
    let bundles: Vec<String> =
        sqlx::query_scalar("select bundle from evidence where release_id = ? order by position")
            .bind(release_id)
            .fetch_all(&mut *connection)
            .await?;
    Ok(Some(Release {
        artifacts: artifacts.into_iter().map(artifact).collect::<Result<_, _>>()?,
        bundles: bundles
            .iter()
            .map(|digest| parse("evidence.bundle", digest))
            .collect::<Result<_, _>>()?,
        ..release
    }))
}

/// The row of a release, whose artifacts and bundles are in other tables.
fn release(row: &SqliteRow) -> Result<(i64, Release), StoreError> {
    let (id, name, version, metadata, signer, published_at, status, entry) =
        <(i64, String, String, String, String, String, String, i64)>::from_row(row)?;
    let release = Release {
        name: parse("package.name", &name)?,
        version: parse("release.version", &version)?,
        metadata: parse("release.metadata", &metadata)?,
        artifacts: Vec::new(),
        bundles: Vec::new(),
        publisher: publisher("release.publisher", &signer)?,
        published_at: parse("release.published_at", &published_at)?,
        status: parse("release.status", &status)?,
        entry: unsigned("entry.log_index", entry)?,
    };
    Ok((id, release))
}

fn artifact(
    (platform, digest, tree, size): (String, String, String, i64),
) -> Result<Artifact, StoreError> {
    Ok(Artifact {
        platform: parse("artifact.platform", &platform)?,
        digest: parse("artifact.digest", &digest)?,
        tree: parse("artifact.tree", &tree)?,
        size_bytes: unsigned("artifact.size_bytes", size)?,
    })
}
