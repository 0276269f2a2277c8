//! What becomes an entry of the log, and whether it may.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{BindingChange, Entry, Rebuild, StatusChange};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::publish::NewRelease;
use super::release::{Release, find};
use super::releases::{binding_at, lookalike};
use super::row::unsigned;
use super::statements::{admit_statement, stated};
use super::usage::{self, OverQuota};
use super::{Store, StoreError, StoredBlob};

/// Something that was verified and whose blobs are in place.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A release.
    Release(NewRelease),
    /// A statement about a package.
    Statement(NewStatement),
}

/// A statement that was verified and whose bundle is in place.
#[derive(Clone, Debug)]
pub(crate) struct NewStatement {
    /// The entry that it becomes, of any kind but a publish. Its times are set when it
    /// is accepted.
    pub(crate) entry: Entry,
    /// Its Sigstore bundle.
    pub(crate) bundle: StoredBlob,
    /// How long after it is accepted a change of publisher takes effect.
    pub(crate) delay: SignedDuration,
}

/// Whether a [`Change`] may be logged.
#[derive(Clone, Debug)]
pub(crate) enum Admission {
    /// It may, as this entry.
    Free(Box<Entry>),
    /// It may not.
    Barred(Bar),
}

/// Why a [`Change`] may not be logged. Nothing was changed.
#[derive(Clone, Debug)]
pub(crate) enum Bar {
    /// There is a release of that version; it stays as it is.
    Exists(Box<Release>),
    /// Another package has a name that looks the same.
    Lookalike(PackageName),
    /// The name is bound to another publisher.
    Bound(Publisher),
    /// This very statement was logged before, as the entry of this index.
    Stated(u64),
    /// The package has had another entry, the last of which has this index.
    Conflict(u64),
    /// There is no such package or release.
    Unknown,
    /// It would change nothing.
    Already,
    /// The release has as many statements as it may have.
    TooMany(u64),
    /// The namespace has as much as it may have.
    OverQuota(OverQuota),
}

impl Change {
    /// The package that it is about.
    pub(crate) fn name(&self) -> &PackageName {
        match self {
            Self::Release(release) => &release.name,
            Self::Statement(statement) => statement.entry.name(),
        }
    }

    /// The release that it is about, if it is about one.
    pub(crate) fn version(&self) -> Option<&Version> {
        match self {
            Self::Release(release) => Some(&release.version),
            Self::Statement(statement) => match &statement.entry {
                Entry::Publish(publish) => Some(&publish.version),
                Entry::Status(change) => Some(&change.version),
                Entry::Rebuild(rebuild) => Some(&rebuild.version),
                Entry::Binding(_) => None,
            },
        }
    }

    /// The same, with the package's name as `entry` writes it.
    #[must_use]
    pub(crate) fn named(self, entry: &Entry) -> Self {
        match self {
            Self::Release(release) => {
                Self::Release(NewRelease { name: entry.name().clone(), ..release })
            }
            Self::Statement(_) => self,
        }
    }

    /// Sets when it is accepted.
    pub(crate) fn accept(&mut self, now: Timestamp) {
        match self {
            Self::Release(release) => release.published_at = now,
            Self::Statement(NewStatement { entry, delay, .. }) => match entry {
                Entry::Status(StatusChange { time, .. }) | Entry::Rebuild(Rebuild { time, .. }) => {
                    *time = now;
                }
                Entry::Binding(BindingChange { time, effective, .. }) => {
                    *time = now;
                    *effective = now.saturating_add(*delay).unwrap_or(Timestamp::MAX);
                }
                Entry::Publish(publish) => publish.time = now,
            },
        }
    }
}

impl Store {
    /// Whether `change` may be logged, given everything that was applied.
    pub(crate) async fn admit(&self, change: &Change) -> Result<Admission, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let admission = match change {
            Change::Release(release) => admit_release(&mut snapshot, release).await,
            Change::Statement(statement) => {
                match stated(&mut snapshot, statement.bundle.digest).await {
                    Ok(Some(index)) => Ok(Admission::Barred(Bar::Stated(index))),
                    Ok(None) => {
                        let bar = admit_statement(&mut snapshot, &statement.entry).await;
                        let free = || Admission::Free(Box::new(statement.entry.clone()));
                        bar.map(|bar| bar.map_or_else(free, Admission::Barred))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        snapshot.rollback().await?;
        admission
    }
}

async fn admit_release(
    connection: &mut SqliteConnection,
    release: &NewRelease,
) -> Result<Admission, StoreError> {
    let Some((package_id, name)) = lookalike(connection, &release.name).await? else {
        let free = || Admission::Free(Box::new(Entry::Publish(release.entry(None))));
        let bar = over_quota(connection, release).await?;
        return Ok(bar.map_or_else(free, Admission::Barred));
    };
    let bar = if name != release.name {
        Some(Bar::Lookalike(name.clone()))
    } else if let Some(found) = find(connection, &release.name, &release.version).await? {
        Some(Bar::Exists(Box::new(found)))
    } else {
        let bound = binding_at(connection, package_id, release.published_at).await?.bound;
        match bound.difference(&release.publisher) {
            Some(_) => Some(Bar::Bound(bound)),
            None => over_quota(connection, release).await?,
        }
    };
    if let Some(bar) = bar {
        return Ok(Admission::Barred(bar));
    }
    let previous = last_entry(connection, package_id).await?;
    let mut publish = release.entry(Some(previous));
    // In the case that the package's first release used.
    publish.name = name;
    Ok(Admission::Free(Box::new(Entry::Publish(publish))))
}

async fn over_quota(
    connection: &mut SqliteConnection,
    release: &NewRelease,
) -> Result<Option<Bar>, StoreError> {
    let bytes = release.artifacts.iter().map(|artifact| artifact.size_bytes).sum();
    let over = usage::over_quota(connection, &release.name, bytes).await?;
    Ok(over.map(Bar::OverQuota))
}

/// The index of the last entry about a package, which has at least one.
pub(super) async fn last_entry(
    connection: &mut SqliteConnection,
    package_id: i64,
) -> Result<u64, StoreError> {
    let last: i64 = sqlx::query_scalar("select max(log_index) from entry where package_id = ?")
        .bind(package_id)
        .fetch_one(connection)
        .await?;
    unsigned("entry.log_index", last)
}
