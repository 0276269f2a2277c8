//! Pages of servers: where each begins, and what it leaves out.
//!
//! A page begins after a position and not after a number of rows, so that the last of
//! a thousand pages costs what the first does. Which index is walked is said in each
//! query, and not left to a planner that has no figures yet.

use mcpkg_core::PackageName;
use mcpkg_core::namespace::NamePattern;
use sqlx::{QueryBuilder, Sqlite};

use super::ServerRow;
use crate::store::{Store, StoreError};

/// A search that matches no more names than this looks each of them up; one that
/// matches more finds enough of them by walking along all.
const MAX_LOOKED_UP: u32 = 2000;

/// What names are made of, in lower case.
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789.-_/";

/// Which servers to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerFilter {
    /// What the name contains, in lower case. Empty for every name.
    pub(crate) search: String,
    /// Which versions of each.
    pub(crate) version: VersionFilter,
    /// Only what has changed since this time, in UTC to the whole second.
    pub(crate) since: Option<String>,
    /// Whether deleted ones are listed.
    pub(crate) deleted: Deleted,
    /// Which of all entries there are for whoever asks.
    pub(crate) scope: Scope,
}

/// Which versions of a server to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VersionFilter {
    /// All.
    All,
    /// The newest.
    Latest,
    /// The one that is called so.
    Exactly(String),
}

/// Whether deleted entries are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// They are not.
    Hidden,
    /// They are.
    Shown,
}

/// Which of all entries there are for an audience.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Scope {
    /// The names. All of them, if nothing is listed.
    pub(crate) names: Vec<NamePattern>,
    /// The registries that entries may come from, by their address, or by their name if
    /// they are mirrored; `None` for any. Our own releases, and what was published here,
    /// are of no source.
    pub(crate) sources: Option<Vec<String>>,
}

impl Scope {
    /// What is in it of what is published here, or of the source that is called so; `None`
    /// if nothing can be.
    pub(crate) fn on_shelf(&self, source: Option<&str>) -> Option<Self> {
        let Some(source) = source else { return Some(self.clone()) };
        let is_there = self.sources.as_ref().is_none_or(|all| all.iter().any(|it| it == source));
        // All that is on a source's shelf is from there.
        is_there.then(|| Self { names: self.names.clone(), sources: None })
    }

    /// Whether the entry of this name and source is in it.
    pub(crate) fn has(&self, name: &PackageName, source: Option<&str>) -> bool {
        let is_named = self.names.is_empty() || self.names.iter().any(|it| it.matches(name));
        let is_from = match (&self.sources, source) {
            (Some(sources), Some(source)) => sources.iter().any(|it| it == source),
            _ => true,
        };
        is_named && is_from
    }
}

/// Where a page of one database begins: after this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// By name and version, as pages are ordered.
    Name {
        /// The name in lower case.
        name_key: String,
        /// The version.
        version: String,
    },
    /// By change, as pages of changes are ordered: then whoever follows them misses
    /// none that happens meanwhile.
    Change {
        /// When.
        updated_at: String,
        /// The row.
        server_id: i64,
    },
}

/// What one walk along an index takes.
#[derive(Clone, Copy, Debug)]
enum Walk<'a> {
    /// All, from the first on.
    All,
    /// What comes after this name and version.
    AfterName(&'a str, &'a str),
    /// What has changed at this time, and comes after this row.
    At(&'a str, i64),
    /// What has changed after this time.
    AfterTime(&'a str),
}

/// Some servers, and whether there are more.
#[derive(Clone, Debug)]
pub(crate) struct ServerSlice {
    /// The servers.
    pub(crate) rows: Vec<ServerRow>,
    /// Whether there are more after the last.
    pub(crate) is_more: bool,
}

impl Store {
    /// The servers that `filter` lets through, `limit` of them, from `after` on.
    pub(crate) async fn servers(
        &self,
        filter: &ServerFilter,
        after: Option<&Position>,
        limit: u32,
    ) -> Result<ServerSlice, StoreError> {
        if filter.search.chars().any(|c| !ALPHABET.contains(c)) {
            return Ok(ServerSlice { rows: Vec::new(), is_more: false });
        }
        // One more than asked for tells whether there is a next page.
        let wanted = limit + 1;
        let mut rows = match after {
            None => self.walk(filter, Walk::All, wanted).await?,
            Some(Position::Name { name_key, version }) => {
                self.walk(filter, Walk::AfterName(name_key, version), wanted).await?
            }
            // An index is not entered at a time and a row, so one walk would pass all of
            // that time again.
            Some(Position::Change { updated_at, server_id }) => {
                let mut rows = self.walk(filter, Walk::At(updated_at, *server_id), wanted).await?;
                let rest = wanted - u32::try_from(rows.len()).unwrap_or(wanted);
                if rest > 0 {
                    rows.extend(self.walk(filter, Walk::AfterTime(updated_at), rest).await?);
                }
                rows
            }
        };
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(ServerSlice { rows, is_more })
    }

    /// At most `wanted` of the servers that `filter` lets through.
    async fn walk(
        &self,
        filter: &ServerFilter,
        walk: Walk<'_>,
        wanted: u32,
    ) -> Result<Vec<ServerRow>, StoreError> {
        let mut query = select();
        if let Some(expression) = self.selective(&filter.search).await? {
            query.push(" from server where server_id in (select server_id from server");
            query.push(" indexed by server_by_name_id where name_id in (");
            query.push("select rowid from server_name_text where server_name_text match ");
            query.push_bind(expression).push(")");
            restrict(&mut query, filter, walk, wanted);
            // With a sign, the order is no reason to walk along all names.
            let order = if filter.since.is_some() {
                ") order by +updated_at, +server_id"
            } else {
                ") order by +name_key, +version"
            };
            query.push(order);
        } else {
            query.push(match (&filter.since, &filter.version) {
                (Some(_), _) => " from server indexed by server_by_change where true",
                (None, VersionFilter::Latest) => " from server indexed by server_latest where true",
                (None, _) => " from server indexed by server_by_name where true",
            });
            if !filter.search.is_empty() {
                query.push(" and instr(name_key, ").push_bind(filter.search.clone());
                query.push(") > 0");
            }
            restrict(&mut query, filter, walk, wanted);
        }
        Ok(query.build_query_as().fetch_all(&self.reader).await?)
    }

    /// How to look up the names that contain `search`, if there are so few that each can
    /// be looked up.
    async fn selective(&self, search: &str) -> Result<Option<String>, StoreError> {
        let Some(expression) = expression(search) else { return Ok(None) };
        let count: u32 = sqlx::query_scalar(
            "select count(*) from (select 1 from server_name_text
                                    where server_name_text match ? limit ?)",
        )
        .bind(&expression)
        .bind(MAX_LOOKED_UP + 1)
        .fetch_one(&self.reader)
        .await?;
        Ok((count <= MAX_LOOKED_UP).then_some(expression))
    }
}

