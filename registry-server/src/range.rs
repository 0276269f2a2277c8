//! The part of a blob that a client asks for.

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it: there is no range, or one that a server is to ignore.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes after the end.
    Nothing,
}

/// Reads the value of a `Range` header for an entity of `size_bytes`.
///
/// A header that is malformed, of another unit or of several ranges is ignored,
/// as the source allows: several ranges of one blob are a way to make a server
/// work hard for little.
///
/// Source: RFC 9110, section 14.2.
pub(crate) fn asked(header: Option<&str>, size_bytes: u64) -> Asked {
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1)),
        (Some(first), None) if last.is_empty() => (first, size_bytes),
        (None, Some(suffix)) if first.is_empty() => (size_bytes.saturating_sub(suffix), size_bytes),
        _ => return Asked::Whole,
    };
    let range = start..end.min(size_bytes);
    if range.is_empty() { Asked::Nothing } else { Asked::Part(range) }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than any length has: beyond every end.
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_the_rest_is_ignored() {
        use Asked::{Nothing, Part, Whole};
        for (header, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-9", Part(0..10)),
            ("bytes=0-99999999999999999999999", Part(0..10)),
            ("bytes=3-5", Part(3..6)),
            ("bytes=3-", Part(3..10)),
            ("bytes=-4", Part(6..10)),
            ("bytes=-400", Part(0..10)),
            ("bytes=10-", Nothing),
            ("bytes=10-20", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=5-3", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("lines=0-1", Whole),
        ] {
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!(asked(None, 10), Whole);
    }
}
