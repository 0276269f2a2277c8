//! What the MCP registry's API lists.
//!
//! Every release has a row, written in the transaction that makes the release visible
//! ([`write`]) and shown while it can be had, and as withdrawn after ([`shown`]); so has every entry that is
//! nobody's release ([`foreign`]). Pages are walks along an index ([`page`]).
//!
//! The index of a source's log has rows of that source's releases, and of nothing else.

mod foreign;
mod holder;
mod page;
mod shown;
mod survey;
mod write;

use mcpkg_core::PackageName;
use mcpkg_core::official::ListedStatus;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::{Store, StoreError};

pub(crate) use foreign::{Import, NewListed, Progress, Taken};
pub(super) use holder::give_way_to_source;
pub(crate) use page::{Deleted, Position, Scope, ServerFilter, VersionFilter};
pub(super) use shown::{show, show_all};
pub(crate) use survey::UnsignedRow;
pub(super) use write::{list_if_new, list_release, list_status};

/// What stands for the address of this registry in a document. No JSON text holds it
/// raw (RFC 8259, section 7), so that it marks a place and nothing else.
pub(crate) const OWN_ADDRESS: char = '\u{1f}';

/// One version of a server, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerRow {
    /// Its place among all rows.
    pub(crate) server_id: i64,
    /// The name in lower case.
    pub(crate) name_key: String,
    /// Which version.
    pub(crate) version: String,
    /// The `server` object, with [`OWN_ADDRESS`] in it.
    pub(crate) document: String,
    /// What `_meta` points to, as JSON.
    pub(crate) evidence: String,
    /// Whether it may be chosen.
    pub(crate) status: String,
    /// Why not.
    pub(crate) status_message: Option<String>,
    /// When that changed.
    pub(crate) status_changed_at: String,
    /// When it was published.
    pub(crate) published_at: String,
    /// When this registry last changed it.
    pub(crate) updated_at: String,
    /// Whether it is the newest version of its name.
    pub(crate) is_latest: bool,
    /// The name, as it is written.
    pub(crate) name: String,
    /// Whether it is a release, and not an entry that nobody has signed.
    pub(crate) is_release: bool,
    /// Since when a release can be had no longer, if it cannot.
    pub(crate) withdrawn_at: Option<String>,
}

/// Who has listed a name, as far as that decides who else may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody.
    Nobody,
    /// A signed package, by this name or one that looks like it.
    Signed,
    /// The source of this name, which is mirrored and has a package of that name.
    Mirrored(String),
    /// Somebody who published it here, unsigned.
    Published,
    /// The registry at this address, which is followed.
    Source(String),
}

impl Store {
    /// Who has listed `name`.
    pub(crate) async fn holder(&self, name: &PackageName) -> Result<Holder, StoreError> {
        let mut connection = self.reader.acquire().await?;
        holder::holder(&mut connection, name).await
    }

    /// The versions of `name` in `scope` that are asked for, the newest first.
    pub(crate) async fn server_versions(
        &self,
        name: &PackageName,
        version: &VersionFilter,
        scope: &Scope,
        deleted: Deleted,
    ) -> Result<Vec<ServerRow>, StoreError> {
        let mut query = page::select();
        query.push(" from server where is_shown = 1 and name_key = ");
        query.push_bind(key(name));
        page::push_version(&mut query, version);
        page::push_scope(&mut query, scope);
        page::push_deleted(&mut query, deleted);
        query.push(" order by published_at desc, server_id desc");
        Ok(query.build_query_as().fetch_all(&self.reader).await?)
    }

    /// What is off with the version `version` of `name`, and with which status it is
    /// listed; nothing if there is none.
    pub(crate) async fn server_oddities(
        &self,
        name: &PackageName,
        version: &str,
    ) -> Result<Option<ServerOddities>, StoreError> {
        type Row = (String, String, Option<String>, Option<String>, bool);
        let found: Option<Row> = sqlx::query_as(
            "select document, oddities, source, published_by, is_shown from server
              where name_key = ? and version = ? and release_id is null
              order by is_shown desc limit 1",
        )
        .bind(key(name))
        .bind(version)
        .fetch_optional(&self.reader)
        .await?;
        Ok(found.map(|(document, oddities, source, published_by, is_shown)| ServerOddities {
            document,
            oddities,
            source,
            published_by,
            is_shown,
        }))
    }
}

/// By place, as [`page::select`] has the columns: a page is a hundred rows, and to look
/// for each column by its name would be most of its time.
impl FromRow<'_, SqliteRow> for ServerRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            server_id: row.try_get(0)?,
            name_key: row.try_get(1)?,
            version: row.try_get(2)?,
            document: row.try_get(3)?,
            evidence: row.try_get(4)?,
            status: row.try_get(5)?,
            status_message: row.try_get(6)?,
            status_changed_at: row.try_get(7)?,
            published_at: row.try_get(8)?,
            updated_at: row.try_get(9)?,
            is_latest: row.try_get(10)?,
            name: row.try_get(11)?,
            is_release: row.try_get(12)?,
            withdrawn_at: row.try_get(13)?,
        })
    }
}

/// What is known of an entry that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct ServerOddities {
    /// The original.
    pub(crate) document: String,
    /// What is off with it, as a JSON array of sentences.
    pub(crate) oddities: String,
    /// The registry that lists it.
    pub(crate) source: Option<String>,
    /// Or who published it here.
    pub(crate) published_by: Option<String>,
    /// Whether pages show it.
    pub(crate) is_shown: bool,
}

/// A name as rows are found by it.
pub(crate) fn key(name: &PackageName) -> String {
    name.as_str().to_ascii_lowercase()
}

/// The word for a release's status in this API.
pub(super) fn listed_status(status: mcpkg_core::api::Status) -> ListedStatus {
    match status {
        mcpkg_core::api::Status::Active => ListedStatus::Active,
        mcpkg_core::api::Status::Deprecated => ListedStatus::Deprecated,
        mcpkg_core::api::Status::Yanked => ListedStatus::Deleted,
    }
}
