//! From the parameters of a request to what is asked for.
//!
//! Parameters that we do not know are passed over, as the MCP registry does: clients
//! send what some other registry takes. Those that we know have to make sense.

use jiff::Timestamp;
use serde::Deserialize;

use super::shelves::Bookmark;
use super::{LATEST, cursor};
use crate::error::ApiError;
use crate::store::{Deleted, MAX_QUERY_LEN, Scope, ServerFilter, VersionFilter};

/// How many servers a page has, unless the request says.
const DEFAULT_LIMIT: u32 = 30;

/// How many it may say.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=100;

/// The longest version, in bytes.
///
/// Source: the schema of `server.json`, `version`.
const MAX_VERSION_LEN: usize = 255;

/// The query string of a list, as it stands there.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Params {
    /// What `metadata.nextCursor` of the page before says. It carries the filter, so the
    /// other parameters need not be repeated.
    #[param(max_length = 2000)]
    cursor: Option<String>,
    /// How many servers a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 30)]
    limit: Option<String>,
    /// What the name contains, in any case.
    #[param(max_length = 256)]
    search: Option<String>,
    /// Only what has changed since then (RFC 3339), in the order of the changes, deleted
    /// servers included.
    #[param(value_type = Option<String>, format = DateTime)]
    updated_since: Option<String>,
    /// `latest`, or one version.
    #[param(max_length = 255)]
    version: Option<String>,
    /// Whether deleted servers are listed.
    #[param(value_type = Option<bool>)]
    include_deleted: Option<String>,
}

/// What a request for a list asks for.
#[derive(Clone, Debug)]
pub(crate) struct ServerQuery {
    /// Which servers; its scope is the audience's to fill in.
    pub(crate) filter: ServerFilter,
    /// Where to go on.
    pub(crate) after: Option<Bookmark>,
    /// How many.
    pub(crate) limit: u32,
}

impl TryFrom<Params> for ServerQuery {
    type Error = ApiError;

    fn try_from(params: Params) -> Result<Self, ApiError> {
        let limit = match given(params.limit.as_deref()) {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| LIMITS.contains(limit))
                .ok_or_else(|| ApiError::request("`limit` is not a number from 1 to 100"))?,
        };
        let said = Said::read(&params)?;
        let Some(text) = given(params.cursor.as_deref()) else {
            return Ok(Self { filter: said.filter(), after: None, limit });
        };
        let unusable = || ApiError::request("`cursor` is not one that this registry gave out");
        let (filter, bookmark) = cursor::decode(text).ok_or_else(unusable)?;
        if !said.agrees_with(&filter) {
            return Err(ApiError::request("`cursor` belongs to a list with another filter"));
        }
        Ok(Self { filter, after: Some(bookmark), limit })
    }
}

/// Whether a request wants deleted entries too.
pub(crate) fn deleted(include: Option<&str>) -> Result<Deleted, ApiError> {
    match given(include) {
        None | Some("false") => Ok(Deleted::Hidden),
        Some("true") => Ok(Deleted::Shown),
        Some(_) => Err(ApiError::request("`include_deleted` is neither `true` nor `false`")),
    }
}

/// What the parameters say of the filter; nothing for one that is absent or empty.
struct Said {
    search: Option<String>,
    version: Option<VersionFilter>,
    since: Option<String>,
    deleted: Option<Deleted>,
}

impl Said {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let search = given(params.search.as_deref());
        check("search", search, MAX_QUERY_LEN)?;
        let version = given(params.version.as_deref());
        check("version", version, MAX_VERSION_LEN)?;
        let since = given(params.updated_since.as_deref()).map(second).transpose()?;
        let include = given(params.include_deleted.as_deref());
        let deleted = include.map(|include| deleted(Some(include))).transpose()?;
        if since.is_some() && deleted == Some(Deleted::Hidden) {
            return Err(ApiError::request(
                "changes include deletions: `include_deleted` cannot be `false` with \
                 `updated_since`",
            ));
        }
        Ok(Self {
            search: search.map(str::to_ascii_lowercase),
            version: version.map(|version| match version {
                LATEST => VersionFilter::Latest,
                version => VersionFilter::Exactly(version.to_owned()),
            }),
            since,
            deleted,
        })
    }

    fn filter(self) -> ServerFilter {
        let of_changes = if self.since.is_some() { Deleted::Shown } else { Deleted::Hidden };
        ServerFilter {
            search: self.search.unwrap_or_default(),
            version: self.version.unwrap_or(VersionFilter::All),
            since: self.since,
            deleted: self.deleted.unwrap_or(of_changes),
            scope: Scope::default(),
        }
    }

    /// Whether a list that goes on asks for the same as it began with, as far as it says.
    fn agrees_with(&self, filter: &ServerFilter) -> bool {
        self.search.as_ref().is_none_or(|search| *search == filter.search)
            && self.version.as_ref().is_none_or(|version| *version == filter.version)
            && (self.since.is_none() || self.since == filter.since)
            && self.deleted.is_none_or(|deleted| deleted == filter.deleted)
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn check(key: &str, text: Option<&str>, max: usize) -> Result<(), ApiError> {
    let text = text.unwrap_or_default();
    if text.len() > max {
        return Err(ApiError::request(format!("`{key}` is longer than {max} bytes")));
    }
    // A cursor is made of these, with a control character between them.
    if text.chars().any(char::is_control) {
        return Err(ApiError::request(format!("`{key}` has a control character")));
    }
    Ok(())
}

/// A time as rows have it: to the whole second, which is never later than what was asked.
fn second(text: &str) -> Result<String, ApiError> {
    let at: Timestamp = text.parse().map_err(|_| {
        ApiError::request("`updated_since` is not a time such as `2026-01-31T12:00:00Z`")
    })?;
    Ok(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<ServerQuery, ApiError> {
        let params: axum::extract::Query<Params> =
            axum::extract::Query::try_from_uri(&format!("/?{text}").parse().unwrap()).unwrap();
        params.0.try_into()
    }

    #[test]
    fn what_is_absent_or_empty_has_a_default() {
        for text in ["", "search=&cursor=&limit=&version=&updated_since=&include_deleted=", "x=1"] {
            let query = query(text).unwrap();
            assert_eq!((query.limit, query.filter.deleted), (30, Deleted::Hidden), "{text}");
            assert_eq!(query.filter.version, VersionFilter::All, "{text}");
        }
        let since = query("updated_since=2026-01-31T12:00:00.9%2B01:00").unwrap().filter;
        assert_eq!(since.since.as_deref(), Some("2026-01-31T11:00:00Z"));
        assert_eq!(since.deleted, Deleted::Shown);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "limit=0",
            "limit=101",
            "limit=x",
            "updated_since=yesterday",
            "include_deleted=1",
            "include_deleted=false&updated_since=2026-01-31T12:00:00Z",
            "search=a%00",
            "version=a%1F",
            "cursor=AAAA",
            "cursor=%3D",
        ] {
            assert!(query(text).is_err(), "{text}");
        }
        assert!(query(&format!("search={}", "a".repeat(257))).is_err());
    }
}
