//! What made two builds of one source differ: a guess, from the bytes.

use std::fmt;

use serde::Serialize;

use super::compare::Window;

/// A usual cause of builds that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Lines that end in two ways.
    LineEnds,
    /// The same lines, sorted by the rules of two languages.
    Locale,
    /// The same lines in another order: that of a folder, of a hash table, or of
    /// threads.
    Order,
    /// The time of the build.
    Time,
    /// The folder of the build.
    Path,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineEnds => "lines that end in CR LF in one of them, as text from Windows does",
            Self::Locale => "the same lines, sorted by the rules of another locale",
            Self::Order => {
                "the same lines in another order, as a folder, a hash table or threads give them"
            }
            Self::Time => "the time of the build: SOURCE_DATE_EPOCH is there for that",
            Self::Path => "the folder of the build: compilers can be told to leave it out",
        })
    }
}

/// How far from the first difference a time may begin or end, in bytes: one that
/// differs in its milliseconds only begins 24 bytes before.
const NEAR_BYTES: usize = 24;

/// The longest word that is looked at, in bytes.
const WORD_BYTES: usize = 1024;

/// What may have made two files differ, the likeliest first.
pub(super) fn causes(path: &str, offset: u64, release: &Window, rebuild: &Window) -> Vec<Cause> {
    let both = |is: fn(&Window) -> bool| is(release) && is(rebuild);
    let mut causes = Vec::new();
    if release.is_whole && rebuild.is_whole {
        causes.extend(whole(&release.bytes, &rebuild.bytes));
    }
    if both(has_time) || in_header(path, offset, release, rebuild) {
        causes.push(Cause::Time);
    }
    if both(has_path) {
        causes.push(Cause::Path);
    }
    causes
}

/// What two whole files say about their lines.
fn whole(release: &[u8], rebuild: &[u8]) -> Option<Cause> {
    let plain = |bytes: &[u8]| {
        let is_end = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
        (0..bytes.len()).filter(|&at| !is_end(at)).map(|at| bytes[at]).collect::<Vec<u8>>()
    };
    if plain(release) == plain(rebuild) {
        return Some(Cause::LineEnds);
    }
    // A file of one line may be a list all the same.
    let separators = b"\n,; \0";
    separators.iter().find_map(|separator| order(release, rebuild, *separator))
}

/// Whether two files have the same parts in another order.
fn order(release: &[u8], rebuild: &[u8], separator: u8) -> Option<Cause> {
    let parts = |bytes: &'_ [u8]| -> Vec<Vec<u8>> {
        bytes.split(|byte| *byte == separator).map(<[u8]>::to_vec).collect()
    };
    let (theirs, ours) = (parts(release), parts(rebuild));
    let sorted = |parts: &[Vec<u8>]| {
        let mut parts = parts.to_vec();
        parts.sort_unstable();
        parts
    };
    if theirs.len() < 2 || sorted(&theirs) != sorted(&ours) {
        return None;
    }
    // Only what moved: around it the file has an order of its own.
    let pairs = || theirs.iter().zip(&ours);
    let start = pairs().take_while(|(a, b)| a == b).count();
    let end = theirs.len() - pairs().rev().take_while(|(a, b)| a == b).count();
    let (theirs, ours) = (&theirs[start..end], &ours[start..end]);
    let by_bytes = |parts: &[Vec<u8>]| parts.is_sorted();
    // Most languages sort without case, and without punctuation at first.
    let by_letters = |parts: &[Vec<u8>]| {
        parts.is_sorted_by_key(|part| {
            let letters =
                part.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
            letters.map(u8::to_ascii_lowercase).collect::<Vec<u8>>()
        })
    };
    let is_locale =
        (by_bytes(theirs) && by_letters(ours)) || (by_letters(theirs) && by_bytes(ours));
    Some(if is_locale { Cause::Locale } else { Cause::Order })
}

/// Whether a time is written where the file begins to differ.
fn has_time(window: &Window) -> bool {
    has_clock(window) || has_seconds(window)
}

/// Whether a date or a time of day stands there: `2026-11-23`, `2026/11/23`,
/// `Nov 23 2026` beside `07:41:05`, or `20261123`.
fn has_clock(window: &Window) -> bool {
    const SHAPES: [&[u8]; 4] = [b"dddd-dd-dd", b"dddd/dd/dd", b"dd:dd:dd", b"dd:dd"];
    let start = window.at.saturating_sub(NEAR_BYTES);
    let end = window.bytes.len().min(window.at + NEAR_BYTES);
    let near = &window.bytes[start..end];
    let at = window.at - start;
    SHAPES.iter().any(|shape| {
        near.windows(shape.len()).enumerate().any(|(first, text)| {
            let is_shape = text.iter().zip(*shape).all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            });
            // What lies between it and the difference is of a time too.
            let (from, to) = (first.min(at), at.max(first + shape.len()).min(near.len()));
            is_shape && near[from..to].iter().all(|byte| is_of_time(*byte))
        })
    })
}

fn is_of_time(byte: u8) -> bool {
    byte.is_ascii_digit()
        || matches!(byte, b'-' | b':' | b'.' | b'/' | b'T' | b'Z' | b'+' | b' ' | b',')
}

/// Whether a number stands there that is a time since 1970, in seconds or
/// milliseconds, between 2001 and 2033.
fn has_seconds(window: &Window) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let before = window.bytes[..window.at].iter().rev().take_while(|byte| is_digit(byte)).count();
    let after = window.bytes[window.at..].iter().take_while(|byte| is_digit(byte)).count();
    let number = &window.bytes[window.at - before..window.at + after];
    matches!(number.len(), 10 | 13) && number[0] == b'1'
}

