//! Searching packages.
//!
//! What people type is not FTS5's query language: a `-`, a quote or the word
//! `AND` would be syntax there, and a syntax error a failed request. So a query
//! is cut into its letters and digits, each word is quoted, and the last one
//! matches as a prefix, since it may still be growing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcpkg_core::Digest;
use mcpkg_core::api::SearchHit;

use super::row::{parse, publisher};
use super::{Store, StoreError};

/// The longest query, in bytes: a sentence.
pub(crate) const MAX_QUERY_LEN: usize = 256;

/// The most words of a query that are looked for.
const MAX_WORDS: usize = 16;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SearchQuery {
    /// Every package, the most recently published first.
    Newest,
    /// The packages that match this FTS5 expression, best first.
    Words(String),
    /// Nothing: what was typed has no letter and no digit.
    Nothing,
}

/// A place in a list of results, to go on from.
///
/// It carries the query it belongs to, so that it cannot be used to leap into
/// the results of another, where its position means nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cursor {
    /// The rank of the last result: lower is better. Zero where nothing is ranked.
    rank: f64,
    /// Its row: a release where nothing is ranked, else a package.
    row: i64,
}

/// Some results, and where to go on.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The results.
    pub(crate) packages: Vec<SearchHit>,
    /// The place after the last, unless that is the end.
    pub(crate) next: Option<Cursor>,
}

/// A row of results.
type Row = (i64, f64, String, String, String, String, String);

impl SearchQuery {
    /// Reads what somebody typed.
    pub(crate) fn new(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Newest;
        }
        let mut words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .map(|word| format!("\"{word}\""))
            .collect();
        let Some(last) = words.last_mut() else { return Self::Nothing };
        last.push('*');
        Self::Words(words.join(" "))
    }

    /// Eight bytes that tell this query from others.
    fn tag(&self) -> [u8; 8] {
        let words = match self {
            Self::Words(words) => words.as_str(),
            Self::Newest | Self::Nothing => "",
        };
        let mut tag = [0; 8];
        tag.copy_from_slice(&Digest::of(words.as_bytes()).as_bytes()[..8]);
        tag
    }
}

impl Cursor {
    /// Reads a cursor that [`Self::encode`] made for `query`, or `None`.
    pub(crate) fn decode(text: &str, query: &SearchQuery) -> Option<Self> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let [tag, rank, row] =
            [0, 8, 16].map(|at| <[u8; 8]>::try_from(&bytes[at..at + 8]).unwrap_or_default());
        let rank = f64::from_bits(u64::from_be_bytes(rank));
        (tag == query.tag() && rank.is_finite())
            .then_some(Self { rank, row: i64::from_be_bytes(row) })
    }

    /// Writes the cursor in characters that a URL holds unencoded.
    pub(crate) fn encode(&self, query: &SearchQuery) -> String {
        let parts = [query.tag(), self.rank.to_bits().to_be_bytes(), self.row.to_be_bytes()];
        URL_SAFE_NO_PAD.encode(parts.concat())
    }
}

impl Store {
    /// The packages that match `query`, `limit` of them, from `after` on.
    pub(crate) async fn search(
        &self,
        query: &SearchQuery,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        // One more than asked for tells whether there is a next page.
        let mut rows: Vec<Row> = match query {
            SearchQuery::Nothing => Vec::new(),
            SearchQuery::Newest => {
                sqlx::query_as(
                    "select release_id, 0.0, listing.name, version, listing.description,
                            bound.publisher, published_at
                       from listing join release using (release_id)
                       join bound on bound.package_id = listing.package_id
                      where release_id < ?
                      order by release_id desc limit ?",
                )
                .bind(after.map_or(i64::MAX, |cursor| cursor.row))
                .bind(limit + 1)
                .fetch_all(&self.reader)
                .await?
            }
            SearchQuery::Words(words) => {
                // A word in the name counts most.
                sqlx::query_as(
                    "select listing.package_id, rank, listing.name, version, listing.description,
                            bound.publisher, published_at
                       from (select rowid as package_id,
                                    bm25(listing_text, 10.0, 4.0, 1.0) as rank
                               from listing_text where listing_text match ?1) as found
                       join listing using (package_id) join release using (release_id)
                       join bound on bound.package_id = listing.package_id
                      where (rank, listing.package_id) > (?2, ?3)
                      order by rank, listing.package_id limit ?4",
                )
                .bind(words)
                .bind(after.map_or(f64::MIN, |cursor| cursor.rank))
                .bind(after.map_or(i64::MIN, |cursor| cursor.row))
                .bind(limit + 1)
                .fetch_all(&self.reader)
                .await?
            }
        };
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| is_more).map(|row| Cursor { row: row.0, rank: row.1 });
        Ok(Page { packages: rows.into_iter().map(hit).collect::<Result<_, _>>()?, next })
    }
}

fn hit((_, _, name, version, description, bound, at): Row) -> Result<SearchHit, StoreError> {
    Ok(SearchHit {
        name: parse("listing.name", &name)?,
        version: parse("release.version", &version)?,
        description,
        publisher: publisher("binding.publisher", &bound)?,
        published_at: parse("release.published_at", &at)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_never_syntax() {
        let words = |words: &str| SearchQuery::Words(words.into());
        for (text, query) in [
            ("", SearchQuery::Newest),
            ("  ", SearchQuery::Newest),
            ("weather", words("\"weather\"*")),
            ("io.github.acme/wea", words("\"io\" \"github\" \"acme\" \"wea\"*")),
            ("a AND \"b", words("\"a\" \"AND\" \"b\"*")),
            ("name: x*", words("\"name\" \"x\"*")),
            ("-^(){}", SearchQuery::Nothing),
            ("Wétter", words("\"Wétter\"*")),
        ] {
            assert_eq!(SearchQuery::new(text), query, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let [weather, news] = ["weather", "news"].map(SearchQuery::new);
        let cursor = Cursor { rank: -1.5, row: 7 };
        let text = cursor.encode(&weather);
        assert_eq!(Cursor::decode(&text, &weather), Some(cursor));
        assert_eq!(Cursor::decode(&text, &news), None);
        for broken in ["", "?", "AAAA", &text[1..], &format!("{text}=")] {
            assert_eq!(Cursor::decode(broken, &weather), None, "{broken:?}");
        }
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    }
}
