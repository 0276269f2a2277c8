//! Conditional requests: not to send again what the client has.
//!
//! Source: RFC 9110, sections 8.8.3, 13.1.2 and 13.1.5.

use axum::http::{HeaderMap, HeaderValue, header};

/// The entity tag for bytes of this digest, in quotes.
pub(crate) fn entity_tag(digest: mcpkg_core::Digest) -> HeaderValue {
    // The text of a digest is ASCII without quotes or control characters.
    HeaderValue::try_from(format!("\"{digest}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether the client says that it has the entity of this tag.
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // The comparison is weak: a cache in between may have marked the tag.
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Whether the client's range is of the entity of this tag. It is where the
/// client does not say; a date never is, because ours are not exact.
pub(crate) fn is_range_of(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|known| known == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_the_client_has_is_known() {
        let tag = HeaderValue::from_static("\"a\"");
        for (value, known) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            assert_eq!(is_known(&headers, &tag), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), &tag));
    }
}
