//! What edits of settings look like, one layout at a time.

use serde_json::{Value, json};

use super::Place;
use crate::agents::{Dialect, EditError, Footprint, Format};

const JSONC: Place<'static> = Place { dialect: Dialect::Jsonc, within: &[], root_key: "servers" };
const STRICT: Place<'static> = Place { dialect: Dialect::Strict, within: &[], root_key: "servers" };

fn entry() -> Value {
    json!({ "command": "/mcpkg", "args": ["run"] })
}

#[test]
fn an_entry_is_written_as_the_file_is() {
    for (name, before, after, footprint) in [
        (
            "nothing",
            "",
            "{\n  \"servers\": {\n    \"x\": {\n      \"command\": \"/mcpkg\",\n      \"args\": [\n        \"run\"\n      ]\n    }\n  }\n}\n",
            Footprint::Document,
        ),
        (
            "one line",
            r#"{"theme":1,"servers":{}}"#,
            r#"{"theme":1,"servers":{"x":{"command":"/mcpkg","args":["run"]}}}"#,
            Footprint::Entry,
        ),
        (
            "one line, with spaces",
            r#"{ "theme": 1 }"#,
            r#"{ "theme": 1, "servers": {"x": {"command": "/mcpkg", "args": ["run"]}} }"#,
            Footprint::RootKey,
        ),
        (
            "tabs",
            "{\n\t\"servers\": {\n\t\t\"a\": {}\n\t}\n}",
            "{\n\t\"servers\": {\n\t\t\"a\": {},\n\t\t\"x\": {\n\t\t\t\"command\": \"/mcpkg\",\n\t\t\t\"args\": [\n\t\t\t\t\"run\"\n\t\t\t]\n\t\t}\n\t}\n}",
            Footprint::Entry,
        ),
        (
            "carriage returns, and four spaces",
            "{\r\n    \"servers\": {}\r\n}\r\n",
            "{\r\n    \"servers\": {\r\n        \"x\": {\r\n            \"command\": \"/mcpkg\",\r\n            \"args\": [\r\n                \"run\"\r\n            ]\r\n        }\r\n    }\r\n}\r\n",
            Footprint::EntryLines,
        ),
        (
            "an empty object",
            "{}\n",
            "{\n  \"servers\": {\n    \"x\": {\n      \"command\": \"/mcpkg\",\n      \"args\": [\n        \"run\"\n      ]\n    }\n  }\n}\n",
            Footprint::RootKeyLines,
        ),
        (
            "a note beside the last entry, and one below",
            "{\"servers\": {\n  \"a\": {} // a note\n  // \"b\": {}\n}}",
            "{\"servers\": {\n  \"a\": {}, // a note\n  // \"b\": {}\n  \"x\": {\n    \"command\": \"/mcpkg\",\n    \"args\": [\n      \"run\"\n    ]\n  }\n}}",
            Footprint::Entry,
        ),
        (
            "a trailing comma",
            "{\n  \"servers\": {},\n}",
            "{\n  \"servers\": {\n    \"x\": {\n      \"command\": \"/mcpkg\",\n      \"args\": [\n        \"run\"\n      ]\n    }\n  },\n}",
            Footprint::EntryLines,
        ),
        (
            "a trailing comma after the last entry",
            r#"{"servers": {"a": 1,}}"#,
            r#"{"servers": {"a": 1, "x": {"command": "/mcpkg", "args": ["run"]},}}"#,
            Footprint::Entry,
        ),
    ] {
        let linked = JSONC.link(before, "x", &entry()).unwrap();
        assert_eq!(linked.text, after, "{name}");
        assert_eq!(linked.footprint, Some(footprint), "{name}");
        assert_eq!(JSONC.unlink(after, "x", footprint).as_deref(), Ok(before), "{name}");
    }
}

