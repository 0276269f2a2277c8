//! What every agent promises, held against all of them.

use std::path::{Path, PathBuf};

use mcpkg_core::{Code, Coded as _, System};
use serde_json::{Value, json};

use super::*;

fn launch() -> Launch {
    Launch {
        command: "/opt/mcpkg/bin/mcpkg".to_owned(),
        args: vec!["run".to_owned(), "io.github.acme/weather".to_owned()],
    }
}

fn places(system: System) -> Places {
    Places {
        system,
        home: "/home/ada".into(),
        config_home: "/home/ada/.config".into(),
        app_data: None,
        claude_config_dir: None,
        project: "/work/lovelace".into(),
    }
}

/// Layouts that every agent reads. `ROOT` stands for its root key.
const PLAIN: &[(&str, &str)] = &[
    ("empty", ""),
    ("an empty object", "{}"),
    ("an empty object and a line end", "{}\n"),
    ("an empty object with a space", "{ }"),
    ("an empty object on lines", "{\n}\n"),
    ("on one line", r#"{"theme":"dark"}"#),
    ("an empty root key", "{\n  \"ROOT\": {}\n}\n"),
    ("an empty root key on one line", r#"{"ROOT": {}}"#),
    ("an empty root key on lines", "{\n  \"ROOT\": {\n  }\n}\n"),
    ("another server", "{\n  \"ROOT\": {\n    \"other\": {\"command\": \"x\"}\n  }\n}\n"),
    ("tabs", "{\n\t\"ROOT\": {\n\t\t\"other\": {}\n\t}\n}\n"),
    ("carriage returns", "{\r\n  \"a\": 1,\r\n  \"ROOT\": {}\r\n}\r\n"),
    ("no line end", "{\n  \"z\": 1,\n  \"a\": [1, 2]\n}"),
    ("no indentation", "{\n\"a\": 1\n}"),
    ("blank lines", "\n\n{\n\n  \"a\": 1\n\n}\n\n"),
    ("numbers of every kind", r#"{"a":1.0,"b":1,"c":-0.0,"d":123456789012345678901234567890}"#),
];

/// Layouts that only some agents read.
const WITH_COMMENTS: &[(&str, &str)] = &[
    ("a comment on top", "// mine\n{\n  \"a\": 1\n}\n"),
    ("a comment at the end", "{\"a\": 1} // mine"),
    ("a comment after an entry", "{\n  \"ROOT\": {\n    \"other\": {} // mine\n  }\n}\n"),
    ("an entry in a comment", "{\n  \"ROOT\": {\n    // \"weather\": {}\n  }\n}\n"),
    ("a comment in an empty object", "{ /* mine */ }"),
    ("trailing commas", "{\n  \"ROOT\": {\n    \"other\": {},\n  },\n}\n"),
];

fn layouts(agent: &dyn Agent) -> impl Iterator<Item = (&'static str, String)> {
    let more = match agent.dialect() {
        Dialect::Strict => &[],
        Dialect::Jsonc => WITH_COMMENTS,
    };
    let root_key = agent.root_key();
    let own = move |&(name, text): &(&'static str, &str)| (name, text.replace("ROOT", root_key));
    PLAIN.iter().chain(more).map(own)
}

#[test]
fn linking_twice_is_linking_once() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            let once = agent.link(&text, "weather", &launch()).unwrap();
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
            let linked = agent.link(&text, "weather", &launch()).unwrap();
            let footprint = linked.footprint.unwrap();
            let unlinked = agent.unlink(&linked.text, "weather", footprint);
            assert_eq!(unlinked, Ok(text), "{}: {name}", agent.id());
        }
    }
}

#[test]
fn an_entry_is_found_and_holds_only_how_to_start() {
    for agent in ALL {
        for (name, text) in layouts(*agent) {
            assert_eq!(agent.find(&text, "weather"), Ok(None), "{}: {name}", agent.id());
            let linked = agent.link(&text, "weather", &launch()).unwrap();
            let entry = agent.find(&linked.text, "weather").unwrap().unwrap();
            assert_eq!(entry, agent.entry(&launch()), "{}: {name}", agent.id());
        }
        let entry = agent.entry(&launch());
        for (key, value) in entry.as_object().unwrap() {
            match key.as_str() {
                "type" => assert_eq!(value, "stdio"),
                "command" => assert_eq!(value, "/opt/mcpkg/bin/mcpkg"),
                "args" => assert_eq!(value, &json!(["run", "io.github.acme/weather"])),
                other => panic!("{}: `{other}` in an entry", agent.id()),
            }
        }
    }
}

#[test]
fn settings_that_cannot_be_edited_are_refused_with_advice() {
    for agent in ALL {
        let root_key = agent.root_key();
        for (name, text) in [
            ("broken", "{,".to_owned()),
            ("cut off", format!("{{\"{root_key}\": {{\"other\": {{}}")),
            ("two values", "{}{}".to_owned()),
            ("another root", "[]".to_owned()),
            ("no list of servers", format!("{{\"{root_key}\": []}}")),
            ("null for servers", format!("{{\"{root_key}\": null}}")),
            ("servers twice", format!("{{\"{root_key}\": {{}}, \"{root_key}\": {{}}}}")),
            ("an entry twice", format!("{{\"{root_key}\": {{\"weather\": 1, \"weather\": 2}}}}")),
            ("a byte order mark", "\u{feff}{}".to_owned()),
            ("a bomb", "[".repeat(1_000_000)),
        ] {
            let error = agent.link(&text, "weather", &launch()).unwrap_err();
            assert_eq!(error.code(), Code::Settings, "{}: {name}", agent.id());
            assert!(error.hint().is_some(), "{}: {name}", agent.id());
            let unlinked = agent.unlink(&text, "weather", Footprint::Entry);
            assert_eq!(unlinked, Err(error), "{}: {name}", agent.id());
        }
    }
}

#[test]
fn comments_are_refused_by_an_agent_that_would_call_them_corrupt() {
    for agent in ALL.iter().filter(|agent| agent.dialect() == Dialect::Strict) {
        for (name, text) in WITH_COMMENTS {
            let result = agent.link(text, "weather", &launch());
            let is_broken = matches!(result, Err(EditError::Broken { .. }));
            assert!(is_broken, "{}: {name}", agent.id());
        }
    }
}

/// What add-mcp, `ToolHive` and Docker do to JSON with comments.
#[test]
fn no_comment_is_dropped() {
    for agent in ALL.iter().filter(|agent| agent.dialect() == Dialect::Jsonc) {
        for (name, text) in layouts(*agent) {
            let linked = agent.link(&text, "weather", &launch()).unwrap();
            let count = |text: &str| text.matches("mine").count();
            assert_eq!(count(&linked.text), count(&text), "{}: {name}", agent.id());
        }
    }
}

/// An installer was seen to "edit" a file that was cut off, and to report success.
#[test]
fn no_part_of_a_file_is_taken_for_the_whole() {
    for agent in ALL {
        let whole = agent.link(r#"{"theme":"dark"}"#, "weather", &launch()).unwrap().text;
        for end in 1..whole.len() {
            let result = agent.link(&whole[..end], "other", &launch());
            assert!(matches!(result, Err(EditError::Broken { .. })), "{}: {end}", agent.id());
        }
    }
}

/// APM resolves references, and writes what they stand for in clear.
#[test]
fn no_reference_to_a_secret_is_resolved() {
    for agent in ALL {
        let other = r#"{"env":{"TOKEN":"${TOKEN}","KEY":"${env:KEY}","ID":"${input:id}"}}"#;
        let text = format!("{{\"{}\":{{\"other\":{other}}}}}", agent.root_key());
        let linked = agent.link(&text, "weather", &launch()).unwrap();
        assert!(linked.text.contains(other), "{}", agent.id());
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
fn settings_are_where_each_system_has_them() {
    let rows = [
        ("claude-code", ["/home/ada/.claude.json"; 3], Some("/work/lovelace/.mcp.json")),
        (
            "claude-desktop",
            [
                "/home/ada/.config/Claude/claude_desktop_config.json",
                "/home/ada/Library/Application Support/Claude/claude_desktop_config.json",
                "/home/ada/AppData/Roaming/Claude/claude_desktop_config.json",
            ],
            None,
        ),
        ("cursor", ["/home/ada/.cursor/mcp.json"; 3], Some("/work/lovelace/.cursor/mcp.json")),
        (
            "vscode",
            [
                "/home/ada/.config/Code/User/mcp.json",
                "/home/ada/Library/Application Support/Code/User/mcp.json",
                "/home/ada/AppData/Roaming/Code/User/mcp.json",
            ],
            Some("/work/lovelace/.vscode/mcp.json"),
        ),
    ];
    assert_eq!(rows.map(|(id, ..)| id).as_slice(), ALL.iter().map(|a| a.id()).collect::<Vec<_>>());
    for (id, user, project) in rows {
        let agent = by_id(id).unwrap();
        for (system, path) in [System::Linux, System::Darwin, System::Windows].into_iter().zip(user)
        {
            let places = places(system);
            assert_eq!(agent.settings_path(Scope::User, &places), Some(path.into()), "{id}");
            let in_project = agent.settings_path(Scope::Project, &places);
            assert_eq!(in_project, project.map(PathBuf::from), "{id}");
            assert!(!agent.traces(&places).is_empty(), "{id}");
        }
    }
    assert!(by_id("Cursor").is_none());
}

#[test]
fn the_environment_moves_settings() {
    let moved = Places { claude_config_dir: Some("/etc/claude".into()), ..places(System::Linux) };
    let path = ClaudeCode.settings_path(Scope::User, &moved);
    assert_eq!(path.as_deref(), Some(Path::new("/etc/claude/.claude.json")));
    assert!(ClaudeCode.traces(&moved).contains(&PathBuf::from("/etc/claude")));

    let roaming = Places { app_data: Some("/roaming".into()), ..places(System::Windows) };
    let path = VsCode.settings_path(Scope::User, &roaming);
    assert_eq!(path.as_deref(), Some(Path::new("/roaming/Code/User/mcp.json")));
}

/// The table of clients lies beside the repository where this was developed.
#[test]
fn agents_agree_with_the_table_of_clients() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/clients.json");
    let Ok(table) = std::fs::read_to_string(path) else {
        eprintln!("skipped: there is no {path}");
        return;
    };
    let table: Value = serde_json::from_str(&table).unwrap();
    let clients = table["clients"].as_array().unwrap();
    for agent in ALL {
        let id = agent.id();
        let client = clients.iter().find(|client| client["id"] == id).unwrap();
        assert_eq!(client["display_name"], agent.display_name(), "{id}");
        assert_eq!(client["root_key"], agent.root_key(), "{id}");
        let is_strict = client["dialect"] == "strict";
        assert_eq!(is_strict, agent.dialect() == Dialect::Strict, "{id}");
        for key in agent.entry(&launch()).as_object().unwrap().keys() {
            assert!(client["stdio"].get(key).is_some(), "{id}: {key}");
        }
        assert_eq!(
            client["stdio"].get("type").is_some(),
            agent.entry(&launch()).get("type").is_some(),
            "{id}"
        );
        for (system, name) in
            [(System::Linux, "linux"), (System::Darwin, "macos"), (System::Windows, "windows")]
        {
            let expected = client["scopes"]["user"]["paths"][name].as_str().unwrap();
            let expected = expected
                .replace("${XDG_CONFIG_HOME:-~/.config}", "/home/ada/.config")
                .replace("%APPDATA%", "/home/ada/AppData/Roaming")
                .replace("%USERPROFILE%", "/home/ada")
                .replace('~', "/home/ada")
                .replace('\\', "/");
            let path = agent.settings_path(Scope::User, &places(system));
            assert_eq!(path, Some(expected.into()), "{id} on {name}");
        }
        let in_project = client["scopes"]["project"]["path"].as_str();
        let expected = in_project.map(|path| Path::new("/work/lovelace").join(path));
        assert_eq!(agent.settings_path(Scope::Project, &places(System::Linux)), expected, "{id}");
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