/// Whether the difference is in the field of a format that holds a time: of gzip
/// (RFC 1952), of a ZIP's local header, and of Python's compiled modules.
fn in_header(path: &str, offset: u64, release: &Window, rebuild: &Window) -> bool {
    let starts =
        |magic: &[u8]| release.bytes.starts_with(magic) && rebuild.bytes.starts_with(magic);
    let is_near = |distances: std::ops::Range<usize>, magic: &[u8]| {
        distances.into_iter().any(|distance| {
            let start = release.at.checked_sub(distance);
            start.is_some_and(|start| release.bytes[start..].starts_with(magic))
        })
    };
    let is_python = std::path::Path::new(path).extension().is_some_and(|ending| ending == "pyc");
    (release.is_whole && starts(b"\x1f\x8b") && (4..8).contains(&offset))
        || is_near(10..14, b"PK\x03\x04")
        || (is_python && (8..12).contains(&offset))
}

/// Whether an absolute path stands there.
fn has_path(window: &Window) -> bool {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'`<>|()[]{};,=".contains(byte)
    };
    let word = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.take(WORD_BYTES).take_while(|byte| !ends(byte)).count()
    };
    let before = word(&mut window.bytes[..window.at].iter().rev());
    let after = word(&mut window.bytes[window.at..].iter());
    let word = &window.bytes[window.at - before..window.at + after];
    let word = word.strip_prefix(b"file://").unwrap_or(word);
    let parts = word.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count();
    let is_drive = matches!(word, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    // `//` begins a comment, and one part alone is a fraction or a route.
    is_drive || (word.starts_with(b"/") && !word.starts_with(b"//") && parts >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, release: &[u8], rebuild: &[u8]) -> Vec<Cause> {
        let at = release.iter().zip(rebuild).take_while(|(a, b)| a == b).count();
        let window = |bytes: &[u8]| Window { bytes: bytes.to_vec(), at, is_whole: true };
        causes(path, at as u64, &window(release), &window(rebuild))
    }

    #[test]
    fn a_usual_cause_is_seen_in_the_bytes() {
        use Cause::{LineEnds, Locale, Order, Path, Time};
        for (release, rebuild, expected) in [
            // Times.
            ("at = '2026-11-22T07:00:00Z'", "at = '2026-11-23T08:12:51Z'", vec![Time]),
            ("2026-11-23T08:12:51.123Z", "2026-11-23T08:12:51.129Z", vec![Time]),
            ("built 2026/11/22 ", "built 2026/11/23 ", vec![Time]),
            ("Nov 23 2026 07:41:05", "Nov 23 2026 07:41:06", vec![Time]),
            ("time=1795419013;", "time=1795419999;", vec![Time]),
            ("time=1795419013123;", "time=1795419999000;", vec![Time]),
            // Not times.
            ("version 1.2.3", "version 1.2.4", vec![]),
            ("id=17954190131;", "id=17954199991;", vec![]),
            ("at 07:41:05 by alice", "at 07:41:05 by bob", vec![]),
            // Paths.
            ("from '/home/runner/work/a.js'", "from '/build/source/a.js'", vec![Path]),
            ("src=/home/a/x y", "src=/home/b/x y", vec![Path]),
            ("file:///home/a/x", "file:///home/b/x", vec![Path]),
            (r#"root: "C:\Users\a""#, r#"root: "D:\Users\a""#, vec![Path]),
            (r#"root: "C:\Users\a""#, r#"root: "C:\Users\b""#, vec![Path]),
            // Not paths.
            ("// one comment", "// two comments", vec![]),
            ("get('/route')", "get('/other')", vec![]),
            ("a/b/c", "a/b/d", vec![]),
            // Lines.
            ("one\ntwo\n", "one\r\ntwo\r\n", vec![LineEnds]),
            ("one\ntwo\nthree\n", "three\none\ntwo\n", vec![Order]),
            ("c b a", "b c a", vec![Order]),
            ("apple\nBanana\ncherry\n", "Banana\napple\ncherry\n", vec![Locale]),
            ("x\nab\na_c\n", "x\na_c\nab\n", vec![Locale]),
            ("one\ntwo\n", "one\nthree\n", vec![]),
            // Nothing that could be told.
            ("", "x", vec![]),
            ("\0\x01\x02", "\0\x01\x03", vec![]),
        ] {
            let causes = found("file", release.as_bytes(), rebuild.as_bytes());
            assert_eq!(causes, expected, "{release:?} and {rebuild:?}");
        }
    }

    #[test]
    fn a_time_in_a_header_is_known_by_its_place() {
        let gzip =
            |time: u8| [b"\x1f\x8b\x08\0".as_slice(), &[time, 1, 2, 3], b"\0\x03rest"].concat();
        assert_eq!(found("a.gz", &gzip(1), &gzip(2)), [Cause::Time]);
        let zip = |time: u8| [b"PK\x03\x04\x14\0\0\0\0\0".as_slice(), &[time, 1, 2, 3]].concat();
        assert_eq!(found("a.jar", &zip(1), &zip(2)), [Cause::Time]);
        let python = |time: u8| [b"\xcb\x0d\x0d\x0a\0\0\0\0".as_slice(), &[time, 1, 2, 3]].concat();
        assert_eq!(found("a.pyc", &python(1), &python(2)), [Cause::Time]);
        assert_eq!(found("a.bin", &python(1), &python(2)), []);
    }
}
