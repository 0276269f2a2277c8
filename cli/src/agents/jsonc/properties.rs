//! What holds for every settings file, shown on generated ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Place;
use crate::agents::{Dialect, EditError, Footprint};

fn entry() -> Value {
    json!({ "type": "stdio", "command": "/opt/mcpkg", "args": ["run", "io.github.acme/weather"] })
}

fn place(dialect: Dialect) -> Place<'static> {
    Place { dialect, within: &[], root_key: "servers" }
}

/// What may stand between two tokens.
fn gap(dialect: Dialect) -> BoxedStrategy<String> {
    let space = prop::sample::select(vec!["", "", " ", "  ", "\t", "\n", "\n  ", "\r\n\t", "\r"]);
    match dialect {
        Dialect::Strict => space.prop_map(str::to_owned).boxed(),
        Dialect::Comments | Dialect::Jsonc => {
            let comments = vec!["", "", "", "/* c */", "/**/", "// c\n", "//\r\n", "// \"}\r"];
            (space.clone(), prop::sample::select(comments), space)
                .prop_map(|(before, comment, after)| format!("{before}{comment}{after}"))
                .boxed()
        }
    }
}

/// A comma after the last element, where the dialect has one.
fn last_comma(dialect: Dialect) -> BoxedStrategy<&'static str> {
    match dialect {
        Dialect::Strict | Dialect::Comments => Just("").boxed(),
        Dialect::Jsonc => prop::sample::select(vec!["", ","]).boxed(),
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "é", "//", "\\u0061", "x y", "\\\"", "/* "])
        .prop_map(|key| format!("\"{key}\""))
}

/// An object of these keys and values, with gaps around everything.
fn object(
    dialect: Dialect,
    properties: impl Strategy<Value = Vec<(String, String)>>,
) -> impl Strategy<Value = String> {
    let gaps = prop::collection::vec(gap(dialect), 18);
    (properties, gaps, last_comma(dialect)).prop_map(|(properties, gaps, last_comma)| {
        let count = properties.len();
        let mut gaps = gaps.into_iter().chain(std::iter::repeat(String::new()));
        let mut next = || gaps.next().unwrap_or_default();
        let mut text = format!("{{{}", next());
        for (index, (key, value)) in properties.into_iter().enumerate() {
            let comma = if index + 1 < count { "," } else { last_comma };
            let parts = [key, next(), ":".into(), next(), value, next(), comma.into(), next()];
            text.extend(parts);
        }
        text + "}"
    })
}

fn value(dialect: Dialect) -> BoxedStrategy<String> {
    let scalars = vec!["null", "true", "-0.5e1", "18446744073709551616", "\"\"", "\"// é }\""];
    let scalar = prop::sample::select(scalars).prop_map(str::to_owned);
    scalar
        .prop_recursive(3, 12, 3, move |inner| {
            let elements = prop::collection::vec(inner.clone(), 0..3);
            let array =
                (elements, gap(dialect), gap(dialect)).prop_map(|(elements, open, comma)| {
                    format!("[{open}{}{open}]", elements.join(&format!("{comma},{comma}")))
                });
            let properties = prop::collection::vec((key(), inner), 0..3);
            prop_oneof![array, object(dialect, properties)]
        })
        .boxed()
}

/// Settings in which `x` is not linked, with or without the root key.
fn settings(dialect: Dialect) -> impl Strategy<Value = String> {
    let properties = || prop::collection::vec((key(), value(dialect)), 0..3);
    let servers = prop::option::of(object(dialect, properties()));
    let root = (properties(), servers, any::<prop::sample::Index>()).prop_map(
        |(mut properties, servers, index)| {
            if let Some(servers) = servers {
                let index = index.index(properties.len() + 1);
                properties.insert(index, ("\"servers\"".to_owned(), servers));
            }
            properties
        },
    );
    (gap(dialect), object(dialect, root), gap(dialect))
        .prop_map(|(before, object, after)| format!("{before}{object}{after}"))
}

