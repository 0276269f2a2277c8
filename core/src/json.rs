//! Strict reading of JSON from elsewhere, and its canonical form.
//!
//! Two programs that read one text must see one document, or a signature over
//! it means nothing. JSON as people write it does not promise that: keys may
//! come twice (editors show the first, JavaScript takes the last), integers may
//! be larger than a double holds, and nesting may exhaust a stack. [`parse`]
//! refuses all three, so what it returns is I-JSON (RFC 7493) and has one
//! canonical form (RFC 8785), which [`canonical`] writes.
//!
//! [`from_value`] then turns a document into a type, without two liberties
//! that serde takes. `tests/vectors/jcs` holds the examples of RFC 8785.

mod parse;
mod shape;

use serde_json::Value;

pub use parse::{JsonError, MAX_DEPTH, MAX_INTEGER, parse, parse_rounding};
pub use shape::from_value;

/// The canonical form of `value`: what is hashed and signed.
///
/// Source: RFC 8785 (JCS).
///
/// # Panics
///
/// Never for a [`Value`]: its keys are strings, and its numbers finite.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("a JSON value has a canonical form")
}
