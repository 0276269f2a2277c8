//! What a server shows is what was pinned, or it is not shown.

use super::*;

#[test]
fn a_changed_description_is_withheld_and_another_order_is_not() {
    let (_fixture, developer) = installed(&changing_server(), &[]);
    let outcome = developer.ok(&["inspect", "weather"]);
    assert!(outcome.stderr.contains("Tomorrow's weather in a city"), "{outcome}");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains(r#"protocols = ["2025-11-25", "2026-07-28"]"#), "{lock}");
    assert!(!lock.contains("Tomorrow"), "digests alone");

    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    assert_eq!(agent.call("shuffle")["result"]["content"][0]["text"], "shuffle");
    assert_eq!(agent.tools(), ["shuffle", "change", "forecast"]);
    assert_eq!(agent.call("forecast")["result"]["content"][0]["text"], "forecast");

    agent.call("change");
    let answer = agent.ask("tools/list", &json!({}));
    assert!(!answer.to_string().contains(".ssh"), "{answer}");
    assert_eq!(agent.tools(), ["shuffle", "change"]);
    let answer = agent.call("forecast");
    let error = &answer["error"];
    assert_eq!(error["data"]["code"], "E_SURFACE_CHANGED", "{answer}");
    assert!(error["message"].as_str().unwrap().contains("`description` of the tool `forecast`"));
    assert_eq!(agent.end(), Some(0));
    let failure = last_failure(&developer, NAME);
    assert!(
        failure.contains("E_SURFACE_CHANGED") && failure.contains("mcpkg inspect"),
        "{failure}"
    );
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
}

#[test]
fn a_surface_that_differs_is_pinned_only_with_the_users_word() {
    let (_fixture, developer) = installed(&changing_server(), &[]);
    developer.ok(&["inspect", "weather"]);
    let pinned = developer.read(".config/mcpkg/mcpkg.lock");
    developer.ok(&["inspect", "weather"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), pinned, "byte-stable");

    let (before, after) = pinned.split_once("[server.surface.tools.forecast]\n").unwrap();
    let (digest, rest) = after.split_once('\n').unwrap();
    let other = format!("description = \"{}\"", mcpkg_core::Digest::of(b"another"));
    assert!(digest.starts_with("description = "), "{digest}");
    let changed = format!("{before}[server.surface.tools.forecast]\n{other}\n{rest}");
    developer.file(".config/mcpkg/mcpkg.lock", &changed);
    let outcome = developer.refused(&["inspect", "weather"], 3, &["E_SURFACE_CHANGED"]);
    assert!(
        outcome.stderr.contains("`description` of the tool `forecast` was changed"),
        "{outcome}"
    );
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), changed, "nothing was pinned");
    assert_eq!(
        developer.run(&["inspect", "weather", "--yes"]).code,
        Some(2),
        "there is no such way"
    );
    developer.ok(&["inspect", "weather", "--accept-surface"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), pinned);
}

#[test]
fn a_name_that_hides_characters_or_shadows_another_server_is_refused() {
    let server = changing_server();
    let (fixture, developer) = installed(&server, &[]);
    developer.ok(&["inspect", "weather"]);
    publish(&fixture, COPY, &server, &["own", r"o\u200bwn", r"\u043ewn", r"own\u202e"]);
    developer.ok(&["install", COPY, "--yes"]);

    let mut agent = Agent::initialized(&developer, &["copy"], &json!({}));
    assert_eq!(agent.tools(), ["own"], "the others are the first server's, or hide something");
    assert_eq!(agent.call("forecast")["error"]["data"]["code"], "E_TOOL_NAME");
    assert_eq!(agent.end(), Some(0));
    assert!(last_failure(&developer, COPY).contains("E_TOOL_NAME"));

    // What is pinned of the second leaves the first as it was.
    let outcome = developer.ok(&["inspect", "copy"]);
    for said in ["U+200B", "U+043E", "U+202E", "io.github.acme/weather has one of that name"] {
        assert!(outcome.stderr.contains(said), "{said}\n{outcome}");
    }
    let mut first = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(first.tools(), ["forecast", "change", "shuffle"]);
    first.end();
    let mut second = Agent::initialized(&developer, &["copy"], &json!({}));
    assert_eq!(second.tools(), ["own"]);
    second.end();

    // The user names it, and has both.
    developer.ok(&["tools", "copy", "--allow", "forecast", "--allow", "own"]);
    developer.ok(&["inspect", "copy", "--accept-surface"]);
    let mut second = Agent::initialized(&developer, &["copy"], &json!({}));
    assert_eq!(second.tools(), ["forecast", "own"]);
    second.end();
}

