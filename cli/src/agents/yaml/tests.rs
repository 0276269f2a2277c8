//! What edits of YAML look like, and what holds for all of them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::agents::place::Place;

fn entry() -> Json {
    json!({ "cmd": "/opt/mcpkg", "args": ["run"], "enabled": true })
}

fn add(text: &str) -> Linked {
    link(text, "ext", "x", &entry()).unwrap()
}

#[test]
fn an_entry_is_written_as_the_file_is() {
    for (before, after, footprint) in [
        (
            "",
            "ext:\n  x:\n    cmd: \"/opt/mcpkg\"\n    args:\n    - \"run\"\n    enabled: true\n",
            Footprint::Document,
        ),
        (
            "a: 1",
            "a: 1\next:\n  x:\n    cmd: \"/opt/mcpkg\"\n    args:\n    - \"run\"\n    enabled: true",
            Footprint::RootKey,
        ),
        (
            "ext: {} # c\nb: 1\n",
            "ext: # c\n  x:\n    cmd: \"/opt/mcpkg\"\n    args:\n    - \"run\"\n    enabled: true\nb: 1\n",
            Footprint::EntryLines,
        ),
        (
            "ext:\n    a:\n        b: 1\n    # c\n\nb: 1\n",
            "ext:\n    a:\n        b: 1\n    x:\n        cmd: \"/opt/mcpkg\"\n        args:\n        - \"run\"\n        enabled: true\n    # c\n\nb: 1\n",
            Footprint::Entry,
        ),
        (
            "ext:\r\n a: 1",
            "ext:\r\n a: 1\r\n x:\r\n  cmd: \"/opt/mcpkg\"\r\n  args:\r\n  - \"run\"\r\n  enabled: true",
            Footprint::Entry,
        ),
    ] {
        let linked = add(before);
        assert_eq!(linked.text, after);
        assert_eq!(linked.footprint, Some(footprint));
        assert_eq!(unlink(after, "ext", "x", footprint).as_deref(), Ok(before));
    }
}

#[test]
fn unlinking_takes_no_more_than_we_added() {
    for (before, footprint, after) in [
        ("ext:\n  x: 1\n", Footprint::Document, ""),
        ("ext:\n  x: 1\n", Footprint::RootKey, ""),
        ("ext:\n  x: 1\n", Footprint::Entry, "ext: {}\n"),
        ("ext:\n  x: 1\n  y: 1\n", Footprint::Document, "ext:\n  y: 1\n"),
        ("ext: # c\n  x: 1\n", Footprint::RootKey, "ext: {} # c\n"),
        ("ext:\n  # c\n  x: 1\n", Footprint::RootKey, "ext: {}\n  # c\n"),
        ("# c\next:\n  x: 1\n", Footprint::Document, "# c\n"),
        ("ext: {}\n", Footprint::Document, "ext: {}\n"),
        ("", Footprint::Document, ""),
    ] {
        let unlinked = unlink(before, "ext", "x", footprint);
        assert_eq!(unlinked.as_deref(), Ok(after), "{before}");
    }
}

#[test]
fn an_entry_is_replaced_in_its_place() {
    let linked = add("ext:\n  x:\n    envs: {A: b}\n  # c\n  y: 1\n");
    let after = "ext:\n  x:\n    cmd: \"/opt/mcpkg\"\n    args:\n    - \"run\"\n    enabled: true\n  # c\n  y: 1\n";
    assert_eq!(linked.text, after);
    assert_eq!(linked.replaced, Some(json!({ "envs": { "A": "b" } })));
}

