use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::manifest::{ConfigValue, LaunchContext, LaunchError};
use crate::{Code, Coded, System};

fn context(config: &BTreeMap<String, ConfigValue>) -> LaunchContext<'_> {
    LaunchContext {
        dirname: "/opt/x",
        home: Some("/home/ada"),
        desktop: None,
        documents: Some("/home/ada/Documents"),
        downloads: None,
        system: System::Linux,
        config,
    }
}

fn config<const N: usize>(values: [(&str, ConfigValue); N]) -> BTreeMap<String, ConfigValue> {
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(text: &str) -> ConfigValue {
    ConfigValue::String(text.to_owned())
}

/// A manifest for Node with these arguments and this environment.
fn manifest(args: &[String], env: &Value) -> Manifest {
    let document = json!({
        "manifest_version": "0.3",
        "name": "x", "version": "1.0.0", "description": "x", "author": { "name": "x" },
        "server": {
            "type": "node",
            "entry_point": "main.js",
            "mcp_config": { "command": "node", "args": args, "env": env },
        },
        "user_config": {
            "text": { "type": "string", "title": "Text" },
            "number": { "type": "number", "title": "Number", "min": 1, "max": 10 },
            "flag": { "type": "boolean", "title": "Flag" },
            "secret": { "type": "string", "title": "Secret", "sensitive": true },
            "folders": { "type": "directory", "title": "Folders", "multiple": true },
            "defaulted": { "type": "directory", "title": "Folder", "default": "${HOME}/Documents" },
        },
    });
    Manifest::read(document.to_string().as_bytes()).unwrap()
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    config: BTreeMap<String, ConfigValue>,
    #[serde(default)]
    command_line: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    error: Option<String>,
}

#[test]
fn variables_become_values() {
    let cases: Vec<Case> = serde_json::from_str(LAUNCHES).unwrap();
    assert!(cases.len() > 15);
    for case in cases {
        let name = case.name;
        match manifest(&case.args, &json!(case.env)).launch(&context(&case.config)) {
            Ok(launch) => {
                assert_eq!(case.error, None, "{name}");
                let line: Vec<_> = std::iter::once(launch.command).chain(launch.args).collect();
                assert_eq!(line, case.command_line, "{name}");
                assert_eq!(launch.env, case.environment, "{name}");
            }
            Err(err) => {
                assert_eq!(Some(message(&err)), case.error, "{name}");
                assert_eq!(err.code(), Code::Config, "{name}");
            }
        }
    }
}

#[test]
fn a_system_replaces_what_it_names() {
    let values = config([("api_key", text("k"))]);
    let linux = weather().launch(&context(&values)).unwrap();
    assert_eq!(linux.args, ["--no-warnings", "/opt/x/server/main.js", "/home/ada/maps"]);
    assert_eq!(linux.env.keys().collect::<Vec<_>>(), ["ACME_KEY", "NODE_PATH"]);

    let windows = LaunchContext { system: System::Windows, dirname: r"C:\x", ..context(&values) };
    let launch = weather().launch(&windows).unwrap();
    assert_eq!(launch.env["ACME_CACHE"], r"C:\x\cache");
    assert_eq!(launch.env["ACME_WIN"], "1");
    assert_eq!(launch.env["ACME_KEY"], "k");

    let none = BTreeMap::new();
    let legacy = Manifest::read(LEGACY.as_bytes()).unwrap();
    assert_eq!(legacy.launch(&context(&none)).unwrap().command, "/opt/x/server/weather");
    let windows = LaunchContext { config: &none, ..windows };
    let launch = legacy.launch(&windows).unwrap();
    assert_eq!(
        (launch.command.as_str(), launch.args),
        (r"C:\x\server\weather.exe", vec!["--quiet".into()])
    );
}

#[test]
fn uv_cannot_fetch_anything() {
    let launch = Manifest::read(UV.as_bytes()).unwrap().launch(&context(&BTreeMap::new())).unwrap();
    assert_eq!(launch.command, "uv");
    assert_eq!(launch.args, ["run", "--directory", "/opt/x", "/opt/x/src/server.py"]);
    assert_eq!(launch.env["UV_OFFLINE"], "1");
}

#[test]
fn what_is_missing_is_named_with_the_way_to_give_it() {
    let document = with(WEATHER, "/user_config/days/required", Some(json!(true)));
    let manifest = Manifest::read(&document).unwrap();
    let err = manifest.launch(&context(&BTreeMap::new())).unwrap_err();
    assert_eq!(err.code(), Code::Config);
    assert_eq!(
        err.to_string(),
        "the server needs API key (`--secret api_key=env:NAME`), Days (`--set days=VALUE`)"
    );
    let empty = config([("api_key", text("")), ("days", ConfigValue::Number(3.0))]);
    let LaunchError::Missing(missing) = manifest.launch(&context(&empty)).unwrap_err() else {
        panic!("an empty secret is none")
    };
    assert_eq!(missing.len(), 1);
}

#[test]
fn a_secret_is_not_shown() {
    let args = ["${__dirname}/main.js", "--key=${user_config.secret}", "${user_config.text}"];
    let manifest = manifest(&args.map(str::to_owned), &json!({ "KEY": "${user_config.secret}" }));
    let values = config([("secret", text("s3cr3t")), ("text", text("shown"))]);
    let launch = manifest.launch(&context(&values)).unwrap();
    assert_eq!(launch.args[1], "--key=s3cr3t");
    assert_eq!(launch.sensitive_args().collect::<Vec<_>>(), [1]);

    let shown = format!("{launch:?} {launch:#?} {values:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(format!("{launch:?}").contains("shown"), "{launch:?}");

    let wrong = config([("secret", ConfigValue::List(vec!["s3cr3t".into(), "b".into()]))]);
    let err = manifest.launch(&context(&wrong)).unwrap_err();
    assert!(!format!("{err:?} {}", message(&err)).contains("s3cr3t"));
}

#[test]
fn what_a_user_types_has_the_type_of_its_key() {
    let manifest = manifest(&["${__dirname}/main.js".to_owned()], &json!({}));
    let keys = manifest.config_keys();
    for (key, typed, accepted) in [
        ("number", "2.5", true),
        ("number", "two", false),
        ("number", "NaN", false),
        ("number", "11", false),
        ("flag", "true", true),
        ("flag", "yes", false),
        ("text", "", true),
        ("text", "a\0b", false),
        ("folders", "/a", true),
    ] {
        assert_eq!(keys[key].parse(typed).is_ok(), accepted, "{key}={typed:?}");
    }
}

proptest! {
    #[test]
    fn a_users_value_is_never_expanded(value in "[${}a-zA-Z_./]{1,30}|[^\0]{1,20}") {
        let args = ["${__dirname}/main.js", "${user_config.text}", "-${user_config.text}-"];
        let manifest = manifest(&args.map(str::to_owned), &json!({ "X": "${user_config.text}" }));
        let values = config([("text", text(&value)), ("secret", text("s3cr3t"))]);
        let launch = manifest.launch(&context(&values)).unwrap();
        prop_assert_eq!(&launch.args[1], &value);
        prop_assert_eq!(&launch.args[2], &format!("-{value}-"));
        prop_assert_eq!(&launch.env["X"], &value);
    }

    #[test]
    fn no_manifest_makes_it_panic(
        command in "[${}a-z_./\\\\-]{0,30}|node|uv|python|deno|sh",
        args in prop::collection::vec("[${}a-zA-Z_./=-]{0,20}|run|-c|--directory|[$][{]__dirname[}]/a", 0..5),
    ) {
        let document = json!({
            "manifest_version": "0.3",
            "name": "x", "version": "1.0.0", "description": "x", "author": { "name": "x" },
            "server": {
                "type": "binary", "entry_point": "x",
                "mcp_config": { "command": command, "args": args },
            },
        });
        if let Ok(manifest) = Manifest::read(document.to_string().as_bytes()) {
            let _ = manifest.launch(&context(&BTreeMap::new()));
        }
    }
}