#[test]
fn rules_say_which_tools_are_called_and_the_user_is_asked_where_the_agent_can() {
    let (_fixture, developer) = installed(&changing_server(), &["extra"]);
    let rules = ["tools", "weather", "--allow", "forecast", "--ask", "shuffle", "--deny", "change"];
    let outcome = developer.ok(&rules);
    assert_eq!(outcome.stdout, "allow  forecast\nask    shuffle\ndeny   change\n");

    let mut agent = Agent::initialized(&developer, &["weather"], &json!({ "elicitation": {} }));
    assert_eq!(agent.tools(), ["forecast", "shuffle"]);
    for tool in ["change", "extra"] {
        assert_eq!(agent.call(tool)["error"]["data"]["code"], "E_TOOL_DENIED", "{tool}");
    }
    for (action, is_called) in [("decline", false), ("accept", true)] {
        let question = agent.call("shuffle");
        assert_eq!(question["method"], "elicitation/create", "{question}");
        let word = json!({ "action": action, "content": {} });
        agent.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": word }));
        let answer = agent.next();
        assert_eq!(answer.get("result").is_some(), is_called, "{answer}");
    }
    assert_eq!(agent.tools(), ["shuffle", "forecast"]);
    agent.end();

    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    let answer = agent.call("shuffle");
    assert_eq!(answer["error"]["data"]["code"], "E_TOOL_DENIED");
    assert_eq!(
        answer["error"]["data"]["hint"],
        "`mcpkg tools io.github.acme/weather --allow shuffle` allows it"
    );
    agent.end();
}

#[test]
fn an_unpinned_server_is_held_to_what_it_showed_first() {
    let (_fixture, developer) = installed(&changing_server(), &[]);
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast", "change", "shuffle"]);
    agent.end();
    // At the next start too: the server changes before it is first asked.
    let mut agent = Agent::initialized(&developer, &["weather"], &json!({}));
    agent.call("change");
    assert_eq!(agent.tools(), ["change", "shuffle"]);
    agent.end();
    assert!(last_failure(&developer, NAME).contains("E_SURFACE_CHANGED"));
    let seen = format!(".local/state/mcpkg/surfaces/{NAME}.json");
    assert!(!developer.read(".config/mcpkg/mcpkg.lock").contains("surface"), "it is not approved");
    developer.ok(&["inspect", "weather"]);
    assert!(!developer.path().join(seen).exists(), "what was seen gives way to what is pinned");
}

#[test]
fn an_author_signs_what_a_server_shows_and_nobody_has_to_start_it_first() {
    let server = changing_server();
    let (fixture, developer) = installed(&server, &[]);
    let surface = developer.ok(&["inspect", "weather", "--json"]).stdout;
    Program::new(COPY, server.as_slice()).surface(&surface).publish(&fixture);

    let other = fixture.developer();
    other.ok(&["install", COPY, "--yes"]);
    assert!(other.read(".config/mcpkg/mcpkg.lock").contains("[server.surface.tools.forecast]"));
    let mut agent = Agent::initialized(&other, &["copy"], &json!({}));
    agent.call("change");
    assert_eq!(agent.tools(), ["change", "shuffle"]);
    agent.end();

    // Nobody signs away another server's names.
    developer.ok(&["install", COPY, "--yes"]);
    let mut agent = Agent::initialized(&developer, &["copy"], &json!({}));
    assert_eq!(agent.tools(), [""; 0]);
    agent.end();
}
