//! Bytes to a [`Value`], or a reason why not.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The deepest nesting of arrays and objects we read.
///
/// Of 118 real `server.json` documents the deepest has 7; each level costs stack in every reader after us.
pub const MAX_DEPTH: usize = 64;

/// The largest integer that every JSON reader agrees on, 2^53 - 1.
///
/// Source: RFC 7493, section 2.2.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

#[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is the last integer without loss")]
const MAX_SAFE: f64 = MAX_INTEGER as f64;

/// Why some bytes are not JSON that we read.
///
/// It has no code of its own: the document that holds it does.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The document is longer than its kind may be.
    #[error("JSON document is {found} bytes long, expected at most {max}")]
    Length {
        /// Its length, in bytes.
        found: usize,
        /// The longest that is read, in bytes.
        max: usize,
    },
    /// The bytes are not UTF-8 (RFC 8259, section 8.1).
    #[error("JSON document is not UTF-8")]
    Utf8(#[source] std::str::Utf8Error),
    /// The document starts with a byte order mark (RFC 8259, section 8.1).
    #[error("JSON document starts with a byte order mark")]
    ByteOrderMark,
    /// Arrays and objects are nested deeper than [`MAX_DEPTH`].
    #[error("JSON document is nested more than {MAX_DEPTH} deep")]
    Depth,
    /// A number that a double does not hold, so that readers would disagree.
    #[error("JSON number `{0}` does not fit a double")]
    Number(String),
    /// An object has one key twice.
    #[error("JSON object has the key `{}` twice", .0.escape_debug())]
    DuplicateKey(String),
    /// The text is not JSON.
    #[error("not valid JSON")]
    Syntax(#[source] serde_json::Error),
}

/// Reads `bytes` as one JSON document of at most `max_len` bytes.
///
/// The order of keys is kept, for those who show or edit the document.
///
/// # Errors
///
/// See [`JsonError`]. No input, however nested or large, exhausts the stack:
/// depth is bounded before anything recurses.
pub fn parse(bytes: &[u8], max_len: usize) -> Result<Value, JsonError> {
    read(bytes, max_len, check_number)
}

/// The same for documents that nobody signs: a number that a double does not hold
/// is read as the nearest one, as JavaScript reads it.
///
/// Schemas of tools have such numbers: `"maximum": 9223372036854775807`.
///
/// # Errors
///
/// As [`parse`], but never [`JsonError::Number`].
pub fn parse_rounding(bytes: &[u8], max_len: usize) -> Result<Value, JsonError> {
    read(bytes, max_len, |_| Ok(()))
}

fn read(
    bytes: &[u8],
    max_len: usize,
    check_number: fn(&str) -> Result<(), JsonError>,
) -> Result<Value, JsonError> {
    if bytes.len() > max_len {
        return Err(JsonError::Length { found: bytes.len(), max: max_len });
    }
    let text = std::str::from_utf8(bytes).map_err(JsonError::Utf8)?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::ByteOrderMark);
    }
    check_tokens(text, check_number)?;

    let duplicate = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = UniqueKeys { duplicate: &duplicate }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    match (duplicate.into_inner(), value) {
        (Some(key), _) => Err(JsonError::DuplicateKey(key)),
        (None, value) => value.map_err(JsonError::Syntax),
    }
}

/// Checks what the parser behind us does not report: depth, and the text of
/// numbers, which it rounds to a double without a word.
///
/// The text need not be JSON yet. Outside strings, JSON has brackets, digits
/// and signs nowhere but in these two roles.
fn check_tokens(
    text: &str,
    check_number: fn(&str) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '-' | '0'..='9' => {
                let is_number = |c: char| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E');
                let length = rest.find(|c| !is_number(c)).unwrap_or(rest.len());
                check_number(&rest[..length])?;
                length
            }
            '[' | '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(JsonError::Depth);
                }
                1
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                1
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    Ok(())
}

/// The length in bytes of the string that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => (),
        }
    }
    text.len()
}

/// Refuses integers past [`MAX_INTEGER`], and what overflows or underflows.
///
/// `1e16` is refused as `10000000000000000` is: the second is its canonical
/// form, and what we write we must be able to read.
fn check_number(text: &str) -> Result<(), JsonError> {
    // Text that is no number is for the parser to refuse.
    let Ok(number) = text.parse::<f64>() else { return Ok(()) };
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let is_zero = !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    let is_lost = if number == 0.0 { !is_zero } else { !number.is_finite() };
    let is_written_whole = text.bytes().all(|b| b == b'-' || b.is_ascii_digit());
    // From 1e21 up, the canonical form has an exponent (ECMA-262, Number::toString).
    let is_too_large = number.abs() > MAX_SAFE && (is_written_whole || number.abs() < 1e21);
    if is_lost || is_too_large {
        return Err(JsonError::Number(text.chars().take(40).collect()));
    }
    Ok(())
}

