//! Large files: the values that are not ours are passed over.
//!
//! Claude Code keeps its history in its settings, which grow to megabytes, and
//! to read all of that twice, into trees, takes longer than everything else. In
//! a large file `serde_json` alone says where the values of other keys end, and
//! they are compared by their bytes, before and after an edit: more than that
//! they mean the same. Between them, and in the list of servers, nothing
//! changes: two readers, and a tree.
//!
//! Where there may be comments, `serde_json` reads what [`plain`] makes of the
//! text, which is our own and must not be the only one to say where a comment
//! ends. So a value is passed over only if nothing in it was blanked out: then
//! it is JSON as it stands, which is the same to every reader of JSON with
//! comments. That no comment holds it is for both readers to find, from the
//! string in its place and all that stands before.

use std::fmt;
use std::ops::Range;

use memchr::memchr2;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Dialect;
use super::plain::plain;
use super::tree::Tree;

/// Files from this size on are large. Two full readings of a smaller one take
/// less than two milliseconds.
const LARGE_FILE_BYTES: usize = 64 * 1024;

/// Smaller values are read like everything else.
const LARGE_VALUE_BYTES: usize = 64;

/// Deeper values are read like everything else, since the readers refuse what is
/// nested too deep, and `RawValue` does not.
const MAX_DEPTH: usize = 100;

/// What stands for a value that is passed over.
const STAND_IN: &str = "\"\"";

/// A large text with some values passed over.
pub(super) struct PassedOver {
    /// The text, in which a short string stands for each of these values.
    pub(super) text: String,
    /// The values, in their order.
    values: Vec<Passed>,
}

/// A value that was passed over.
struct Passed {
    /// Which property of the root it belongs to.
    index: usize,
    /// Where it is in the whole text.
    place: Range<usize>,
    /// Where what stands for it ends.
    end: usize,
}

/// Passes over the values of a large text that are not under `root_key`. `None`
/// if the text is not large, or is not an object: then it is read in full, and
/// what is wrong with it is found there.
pub(super) fn pass_over(text: &str, dialect: Dialect, root_key: &str) -> Option<PassedOver> {
    if text.len() < LARGE_FILE_BYTES {
        return None;
    }
    let plain = plain(text, dialect);
    let Properties(properties) = serde_json::from_str(&plain).ok()?;
    let passed_over = |(index, (key, value)): (usize, &(String, &RawValue))| {
        let start = value.get().as_ptr().addr() - plain.as_ptr().addr();
        let place = start..start + value.get().len();
        let is_passed_over = key != root_key
            && place.len() >= LARGE_VALUE_BYTES
            && text.get(place.clone()) == Some(value.get())
            && depth(value.get()) <= MAX_DEPTH;
        is_passed_over.then_some((index, place))
    };
    let mut short = PassedOver { text: String::new(), values: Vec::new() };
    let mut done = 0;
    for (index, place) in properties.iter().enumerate().filter_map(passed_over) {
        short.text.extend([&text[done..place.start], STAND_IN]);
        done = place.end;
        short.values.push(Passed { index, place, end: short.text.len() });
    }
    short.text.push_str(&text[done..]);
    Some(short)
}

/// How deep a value is nested, which is JSON.
fn depth(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut depth, mut deepest, mut at) = (0, 0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth -= 1,
            b'"' => loop {
                let rest = bytes.get(at..).unwrap_or_default();
                at += memchr2(b'"', b'\\', rest).unwrap_or(rest.len()) + 1;
                if bytes.get(at - 1) != Some(&b'\\') {
                    break;
                }
                at += 1;
            },
            _ => {}
        }
    }
    deepest
}

impl PassedOver {
    /// Where a position of the short text is in the whole one.
    pub(super) fn position(&self, short: usize) -> usize {
        let before = self.values.partition_point(|value| value.end <= short);
        let last = before.checked_sub(1).and_then(|last| self.values.get(last));
        last.map_or(short, |last| last.place.end + (short - last.end))
    }

    /// Puts the bytes of the values into the tree of the text, to be compared.
    pub(super) fn put_back(&self, tree: &mut Tree, text: &str) {
        let Tree::Object(properties) = tree else { return };
        for Passed { index, place, .. } in &self.values {
            if let Some((_, found)) = properties.get_mut(*index) {
                *found = Tree::Bytes(text[place.clone()].to_owned());
            }
        }
    }
}

/// The properties of an object, in order, repeated keys included.
struct Properties<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Properties<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PropertiesVisitor)
    }
}

struct PropertiesVisitor;

