//! How far a string or a number goes on with nothing to decide, many bytes at a time.
//!
//! What is taken here is whole: characters, escapes, digits. What comes after it ends the
//! run, is wrong, or was cut where the stream was, and is for the [`Scanner`] to take a
//! byte at a time. So this only has to be right in what it takes, and however a stream is
//! cut, the outcome is the same (`it_says_the_same_however_a_line_is_cut`, and the fuzz target
//! `guard`).
//!
//! [`Scanner`]: super::Scanner

/// How many of the first bytes, which are inside a string, are whole characters and
/// whole escapes.
pub(super) fn text(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = &bytes[end..];
        let (length, is_ascii) = plain(rest);
        if !is_ascii && let Err(error) = std::str::from_utf8(&rest[..length]) {
            return end + error.valid_up_to();
        }
        end += length;
        match escape(&rest[length..]) {
            0 => return end,
            length => end += length,
        }
    }
}

/// How many of the first bytes are digits.
pub(super) fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

/// How many of the first bytes are a number, if what ends it is there as well.
pub(super) fn number(bytes: &[u8]) -> usize {
    let sign = usize::from(bytes.starts_with(b"-"));
    let integer = match bytes.get(sign) {
        Some(b'0') => 1,
        _ => digits(&bytes[sign..]),
    };
    let mut end = sign + integer;
    if integer == 0 {
        return 0;
    }
    if bytes.get(end) == Some(&b'.') {
        match digits(&bytes[end + 1..]) {
            0 => return 0,
            length => end += 1 + length,
        }
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        match digits(&bytes[end..]) {
            0 => return 0,
            length => end += length,
        }
    }
    if end < bytes.len() { end } else { 0 }
}

/// How many of the first bytes are the same in both.
pub(super) fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Whether this stands for a character after a backslash, by itself.
pub(super) const fn is_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
}

/// How long the escape is that stands first, if a whole one does.
fn escape(bytes: &[u8]) -> usize {
    match bytes {
        [b'\\', byte, ..] if is_escape(*byte) => 2,
        [b'\\', b'u', rest @ ..] => match rest.first_chunk::<4>() {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => 0,
        },
        _ => 0,
    }
}

/// How many of the first bytes are neither a quote, a backslash nor a control character,
/// and whether all of them are ASCII (if it says no, they may be).
///
/// Eight at a time: of a word whose bytes are `b`, `(b - n) & !b` has the high bit of the
/// first byte that is less than `n`, and none of a byte before it. A borrow reaches no
/// byte but from one that was less.
fn plain(bytes: &[u8]) -> (usize, bool) {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);

    let (words, last) = bytes.as_chunks::<8>();
    let mut seen = 0;
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        seen |= word;
        let special = (below(word, b' ') | equal(word, b'"') | equal(word, b'\\')) & HIGH;
        if special != 0 {
            return (index * 8 + special.trailing_zeros() as usize / 8, seen & HIGH == 0);
        }
    }
    let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    let length = last.iter().position(is_special).unwrap_or(last.len());
    (words.len() * 8 + length, seen & HIGH == 0 && last.is_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_ends_before_what_is_not_whole() {
        for (bytes, length) in [
            (b"".as_slice(), 0),
            (b"plain text, which is long enough\"", 32),
            (b"1234567\x1f", 7),
            (b"12345678\x7f\x00", 9),
            (b"line\\n\\u00e9\\\\\" after", 14),
            (b"\\x", 0),
            (b"cut \\", 4),
            (b"cut \\u00e", 4),
            (b"no digit \\u00eg", 9),
            ("12345é天😀\"".as_bytes(), 14),
            (b"cut \xe5\xa4", 4),
            (b"overlong \xc0\xa2", 9),
            (b"half \xed\xa0\xbd", 5),
        ] {
            assert_eq!(text(bytes), length, "{}", bytes.escape_ascii());
        }
        assert_eq!(digits(b"0123456789.5"), 10);
        assert_eq!(digits(b"12"), 2);
        for (bytes, length) in [
            (b"0,".as_slice(), 1),
            (b"-10]", 3),
            (b"1.50 ", 4),
            (b"2e+07}", 5),
            (b"-0.5E9,", 6),
            // What is wrong with it is found where it is.
            (b"01,", 1),
            (b"1", 0),
            (b"-,", 0),
            (b"1.,", 0),
            (b"1e,", 0),
            (b"1e-", 0),
            (b".5,", 0),
        ] {
            assert_eq!(number(bytes), length, "{}", bytes.escape_ascii());
        }
        assert_eq!(common(b"rue", b"ru"), 2);
        assert_eq!(common(b"rue", b"rve"), 1);
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_are_one_at_a_time(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'a'), prop::sample::select(&b"\"\\\x1f !#[]\x7f\x80\xff"[..])],
            0..40,
        )) {
            let is_plain = |byte: &&u8| !matches!(**byte, ..b' ' | b'"' | b'\\');
            let length = bytes.iter().take_while(is_plain).count();
            let (found, is_ascii) = plain(&bytes);
            prop_assert_eq!(found, length);
            prop_assert!(!is_ascii || bytes[..length].is_ascii());
        }
    }
}
