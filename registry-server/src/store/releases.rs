//! Reading packages: their indexes, and whom they are bound to.

use std::collections::HashMap;

use jiff::Timestamp;
use mcpkg_core::api::{AnnouncedPublisher, IndexLine, IndexLog, PackageIndex, RebuildLine, Status};
use mcpkg_core::domain::DomainProof;
use mcpkg_core::log::{EntryKind, IndexedEntry};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Version};
use sqlx::sqlite::SqliteConnection;

use super::error::corrupt;
use super::row::{parse, proof, publisher, unsigned};
use super::statements::{Statement, statement};
use super::{Store, StoreError};

/// Everything that was logged about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedIndex {
    /// The package, in the case that its first release used.
    pub(crate) name: PackageName,
    /// Whom the name was bound to first.
    pub(crate) first: Publisher,
    /// Its releases, newest version first, each as it was published.
    pub(crate) releases: Vec<IndexLine>,
    /// Its entries in the log, in order.
    pub(crate) entries: Vec<IndexedEntry>,
    /// Who built releases again, by the index of the entry.
    pub(crate) rebuilders: Vec<(u64, Publisher)>,
    /// What was announced of publishers.
    pub(crate) bindings: Vec<LoggedBinding>,
}

/// An announcement of another publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedBinding {
    /// Its entry and its Sigstore bundle.
    pub(crate) statement: Statement,
    /// Whom the name is bound to from [`Self::effective`] on.
    pub(crate) publisher: Publisher,
    /// Whom it was bound to when this was announced.
    pub(crate) former: Publisher,
    /// From when on.
    pub(crate) effective: Timestamp,
}

/// Whom a name is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Whom.
    pub(crate) bound: Publisher,
    /// What the domain of the namespace said of them, if that was asked.
    pub(crate) authority: Option<DomainProof>,
    /// Who will be, if that was announced and has not taken effect.
    pub(crate) announced: Option<Publisher>,
}

impl LoggedIndex {
    /// What is served of it at a tree of `size` and a time, with what the log signed of
    /// it, and until when that is true; `None` if nothing of it is in the tree.
    ///
    /// What is not in the tree is left out: the index is signed as all that there is.
    pub(crate) fn at(
        &self,
        size: u64,
        now: Timestamp,
        log: IndexLog,
    ) -> Option<(PackageIndex, Option<Timestamp>)> {
        let entries: Vec<_> =
            self.entries.iter().filter(|entry| entry.index < size).cloned().collect();
        if entries.is_empty() {
            return None;
        }
        let mut releases: Vec<IndexLine> =
            self.releases.iter().filter(|line| line.entry < size).cloned().collect();
        let rebuilders: HashMap<u64, &Publisher> =
            self.rebuilders.iter().map(|(index, by)| (*index, by)).collect();
        let lines: HashMap<Version, usize> =
            releases.iter().enumerate().map(|(at, line)| (line.version.clone(), at)).collect();
        for IndexedEntry { index, kind } in &entries {
            let line = kind.version().and_then(|version| releases.get_mut(*lines.get(version)?));
            match (kind, line) {
                (EntryKind::Status(_, status), Some(line)) => line.status = *status,
                (EntryKind::Rebuild(_, result), Some(line)) => {
                    let rebuilder = rebuilders.get(index).copied()?.clone();
                    line.rebuilds.push(RebuildLine { result: *result, rebuilder, entry: *index });
                }
                _ => (),
            }
        }
        let last = self.bindings.iter().rfind(|binding| binding.statement.index < size);
        let (publisher, announced) = match last {
            None => (&self.first, None),
            Some(last) if last.effective <= now => (&last.publisher, None),
            Some(last) => (&last.former, Some(last).filter(|it| it.publisher != it.former)),
        };
        let index = PackageIndex {
            name: self.name.clone(),
            publisher: publisher.clone(),
            announced: announced.map(|last| AnnouncedPublisher {
                publisher: last.publisher.clone(),
                effective: last.effective,
                entry: last.statement.index,
            }),
            releases,
            bindings: Vec::new(),
            withheld: Vec::new(),
            log,
        };
        Some((index, announced.map(|last| last.effective)))
    }

    /// The statements that announced another publisher, in a tree of `size`.
    pub(crate) fn announcements(&self, size: u64) -> Vec<Statement> {
        let all = self.bindings.iter().map(|binding| binding.statement.clone());
        all.filter(|statement| statement.index < size).collect()
    }
}

impl Store {
    /// All releases of a package.
    pub(crate) async fn package_index(
        &self,
        name: &PackageName,
    ) -> Result<Option<LoggedIndex>, StoreError> {
        let mut snapshot = self.reader.begin().await?;
        let Some((package_id, found)) = lookalike(&mut snapshot, name).await? else {
            return Ok(None);
        };
        if found != *name {
            return Ok(None);
        }
        let index = logged_index(&mut snapshot, package_id, found).await?;
        snapshot.rollback().await?;
        Ok(Some(index))
    }

    /// Whom a name is bound to at a time, if it has a release.
    pub(crate) async fn binding(
        &self,
        name: &PackageName,
        at: Timestamp,
    ) -> Result<Option<Binding>, StoreError> {
        Ok(self.basis(name, at).await?.map(|basis| basis.binding))
    }