impl<'de> Visitor<'de> for PropertiesVisitor {
    type Value = Properties<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut properties = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            properties.push(entry);
        }
        Ok(Properties(properties))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Place;
    use super::*;
    use crate::agents::{EditError, Footprint};

    const PLACE: Place<'static> =
        Place { dialect: Dialect::Strict, within: &[], root_key: "servers" };

    const DIALECTS: [Dialect; 3] = [Dialect::Strict, Dialect::Comments, Dialect::Jsonc];

    /// Settings that are large by what is not ours.
    fn large(servers: &str) -> String {
        let history = "{\"é\": [\"}\\\"{\", 1.50, null, \"\\ud83d\"]},\n".repeat(4000);
        format!(
            "{{\n  \"history\": [\n{history}{{}}],\n  \"servers\": {servers},\n  \"z\": 1\n}}\n"
        )
    }

    fn entry() -> Value {
        json!({ "command": "/mcpkg" })
    }

    /// How many values of a large file were passed over.
    fn count(text: &str, dialect: Dialect) -> usize {
        pass_over(text, dialect, "servers").unwrap().values.len()
    }

    #[test]
    fn a_large_file_is_edited_like_a_small_one() {
        for dialect in DIALECTS {
            let place = Place { dialect, ..PLACE };
            for servers in ["{}", "{\"a\": {\"b\": 1}}"] {
                let before = large(servers);
                assert_eq!(count(&before, dialect), 1);
                let linked = place.link(&before, "x", &entry()).unwrap();
                assert_eq!(place.find(&linked.text, "x"), Ok(Some(entry())));
                assert_eq!(place.link(&linked.text, "x", &entry()).unwrap().text, linked.text);
                let after = place.unlink(&linked.text, "x", linked.footprint.unwrap());
                assert_eq!(after.as_deref(), Ok(before.as_str()));
            }
        }
    }

    #[test]
    fn positions_are_those_of_the_whole_text() {
        let text = large("{}").replace("\"z\": 1", &format!("\"z\": [{}]", " ".repeat(100)));
        let short = pass_over(&text, Dialect::Strict, "servers").unwrap();
        assert_eq!(short.values.len(), 2);
        let rest = |short: &PassedOver, what: &str| {
            let found = short.text.match_indices(what).map(|(at, _)| short.position(at));
            found.collect::<Vec<_>>()
        };
        for what in ["{\n", "\"history\"", "\"servers\": {}", "\"z\"", "}\n"] {
            let expected: Vec<_> = text.match_indices(what).map(|(at, _)| at).collect();
            assert!(rest(&short, what).iter().all(|at| expected.contains(at)), "{what}");
        }
        assert_eq!(short.position(short.text.len()), text.len());
    }

    #[test]
    fn what_comes_last_may_be_passed_over() {
        // The root key goes behind it.
        let text = format!("{{\n  \"history\": [{}1]\n}}\n", "\"é\",".repeat(20_000));
        for dialect in DIALECTS {
            let place = Place { dialect, ..PLACE };
            let linked = place.link(&text, "x", &entry()).unwrap();
            assert!(linked.text.starts_with(&text[..text.len() - 3]), "what was there stays");
            let after = place.unlink(&linked.text, "x", linked.footprint.unwrap());
            assert_eq!(after.as_deref(), Ok(text.as_str()));
        }
    }

    #[test]
    fn what_has_a_comment_in_it_is_read_in_full() {
        let text = large("{}");
        for (found, put) in [("null", "null/* c */"), ("},\n", "}, // c\n"), ("{}]", "{},]")] {
            let commented = text.replacen(found, put, 1);
            assert_eq!(count(&commented, Dialect::Jsonc), 0, "{put}");
            let place = Place { dialect: Dialect::Jsonc, ..PLACE };
            let linked = place.link(&commented, "x", &entry()).unwrap();
            let after = place.unlink(&linked.text, "x", linked.footprint.unwrap());
            assert_eq!(after.as_deref(), Ok(commented.as_str()), "{put}");
        }
        let beside = text.replacen("\"history\":", "/* \"a\": [ */ \"history\": // b\n", 1);
        assert_eq!(count(&beside, Dialect::Jsonc), 1);
    }

    #[test]
    fn what_is_nested_deep_is_read_in_full() {
        for (json, expected) in
            [("1", 0), ("[]", 1), (r#"[{"a":[]},{}]"#, 3), (r#"{"[[\"[":"]{\\","\\\"[":[1]}"#, 2)]
        {
            assert_eq!(depth(json), expected, "{json}");
        }
        let text = large("{}");
        let deep = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let deep = text.replacen("null", &deep, 1);
        assert_eq!(count(&deep, Dialect::Strict), 0);
    }

    #[test]
    fn what_is_passed_over_still_has_to_be_json() {
        let text = large("{}");
        for (found, put) in [("null", "nul"), ("{}]", "{},]"), ("1.50", "/**/1"), ("\\\"", "\n")] {
            let broken = text.replacen(found, put, 1);
            let result = PLACE.link(&broken, "x", &entry());
            assert!(matches!(result, Err(EditError::Broken { .. })), "{put}");
        }
        let twice = text.replacen("\"z\"", "\"servers\"", 1);
        let duplicate = Err(EditError::Duplicate { key: "servers".to_owned() });
        assert_eq!(PLACE.unlink(&twice, "x", Footprint::Entry), duplicate);
    }

    #[test]
    fn one_byte_of_what_is_passed_over_makes_another_tree() {
        let text = large("{}");
        let tree = |text: &str| {
            let passed = pass_over(text, Dialect::Strict, "servers").unwrap();
            let mut tree = serde_json::from_str(&passed.text).unwrap();
            passed.put_back(&mut tree, text);
            tree
        };
        assert_eq!(tree(&text), tree(&text));
        assert_ne!(tree(&text), tree(&text.replacen("1.50", "1.5", 1)));
    }
}
