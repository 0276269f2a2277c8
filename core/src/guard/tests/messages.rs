//! An answer counts for the request that asked, and once.

use super::*;

#[test]
fn an_answer_counts_only_for_the_request_that_has_its_id_and_once() {
    let poisoned = json!({ "tools": [tool("evil")] });
    for (asked, answered) in [
        (json!(5), json!("5")),
        (json!("5"), json!(5)),
        (json!(5), json!(6)),
        (json!("a"), json!("A")),
    ] {
        let mut guard = pinned(&[tool("forecast")]);
        client(&mut guard, &request(asked.clone(), "tools/list", &json!({})));
        let out = server(&mut guard, &response(answered, &poisoned));
        assert_eq!(out, Out::default(), "asked {asked}");
        assert_eq!(codes(&mut guard), [Code::Message]);
    }
    let mut guard = pinned(&[tool("forecast")]);
    client(&mut guard, &request(json!(5), "tools/list", &json!({})));
    let good = response(json!(5), &json!({ "tools": [tool("forecast")] }));
    assert_eq!(server(&mut guard, &good).passed, Some(good));
    let again = server(&mut guard, &response(json!(5), &poisoned));
    assert_eq!(again, Out::default(), "there is one answer");
}

#[test]
fn a_list_is_looked_at_whatever_its_method_is_spelled_like() {
    let mut guard = pinned(&[tool("forecast")]);
    client(&mut guard, r#"{"id":1,"method":"tools\u002flist","jsonrpc":"2.0","params":{}}"#);
    let out = server(&mut guard, &response(json!(1), &json!({ "tools": [tool("evil")] })));
    assert_eq!(names(&out), [""; 0]);
}

/// A server may do what it is told without an id, and answer nobody.
#[test]
fn a_request_without_an_id_is_no_way_around_the_rules() {
    for method in ["tools/call", "tools/list", "prompts/get", "resources/read", "initialize"] {
        let mut guard = pinned(&[tool("forecast")]);
        let params = r#""params":{"name":"forecast"}"#;
        let out = client(&mut guard, &format!(r#"{{"method":"{method}",{params}}}"#));
        assert_eq!((out.passed.as_deref(), out.code().as_str()), (None, "E_MESSAGE"), "{method}");
    }
}

#[test]
fn two_requests_never_share_an_id() {
    let mut guard = pinned(&[]);
    client(&mut guard, &request(json!(1), "ping", &json!({})));
    for id in [json!(1), json!("1")] {
        let out = client(&mut guard, &request(id, "tools/list", &json!({})));
        assert_eq!((out.code().as_str(), &out.answer()["id"]), ("E_MESSAGE", &Value::Null));
        assert_eq!(out.answer()["error"]["code"], -32600);
    }
    // Once it was answered or given up, it may be used again.
    server(&mut guard, &response(json!(1), &json!({})));
    assert!(client(&mut guard, &request(json!(1), "ping", &json!({}))).passed.is_some());
    let cancelled = r#"{"method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert!(client(&mut guard, cancelled).passed.is_some());
    assert_eq!(server(&mut guard, &response(json!(1), &json!({}))), Out::default());
    assert!(client(&mut guard, &request(json!(1), "ping", &json!({}))).passed.is_some());
}

#[test]
fn a_list_that_readers_disagree_on_is_refused_whole() {
    let bad = |result: &str| format!(r#"{{"id":1,"result":{result}}}"#);
    let deep = "[".repeat(100) + &"]".repeat(100);
    for result in [
        r#"{"tools":[],"tools":[{"name":"evil"}]}"#,
        r#"{"tools":[],"Tools":[{"name":"evil"}]}"#,
        r#"{"tool\u017f":[{"name":"evil"}]}"#,
        r#"{"tools":{"name":"evil"}}"#,
        r#"{"tools":[{"name":"forecast","name":"evil"}]}"#,
        r#"{"tools":["\ud800"]}"#,
        r#"[{"name":"evil"}]"#,
        &format!(r#"{{"tools":[{{"name":"forecast","inputSchema":{deep}}}]}}"#),
    ] {
        let mut guard = pinned(&[tool("forecast")]);
        client(&mut guard, &request(json!(1), "tools/list", &json!({})));
        let out = server(&mut guard, &bad(result));
        assert_eq!((out.code().as_str(), &out.passed), ("E_MESSAGE", &None), "{result:.60}");
        assert_eq!(out.answer()["id"], 1);
    }
    let mut guard = pinned(&[tool("forecast")]);
    client(&mut guard, &request(json!(1), "tools/list", &json!({})));
    let message = Message::Response { id: Id::Number(1), is_error: false };
    let ToClient::Replace(_) = guard.from_server(message, None) else { panic!("it is too long") };
}

#[test]
fn everything_else_passes_as_it_is() {
    let mut guard = pinned(&[tool("forecast")]);
    for text in [
        r#"{"id":1,"method":"sampling/createMessage","params":{"messages":[]}}"#,
        r#"{"id":2,"method":"elicitation/create","params":{"message":"?"}}"#,
        r#"{"id":3,"method":"roots/list"}"#,
        r#"{"method":"notifications/tools/list_changed"}"#,
        r#"{"method":"notifications/message","params":{"data":{"tools":[]}}}"#,
        r#"{"error":{"code":-32700,"message":"?"},"id":null}"#,
        "Server is running",
    ] {
        assert_eq!(server(&mut guard, text).passed.as_deref(), Some(text));
    }
    for text in [
        r#"{"id":1,"result":{"role":"assistant"}}"#,
        r#"{"id":2,"error":{"code":1,"message":"no"}}"#,
        r#"{"method":"notifications/initialized"}"#,
        r#"{"id":9,"method":"logging/setLevel","params":{"level":"debug"}}"#,
        r#"{"id":10,"method":"unheard/of","params":[1,2]}"#,
        r#"{"id":11,"method":"tools/call","params":{"name":"forecast","arguments":{"n":1e999}}}"#,
    ] {
        assert_eq!(client(&mut guard, text).passed.as_deref(), Some(text));
    }
    assert_eq!(codes(&mut guard), []);
}

#[test]
fn a_server_cannot_ask_under_an_id_of_ours() {
    let mut guard = pinned(&[]);
    let text = r#"{"id":"mcpkg/ask/1","method":"elicitation/create","params":{}}"#;
    assert_eq!(server(&mut guard, text), Out::default());
    assert_eq!(codes(&mut guard), [Code::Message]);
}

#[test]
fn no_flood_of_requests_fills_the_memory() {
    let mut guard = pinned(&[]);
    for id in 1..=MAX_OPEN {
        assert!(client(&mut guard, &request(json!(id), "ping", &json!({}))).passed.is_some());
    }
    let out = client(&mut guard, &request(json!("more"), "ping", &json!({})));
    assert_eq!(out.code(), "E_MESSAGE");
}

#[test]
fn what_a_server_left_unanswered_is_answered_when_it_has_ended() {
    let mut guard = guard(|terms| {
        terms.rules.set("forecast", crate::surface::ToolDecision::Allow);
        terms.rules.set("alert", crate::surface::ToolDecision::Ask);
    });
    initialize(&mut guard, &json!({ "elicitation": {} }), None);
    call(&mut guard, "forecast");
    call(&mut guard, "alert");
    client(&mut guard, &request(json!(7), "ping", &json!({})));
    server(&mut guard, &response(json!(7), &json!({})));
    let lines = String::from_utf8(guard.server_ended("exit code 7")).unwrap();
    let answers: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let ids: Vec<_> = answers.iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["call alert", "call forecast"]);
    for answer in &answers {
        assert_eq!(answer["error"]["data"]["code"], "E_SERVER_ENDED");
        assert!(answer["error"]["message"].as_str().unwrap().contains("exit code 7"), "{answer}");
    }
    assert_eq!(codes(&mut guard), [Code::ServerEnded]);
    assert_eq!(guard.server_ended("exit code 7"), b"", "once");
    // And what is asked after that is not left open.
    assert_eq!(client(&mut guard, &request(json!(8), "ping", &json!({}))).code(), "E_SERVER_ENDED");
}

#[test]
fn a_server_that_ends_with_nothing_open_is_no_failure() {
    let mut guard = guard(|_| ());
    initialize(&mut guard, &json!({}), None);
    assert_eq!(guard.server_ended("exit code 0"), b"");
    assert_eq!(codes(&mut guard), []);
}