    /// The publisher that a name is bound to at a time, if it has a release.
    pub(crate) async fn bound_publisher(
        &self,
        name: &PackageName,
        at: Timestamp,
    ) -> Result<Option<Publisher>, StoreError> {
        Ok(self.binding(name, at).await?.map(|binding| binding.bound))
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
}

async fn logged_index(
    connection: &mut SqliteConnection,
    package_id: i64,
    name: PackageName,
) -> Result<LoggedIndex, StoreError> {
    let rows: Vec<(String, String, Option<String>, i64)> = sqlx::query_as(
        "select version, published_at,
                (select group_concat(platform, ' ' order by platform)
                   from artifact where artifact.release_id = release.release_id),
                log_index
           from release join entry using (release_id)
          where release.package_id = ? and kind = 'publish'",
    )
    .bind(package_id)
    .fetch_all(&mut *connection)
    .await?;
    let mut releases = rows.into_iter().map(index_line).collect::<Result<Vec<_>, _>>()?;
    releases.sort_by(|one, other| other.version.cmp(&one.version));

    let rows: Vec<EntryRow> = sqlx::query_as(
        "select log_index, kind, version, word, signer, bundle
           from entry left join release using (release_id)
          where entry.package_id = ? order by log_index",
    )
    .bind(package_id)
    .fetch_all(&mut *connection)
    .await?;
    let bindings: Vec<(String, Option<String>, String)> = sqlx::query_as(
        "select publisher, former, effective_at from binding where package_id = ?
          order by binding_id",
    )
    .bind(package_id)
    .fetch_all(connection)
    .await?;
    let (mut entries, mut rebuilders, mut statements) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let (index, kind, _, _, signer, bundle) = &row;
        match (kind.as_str(), signer, bundle) {
            ("rebuild", Some(signer), _) => {
                let rebuilder = publisher("entry.signer", signer)?;
                rebuilders.push((unsigned("entry.log_index", *index)?, rebuilder));
            }
            ("binding", _, Some(bundle)) => statements.push(statement((*index, bundle.clone()))?),
            _ => (),
        }
        entries.push(indexed_entry(row)?);
    }
    let mut bindings = bindings.into_iter();
    let unbound = || corrupt("binding")(std::io::Error::other("it has none"));
    let (first, ..) = bindings.next().ok_or_else(unbound)?;
    let bindings = bindings.zip(statements).map(|((to, former, effective), statement)| {
        Ok(LoggedBinding {
            statement,
            publisher: publisher("binding.publisher", &to)?,
            former: publisher("binding.former", &former.unwrap_or_default())?,
            effective: parse("binding.effective_at", &effective)?,
        })
    });
    let bindings = bindings.collect::<Result<_, StoreError>>()?;
    let first = publisher("binding.publisher", &first)?;
    Ok(LoggedIndex { name, first, releases, entries, rebuilders, bindings })
}

/// Index, kind, version, word, signer and bundle of an entry.
pub(super) type EntryRow =
    (i64, String, Option<String>, Option<String>, Option<String>, Option<String>);

pub(super) fn indexed_entry(
    (index, kind, version, word, ..): EntryRow,
) -> Result<IndexedEntry, StoreError> {
    let words = [Some(kind), version, word].into_iter().flatten().collect::<Vec<_>>().join(" ");
    parse("entry.kind", &format!("{index} {words}"))
}

/// Whom a package, which exists, is bound to at a time.
pub(super) async fn binding_at(
    connection: &mut SqliteConnection,
    package_id: i64,
    at: Timestamp,
) -> Result<Binding, StoreError> {
    type Row = (String, Option<String>, Option<String>, Option<String>, String);
    let (last, authority, former, former_authority, effective): Row = sqlx::query_as(
        "select publisher, authority, former, former_authority, effective_at
           from binding where package_id = ? order by binding_id desc limit 1",
    )
    .bind(package_id)
    .fetch_one(connection)
    .await?;
    let effective: Timestamp = parse("binding.effective_at", &effective)?;
    let last = publisher("binding.publisher", &last)?;
    Ok(match former {
        Some(former) if at < effective => {
            let bound = publisher("binding.former", &former)?;
            let announced = Some(last).filter(|last| *last != bound);
            let authority = proof(former_authority.as_deref())?;
            Binding { bound, authority, announced }
        }
        _ => {
            let authority = proof(authority.as_deref())?;
            Binding { bound: last, authority, announced: None }
        }
    })
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

fn index_line(
    (version, published_at, platforms, entry): (String, String, Option<String>, i64),
) -> Result<IndexLine, StoreError> {
    Ok(IndexLine {
        version: parse("release.version", &version)?,
        published_at: parse("release.published_at", &published_at)?,
        status: Status::Active,
        platforms: platforms
            .unwrap_or_default()
            .split_whitespace()
            .map(|platform| parse("artifact.platform", platform))
            .collect::<Result<_, _>>()?,
        entry: unsigned("entry.log_index", entry)?,
        rebuilds: Vec::new(),
    })
}
