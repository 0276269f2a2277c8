//! Reading packages and releases.

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, IndexLine, Status};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName, Version};
use sqlx::FromRow as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::corrupt;
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

/// The releases of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedIndex {
    /// The package, in the case that its first release used.
    pub(crate) name: PackageName,
    /// Whom the name is bound to.
    pub(crate) publisher: Publisher,
    /// Its releases, newest version first.
    pub(crate) releases: Vec<IndexLine>,
    /// The indices of its entries in the log, in order.
    pub(crate) entries: Vec<u64>,
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

    /// All releases of a package.
    pub(crate) async fn package_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<LoggedIndex>, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let Some((package_id, name, publisher)) = package(&mut snapshot, name).await? else {
            return Ok(None);
        };
        let rows: Vec<(String, String, String, Option<String>, i64)> = sqlx::query_as(
            "select version, published_at, status,
                    (select group_concat(platform, ' ' order by platform)
                       from artifact where artifact.release_id = release.release_id),
                    log_index
               from release join entry using (release_id)
              where release.package_id = ? and kind = 'publish'",
        )
        .bind(package_id)
        .fetch_all(&mut *snapshot)
        .await?;
        let entries: Vec<i64> = sqlx::query_scalar(
            "select log_index from entry where package_id = ? order by log_index",
        )
        .bind(package_id)
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.rollback().await?;

        let mut releases = rows.into_iter().map(index_line).collect::<Result<Vec<_>, _>>()?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        let entries = entries.into_iter().map(|index| unsigned("entry.log_index", index));
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(Some(LoggedIndex { name, publisher, releases, entries }))
    }

    /// The publisher that a name is bound to, if it has a release.
    pub(crate) async fn bound_publisher(
        &self,
        name: &PackageName,
    ) -> Result<Option<Publisher>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        Ok(package(&mut connection, name).await?.map(|(_, _, bound)| bound))
    }

    /// The package whose name looks like `name`, be it `name` itself or not.
    pub(crate) async fn lookalike(
        &self,
        name: &PackageName,
    ) -> Result<Option<PackageName>, StoreError> {
        let mut connection = self.reader.acquire().await?;
        Ok(lookalike(&mut connection, name).await?.map(|(_, name)| name))
    }

    /// How many entries of the log are indexed, for `fsck`.
    pub(crate) async fn entries(&self) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from entry").fetch_one(&self.reader).await?;
        unsigned("entry", count)
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

/// The id, name and publisher of a package.
pub(super) async fn package(
    connection: &mut SqliteConnection,
    name: &PackageName,
) -> Result<Option<(i64, PackageName, Publisher)>, StoreError> {
    let row: Option<(i64, String, String)> = sqlx::query_as(
        "select package_id, name, publisher from package join binding using (package_id)
          where name = ?",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|(id, name, bound)| {
        Ok((id, parse("package.name", &name)?, publisher("binding.publisher", &bound)?))
    })
    .transpose()
}

/// The package that shares the fold key of `name`.
pub(super) async fn lookalike(
    connection: &mut SqliteConnection,
    name: &PackageName,
) -> Result<Option<(i64, PackageName)>, StoreError> {
    let row: Option<(i64, String)> =
        sqlx::query_as("select package_id, name from package where fold_key = ?")
            .bind(name.fold_key())
            .fetch_optional(connection)
            .await?;
    row.map(|(id, name)| Ok((id, parse("package.name", &name)?))).transpose()
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
        status: parse_status(&status)?,
        entry: unsigned("entry.log_index", entry)?,
    };
    Ok((id, release))
}

fn index_line(
    (version, published_at, status, platforms, entry): (
        String,
        String,
        String,
        Option<String>,
        i64,
    ),
) -> Result<IndexLine, StoreError> {
    Ok(IndexLine {
        version: parse("release.version", &version)?,
        published_at: parse("release.published_at", &published_at)?,
        status: parse_status(&status)?,
        platforms: platforms
            .unwrap_or_default()
            .split_whitespace()
            .map(|platform| parse("artifact.platform", platform))
            .collect::<Result<_, _>>()?,
        entry: unsigned("entry.log_index", entry)?,
    })
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

fn parse_status(text: &str) -> Result<Status, StoreError> {
    match text {
        "active" => Ok(Status::Active),
        "yanked" => Ok(Status::Yanked),
        other => Err(corrupt("release.status")(std::io::Error::other(format!(
            "`{}` is no status",
            other.escape_debug()
        )))),
    }
}
