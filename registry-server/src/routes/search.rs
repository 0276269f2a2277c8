//! `/v1/search?q=…&limit=…&cursor=…`: packages by what they are called and do.

use axum::Json;
use axum::extract::State;
use mcpkg_core::api::SearchPage;
use serde::Deserialize;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::StrictQuery;
use crate::store::{Cursor, MAX_QUERY_LEN, SearchQuery};

/// How many packages a page has, unless the request says.
const DEFAULT_LIMIT: u32 = 20;

/// How many it may say.
const LIMITS: std::ops::RangeInclusive<u32> = 1..=100;

/// The query string.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    #[serde(default)]
    q: String,
    limit: Option<u32>,
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
pub(super) async fn search(
    State(app): State<App>,
    StrictQuery(params): StrictQuery<Params>,
) -> Result<Json<SearchPage>, ApiError> {
    let Asked { query, after, limit } = params.read()?;
    let page = app.store.search(&query, after, limit).await?;
    let next_cursor = page.next.map(|cursor| cursor.encode(&query));
    Ok(Json(SearchPage { packages: page.packages, next_cursor }))
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
