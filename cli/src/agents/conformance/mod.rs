//! What every agent promises, held against all of them.

mod faults;
mod layouts;
mod paths;
mod sections;

use mcpkg_core::{Code, Coded as _};
use serde_json::{Value, json};

use self::layouts::layouts;
use super::*;

fn launch() -> Launch {
    Launch {
        command: "/opt/mcpkg/bin/mcpkg".to_owned(),
        args: vec!["run".to_owned(), "io.github.acme/weather".to_owned()],
    }
}

fn agent(id: &str) -> &'static dyn Agent {
    by_id(id).unwrap()
}

#[test]
fn linking_twice_is_linking_once() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let once = agent.link(&text, "weather", &launch()).expect(name);
            let twice = agent.link(&once.text, "weather", &launch()).unwrap();
            assert_eq!(once.text, twice.text, "{}: {name}", agent.id());
            assert_eq!(twice.footprint, None, "{}: {name}", agent.id());
        }
    }
}

#[test]
fn unlinking_gives_the_file_back() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let linked = agent.link(&text, "weather", &launch()).expect(name);
            let footprint = linked.footprint.unwrap();
            let unlinked = agent.unlink(&linked.text, "weather", footprint);
            assert_eq!(unlinked, Ok(text), "{}: {name}", agent.id());
        }
    }
}

#[test]
fn the_footprint_of_the_first_server_is_undone_with_the_last() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let first = agent.link(&text, "weather", &launch()).expect(name);
            let second = agent.link(&first.text, "tides", &launch()).unwrap();
            for [one, other] in [["weather", "tides"], ["tides", "weather"]] {
                let footprint = first.footprint.unwrap();
                let unlinked = agent.unlink(&second.text, one, footprint).unwrap();
                let unlinked = agent.unlink(&unlinked, other, footprint);
                assert_eq!(unlinked.as_deref(), Ok(text.as_str()), "{}: {name}", agent.id());
            }
        }
    }
}

#[test]
fn an_entry_of_another_is_replaced_in_whole_and_reported() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let other = json!({ "command": "x", "env": { "LD_PRELOAD": "y" } });
            let theirs = agent.set(&text, "weather", &other).expect(name);
            let ours = agent.link(&theirs.text, "weather", &launch()).unwrap();
            assert_eq!(ours.replaced, Some(other), "{}: {name}", agent.id());
            assert!(!ours.text.contains("LD_PRELOAD"), "{}: {name}", agent.id());
            let unlinked = agent.unlink(&ours.text, "weather", theirs.footprint.unwrap());
            assert_eq!(unlinked, Ok(text), "{}: {name}", agent.id());
        }
    }
}

#[test]
fn an_entry_is_found_and_holds_only_how_to_start() {
    for agent in ALL {
        let entry = agent.entry("weather", &launch());
        for (name, text) in layouts(*agent) {
            let keys = |text: &str| -> Vec<_> {
                agent.entries(text).unwrap().into_iter().map(|(key, _)| key).collect()
            };
            let mut others = keys(&text);
            assert_eq!(agent.find(&text, "weather"), Ok(None), "{}: {name}", agent.id());
            let linked = agent.link(&text, "weather", &launch()).expect(name);
            let found = agent.find(&linked.text, "weather").unwrap();
            assert_eq!(found.as_ref(), Some(&entry), "{}: {name}", agent.id());
            others.push("weather".to_owned());
            assert_eq!(keys(&linked.text), others, "{}: {name}", agent.id());
        }
        holds_only_how_to_start(agent.id(), &entry);
    }
}

fn holds_only_how_to_start(id: &str, entry: &Value) {
    let (command, args) = ("/opt/mcpkg/bin/mcpkg", json!(["run", "io.github.acme/weather"]));
    for (key, value) in entry.as_object().unwrap() {
        match key.as_str() {
            "command" if value.is_array() => {
                assert_eq!(value, &json!([command, "run", "io.github.acme/weather"]), "{id}");
            }
            "command" | "cmd" => assert_eq!(value, command, "{id}"),
            "args" => assert_eq!(value, &args, "{id}"),
            "transport" => holds_only_how_to_start(id, value),
            "type" => assert!(value == "stdio" || value == "local", "{id}"),
            "tools" => assert_eq!(value, &json!(["*"]), "{id}"),
            "enabled" => assert_eq!(value, true, "{id}"),
            "disabled" => assert_eq!(value, false, "{id}"),
            "name" => assert_eq!(value, "weather", "{id}"),
            "description" => assert_eq!(value, "", "{id}"),
            "timeout" => assert_eq!(value, 300, "{id}"),
            other => panic!("{id}: `{other}` in an entry"),
        }
    }
}

