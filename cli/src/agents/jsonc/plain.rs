//! The second reader: JSONC made plain JSON without `jsonc-parser`.
//!
//! Every settings file is read twice, before and after an edit: by
//! `jsonc-parser`, and by `serde_json` from the text this module prepares. The
//! two share no code, so a file that one of them misreads shows as a
//! disagreement, and is refused instead of edited.
//!
//! Both functions here keep the length of the text, so a position in what they
//! return is a position in the file.

use std::borrow::Cow;

use memchr::{memchr2, memchr3};

use super::Dialect;

/// What stands at a position of JSONC, outside and inside of strings and comments.
enum State {
    Value,
    String,
    LineComment,
    BlockComment,
}

/// Blanks out what `dialect` allows beyond JSON: comments, and the comma after
/// a last element.
///
/// Text that was broken stays broken: `serde_json` is what judges it.
pub(super) fn plain(text: &str, dialect: Dialect) -> Cow<'_, str> {
    if !dialect.has_comments() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut state = State::Value;
    // A comma is trailing if a bracket closes before anything else follows it
    // and a value came before it: `[,]` is an error and must stay one.
    let mut comma = None;
    let mut after_value = false;
    let mut at = 0;
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        let mut width = 1;
        match state {
            State::Value => match (bytes[at], next) {
                (b'/', Some(b'/' | b'*')) => {
                    state =
                        if next == Some(b'/') { State::LineComment } else { State::BlockComment };
                    width = 2;
                    bytes[at..at + 2].fill(b' ');
                }
                (b' ' | b'\t' | b'\n' | b'\r', _) => {}
                (b',', _) => {
                    comma = after_value.then_some(at);
                    after_value = false;
                }
                (b'}' | b']', _) => {
                    if let Some(comma) = comma.take()
                        && dialect.has_trailing_commas()
                    {
                        bytes[comma] = b' ';
                    }
                    after_value = true;
                }
                (other, _) => {
                    comma = None;
                    after_value = !matches!(other, b'{' | b'[' | b':');
                    if other == b'"' {
                        state = State::String;
                    }
                }
            },
            State::String => {
                // To the quote that ends it, over what is escaped.
                let rest = &bytes[at..];
                let special = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                width = special + 1;
                match rest.get(special) {
                    Some(b'\\') => width += 1,
                    _ => state = State::Value,
                }
            }
            State::LineComment => {
                let rest = &mut bytes[at..];
                width = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                rest[..width].fill(b' ');
                state = State::Value;
            }
            State::BlockComment => {
                let rest = &mut bytes[at..];
                width = memchr3(b'*', b'\n', b'\r', rest).unwrap_or(rest.len());
                rest[..width].fill(b' ');
                if rest[width..].starts_with(b"*/") {
                    rest[width..width + 2].fill(b' ');
                    state = State::Value;
                    width += 2;
                } else if let Some(byte) = rest.get_mut(width) {
                    if *byte == b'*' {
                        *byte = b' ';
                    }
                    width += 1;
                }
            }
        }
        at += width;
    }
    if matches!(state, State::BlockComment) {
        // An unterminated comment is an error, so it is given back as it was.
        return Cow::Borrowed(text);
    }
    Cow::Owned(text_of(bytes))
}

/// Bytes that only ASCII was put into, and whole characters taken out of.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Replaces the escapes of lone surrogates, which neither reader accepts, by
/// `\ufffd`.
///
/// JavaScript writes them: `JSON.stringify` turns half of an emoji into
/// `\ud83d`, and Claude Code cuts long prompts for the history it keeps in its
/// settings. The file itself keeps its escapes; only the readers see this text.
pub(super) fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut masked: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match surrogate(bytes, at) {
            Some(Half::Leading) if matches!(surrogate(bytes, at + 6), Some(Half::Trailing)) => {
                at += 12;
            }
            Some(_) => {
                let masked = masked.get_or_insert_with(|| bytes.to_vec());
                masked[at..at + 6].copy_from_slice(br"\ufffd");
                at += 6;
            }
            None => at += 2,
        }
    }
    match masked {
        Some(bytes) => Cow::Owned(text_of(bytes)),
        None => Cow::Borrowed(text),
    }
}

enum Half {
    Leading,
    Trailing,
}

/// Which half of a surrogate pair the escape at `at` is, if it is one.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(br"\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::Leading),
        0xdc00..=0xdfff => Some(Half::Trailing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_become_spaces() {
        for (jsonc, json) in [
            ("{} // é\n", "{}      \n"),
            ("[1,/*]*/ 2,]", "[1,      2 ]"),
            (r#"{"a//":"\"/*",}"#, r#"{"a//":"\"/*" }"#),
            ("[1, // one,\r2]", "[1,        \r2]"),
            // What JSONC does not allow either is left for the reader to refuse.
            ("[,]", "[,]"),
            ("{\"a\":,}", "{\"a\":,}"),
            ("[1,,]", "[1,,]"),
            ("{} /* open", "{} /* open"),
        ] {
            assert_eq!(plain(jsonc, Dialect::Jsonc), json);
            assert_eq!(plain(jsonc, Dialect::Strict), jsonc);
        }
        assert_eq!(plain("[1,/* one */]", Dialect::Comments), "[1,         ]");
    }

    #[test]
    fn only_lone_surrogates_are_masked() {
        for (text, masked) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\ud8""#, r#""\ud8""#),
            (r"\", r"\"),
        ] {
            assert_eq!(without_lone_surrogates(text), masked);
        }
    }
}