/// Each of these is right, and an edit by lines would change what it means.
#[test]
fn what_lines_do_not_tell_is_refused() {
    for text in [
        "{a: 1}\n",
        "a: 1\n...\n",
        "--- {a: 1}\n",
        "a: |+\n  text\n\n\n...\n",
        "ext: &anchor\n  y: 1\nb: *anchor\n",
        "ext: !tag\n  y: 1\n",
        "ext: {y: 1}\n",
        "ext: { }\n",
        "ext:  {}\n",
        "? ext\n: y: 1\n",
        "ext:\n  ? y\n  : 1\n",
        "ext:\n  ! x: 1\n",
    ] {
        let result = link(text, "ext", "x", &entry());
        let is_refused = result.as_ref().is_err_and(|error| {
            matches!(error, EditError::Layout { .. } | EditError::WrongType { .. })
        });
        assert!(is_refused, "{text}: {:?}", result.map(|linked| linked.text));
    }
}

/// What is left of a text to be read, if something is set aside.
fn rest(text: &str) -> Option<String> {
    aside(text, "ext").map(|aside| aside.rest)
}

#[test]
fn plain_entries_of_others_are_set_aside() {
    let plain =
        "a: some words # c\nb:\n  c:\n  - \"x: y\"\n  - 2 # c\n\n  # c\n  d: 'é'\ne:\n- /f\n";
    for (text, expected) in [
        (
            format!("{plain}# d\next:\n  y: &n 1\n"),
            "mcpkg-aside-0: 0 # aside\n# d\next:\n  y: &n 1\n",
        ),
        (
            format!("ext: {{}}\n{plain}f: |\n  g\nh: 1\ni: 1"),
            "ext: {}\nmcpkg-aside-0: 0 # aside\nf: |\n  g\nmcpkg-aside-1: 0 # aside\ni: 1",
        ),
    ] {
        assert_eq!(rest(&text).as_deref(), Some(expected));
        let aside = aside(&text, "ext").unwrap();
        assert_eq!(aside.put_back(&aside.rest).as_ref(), Some(&text));
        assert_eq!(aside.put_back("mcpkg-aside-1: 0 # aside\n"), None);
    }
}

#[test]
fn what_is_left_behind_a_list_has_to_fit_what_stood_before_it() {
    let place = Place { format: Format::Yaml, within: &[], root_key: "ext" };
    // Not a line of the entry; and behind a comment, where it comes to be, an error.
    let text = "a: b # c\next:\n x:\n  y\n    \t";
    let expected = Err(EditError::Layout { format: Format::Yaml });
    assert_eq!(place.unlink(text, "x", Footprint::RootKey), expected);
    let text = text.replace(" # c", "");
    let expected = Ok("a: b\n    \t".to_owned());
    assert_eq!(place.unlink(&text, "x", Footprint::RootKey), expected);
}

/// Each of these has a line that looks plain, and is something else, or wrong.
#[test]
fn what_only_looks_plain_is_not_set_aside() {
    for text in [
        "k: \"\na: 1\nb\"\n",
        "k: [\na: 1\n]\n",
        "a: 1\na: 2\n",
        "a: 1\n\"a\": 2\n",
        "a: 1\n...\n---\nb: 2\n",
        "a: 1\n  b\n",
        "a: 1\n b: 2\n",
        "a:\n  b: 1\n c: 2\n",
        "a:\n  b: 1\n  b: 2\n",
        "a:\n- b: 1\n",
        "a:\n- b\nc\n",
        "a:\n  b: 1\n  - c\n",
        "a: &b c\n",
        "a: *b\n",
        "a: !t b\n",
        "a: b: c\n",
        "a: [b]\n",
        "a: \"\\q\"\n",
        "a: \"b\" c\n",
        "a: b\u{2028}c\n",
        "a: # b\u{85}c\n",
        "a:\tb\n",
        "a: 1234567890123456789012345678901234567890\n",
        "true: 1\n",
        "a: 1",
        "ext: 1\n",
        "a: mcpkg-aside-0\n",
    ] {
        assert_eq!(rest(text), None, "{text}");
    }
}

#[test]
fn anchors_without_end_are_harmless() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, other) in "abcdefghijkl".chars().zip("bcdefghijklm".chars()) {
        let uses = format!("*{one}, *{one}, *{one}, *{one}, *{one}");
        text.extend([format!("{other}: &{other} [{uses}]\n")]);
    }
    let result = link(&text, "ext", "x", &entry());
    assert!(matches!(result, Err(EditError::Broken { .. })));
}