/// A query for [`ServerRow`]s, up to where its `from` begins.
pub(super) fn select() -> QueryBuilder<Sqlite> {
    QueryBuilder::new(
        "select server_id, name_key, version, document, evidence, status, status_message,
                status_changed_at, published_at, updated_at, is_latest,
                (select name from server_name where server_name.name_id = server.name_id),
                release_id is not null, withdrawn_at",
    )
}

/// The expression for names that contain `search`, in the index of three characters and
/// more. Two are in a name if they are in one of its threes; one is in so many that
/// nothing is gained.
fn expression(search: &str) -> Option<String> {
    // Nothing of the alphabet is syntax inside of quotes.
    match search.len() {
        0 | 1 => None,
        2 => {
            let threes = ALPHABET
                .chars()
                .flat_map(|c| [format!("\"{search}{c}\""), format!("\"{c}{search}\"")]);
            Some(threes.collect::<Vec<_>>().join(" OR "))
        }
        _ => Some(format!("\"{search}\"")),
    }
}

fn restrict(query: &mut QueryBuilder<Sqlite>, filter: &ServerFilter, walk: Walk<'_>, limit: u32) {
    query.push(" and is_shown = 1");
    push_version(query, &filter.version);
    push_scope(query, &filter.scope);
    push_deleted(query, filter.deleted);
    if let Some(since) = &filter.since {
        query.push(" and updated_at >= ").push_bind(since.clone());
    }
    match walk {
        Walk::All => (),
        Walk::AfterName(name_key, version) => {
            query.push(" and (name_key, version) > (").push_bind(name_key.to_owned());
            query.push(", ").push_bind(version.to_owned()).push(")");
        }
        Walk::At(updated_at, server_id) => {
            query.push(" and updated_at = ").push_bind(updated_at.to_owned());
            query.push(" and server_id > ").push_bind(server_id);
        }
        Walk::AfterTime(updated_at) => {
            query.push(" and updated_at > ").push_bind(updated_at.to_owned());
        }
    }
    query.push(if filter.since.is_some() {
        " order by updated_at, server_id limit "
    } else {
        " order by name_key, version limit "
    });
    query.push_bind(limit);
}

pub(super) fn push_version(query: &mut QueryBuilder<Sqlite>, version: &VersionFilter) {
    match version {
        VersionFilter::All => (),
        VersionFilter::Latest => {
            query.push(" and is_latest = 1");
        }
        VersionFilter::Exactly(version) => {
            query.push(" and version = ").push_bind(version.clone());
        }
    }
}

pub(super) fn push_deleted(query: &mut QueryBuilder<Sqlite>, deleted: Deleted) {
    if deleted == Deleted::Hidden {
        query.push(" and status != 'deleted' and withdrawn_at is null");
    }
}

pub(super) fn push_scope(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    let namespaces: Vec<&String> = scope
        .names
        .iter()
        .filter_map(|pattern| match pattern {
            NamePattern::All => None,
            NamePattern::Namespace(namespace) => Some(namespace),
        })
        .collect();
    if namespaces.len() == scope.names.len() && !namespaces.is_empty() {
        query.push(" and (");
        for (index, namespace) in namespaces.into_iter().enumerate() {
            query.push(if index == 0 { "" } else { " or " });
            // `0` is the character after `/`.
            query.push("(name_key > ").push_bind(format!("{namespace}/"));
            query.push(" and name_key < ").push_bind(format!("{namespace}0")).push(")");
        }
        query.push(")");
    }
    if let Some(sources) = &scope.sources {
        query.push(" and (source is null");
        for source in sources {
            query.push(" or source = ").push_bind(source.clone());
        }
        query.push(")");
    }
}