/// Builds a [`Value`], and stops at the first key that an object has twice.
#[derive(Clone, Copy)]
struct UniqueKeys<'a> {
    // Where the repeated key goes, so that it reaches the caller as data.
    duplicate: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                self.duplicate.replace(Some(key));
                return Err(A::Error::custom("duplicate key"));
            }
            let value = entries.next_value_seed(self)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::canonical;

    macro_rules! vector {
        ($name:literal) => {
            include_str!(concat!("../../../tests/vectors/jcs/", $name))
        };
    }

    fn read(text: &str) -> Result<Value, JsonError> {
        parse(text.as_bytes(), 1 << 20)
    }

    fn canonical_text(text: &str) -> String {
        String::from_utf8(canonical(&read(text).unwrap())).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_8785_have_their_canonical_form() {
        for (input, expected) in [
            (vector!("example.input.json"), vector!("example.expected.json")),
            (vector!("sorting.input.json"), vector!("sorting.expected.json")),
        ] {
            assert_eq!(canonical_text(input), expected.trim_end());
        }
    }

    #[test]
    fn numbers_are_written_as_appendix_b_of_rfc_8785_has_them() {
        let table: Vec<(String, String)> = serde_json::from_str(vector!("numbers.json")).unwrap();
        assert!(table.len() > 20);
        for (bits, expected) in table {
            let number = f64::from_bits(u64::from_str_radix(&bits, 16).unwrap());
            let value = Value::from(number);
            assert_eq!(canonical(&value), expected.as_bytes(), "{bits}");
        }
    }

    #[test]
    fn says_what_it_refuses() {
        let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        for (text, message) in [
            (r#"{"a":1,"b":2,"a":3}"#, "JSON object has the key `a` twice"),
            (r#"[{"b":{"a":1,"\u0061":1}}]"#, "JSON object has the key `a` twice"),
            ("\u{feff}{}", "JSON document starts with a byte order mark"),
            ("9007199254740992", "JSON number `9007199254740992` does not fit a double"),
            (r#"{"n":-9007199254740993}"#, "JSON number `-9007199254740993` does not fit a double"),
            ("18446744073709551616", "JSON number `18446744073709551616` does not fit a double"),
            ("1e16", "JSON number `1e16` does not fit a double"),
            ("9007199254740992.0", "JSON number `9007199254740992.0` does not fit a double"),
            ("1e400", "JSON number `1e400` does not fit a double"),
            ("[1e-400]", "JSON number `1e-400` does not fit a double"),
            (&deep(65), "JSON document is nested more than 64 deep"),
            (&deep(10_000), "JSON document is nested more than 64 deep"),
            (&"{\"a\":".repeat(10_000), "JSON document is nested more than 64 deep"),
            ("", "not valid JSON"),
            ("{} {}", "not valid JSON"),
            ("{\"a\":1,}", "not valid JSON"),
            ("// no\n{}", "not valid JSON"),
            ("01", "not valid JSON"),
            ("-", "not valid JSON"),
            ("1e", "not valid JSON"),
            ("NaN", "not valid JSON"),
            ("\"tab\there\"", "not valid JSON"),
            (r#""\ud800""#, "not valid JSON"),
            ("\"open", "not valid JSON"),
        ] {
            let Err(err) = read(text) else { panic!("{text:.60} was read") };
            assert_eq!(err.to_string(), message, "{text:.60}");
        }
    }

    #[test]
    fn rounding_reads_larger_numbers_and_takes_no_other_liberty() {
        let rounded = |text: &str| parse_rounding(text.as_bytes(), 1 << 20);
        let largest = rounded("[9223372036854775807,18446744073709551616]").unwrap();
        assert_eq!(canonical(&largest), b"[9223372036854776000,18446744073709552000]");
        assert!(matches!(rounded(r#"{"a":1,"a":1}"#), Err(JsonError::DuplicateKey(_))));
        assert!(matches!(rounded(&"[".repeat(65)), Err(JsonError::Depth)));
        assert!(matches!(rounded("1e400"), Err(JsonError::Syntax(_))));
    }

    #[test]
    fn counts_bytes_and_depth_to_the_limit() {
        assert!(matches!(parse(b"[1]", 2), Err(JsonError::Length { found: 3, max: 2 })));
        assert!(parse(b"[1]", 3).is_ok());
        assert!(matches!(parse(b"\"\xff\"", 9), Err(JsonError::Utf8(_))));
        let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(read(&deepest).is_ok());
        assert!(read(&format!(r#"["{}\""]"#, "[".repeat(100))).is_ok(), "brackets in text");
    }

    #[test]
    fn reads_every_number_that_a_double_holds() {
        for (text, expected) in [
            ("9007199254740991", "9007199254740991"),
            ("-9007199254740991", "-9007199254740991"),
            ("-0", "0"),
            ("1E30", "1e+30"),
            ("0.0", "0"),
            ("0e9", "0"),
            ("10.50", "10.5"),
            ("\"9007199254740993\"", "\"9007199254740993\""),
        ] {
            assert_eq!(canonical_text(text), expected);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53) + 1..1_i64 << 53).prop_map(Value::from),
            any::<f64>()
                .prop_filter("I-JSON", |n| n.is_finite() && (n.abs() < 9e15 || n.abs() >= 1e21))
                .prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(value in any_json()) {
            let once = canonical(&value);
            let again = canonical(&parse(&once, once.len()).unwrap());
            prop_assert_eq!(once, again);
        }

        #[test]
        fn no_input_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 200);
        }
    }
}
