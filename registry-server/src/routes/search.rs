//! `/v1/search?q=…&limit=…&cursor=…`: packages by what they are called and do.

use axum::Json;
use axum::extract::State;
use mcpkg_core::api::{SearchHit, SearchPage};
use serde::Deserialize;

use crate::access::{AccessError, Caller};
use crate::app::App;
use crate::error::ApiError;
use crate::extract::StrictQuery;
use crate::mirror::Shelf;
use crate::store::{Cursor, MAX_QUERY_LEN, SearchQuery};

/// The operations of this group.
#[derive(utoipa::OpenApi)]
#[openapi(paths(search))]
pub(super) struct Api;

/// How many packages a page has, unless the request says.
const DEFAULT_LIMIT: u32 = 20;

/// How many it may say.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=100;

/// How many pages in a row are looked through for something that the caller may see.
const MOST_PAGES: usize = 20;

/// The query string.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// Words of names, titles and descriptions; without any, the newest packages.
    #[serde(default)]
    #[param(max_length = 256)]
    q: String,
    /// How many packages a page has.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// What `nextCursor` of the page before says.
    cursor: Option<String>,
}

/// What the query string asks for.
#[derive(Debug)]
struct Asked {
    query: SearchQuery,
    after: Option<Cursor>,
    limit: u32,
}

/// Lists the packages that match, best first; without words, the newest.
#[utoipa::path(get, path = "/v1/search", tag = "packages",
    params(
        Params,
    ),
    responses(
        (status = 200, description = "The packages", body = ref("#/components/schemas/SearchPage")),
    ))]
pub(super) async fn search(
    State(app): State<App>,
    shelf: Shelf,
    caller: Caller,
    StrictQuery(params): StrictQuery<Params>,
) -> Result<Json<SearchPage>, ApiError> {
    let asked = params.read()?;
    let (packages, next) = visible(&app, &shelf, &caller, &asked).await?;
    // Somebody who is shown nothing is told that this may be for want of a token.
    if packages.is_empty() && app.access.wants_token(&caller) {
        return Err(AccessError::Missing.into());
    }
    let next_cursor = next.map(|cursor| cursor.encode(&asked.query));
    Ok(Json(SearchPage { packages, next_cursor }))
}

/// The page that `caller` may see, and where to go on. It may be shorter than asked for;
/// one with nothing in it is the last, or it would tell that there is something.
async fn visible(
    app: &App,
    shelf: &Shelf,
    caller: &Caller,
    asked: &Asked,
) -> Result<(Vec<SearchHit>, Option<Cursor>), ApiError> {
    let mut after = asked.after;
    for _ in 0..MOST_PAGES {
        let mut page = shelf.store.search(&asked.query, after, asked.limit).await?;
        page.packages.retain(|hit| app.may_read(caller, &hit.name));
        let packages = shelf.given_out(page.packages).await?;
        if page.next.is_none() || !packages.is_empty() {
            return Ok((packages, page.next));
        }
        after = page.next;
    }
    Ok((Vec::new(), None))
}

impl Params {
    fn read(self) -> Result<Asked, ApiError> {
        let len = self.q.len();
        if len > MAX_QUERY_LEN {
            let expected = format!("`q` is {len} bytes long, expected at most {MAX_QUERY_LEN}");
            return Err(ApiError::request(expected));
        }
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !LIMITS.contains(&limit) {
            let (least, most) = (LIMITS.start(), LIMITS.end());
            let expected = format!("`limit` is {limit}, expected {least} to {most}");
            return Err(ApiError::request(expected));
        }
        let query = SearchQuery::new(&self.q);
        let decode = |text: String| {
            Cursor::decode(&text, &query)
                .ok_or_else(|| ApiError::request("`cursor` is not one that we gave for this `q`"))
        };
        let after = self.cursor.map(decode).transpose()?;
        Ok(Asked { query, after, limit })
    }
}
