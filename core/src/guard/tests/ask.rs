//! What a rule says of a tool, and the user's word where a rule wants it.

use super::*;
use crate::surface::ToolDecision;

fn ruled(capabilities: &Value) -> Guard {
    let mut guard = guard(|terms| {
        terms.rules.set("forecast", ToolDecision::Allow);
        terms.rules.set("alert", ToolDecision::Ask);
        terms.rules.set("delete", ToolDecision::Deny);
    });
    initialize(&mut guard, capabilities, None);
    guard
}

/// The agent's answer to our question.
fn answer(question: &Value, result: &Value) -> String {
    response(question["id"].clone(), result)
}

#[test]
fn a_denied_tool_is_neither_listed_nor_called() {
    let mut guard = ruled(&json!({}));
    let all = ["forecast", "alert", "delete", "unlisted"].map(tool);
    assert_eq!(names(&list(&mut guard, Kind::Tool, &all)), ["forecast", "alert"]);
    assert!(call(&mut guard, "forecast").passed.is_some());
    for name in ["delete", "unlisted", "never-heard-of"] {
        let out = call(&mut guard, name);
        assert_eq!((out.code().as_str(), out.passed), ("E_TOOL_DENIED", None), "{name}");
    }
    let spelled = r#"{"id":7,"method":"tools/call","params":{"name":"\u0064elete"}}"#;
    assert_eq!(client(&mut guard, spelled).code(), "E_TOOL_DENIED");
    let twice = r#"{"id":8,"method":"tools/call","params":{"name":"forecast","name":"delete"}}"#;
    assert_eq!(client(&mut guard, twice).code(), "E_MESSAGE");
    assert_eq!(codes(&mut guard), [], "a rule at work is no failure");
}

#[test]
fn the_user_is_asked_where_the_agent_can() {
    for (said, is_called) in [
        (json!({ "action": "accept", "content": {} }), true),
        (json!({ "action": "decline" }), false),
        (json!({ "action": "cancel" }), false),
        (json!({}), false),
    ] {
        let mut guard = ruled(&json!({ "elicitation": {} }));
        let question = call(&mut guard, "alert");
        let asked = question.answer();
        assert_eq!((asked["method"].as_str(), question.passed), (Some("elicitation/create"), None));
        let text = asked["params"]["message"].as_str().unwrap();
        assert!(text.contains("alert") && text.contains("io.github.acme/weather"), "{text}");
        let out = client(&mut guard, &answer(&asked, &said));
        if is_called {
            assert_eq!(out.message()["params"]["name"], "alert");
            let result = response(json!("call alert"), &json!({ "content": [] }));
            assert_eq!(server(&mut guard, &result).passed, Some(result));
        } else {
            assert_eq!(
                (out.code().as_str(), &out.answer()["id"]),
                ("E_TOOL_DENIED", &json!("call alert"))
            );
        }
    }
}

