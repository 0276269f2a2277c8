//! Where a list goes on, as a word that clients hand back.
//!
//! It carries the filter as well: VS Code drops `search` after the first page and sends
//! the cursor alone. It is written in characters that a URL holds unencoded, because
//! the same client does not encode it. It is not a secret, and nothing in it is
//! believed: it is read like the parameters that it stands for, and shows nobody more
//! than these would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::LATEST;
use super::shelves::Bookmark;
use crate::store::{Deleted, Scope, ServerFilter, VersionFilter};

/// What a cursor begins with, so that those of another release of this program are
/// told apart.
const FORMAT: &str = "2";

/// Between the parts: in none of them is a control character.
const SEPARATOR: char = '\u{1f}';

/// Writes a cursor.
pub(super) fn encode(filter: &ServerFilter, bookmark: &Bookmark) -> String {
    let version = match &filter.version {
        VersionFilter::All => "",
        VersionFilter::Latest => LATEST,
        VersionFilter::Exactly(version) => version,
    };
    let deleted = match filter.deleted {
        Deleted::Hidden => "",
        Deleted::Shown => "deleted",
    };
    let (first, second, shelf) = match bookmark {
        Bookmark::Name { name_key, version } => (name_key, version.clone(), ""),
        Bookmark::Change { updated_at, shelf, server_id } => {
            (updated_at, server_id.to_string(), shelf.as_str())
        }
    };
    let since = filter.since.as_deref().unwrap_or_default();
    let parts = [FORMAT, &filter.search, version, since, deleted, first, &second, shelf];
    URL_SAFE_NO_PAD.encode(parts.join(&SEPARATOR.to_string()))
}

/// Reads a cursor that [`encode`] made, or `None`. The filter has no scope.
pub(super) fn decode(text: &str) -> Option<(ServerFilter, Bookmark)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let parts: Vec<&str> = text.split(SEPARATOR).collect();
    let [FORMAT, search, version, since, deleted, first, second, shelf] = parts[..] else {
        return None;
    };
    let filter = ServerFilter {
        search: search.to_owned(),
        version: match version {
            "" => VersionFilter::All,
            LATEST => VersionFilter::Latest,
            version => VersionFilter::Exactly(version.to_owned()),
        },
        since: (!since.is_empty()).then(|| since.to_owned()),
        deleted: match deleted {
            "" => Deleted::Hidden,
            "deleted" => Deleted::Shown,
            _ => return None,
        },
        scope: Scope::default(),
    };
    let bookmark = if filter.since.is_some() {
        let (updated_at, shelf) = (first.to_owned(), shelf.to_owned());
        Bookmark::Change { updated_at, shelf, server_id: second.parse().ok()? }
    } else {
        Bookmark::Name { name_key: first.to_owned(), version: second.to_owned() }
    };
    Some((filter, bookmark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_carries_its_filter_and_is_safe_in_a_url() {
        let by_name = Bookmark::Name { name_key: "com.acme/ü?".into(), version: "1.0.0+x".into() };
        let by_change =
            Bookmark::Change { updated_at: "2026".into(), shelf: "public".into(), server_id: 7 };
        for (search, version, since, bookmark) in [
            ("", VersionFilter::All, None, &by_name),
            ("wéather&", VersionFilter::Latest, None, &by_name),
            ("a", VersionFilter::Exactly("1.0.0".into()), Some("2026-01-01T00:00:00Z"), &by_change),
        ] {
            let deleted = if since.is_some() { Deleted::Shown } else { Deleted::Hidden };
            let filter = ServerFilter {
                search: search.into(),
                version,
                since: since.map(str::to_owned),
                deleted,
                scope: Scope::default(),
            };
            let text = encode(&filter, bookmark);
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{text}"
            );
            assert_eq!(decode(&text), Some((filter, bookmark.clone())));
            for broken in [&text[1..], &format!("{text}="), &text.to_lowercase()] {
                assert_ne!(decode(broken), decode(&text), "{broken}");
            }
        }
    }
}