#[test]
fn an_entry_leaves_without_the_comments_around_it() {
    for (before, after) in [
        (r#"{"servers":{"x":1,"b":2}}"#, r#"{"servers":{"b":2}}"#),
        (r#"{"servers":{"a":1,"x":1,"b":2}}"#, r#"{"servers":{"a":1,"b":2}}"#),
        (r#"{"servers":{"a":1,"x":1}}"#, r#"{"servers":{"a":1}}"#),
        (r#"{"servers":{"a":1,"x":1,}}"#, r#"{"servers":{"a":1,}}"#),
        (r#"{"servers":{"a":1,/* y */"x":1}}"#, r#"{"servers":{"a":1/* y */}}"#),
        (
            "{\"servers\":{\n  \"a\":1, // of a\n  \"x\":1, // of x\n  \"b\":2\n}}",
            "{\"servers\":{\n  \"a\":1, // of a\n  // of x\n  \"b\":2\n}}",
        ),
        (
            "{\"servers\":{\n  // above\n  \"x\":1\n  // below\n}}",
            "{\"servers\":{\n  // above\n  // below\n}}",
        ),
        ("{\"servers\":{ // note\n  \"x\":1 }}", "{\"servers\":{ // note\n   }}"),
        ("{\"servers\":{\"x\":1 /* in */ ,\"b\":2}}", "{\"servers\":{ /* in */ \"b\":2}}"),
    ] {
        assert_eq!(JSONC.unlink(before, "x", Footprint::Entry).as_deref(), Ok(after));
    }
}

#[test]
fn unlinking_takes_no_more_than_we_added() {
    let ours = r#"{"servers":{"x":1}}"#;
    for (name, before, footprint, after) in [
        ("no such entry", r#"{"servers":{}}"#, Footprint::Document, r#"{"servers":{}}"#),
        ("no root key", "{}", Footprint::RootKey, "{}"),
        ("blank", " \n", Footprint::Document, " \n"),
        ("the root key was theirs", ours, Footprint::Entry, r#"{"servers":{}}"#),
        ("the root key was ours", ours, Footprint::RootKey, "{}"),
        ("all was ours", ours, Footprint::Document, ""),
        (
            "another entry came since",
            r#"{"servers":{"x":1,"y":2}}"#,
            Footprint::Document,
            r#"{"servers":{"y":2}}"#,
        ),
        (
            "another key came since",
            r#"{"servers":{"x":1},"y":2}"#,
            Footprint::Document,
            r#"{"y":2}"#,
        ),
        (
            "a comment came since",
            "// mine\n{\"servers\":{\"x\":1}}",
            Footprint::Document,
            "// mine\n{}",
        ),
        (
            "a comment came inside since",
            "{\"servers\":{\"x\":1/*y*/}}",
            Footprint::RootKey,
            "{\"servers\":{/*y*/}}",
        ),
    ] {
        assert_eq!(JSONC.unlink(before, "x", footprint).as_deref(), Ok(after), "{name}");
    }
}

#[test]
fn the_footprint_of_the_first_server_is_undone_with_the_last() {
    for before in ["{}", "{\"a\":1}\n", "{\n\t\"servers\": {}\n}", ""] {
        let first = STRICT.link(before, "x", &entry()).unwrap();
        let footprint = first.footprint.unwrap();
        let second = STRICT.link(&first.text, "y", &entry()).unwrap();
        assert_eq!(second.footprint, Some(Footprint::Entry));
        for [one, other] in [["x", "y"], ["y", "x"]] {
            let text = STRICT.unlink(&second.text, one, footprint).unwrap();
            assert_eq!(STRICT.unlink(&text, other, footprint).as_deref(), Ok(before));
        }
    }
}

#[test]
fn an_entry_is_replaced_in_its_place_and_reported() {
    let before = "{\"servers\": {\n  \"x\": {\"env\": {\"A\": \"1\"}}, // keep\n  \"y\": 1\n}}";
    let linked = JSONC.link(before, "x", &entry()).unwrap();
    assert_eq!(linked.replaced, Some(json!({ "env": { "A": "1" } })));
    assert_eq!(linked.footprint, None);
    assert_eq!(
        linked.text,
        "{\"servers\": {\n  \"x\": {\n    \"command\": \"/mcpkg\",\n    \"args\": [\n      \"run\"\n    ]\n  }, // keep\n  \"y\": 1\n}}"
    );
}

#[test]
fn an_entry_that_is_there_is_not_laid_out_again() {
    let before = r#"{"servers":{"x":{ "command" : "/mcpkg", "args":["run"] }}}"#;
    let linked = STRICT.link(before, "x", &entry()).unwrap();
    assert_eq!((linked.text.as_str(), linked.footprint, linked.replaced), (before, None, None));
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    let json = Format::Json(Dialect::Jsonc);
    let broken = |dialect, reason: &str| EditError::Broken {
        format: Format::Json(dialect),
        reason: reason.into(),
    };
    let duplicate = |key: &str| EditError::Duplicate { key: key.into() };
    let wrong_type = |found| EditError::WrongType { format: json, key: "servers".into(), found };
    for (text, error) in [
        ("[]", EditError::RootNotObject { format: json, found: "an array" }),
        ("null", EditError::RootNotObject { format: json, found: "null" }),
        ("\"{}\"", EditError::RootNotObject { format: json, found: "a string" }),
        ("// only a comment", EditError::RootNotObject { format: json, found: "nothing" }),
        (r#"{"servers":[]}"#, wrong_type("an array")),
        (r#"{"servers":null}"#, wrong_type("null")),
        (r#"{"servers":"{}"}"#, wrong_type("a string")),
        (r#"{"servers":{},"servers":{}}"#, duplicate("servers")),
        (r#"{"servers":{},"\u0073ervers":{}}"#, duplicate("servers")),
        (r#"{"servers":{"x":1,"x":2}}"#, duplicate("x")),
        ("{,", broken(Dialect::Jsonc, "Unexpected token in object on line 1 column 2")),
        (r#"{"servers":{"#, broken(Dialect::Jsonc, "Unterminated object on line 1 column 12")),
        (
            "{} {}",
            broken(
                Dialect::Jsonc,
                "Text cannot contain more than one JSON value on line 1 column 4",
            ),
        ),
        (
            "{'a':1}",
            broken(Dialect::Jsonc, "Single-quoted strings are not allowed on line 1 column 2"),
        ),
        ("{a:1}", broken(Dialect::Jsonc, "Expected string for object property on line 1 column 2")),
        ("{\"a\":1 \"b\":2}", broken(Dialect::Jsonc, "Expected comma on line 1 column 7")),
        ("\u{feff}{}", broken(Dialect::Jsonc, "Unexpected token on line 1 column 1")),
        // `jsonc-parser` lets these pass, and the second reader does not.
        (
            "{\"a\":\"\n\"}",
            broken(
                Dialect::Jsonc,
                "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
            ),
        ),
        ("{\u{a0}}", broken(Dialect::Jsonc, "key must be a string at line 1 column 2")),
        ("{\"a\":1e999}", broken(Dialect::Jsonc, "number out of range at line 1 column 10")),
    ] {
        assert_eq!(JSONC.link(text, "x", &entry()), Err(error.clone()), "{text}");
        assert_eq!(JSONC.unlink(text, "x", Footprint::Entry), Err(error.clone()), "{text}");
        assert_eq!(JSONC.find(text, "x"), Err(error), "{text}");
    }
    for (text, reason) in [
        ("{} // note", "Comments are not allowed on line 1 column 4"),
        (r#"{"a":1,}"#, "Trailing commas are not allowed on line 1 column 7"),
    ] {
        assert_eq!(STRICT.link(text, "x", &entry()), Err(broken(Dialect::Strict, reason)));
        assert!(JSONC.link(text, "x", &entry()).is_ok());
    }
    let comments = Place { dialect: Dialect::Comments, within: &[], root_key: "servers" };
    let reason = "Trailing commas are not allowed on line 1 column 7";
    let refused = comments.link(r#"{"a":1,}"#, "x", &entry());
    assert_eq!(refused, Err(broken(Dialect::Comments, reason)));
    assert!(comments.link("{} // note", "x", &entry()).is_ok());
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    let whole = "{\"servers\": {\"a\": {\"args\": [\"\\u00e9\", 1.5e3, true, null]}}}";
    for end in 1..whole.len() {
        let result = STRICT.link(&whole[..end], "x", &entry());
        assert!(matches!(result, Err(EditError::Broken { .. })), "{}", &whole[..end]);
    }
}

#[test]
fn deep_nesting_is_refused_and_harmless() {
    for depth in [129, 600, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let result = JSONC.link(&text, "x", &entry());
            assert!(matches!(result, Err(EditError::Broken { .. })), "{depth} times {open}");
        }
    }
    let text = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    assert!(JSONC.link(&text, "x", &entry()).is_ok());
}

#[test]
fn a_repeated_key_elsewhere_is_none_of_our_business() {
    let before = r#"{"theme":1,"theme":2,"servers":{"a":{"b":1,"b":2}}}"#;
    let linked = STRICT.link(before, "x", &entry()).unwrap();
    assert!(linked.text.starts_with(before.strip_suffix("}}").unwrap()));
    assert_eq!(STRICT.unlink(&linked.text, "x", Footprint::Entry).as_deref(), Ok(before));
}

#[test]
fn half_an_emoji_does_not_stop_an_edit() {
    let before = r#"{"history":["\ud83d"],"\udc00":"\ud83d\ude00"}"#;
    let linked = STRICT.link(before, "x", &entry()).unwrap();
    assert!(linked.text.starts_with(before.strip_suffix('}').unwrap()));
    let footprint = linked.footprint.unwrap();
    assert_eq!(STRICT.unlink(&linked.text, "x", footprint).as_deref(), Ok(before));
}

#[test]
fn a_key_is_a_string_whatever_is_in_it() {
    for key in ["", "a/b", "é\"\\\n", "servers", "__proto__", "//"] {
        let linked = JSONC.link("{\"servers\":{}}", key, &entry()).unwrap();
        assert_eq!(JSONC.find(&linked.text, key), Ok(Some(entry())));
    }
}

#[test]
fn no_error_quotes_the_settings() {
    let secret = "hunter2";
    for text in [
        format!("{{\"a\": {secret}}}"),
        format!("{{\"a\": \"{secret}}}"),
        format!("{{\"a\": \"{secret}\\q\"}}"),
        format!("{{\"servers\": \"{secret}\"}}"),
        format!("\"{secret}\""),
        format!("{{\"{secret}\": 1 2}}"),
        format!("{{\"{secret}\": 1e999}}"),
    ] {
        let error = JSONC.link(&text, "x", &entry()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

/// Why edits are splices. If this fails, `jsonc-parser` has become better.
#[test]
fn an_edit_by_cst_would_not_give_the_file_back() {
    use jsonc_parser::cst::{CstInputValue, CstRootNode};

    let before = "{\"servers\":{\"a\":1 /* one */}}";
    let root = CstRootNode::parse(before, &jsonc_parser::ParseOptions::default()).unwrap();
    let servers = root.object_value().unwrap().object_value("servers").unwrap();
    servers.append("x", CstInputValue::Null).remove();
    assert_ne!(root.to_string(), before);
    let linked = JSONC.link(before, "x", &entry()).unwrap();
    assert_eq!(JSONC.unlink(&linked.text, "x", Footprint::Entry).as_deref(), Ok(before));
}