#[test]
fn where_the_agent_cannot_ask_it_is_denied_with_the_command_that_allows() {
    let stateless = json!({ "name": "alert", "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });
    for (capabilities, params) in [
        (json!({}), json!({ "name": "alert" })),
        (json!({ "elicitation": { "url": {} } }), json!({ "name": "alert" })),
        (json!({ "elicitation": {} }), stateless),
    ] {
        let mut guard = ruled(&capabilities);
        let out = client(&mut guard, &request(json!(1), "tools/call", &params));
        assert_eq!(out.code(), "E_TOOL_DENIED", "{capabilities}");
        let hint = out.answer()["error"]["data"]["hint"].clone();
        assert_eq!(hint, "`mcpkg tools io.github.acme/weather --allow alert` allows it");
    }
}

/// A call under the protocol without `initialize`, of an agent that can ask.
fn stateless(id: u32, tool: &str, more: &Value) -> String {
    let mut params = json!({ "name": tool, "arguments": { "n": 1 }, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
    } });
    for (key, value) in more.as_object().unwrap() {
        params[key] = value.clone();
    }
    request(json!(id), "tools/call", &params)
}

#[test]
fn without_initialize_a_call_is_answered_with_the_question_and_comes_again() {
    let word = |state: &Value, action: &str| {
        let words = json!({ "mcpkg/word": { "action": action, "content": {} } });
        json!({ "requestState": state, "inputResponses": words })
    };
    for (action, is_called) in [("accept", true), ("decline", false), ("cancel", false)] {
        let mut guard = guard(|terms| terms.rules.set("alert", ToolDecision::Ask));
        // What it had already been asked by the server, and a number that no reader rounds.
        let first = stateless(1, "alert", &json!({ "requestState": "theirs" }));
        let first = first.replace("\"n\":1", "\"n\":1.0000000000000000001e2");
        let asked = client(&mut guard, &first).answer();
        assert_eq!(
            (&asked["id"], &asked["result"]["resultType"]),
            (&json!(1), &json!("input_required"))
        );
        let question = &asked["result"]["inputRequests"]["mcpkg/word"];
        assert_eq!(question["method"], "elicitation/create");
        assert!(question["params"]["message"].as_str().unwrap().contains("alert"));
        let again = stateless(2, "alert", &word(&asked["result"]["requestState"], action));
        let again = again.replace("\"n\":1", "\"n\":1.0000000000000000001e2");
        let out = client(&mut guard, &again);
        if is_called {
            let passed = out.passed.as_ref().unwrap();
            assert!(passed.contains("1.0000000000000000001e2"), "{passed}");
            assert!(!passed.contains("mcpkg/"), "what is for us stays here: {passed}");
            assert_eq!(out.message()["params"]["requestState"], "theirs");
            assert_eq!(out.message()["id"], 2);
            let result = response(json!(2), &json!({ "content": [] }));
            assert_eq!(server(&mut guard, &result).passed, Some(result));
        } else {
            assert_eq!((out.code().as_str(), out.passed), ("E_TOOL_DENIED", None), "{action}");
        }
        // A word counts once.
        let more = client(&mut guard, &again.replace("\"id\":2", "\"id\":3"));
        assert_eq!(more.answer()["result"]["resultType"], "input_required", "{action}");
    }
}

#[test]
fn a_word_without_initialize_is_for_the_call_that_was_asked_about() {
    let mut guard = guard(|terms| {
        terms.rules.set("alert", ToolDecision::Ask);
        terms.rules.set("erase", ToolDecision::Ask);
    });
    let asked = client(&mut guard, &stateless(1, "alert", &json!({}))).answer();
    let words = json!({ "mcpkg/word": { "action": "accept" } });
    let word = json!({ "requestState": asked["result"]["requestState"], "inputResponses": words });
    let mut other = word.clone();
    other["arguments"] = json!({ "n": 2 });
    let mut unasked = word.clone();
    unasked["requestState"] = json!("mcpkg/ask/99");
    for (id, tool, said) in [(2, "erase", &word), (3, "alert", &other), (4, "alert", &unasked)] {
        let out = client(&mut guard, &stateless(id, tool, said));
        assert_eq!(out.answer()["result"]["resultType"], "input_required", "{said}");
    }
    assert!(client(&mut guard, &stateless(5, "alert", &word)).passed.is_some());
    // Whoever never comes again keeps nobody from asking, and fills nothing.
    for id in 10..200 {
        let out = client(&mut guard, &stateless(id, "alert", &json!({})));
        assert_eq!(out.answer()["result"]["resultType"], "input_required");
    }
    assert_eq!(guard.worded.len(), MAX_ASKED);
}

#[test]
fn a_call_that_waits_is_nobodys_to_release() {
    let mut guard = ruled(&json!({ "elicitation": {} }));
    let asked = call(&mut guard, "alert").answer();
    // The server does not see the question, and an answer from it is not one.
    let forged = answer(&asked, &json!({ "action": "accept" }));
    assert_eq!(server(&mut guard, &forged), Out::default());
    let reused = client(&mut guard, &request(json!("call alert"), "ping", &json!({})));
    assert_eq!(reused.code(), "E_MESSAGE", "its id is taken");
    assert!(client(&mut guard, &forged).passed.is_some(), "the agent's word counts");
    assert_eq!(client(&mut guard, &forged).passed, Some(forged), "once; then it is the server's");
    for index in 0..MAX_ASKED {
        let params = json!({ "name": "alert" });
        client(&mut guard, &request(json!(index), "tools/call", &params));
    }
    let more =
        client(&mut guard, &request(json!("more"), "tools/call", &json!({ "name": "alert" })));
    assert_eq!(more.code(), "E_TOOL_DENIED", "questions are bounded");
    // A call that was given up waits no longer.
    let cancelled = r#"{"method":"notifications/cancelled","params":{"requestId":3}}"#;
    client(&mut guard, cancelled);
    let more = client(&mut guard, &request(json!(3), "tools/call", &json!({ "name": "alert" })));
    assert_eq!(more.answer()["method"], "elicitation/create");
}
