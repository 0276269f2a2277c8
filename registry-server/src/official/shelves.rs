//! One list of several shelves: what is published here, and what each source has.
//!
//! Each shelf has an index of its own, and all of them are in the same order. So the first
//! rows of all are among the first rows of each, and a page of the whole is made of one page
//! of each. Where the next one begins is said in terms of that order alone: it stays right
//! whatever is published meanwhile, and wherever.
//!
//! A name is one shelf's. The configuration says whose, so nobody is asked, and rows that
//! are there from when it said otherwise are passed over.

use std::cmp::Ordering;

use futures_util::future::try_join_all;
use mcpkg_core::PackageName;
use serde::Deserialize;

use super::Audience;
use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::mirror::{Owner, Shelf, SourceName};
use crate::policy::{Action, Place, Resource};
use crate::store::{Position, Scope, ServerFilter, ServerRow, StoreError};

/// A row, and the shelf that it is on.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) row: ServerRow,
}

/// A shelf, and which of its rows there are for whoever asks.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) scope: Scope,
}

/// Some rows.
#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    pub(super) rows: Vec<Found<'a>>,
    /// Where the next begins, if there is one: shown or not, it is the last of this.
    pub(super) last: Option<Bookmark>,
}

/// Where a page of several shelves begins: after this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bookmark {
    /// By name and version.
    Name {
        /// The name in lower case.
        name_key: String,
        /// The version.
        version: String,
    },
    /// By change; of those in the same second, one shelf after the other.
    Change {
        /// When.
        updated_at: String,
        /// The shelf: a source's name, or nothing for our own.
        shelf: String,
        /// The row on it.
        server_id: i64,
    },
}

/// As much of what `_meta` points to as says whether that can be had.
#[derive(Deserialize)]
struct Pointer {
    entry: u64,
}

impl Found<'_> {
    /// The source that it is from, unless it is our own.
    pub(super) fn source(&self) -> Option<&SourceName> {
        self.shelf.source().map(|source| source.name())
    }

    /// The name, as a type.
    pub(super) fn name(&self) -> Result<PackageName, ApiError> {
        // Rows are written with a name.
        self.row.name.parse().map_err(|_| ApiError::Panic)
    }

    /// Whether the log that is served has its entry: a database is a moment ahead of it.
    /// Nobody logs what is not signed.
    pub(super) fn is_served(&self) -> bool {
        let pointer: Option<Pointer> = serde_json::from_str(&self.row.evidence).ok();
        !self.row.is_release
            || pointer.is_some_and(|pointer| pointer.entry < self.shelf.log.newest_size())
    }
}

impl Bookmark {
    /// Where the page begins that comes after `found`.
    pub(super) fn after(found: &Found<'_>, filter: &ServerFilter) -> Self {
        let ServerRow { server_id, name_key, version, updated_at, .. } = found.row.clone();
        if filter.since.is_some() {
            Self::Change { updated_at, shelf: key(found.shelf).to_owned(), server_id }
        } else {
            Self::Name { name_key, version }
        }
    }

    /// The same on the shelf `key`, as far as that goes.
    fn on(&self, key: &str) -> Position {
        match self {
            Self::Name { name_key, version } => {
                Position::Name { name_key: name_key.clone(), version: version.clone() }
            }
            Self::Change { updated_at, shelf, server_id } => Position::Change {
                updated_at: updated_at.clone(),
                server_id: match key.cmp(shelf) {
                    Ordering::Less => i64::MAX,
                    Ordering::Equal => *server_id,
                    Ordering::Greater => 0,
                },
            },
        }
    }
}

/// What a shelf is called in an order of shelves.
fn key(shelf: &Shelf) -> &str {
    shelf.source().map_or("", |source| source.name().as_str())
}