fn dialect_and_settings() -> impl Strategy<Value = (Dialect, String)> {
    prop::sample::select(vec![Dialect::Strict, Dialect::Comments, Dialect::Jsonc])
        .prop_flat_map(|dialect| (Just(dialect), settings(dialect)))
}

/// Whether `whole` is `part` with something put in. Comments, keys, their order
/// and every space of `part` are then in `whole`.
fn contains_in_order(whole: &str, part: &str) -> bool {
    let mut whole = whole.bytes();
    part.bytes().all(|byte| whole.any(|other| other == byte))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn linking_adds_and_unlinking_gives_the_file_back((dialect, before) in dialect_and_settings()) {
        let place = place(dialect);
        prop_assert_eq!(place.find(&before, "x"), Ok(None));

        let linked = place.link(&before, "x", &entry()).unwrap();
        prop_assert!(contains_in_order(&linked.text, &before), "{}", linked.text);
        prop_assert_eq!(place.find(&linked.text, "x"), Ok(Some(entry())));
        prop_assert_eq!(linked.replaced, None);

        let again = place.link(&linked.text, "x", &entry()).unwrap();
        prop_assert_eq!(&again.text, &linked.text, "linking twice is linking once");
        prop_assert_eq!(again.footprint, None);

        let after = place.unlink(&linked.text, "x", linked.footprint.unwrap());
        prop_assert_eq!(after.as_deref(), Ok(before.as_str()));
    }

    #[test]
    fn a_lost_footprint_costs_an_empty_object_at_most((dialect, before) in dialect_and_settings()) {
        let place = place(dialect);
        let linked = place.link(&before, "x", &entry()).unwrap();
        let after = place.unlink(&linked.text, "x", Footprint::Entry).unwrap();
        prop_assert_eq!(place.find(&after, "x"), Ok(None));
        prop_assert!(contains_in_order(&linked.text, &after));
        let visible = before.split_ascii_whitespace().collect::<String>();
        prop_assert!(contains_in_order(&after, &visible), "{after}");
    }

    #[test]
    fn replacing_and_removing_any_entry_keeps_the_rest(
        (dialect, before) in dialect_and_settings(),
        key in prop::sample::select(vec!["a", "b", "é", "//"]),
        footprint in prop::sample::select(vec![
            Footprint::Entry, Footprint::EntryLines, Footprint::RootKey,
            Footprint::RootKeyLines, Footprint::Document,
        ]),
    ) {
        // The keys repeat now and then: to refuse that is right, and all else succeeds.
        let place = place(dialect);
        match place.link(&before, key, &entry()) {
            Ok(linked) => prop_assert_eq!(place.find(&linked.text, key), Ok(Some(entry()))),
            Err(error) => prop_assert_eq!(error, EditError::Duplicate { key: key.to_owned() }),
        }
        match place.unlink(&before, key, footprint) {
            Ok(after) => prop_assert!(contains_in_order(&before, &after)),
            Err(error) => prop_assert_eq!(error, EditError::Duplicate { key: key.to_owned() }),
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_still_kept(
        (dialect, mut text) in dialect_and_settings(),
        at in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec!["", "{", "}", "\"", "\\", ",", ":", "//", "/*", "\n", "é", "\0", "1"]),
        length in 0..3_usize,
    ) {
        let start = text.floor_char_boundary(at.index(text.len()));
        let end = text.ceil_char_boundary(start + length);
        text.replace_range(start..end, damage);

        let place = place(dialect);
        match place.link(&text, "x", &entry()) {
            Ok(linked) if linked.footprint == Some(Footprint::Document) => {
                prop_assert!(text.trim().is_empty());
            }
            Ok(linked) => match linked.footprint {
                Some(footprint) => {
                    prop_assert!(contains_in_order(&linked.text, &text));
                    let after = place.unlink(&linked.text, "x", footprint);
                    prop_assert_eq!(after.as_deref(), Ok(text.as_str()));
                }
                // The damage made a key of the file into ours.
                None => prop_assert!(linked.replaced.is_some()),
            }
            Err(error) => prop_assert_ne!(error, EditError::Unfaithful),
        }
    }
}
