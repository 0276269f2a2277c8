//! A part of the settings for one project: the same promises, one object further in.

use mcpkg_core::System;

use super::*;

/// The part of a project in settings that have `inner` there.
fn around(agent: &dyn Agent, inner: &str) -> String {
    let inner = inner.replace("ROOT", agent.root_key());
    format!(
        "{{\n  \"numStartups\": 3,\n  \"projects\": {{\n    \"/work\": {{\"{root}\": {{}}}},\n    \
         \"/work/lovelace\": {inner},\n    \"/other\": {{}}\n  }},\n  \"{root}\": {{}}\n}}\n",
        root = agent.root_key()
    )
}

/// What a project has besides servers, in ways to write it.
const INNER: [&str; 7] = [
    "{}",
    "{\n    }",
    r#"{"allowedTools": []}"#,
    "{\n      \"allowedTools\": [],\n      \"history\": [{\"mcpServers\": 1}]\n    }",
    "{\n      \"ROOT\": {}\n    }",
    "{\"ROOT\": {}, \"z\": 1}",
    "{\n      \"ROOT\": {\n        \"other\": {\"command\": \"x\"}\n      },\n      \"z\": 1\n    }",
];

/// The agents that have such a part, with the part for `/work/lovelace`.
fn local() -> Vec<(&'static dyn Agent, Section)> {
    let places = paths::places(System::Linux);
    let of = |agent: &&'static dyn Agent| {
        let path = agent.settings_path(Scope::Local, &places)?;
        assert_eq!(Some(path), agent.settings_path(Scope::User, &places), "{}", agent.id());
        Some((*agent, agent.section(Scope::Local, &places)))
    };
    let local: Vec<_> = ALL.iter().filter_map(of).collect();
    assert_eq!(local.len(), 1, "Claude Code");
    local
}

#[test]
fn a_part_is_edited_like_the_whole_and_given_back() {
    for (agent, section) in local() {
        for inner in INNER {
            let text = around(agent, inner);
            let place = agent.place(&section);
            assert_eq!(place.find(&text, "weather"), Ok(None), "{inner}");
            let linked = agent.link_in(&section, &text, "weather", &launch()).unwrap();
            let entry = agent.entry("weather", &launch());
            assert_eq!(place.find(&linked.text, "weather"), Ok(Some(entry.clone())), "{inner}");
            let twice = agent.link_in(&section, &linked.text, "weather", &launch()).unwrap();
            assert_eq!(twice.text, linked.text, "{inner}");
            // Nowhere else.
            let value: Value = serde_json::from_str(&linked.text).unwrap();
            assert_eq!(value["projects"]["/work/lovelace"][agent.root_key()]["weather"], entry);
            let mut before: Value = serde_json::from_str(&text).unwrap();
            before["projects"]["/work/lovelace"] = value["projects"]["/work/lovelace"].clone();
            assert_eq!(before, value, "{inner}");
            assert_eq!(agent.entries(&linked.text), Ok(Vec::new()), "the user's own has none");
            let second = agent.link_in(&section, &linked.text, "tides", &launch()).unwrap();
            let footprint = linked.footprint.unwrap();
            let unlinked = place.unlink(&second.text, "weather", footprint).unwrap();
            let unlinked = place.unlink(&unlinked, "tides", footprint);
            assert_eq!(unlinked.as_deref(), Ok(text.as_str()), "{inner}");
        }
    }
}

#[test]
fn a_part_that_the_agent_did_not_make_is_not_made() {
    for (agent, section) in local() {
        for text in ["", "{}", "{\"projects\": {}}", "{\"projects\": {\"/work\": {}}}"] {
            let refused = agent.link_in(&section, text, "weather", &launch());
            assert_eq!(refused, Err(EditError::NoSection), "{text}");
            let place = agent.place(&section);
            assert_eq!(place.entries(text), Ok(Vec::new()), "{text}");
            assert_eq!(place.find(text, "weather"), Ok(None), "{text}");
            assert_eq!(place.unlink(text, "weather", Footprint::Entry).as_deref(), Ok(text));
        }
        let twice = "{\"projects\": {\"/work/lovelace\": {}, \"/work/lovelace\": {}}}";
        for text in [twice, "{\"projects\": {}, \"projects\": {}}"] {
            let refused = agent.link_in(&section, text, "weather", &launch());
            assert!(matches!(refused, Err(EditError::Duplicate { .. })), "{text}");
        }
        for text in ["{\"projects\": []}", "{\"projects\": {\"/work/lovelace\": null}}"] {
            let refused = agent.link_in(&section, text, "weather", &launch());
            assert!(matches!(refused, Err(EditError::WrongType { .. })), "{text}");
        }
    }
}

#[test]
fn a_part_of_a_large_file_is_found_and_given_back() {
    for (agent, section) in local() {
        let history = "{\"display\": \"{\\\"\", \"n\": 1.50},\n".repeat(4000);
        let inner = format!("{{\"history\": [\n{history}{{}}]}}");
        let text = around(agent, &inner);
        let linked = agent.link_in(&section, &text, "weather", &launch()).unwrap();
        let footprint = linked.footprint.unwrap();
        let unlinked = agent.place(&section).unlink(&linked.text, "weather", footprint);
        assert!(unlinked.as_deref() == Ok(text.as_str()));
    }
}