impl App {
    /// The shelves that whoever asks may be shown something of. One whose source has been
    /// silent for too long is none of them: the others are not held up by it.
    pub(super) async fn parts(&self, audience: &Audience) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for shelf in self.shelves() {
            let Some(part) = part(audience, shelf) else { continue };
            if is_begun(shelf) && shelf.refuse_if_silent().await.is_ok() {
                parts.push(part);
            }
        }
        parts
    }

    /// The shelves that may have something of `name`: our own, and that of the one source
    /// that the name can be from.
    pub(super) fn parts_of(&self, audience: &Audience, name: &PackageName) -> Vec<Part<'_>> {
        let is_for = |part: &Part<'_>| {
            is_begun(part.shelf) && self.is_from(part.shelf, name) && part.scope.has(name, None)
        };
        self.shelves().filter_map(|shelf| part(audience, shelf)).filter(is_for).collect()
    }

    /// Whether whoever asks may be shown something called `name` that is `on` a shelf: it
    /// is from there, and they may read it here and there.
    pub(super) fn may_see(&self, caller: &Caller, on: &Shelf, name: &PackageName) -> bool {
        let there = on.source().map(|source| at(caller, source.name()));
        self.is_from(on, name)
            && self.may_read(caller, name)
            && there.is_none_or(|there| self.may_read(&there, name))
    }

    /// Lets whoever asks see something called `name` `on` a shelf, which they may read here,
    /// or says that what they ask for, which is called `missing`, does not exist.
    pub(super) fn permit_there(
        &self,
        caller: &Caller,
        on: &Shelf,
        name: &PackageName,
        missing: &str,
    ) -> Result<(), ApiError> {
        let Some(source) = on.source() else { return Ok(()) };
        let there = at(caller, source.name());
        let resource = Resource::Package { place: there.place.clone(), name: name.clone() };
        self.permit(&there, Action::Read, &resource, missing)
    }

    fn is_from(&self, on: &Shelf, name: &PackageName) -> bool {
        on.source()
            .is_none_or(|source| self.mirror.owner_of(name) == Owner::Source(source.name().clone()))
    }
}

/// The same, asking a source.
fn at(caller: &Caller, source: &SourceName) -> Caller {
    Caller { place: Place::Source(source.to_string()), ..caller.clone() }
}

/// What there is on `shelf` for whoever asks, if there is anything.
fn part<'a>(audience: &Audience, shelf: &'a Shelf) -> Option<Part<'a>> {
    let scope = audience.scope.on_shelf(shelf.source().map(|source| source.name().as_str()))?;
    Some(Part { shelf, scope })
}

/// Whether anything was ever read of a source.
fn is_begun(shelf: &Shelf) -> bool {
    shelf.source().is_none_or(|source| source.tree().size > 0)
}

/// The rows of all `parts` that `filter` lets through, `limit` of them, from `after` on.
pub(super) async fn merged<'a>(
    parts: &[Part<'a>],
    filter: &ServerFilter,
    after: Option<&Bookmark>,
    limit: u32,
) -> Result<Page<'a>, StoreError> {
    let pages = parts.iter().map(|Part { shelf, scope }| async move {
        let filter = ServerFilter { scope: scope.clone(), ..filter.clone() };
        let after = after.map(|bookmark| bookmark.on(key(shelf)));
        let slice = shelf.store.servers(&filter, after.as_ref(), limit).await?;
        Ok::<_, StoreError>((*shelf, slice))
    });
    let (mut rows, mut is_more) = (Vec::new(), false);
    for (shelf, slice) in try_join_all(pages).await? {
        is_more |= slice.is_more;
        rows.extend(slice.rows.into_iter().map(|row| Found { shelf, row }));
    }
    if filter.since.is_some() {
        rows.sort_by(|one, other| by_change(one).cmp(&by_change(other)));
    } else {
        rows.sort_by(|one, other| by_name(one).cmp(&by_name(other)));
        // What a package has taken the name of is not shown beside it.
        rows.dedup_by(|later, earlier| {
            (&later.row.name_key, &later.row.version)
                == (&earlier.row.name_key, &earlier.row.version)
        });
    }
    is_more |= rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| is_more).map(|last| Bookmark::after(last, filter));
    Ok(Page { rows, last })
}

fn by_change<'a>(Found { shelf, row }: &'a Found<'_>) -> (&'a str, &'a str, i64) {
    (&row.updated_at, key(shelf), row.server_id)
}

/// Of two with the same name and version, the release comes first.
fn by_name<'a>(Found { row, .. }: &'a Found<'_>) -> (&'a str, &'a str, bool) {
    (&row.name_key, &row.version, !row.is_release)
}