#[test]
fn settings_that_cannot_be_edited_are_refused_with_advice() {
    for agent in ALL {
        for (name, text) in layouts::refused(*agent) {
            let error = agent.link(&text, "weather", &launch()).unwrap_err();
            assert_eq!(error.code(), Code::Settings, "{}: {name}", agent.id());
            assert!(error.hint().is_some(), "{}: {name}", agent.id());
            assert!(error.to_string().len() < 200, "{}: {error}", agent.id());
            let unlinked = agent.unlink(&text, "weather", Footprint::Entry);
            assert_eq!(unlinked, Err(error), "{}: {name}", agent.id());
        }
    }
}

#[test]
fn no_error_quotes_the_settings() {
    for agent in ALL {
        for (name, text) in layouts::refused(*agent) {
            let text = text.replace("other", "hunter2").replace(" 1", " hunter2");
            let Err(error) = agent.link(&text, "weather", &launch()) else { continue };
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hunter2"), "{}: {name}: {said}", agent.id());
        }
    }
}

#[test]
fn a_word_that_an_agent_would_expand_is_refused() {
    for agent in ALL {
        for path in ["/opt/$HOME/mcpkg", "/opt/`id`", "C:\\%APPDATA%\\mcpkg", "/{env:A}/mcpkg"] {
            let launch = Launch { command: path.to_owned(), ..launch() };
            let refused = agent.link("", "weather", &launch);
            let expanded = EditError::Expanded { word: path.to_owned() };
            assert_eq!(refused, Err(expanded), "{}", agent.id());
        }
    }
}

#[test]
fn a_path_of_windows_survives_every_format() {
    let launch = Launch { command: r"C:\Users\Ada L\mcpkg.exe".to_owned(), ..launch() };
    for agent in ALL {
        let linked = agent.link("", "weather", &launch).unwrap();
        let entry = agent.find(&linked.text, "weather").unwrap();
        assert_eq!(entry, Some(agent.entry("weather", &launch)), "{}", agent.id());
    }
}

#[test]
fn a_key_is_a_name_whatever_is_in_it() {
    for agent in ALL {
        for key in ["true", "123", "1e3", "n", "a-b_c", "a b", "a.b", "a: b", "é\"\\", "- a", "~"]
        {
            let text = layouts(*agent).find(|(name, _)| *name == "another server").unwrap().1;
            let linked = agent.link(&text, key, &launch()).unwrap();
            let entry = agent.find(&linked.text, key).unwrap();
            assert_eq!(entry, Some(agent.entry(key, &launch())), "{}: {key}", agent.id());
            let unlinked = agent.unlink(&linked.text, key, linked.footprint.unwrap());
            assert_eq!(unlinked, Ok(text), "{}: {key}", agent.id());
        }
    }
}

#[test]
fn a_snippet_is_what_linking_writes() {
    for agent in ALL {
        let snippet = agent.snippet("weather", &launch());
        let linked = agent.link("", "weather", &launch()).unwrap();
        assert_eq!(format!("{snippet}\n"), linked.text, "{}", agent.id());
    }
}

#[test]
fn a_footprint_has_one_spelling() {
    for (footprint, text) in [
        (Footprint::Entry, "\"entry\""),
        (Footprint::EntryLines, "\"entry-lines\""),
        (Footprint::RootKey, "\"root-key\""),
        (Footprint::RootKeyLines, "\"root-key-lines\""),
        (Footprint::Document, "\"document\""),
    ] {
        assert_eq!(serde_json::to_string(&footprint).unwrap(), text);
        assert_eq!(serde_json::from_str::<Footprint>(text).unwrap(), footprint);
    }
}
