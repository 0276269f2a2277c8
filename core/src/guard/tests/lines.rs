//! Which lines are messages, however they are cut.

use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> Result<Message, Fault> {
    match scan(text) {
        Line::Message(message) => Ok(message),
        Line::Fault(fault) => Err(fault),
        Line::Prose => panic!("{text:?} is prose"),
    }
}

#[test]
fn a_line_that_two_readers_could_read_differently_is_no_message() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let nested = |depth| format!(r#"{{"id":1,"result":{}}}"#, deep(depth));
    assert!(fault(&nested(10_000)).is_ok());
    for (text, expected) in [
        (r#"{"id":1,"result":{}}{"id":2,"result":{}}"#, Fault::Syntax),
        (r#"{"id":1,"result":{}"#, Fault::Syntax),
        (r#"{"id":1,"result":{},}"#, Fault::Syntax),
        (r#"{"id":1,"result":[}}"#, Fault::Syntax),
        (r#"{"id":1,"result":NaN}"#, Fault::Syntax),
        (r#"{"id":1,"result":01}"#, Fault::Syntax),
        (r#"{"id":1,"result":1.}"#, Fault::Syntax),
        (r#"{'id':1,"result":{}}"#, Fault::Syntax),
        (r#"{"id":1/* " */,"result":{}}"#, Fault::Syntax),
        (r#"{"id":1,"result":"\x"}"#, Fault::Syntax),
        (r#"{"id":1,"result":"\u12g4"}"#, Fault::Syntax),
        ("\u{feff}{\"id\":1,\"result\":{}}", Fault::Syntax),
        ("hello {\"id\":1,\"result\":{}}", Fault::Syntax),
        ("x\r{\"id\":1,\"result\":{}}", Fault::Syntax),
        ("{\"id\":1,\"result\":\"\0\"}", Fault::Control),
        ("{\"id\":1,\"result\":\"\t\"}", Fault::Control),
        ("{\"id\":1,\0\"result\":{}}", Fault::Syntax),
        ("{\"id\":9,\"result\":[\r{\"id\":1,\"result\":{}}\r]}", Fault::CarriageReturn),
        ("{\"id\":9,\"result\":{}}\r{\"id\":1,\"result\":{}}", Fault::CarriageReturn),
        (r#"[{"id":1,"result":{}}]"#, Fault::Batch),
        (&nested(70_000), Fault::Depth),
        (r#"{"id":1,"id":2,"result":{}}"#, Fault::Key),
        (r#"{"id":1,"\u0069d":2,"result":{}}"#, Fault::Key),
        (r#"{"ID":1,"result":{}}"#, Fault::Key),
        (r#"{"id":1,"Result":{}}"#, Fault::Key),
        ("{\"id\":1,\"re\u{17f}ult\":{}}", Fault::Key),
        (r#"{"id":1,"result":{},"result":{}}"#, Fault::Key),
        (r#"{"id":1.0,"result":{}}"#, Fault::Id),
        (r#"{"id":1e0,"result":{}}"#, Fault::Id),
        (r#"{"id":-0,"result":{}}"#, Fault::Id),
        (r#"{"id":99999999999999999999,"result":{}}"#, Fault::Id),
        (r#"{"id":true,"result":{}}"#, Fault::Id),
        (r#"{"id":[1],"result":{}}"#, Fault::Id),
        (r#"{"id":null,"result":{}}"#, Fault::Id),
        (r#"{"result":{}}"#, Fault::Id),
        (r#"{"id":null,"method":"tools/list"}"#, Fault::Id),
        (r#"{"id":1,"method":"ping","result":{}}"#, Fault::Shape),
        (r#"{"id":1,"result":{},"error":null}"#, Fault::Shape),
        (r#"{"id":1,"method":["tools/list"]}"#, Fault::Shape),
        (r#"{"id":1,"method":null,"result":{}}"#, Fault::Shape),
        (r#"{"id":1}"#, Fault::Shape),
        ("{}", Fault::Shape),
    ] {
        assert_eq!(fault(text), Err(expected), "{text:.80}");
    }
    let mut scanner = Scanner::default();
    for (bytes, expected) in [
        (b"{\"a\":\"\xff\"}\n".as_slice(), Fault::Utf8),
        (b"{\"a\":\"\xc0\xa2\"}\n", Fault::Utf8),
        (b"{\"a\":\"\xed\xa0\x80\"}\n", Fault::Utf8),
        (b"{\"a\":\"\xe2\x82\"}\n", Fault::Utf8),
        (b"{\xc2\xa0\"a\":1}\n", Fault::Syntax),
    ] {
        let (length, event) = scanner.feed(bytes);
        assert_eq!(event, Event::Fault(expected));
        let (_, event) = scanner.feed(&bytes[length..]);
        assert_eq!(event, Event::Line(Line::Fault(expected)), "the rest of the line is skipped");
    }
}

#[test]
fn a_message_is_known_by_its_top_level_alone() {
    let text = r#" {"params":{"name":"a\u0062","x":{"name":"no"}},"other":{"id":7,"method":"no"},
        "method":"tools\u002fcall","id":"\u0061"} "#
        .replace('\n', "");
    let Ok(Message::Request(request)) = fault(&text) else { panic!("it is a request") };
    assert_eq!((request.id, request.method.as_str()), (Id::Text("a".into()), "tools/call"));
    let name = Some("ab".to_owned());
    assert_eq!(request.subject, Subject { name, uri: None, is_ambiguous: false });
    for (params, is_ambiguous) in [
        (r#"{"name":"a"}"#, false),
        (r#"{"name":"a","uri":"b"}"#, false),
        (r#"{"name":"a","name":"b"}"#, true),
        (r#"{"name":"a","Name":"b"}"#, true),
        (r#"{"name":"a","n\u0061me":"b"}"#, true),
        (r#"{"name":["a"]}"#, true),
        (r#"{"name":null}"#, true),
        (r#"{"name":"\ud800"}"#, true),
    ] {
        let text = format!(r#"{{"id":1,"method":"tools/call","params":{params}}}"#);
        let Ok(Message::Request(request)) = fault(&text) else { panic!("{params}") };
        assert_eq!(request.subject.is_ambiguous, is_ambiguous, "{params}");
    }
}

#[test]
fn prose_is_no_message_and_passes() {
    for text in [
        "",
        "\r",
        "  ",
        "Server is running",
        "a=b \u{1b}[31m",
        "\"quoted\"",
        "50%\r60%",
        "in ${HOME}",
        "1}",
    ] {
        assert_eq!(scan(text), Line::Prose, "{text:?}");
    }
}

/// What `serde_json` says of a line that has an object in it.
fn is_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::value::Value>(text).is_ok_and(|value| value.is_object())
}

fn any_token() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"id\"",
        "\"method\"",
        "\"result\"",
        "1",
        "-0.5e+3",
        "true",
        "null",
        "\"a\\u0041\\n\"",
        "\"ü😀\"",
        " ",
        "\\",
        "x",
        "0",
        "\"",
    ])
}

/// What a token at a time is not taken for, and what of it is.
fn any_rare_token() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "{\"a\":",
        "[]",
        "{}",
        ",\"b\":[",
        "-",
        "1.",
        "1e5",
        "01",
        "tru",
        "\t",
        "\r",
        "\u{7f}",
        "\"\u{1}\"",
        "\"long enough for a word\"",
    ])
}

fn any_line() -> impl Strategy<Value = String> {
    prop::collection::vec(any_token(), 0..30).prop_map(|tokens| tokens.concat())
}

fn any_object() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(1)),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from)
    ];
    let value = value.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    value.prop_map(|value| json!({ "jsonrpc": "2.0", "id": 1, "result": value }).to_string())
}

proptest! {
    #[test]
    fn what_it_calls_well_formed_other_readers_do_too(text in any_line()) {
        let scanned = scan(&text);
        if is_object(&text) {
            let is_well_formed = !matches!(scanned, Line::Prose | Line::Fault(Fault::Syntax | Fault::Utf8 | Fault::Control | Fault::Depth));
            prop_assert!(is_well_formed, "{text} {scanned:?}");
        } else {
            prop_assert!(!matches!(scanned, Line::Message(_)), "{text} {scanned:?}");
        }
    }

    #[test]
    fn it_says_the_same_however_a_line_is_cut(
        text in any_object(),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let bytes = format!("{text}\n").into_bytes();
        let mut scanner = Scanner::default();
        let (mut events, mut at, mut closings) = (Vec::new(), 0, 0);
        for length in cuts.iter().cycle() {
            let end = (at + length).min(bytes.len());
            while at < end {
                let (taken, event) = scanner.feed(&bytes[at..end]);
                at += taken;
                match event {
                    Event::Nothing => (),
                    Event::Closing(message) => {
                        closings += 1;
                        prop_assert_eq!(&bytes[at..], b"}\n");
                        prop_assert!(message.is_ok());
                    }
                    other => events.push(other),
                }
            }
            if at == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(closings, 1);
        prop_assert_eq!(events, vec![Event::Line(scan(&text))]);
    }

    #[test]
    fn a_token_at_a_time_is_a_byte_at_a_time(
        within in prop::sample::select(vec![
            (r#"{"id":1,"result":["#, "]}"),
            (r#"{"id":1,"result":{"a":[["#, "]]}}"),
            (r#"{"id":1,"method":"m","params":{"name":"n","a":{"b":"#, "}}}"),
        ]),
        tokens in prop::collection::vec(prop_oneof![any_token(), any_rare_token()], 0..12),
    ) {
        let text = format!("{}{}{}", within.0, tokens.concat(), within.1);
        let mut scanner = Scanner::default();
        for byte in text.as_bytes() {
            while scanner.feed(std::slice::from_ref(byte)).0 == 0 {}
        }
        prop_assert_eq!(scanner.end(), scan(&text), "{}", text);
    }

    #[test]
    fn no_bytes_make_it_panic_or_stand_still(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut scanner = Scanner::default();
        let (mut rest, mut steps) = (bytes.as_slice(), 0);
        while !rest.is_empty() {
            rest = &rest[scanner.feed(rest).0..];
            steps += 1;
            prop_assert!(steps <= 2 * bytes.len() + 2);
        }
    }
}