fn scalar() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        " 1",
        " ~",
        " \"a: b # c\"",
        " 'it''s'",
        " |\n      text\n      # no comment\n",
        " [a, b]",
        " {a: b}",
        " &n 1",
        " plain text",
        " >-\n      ext:\n      x\n",
        " \u{e9} # c",
        " \"a\n      b\"",
        " !t 1",
        " .nan",
        " |+\n      t\n\n\n",
    ])
    .prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec!["", "# c", "  # c"]);
    let keys = prop::sample::select(vec!["a", "b", "'c'", "\"d: e\"", "f g"]);
    let other = (keys.clone(), scalar()).prop_map(|(key, value)| format!("{key}:{value}"));
    let server = (keys, scalar()).prop_map(|(key, value)| format!("  {key}:\n    k:{value}"));
    let servers = prop_oneof![
        Just("ext: {}".to_owned()),
        prop::collection::vec(prop_oneof![server, line.clone().prop_map(str::to_owned)], 1..4)
            .prop_map(|servers| format!("ext:\n{}", servers.join("\n"))),
    ];
    let plain = prop::sample::select(vec![
        "p: words # c",
        "q:\n- \"x\"\n- 2",
        "r:\n  s:\n  - /t\n  u: 'v'\n  # c",
        "t:\n    u:\n      v: 1",
        "v: \"\nw: 1\"",
        "x: |\n  a\ny: 1",
    ]);
    let plain = plain.prop_map(str::to_owned);
    let part = prop_oneof![other, servers, line.prop_map(str::to_owned), plain];
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    (prop::collection::vec(part, 0..6), end, any::<bool>())
        .prop_map(|(parts, end, is_ended)| {
            (parts.join("\n") + if is_ended { "\n" } else { "" }).replace('\n', end)
        })
        .prop_filter("valid", |text| Settings::read(text, "ext").is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn linking_adds_and_unlinking_gives_the_file_back(before in document()) {
        match link(&before, "ext", "x", &entry()) {
            Ok(linked) => {
                let again = link(&linked.text, "ext", "x", &entry()).unwrap();
                prop_assert_eq!(&again.text, &linked.text);
                let after = unlink(&linked.text, "ext", "x", linked.footprint.unwrap()).unwrap();
                prop_assert_eq!(after, if before.trim().is_empty() { String::new() } else { before });
            }
            // The text of a block that a new line would become part of.
            Err(error) => prop_assert_eq!(error, EditError::Layout { format: Format::Yaml }),
        }
    }

    #[test]
    fn by_parts_and_as_a_whole_come_to_the_same(before in document(), key in "[abx]") {
        let place = Place { format: Format::Yaml, within: &[], root_key: "ext" };
        prop_assert!(place.entries(&before) == entries(&before, "ext"));
        let linked = link(&before, "ext", &key, &entry());
        prop_assert!(place.set(&before, &key, &entry()) == linked);
        for footprint in [Footprint::Entry, Footprint::RootKey, Footprint::Document] {
            let unlinked = unlink(&before, "ext", &key, footprint);
            prop_assert!(place.unlink(&before, &key, footprint) == unlinked);
        }
    }

    #[test]
    fn what_people_write_is_not_refused(before in document()) {
        let is_plain = !before.contains('|') && !before.contains('>') && !before.contains("\"a");
        if is_plain {
            prop_assert!(link(&before, "ext", "x", &entry()).is_ok(), "{before}");
        }
    }

    #[test]
    fn removing_an_entry_keeps_all_other_lines(before in document(), key in "[abc]") {
        let Ok(after) = unlink(&before, "ext", &key, Footprint::Entry) else { return Ok(()) };
        let mut rest = before.lines();
        for line in after.lines() {
            let is_there = rest.any(|found| found == line || line.replacen(" {}", "", 1) == found);
            prop_assert!(is_there, "{after}");
        }
    }
}
