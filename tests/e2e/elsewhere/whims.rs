//! Servers elsewhere that answer late, in pieces, or what no server should.

use mcpkg_test_support::Whim;

use super::*;
use crate::guard::agent::Agent;
use crate::guard::last_failure;

#[test]
fn answers_in_events_pass_with_what_comes_before_them() {
    let elsewhere = Elsewhere::new();
    elsewhere.remote.behave(Whim::Events);
    let developer = elsewhere.installed();
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast"]);
    assert_eq!(agent.call("forecast")["result"]["content"][0]["text"], "forecast");
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_stream_that_ends_before_its_answer_is_gone_on_with() {
    let elsewhere = Elsewhere::new();
    let developer = elsewhere.installed();
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    elsewhere.remote.behave(Whim::Interrupts);
    assert_eq!(agent.tools(), ["forecast"]);
    assert_eq!(agent.end(), Some(0));
    let went_on = |it: &mcpkg_test_support::Sent| {
        it.headers.get("last-event-id").is_some_and(|id| id.ends_with("/tools/list"))
    };
    assert!(elsewhere.remote.sent().iter().any(went_on));
}

#[test]
fn what_no_server_should_answer_is_an_error_of_ours_and_the_session_goes_on() {
    let elsewhere = Elsewhere::new();
    let developer = elsewhere.installed();
    let stranger = TestRemote::start();
    let answer = |id: &str, result: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into_bytes()
    };
    let mut large = answer("2", "{}");
    large.resize(17 * 1024 * 1024, b' ');
    let rows = [
        (Whim::Status(500), "E_REMOTE", "answers with status 500"),
        (Whim::Status(401), "E_REMOTE", "does not let us in"),
        (Whim::Redirect(format!("{}/mcp", stranger.url())), "E_TRANSPORT", "sends us elsewhere"),
        (Whim::Body(answer("77", "{}")), "E_REMOTE", "not the answer to what was asked"),
        (Whim::Body(b"{\"jsonrpc\":".to_vec()), "E_REMOTE", "not the answer to what was asked"),
        (Whim::Body(Vec::new()), "E_REMOTE", "not the answer to what was asked"),
        (Whim::Body(large), "E_LIMIT", "more than 16777216 bytes"),
    ];
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    for (whim, code, expected) in rows {
        elsewhere.remote.behave(whim);
        let answer = agent.call("forecast");
        assert_eq!(answer["error"]["data"]["code"], code, "{expected}: {answer}");
        let sentence = answer["error"]["message"].as_str().unwrap();
        assert!(sentence.contains(expected), "{expected}: {sentence}");
        assert!(last_failure(&developer, NAME).contains(expected));
        elsewhere.remote.behave(Whim::None);
        assert_eq!(agent.tools(), ["forecast"], "after: {expected}");
    }
    assert_eq!(agent.end(), Some(0));
    assert!(stranger.sent().is_empty(), "no redirect was followed, least of all with a secret");
}

#[test]
fn who_is_not_let_in_or_forgotten_is_told_so() {
    let elsewhere = Elsewhere::new();
    let developer = elsewhere.installed();
    elsewhere.remote.ask_for("Bearer another");
    let mut agent = Agent::start(&developer, &["weather"]);
    let answer = agent.ask("initialize", &crate::guard::agent::initialize(&json!({})));
    assert_eq!(answer["error"]["data"]["code"], "E_REMOTE", "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("status 401"), "{answer}");
    assert!(!answer.to_string().contains(TOKEN), "{answer}");
    agent.end();

    elsewhere.remote.ask_for(&format!("Bearer {TOKEN}"));
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    elsewhere.remote.behave(Whim::Forgets);
    let answer = agent.ask("tools/list", &json!({}));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("does not know our session any more"), "{answer}");
    assert_eq!(agent.end(), Some(1), "an agent starts it anew");
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let elsewhere = Elsewhere::new();
    let developer = elsewhere.installed();
    drop(elsewhere.remote);
    let mut agent = Agent::start(&developer, &["weather"]);
    let answer = agent.ask("initialize", &crate::guard::agent::initialize(&json!({})));
    assert_eq!(answer["error"]["data"]["code"], "E_TRANSPORT", "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("cannot be reached"), "{answer}");
    assert!(last_failure(&developer, NAME).contains("E_TRANSPORT"));
    agent.end();
}
