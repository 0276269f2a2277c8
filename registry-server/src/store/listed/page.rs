//! Pages of servers: where each begins, and what it leaves out.
//!
//! A page begins after a position and not after a number of rows, so that the last of
//! a thousand pages costs what the first does. Which index is walked is said in each
//! query, and not left to a planner that has no figures yet.

#[cfg(test)]
mod tests;

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

    /// The namespaces that the names are in, ordered as their names are; `None` if they may
    /// be in any.
    fn namespaces(&self) -> Option<Vec<&str>> {
        let namespace = |pattern| match pattern {
            &NamePattern::All => None,
            NamePattern::Namespace(namespace) => Some(namespace.as_str()),
        };
        let mut namespaces: Vec<&str> = self.names.iter().map(namespace).collect::<Option<_>>()?;
        // That of `com.acme-labs/a` and `com.acme/a` is not that of `com.acme-labs` and
        // `com.acme`.
        namespaces.sort_unstable_by_key(|namespace| start(namespace));
        namespaces.dedup();
        (!namespaces.is_empty()).then_some(namespaces)
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

/// What one walk along an index takes: it begins in one place. With a second condition on
/// where, the database would have the choice, and pass again what other pages have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk<'a> {
    /// What comes after this name and version, in order.
    Names {
        /// If not the first.
        after: Option<(&'a str, &'a str)>,
        /// If not all.
        namespace: Option<&'a str>,
    },
    /// What has changed since this time.
    Since(&'a str),
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
        let looked_up = self.selective(&filter.search).await?;
        let mut rows = Vec::new();
        for walk in walks(filter, after, looked_up.is_some()) {
            let rest = wanted - u32::try_from(rows.len()).unwrap_or(wanted);
            if rest == 0 {
                break;
            }
            let mut query = query(filter, looked_up.as_deref(), walk, rest);
            rows.extend(query.build_query_as().fetch_all(&self.reader).await?);
        }
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(ServerSlice { rows, is_more })
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

/// The walks that a page takes, one after the other. If names are looked up, they are few,
/// and there is nothing to walk along.
fn walks<'a>(
    filter: &'a ServerFilter,
    after: Option<&'a Position>,
    are_looked_up: bool,
) -> Vec<Walk<'a>> {
    if let Some(since) = &filter.since {
        return match after {
            // An index is not entered at a time and a row, so one walk would pass all of
            // that time again.
            Some(Position::Change { updated_at, server_id }) if updated_at >= since => {
                vec![Walk::At(updated_at, *server_id), Walk::AfterTime(updated_at)]
            }
            _ => vec![Walk::Since(since)],
        };
    }
    let after = match after {
        Some(Position::Name { name_key, version }) => Some((name_key.as_str(), version.as_str())),
        _ => None,
    };
    let namespaces = filter.scope.namespaces().filter(|_| !are_looked_up);
    let Some(namespaces) = namespaces else { return vec![Walk::Names { after, namespace: None }] };
    let is_over = |namespace: &str| after.is_some_and(|(name, _)| name >= &*end(namespace));
    let is_begun = |namespace: &str| after.filter(|(name, _)| *name > start(namespace).as_str());
    namespaces
        .into_iter()
        .filter(|namespace| !is_over(namespace))
        .map(|namespace| Walk::Names { after: is_begun(namespace), namespace: Some(namespace) })
        .collect()
}

/// What comes before all names in a namespace.
fn start(namespace: &str) -> String {
    format!("{namespace}/")
}

/// What comes after them: `0` is the character after `/`.
fn end(namespace: &str) -> String {
    format!("{namespace}0")
}

/// At most `wanted` of the servers that `filter` lets through, along one walk, or of the
/// names that are `looked_up`.
fn query(
    filter: &ServerFilter,
    looked_up: Option<&str>,
    walk: Walk<'_>,
    wanted: u32,
) -> QueryBuilder<Sqlite> {
    let mut query = select();
    if let Some(expression) = looked_up {
        query.push(" from server where server_id in (select server_id from server");
        query.push(" indexed by server_by_name_id where name_id in (");
        query.push("select rowid from server_name_text where server_name_text match ");
        query.push_bind(expression.to_owned()).push(")");
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
    query
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
    push_sources(query, &filter.scope);
    push_deleted(query, filter.deleted);
    match walk {
        Walk::Names { namespace: Some(namespace), .. } => {
            query.push(" and name_key < ").push_bind(end(namespace));
        }
        _ => push_names(query, &filter.scope),
    }
    match walk {
        Walk::Names { after: None, namespace: None } => (),
        Walk::Names { after: None, namespace: Some(namespace) } => {
            query.push(" and name_key > ").push_bind(start(namespace));
        }
        Walk::Names { after: Some((name_key, version)), .. } => {
            query.push(" and (name_key, version) > (").push_bind(name_key.to_owned());
            query.push(", ").push_bind(version.to_owned()).push(")");
        }
        Walk::Since(time) => {
            query.push(" and updated_at >= ").push_bind(time.to_owned());
        }
        Walk::At(time, server_id) => {
            query.push(" and updated_at = ").push_bind(time.to_owned());
            query.push(" and server_id > ").push_bind(server_id);
        }
        Walk::AfterTime(time) => {
            query.push(" and updated_at > ").push_bind(time.to_owned());
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
    push_names(query, scope);
    push_sources(query, scope);
}

fn push_names(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    let Some(namespaces) = scope.namespaces() else { return };
    query.push(" and (");
    for (index, namespace) in namespaces.into_iter().enumerate() {
        query.push(if index == 0 { "" } else { " or " });
        query.push("(name_key > ").push_bind(start(namespace));
        query.push(" and name_key < ").push_bind(end(namespace)).push(")");
    }
    query.push(")");
}

fn push_sources(query: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    let Some(sources) = &scope.sources else { return };
    query.push(" and (source is null");
    for source in sources {
        query.push(" or source = ").push_bind(source.clone());
    }
    query.push(")");
}
