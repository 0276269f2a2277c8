use serde_json::{Value, json};

use super::*;
use crate::manifest::{ManifestError, ServerType};
use crate::server_json::{SCHEMA, ServerJson};
use crate::{Code, Coded, Platform, System};

#[test]
fn a_manifest_is_read_whole() {
    let manifest = weather();
    assert_eq!(manifest.name(), "weather");
    assert_eq!(manifest.version(), "1.2.3");
    assert_eq!(manifest.display_name(), Some("Acme Weather"));
    assert_eq!(manifest.author(), "Acme");
    assert_eq!(manifest.server().kind, ServerType::Node);
    assert_eq!(manifest.server().entry_point, "server/main.js");
    assert_eq!(manifest.runtimes()["node"], ">=20");
    assert_eq!(manifest.platform().to_string(), "linux-x86_64");
    assert!(manifest.config_keys()["api_key"].is_sensitive);
    assert!(manifest.config_keys()["folders"].is_multiple);
    assert_eq!(manifest.config_keys()["days"].max, Some(10.0));
    assert_eq!(manifest.value()["x-acme"]["kept"], true);
    assert_eq!(manifest.value()["tools"][0]["name"], "forecast");
}

#[test]
fn older_and_shorter_manifests_are_read_too() {
    let legacy = Manifest::read(LEGACY.as_bytes()).unwrap();
    assert_eq!(legacy.version(), "{{VERSION}}");
    assert_eq!(legacy.platform(), Platform::Any);
    assert!(legacy.supports(System::Windows));
    let uv = Manifest::read(UV.as_bytes()).unwrap();
    assert!(uv.needs_wheels() && uv.server().command.is_none());
    for version in ["0.1", "0.2", "0.3", "0.4"] {
        Manifest::read(&with(UV, "/manifest_version", Some(json!(version)))).unwrap();
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row is one fact")]
fn what_decides_what_runs_is_read_strictly() {
    let shape = "manifest.json does not follow MCPB: ";
    let field = |rest: &str| format!("{shape}{rest}");
    for (pointer, value, expected) in [
        (
            "/manifest_version",
            Some(json!("1.0")),
            "manifest.json has manifest version `1.0`, expected 0.1 to 0.4".to_owned(),
        ),
        (
            "/manifest_version",
            None,
            "manifest.json has manifest version ``, expected 0.1 to 0.4".to_owned(),
        ),
        (
            "/dxt_version",
            Some(json!("0.1")),
            "manifest.json has manifest version `0.4 and 0.1`, expected 0.1 to 0.4".to_owned(),
        ),
        ("/name", None, field("missing field `name`")),
        (
            "/name",
            Some(json!("")),
            "`name` of manifest.json is 0 characters long, expected 1 to 200".to_owned(),
        ),
        (
            "/name",
            Some(json!("weath\u{200b}er")),
            "`name` of manifest.json hides the character \\u{200b}".to_owned(),
        ),
        ("/author", Some(json!(["Acme"])), field("invalid type: sequence, expected an object")),
        (
            "/server/type",
            Some(json!("ruby")),
            field("unknown variant `ruby`, expected one of `node`, `python`, `binary`, `uv`"),
        ),
        (
            "/server/entry_point",
            Some(json!("../main.js")),
            "entry point `../main.js` is not a path inside the bundle".to_owned(),
        ),
        (
            "/server/entry_point",
            Some(json!("/main.js")),
            "entry point `/main.js` is not a path inside the bundle".to_owned(),
        ),
        (
            "/server/entry_point",
            Some(json!("server\\main.js")),
            "entry point `server\\\\main.js` is not a path inside the bundle".to_owned(),
        ),
        (
            "/server/entry_point",
            Some(json!("server/nul.js")),
            "entry point `server/nul.js` is not a path inside the bundle".to_owned(),
        ),
        ("/server/mcp_config", None, "manifest.json has no `mcp_config`".to_owned()),
        ("/server/mcp_config/args", Some(json!("x")), field("invalid type: string \"x\", expected a sequence")),
        (
            "/server/mcp_config/args/0",
            Some(json!("${workspaceFolder}")),
            "`server/mcp_config/args/0` of manifest.json is no template: `${workspaceFolder}` is not a variable of MCPB".to_owned(),
        ),
        (
            "/server/mcp_config/env/ACME_KEY",
            Some(json!("${user_config.apikey}")),
            "manifest.json uses `${user_config.apikey}`, which `user_config` does not declare".to_owned(),
        ),
        (
            "/server/mcp_config/platform_overrides/win32/env/ACME_WIN",
            Some(json!("${user_config.apikey}")),
            "manifest.json uses `${user_config.apikey}`, which `user_config` does not declare".to_owned(),
        ),
        (
            "/server/mcp_config/env/A=B",
            Some(json!("x")),
            "`A=B` is not the name of an environment variable".to_owned(),
        ),
        (
            "/server/mcp_config/env/NODE_OPTIONS",
            Some(json!("--import=data:text/javascript,1")),
            "environment variable `NODE_OPTIONS` loads code from outside the bundle".to_owned(),
        ),
        (
            "/server/mcp_config/env/NODE_PATH",
            Some(json!("${__dirname}/lib:/tmp")),
            "environment variable `NODE_PATH` loads code from outside the bundle".to_owned(),
        ),
        (
            "/server/mcp_config/env/LD_PRELOAD",
            Some(json!("${__dirname}/a.so /tmp/b.so")),
            "environment variable `LD_PRELOAD` loads code from outside the bundle".to_owned(),
        ),
        (
            "/server/mcp_config/env/NODE_PATH",
            Some(json!("${user_config.cache}")),
            "environment variable `NODE_PATH` loads code from outside the bundle".to_owned(),
        ),
        (
            "/user_config/a b",
            Some(json!({ "type": "string", "title": "A" })),
            "key `a b` of `user_config` is not made of letters, digits, `_`, `-` and `.`".to_owned(),
        ),
        (
            "/user_config/api_key/default",
            Some(json!("abc")),
            "key `api_key` of `user_config` gives the value of a secret to everybody".to_owned(),
        ),
        (
            "/user_config/api_key/type",
            Some(json!("file")),
            "key `api_key` of `user_config` is a secret that is not a text".to_owned(),
        ),
        (
            "/user_config/days/default",
            Some(json!(11)),
            "key `days` of `user_config` has a default that does not suit it".to_owned(),
        ),
        (
            "/user_config/cache/default",
            Some(json!("${user_config.api_key}")),
            "key `cache` of `user_config` has a default that names another key".to_owned(),
        ),
        (
            "/user_config/cache/default",
            Some(json!("${TMP}")),
            "`user_config/cache/default` of manifest.json is no template: `${TMP}` is not a variable of MCPB".to_owned(),
        ),
        (
            "/_meta/dev.mcpkg/platform",
            Some(json!("linux")),
            "the `dev.mcpkg` extension of manifest.json names no platform: `linux` is not a platform, expected `any` or one of darwin, linux, windows with -aarch64 or -x86_64".to_owned(),
        ),
        (
            "/_meta/dev.mcpkg/platfrom",
            Some(json!("any")),
            "the `dev.mcpkg` extension of manifest.json is malformed: unknown field `platfrom`, expected `platform`".to_owned(),
        ),
        (
            "/compatibility/platforms",
            Some(json!(["darwin"])),
            "manifest.json is for `linux-x86_64`, which its `compatibility` leaves out".to_owned(),
        ),
    ] {
        let err = Manifest::read(&with(WEATHER, pointer, value)).unwrap_err();
        assert_eq!(message(&err), expected, "{pointer}");
        assert_eq!(err.code(), Code::Manifest, "{pointer}");
    }
}

#[test]
fn two_documents_in_one_text_are_refused() {
    let twice = WEATHER.replacen("\"name\"", "\"name\": \"other\", \"name\"", 1);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{WEATHER}{}", " ".repeat(1 << 20));
    for (text, expected) in [
        (&twice, "could not read manifest.json: JSON object has the key `name` twice"),
        (&deep, "could not read manifest.json: JSON document is nested more than 64 deep"),
        (&long, "could not read manifest.json: JSON document is 1"),
        (&"[]".to_owned(), "manifest.json does not follow MCPB: invalid type"),
    ] {
        let err = Manifest::read(text.as_bytes()).unwrap_err();
        assert!(message(&err).starts_with(expected), "{}", message(&err));
        assert_eq!(err.code(), Code::Manifest);
    }
}

fn server_json(name: &str, version: &str) -> ServerJson {
    let document = json!({
        "$schema": SCHEMA, "name": name, "version": version, "description": "Forecasts",
    });
    ServerJson::read_strict(document.to_string().as_bytes()).unwrap()
}

#[test]
fn name_and_version_are_those_of_server_json() {
    let named = |name: &str| Manifest::read(&with(WEATHER, "/name", Some(json!(name)))).unwrap();
    let server = server_json("io.github.acme/weather", "1.2.3");
    for name in ["weather", "Weather", "io.github.acme/weather", "IO.GitHub.Acme/Weather"] {
        named(name).agrees_with(&server).unwrap();
    }
    for name in ["weather2", "acme/weather", "Acme Weather", "io.github.acme"] {
        let err = named(name).agrees_with(&server).unwrap_err();
        assert!(matches!(err, ManifestError::NameDiffers { .. }), "{name}");
        assert_eq!(err.code(), Code::Manifest);
    }
    let err = weather().agrees_with(&server_json("io.github.acme/weather", "1.2.4")).unwrap_err();
    assert_eq!(err.code(), Code::Manifest);
    assert_eq!(err.to_string(), "manifest.json has version `1.2.3`, server.json `1.2.4`");
}

#[test]
fn the_archive_holds_what_the_manifest_names() {
    let check = |document: &str, paths: &[&str]| {
        let manifest = Manifest::read(document.as_bytes()).unwrap();
        manifest.check_against_paths(paths.iter().copied()).map_err(|err| message(&err))
    };
    let no_entry_point = |path: &str| Err(format!("entry point `{path}` is not in the archive"));
    let no_wheels =
        Err("a server of type `uv` without wheels resolves its libraries at launch".to_owned());
    for (document, paths, expected) in [
        (WEATHER, &["manifest.json", "server/main.js"][..], Ok(())),
        (WEATHER, &["manifest.json", "server/main.mjs"], no_entry_point("server/main.js")),
        (WEATHER, &["manifest.json", "Server/main.js"], no_entry_point("server/main.js")),
        (LEGACY, &["server/weather"], Ok(())),
        (LEGACY, &["server/weather.exe"], Ok(())),
        (LEGACY, &[], no_entry_point("server/weather")),
        (UV, &["src/server.py", "wheels/mcp-1.0-py3-none-any.whl"], Ok(())),
        (UV, &["src/server.py", "uv.lock"], no_wheels.clone()),
        (UV, &["src/server.py", ".whl"], no_wheels),
    ] {
        assert_eq!(check(document, paths), expected, "{paths:?}");
    }
}

#[test]
fn an_archive_whose_command_line_is_not_launched_is_not_published() {
    let set = |pointer: &str, value: Value| {
        let bytes = with(LEGACY, pointer, Some(value));
        let manifest = Manifest::read(&bytes).unwrap();
        manifest.check_against_paths(["server/weather"].into_iter())
    };
    let err = set("/server/mcp_config/command", json!("npx")).unwrap_err();
    assert_eq!(err.code(), Code::Manifest);
    assert_eq!(
        message(&err),
        "the command line of manifest.json cannot be launched: `npx` resolves what it runs at launch"
    );
    let windows = "/server/mcp_config/platform_overrides/win32/command";
    assert!(set(windows, json!("cmd.exe")).is_err(), "every system counts");
    let unknown = "/server/mcp_config/platform_overrides/plan9";
    assert!(set(unknown, json!({ "command": "rc" })).is_ok(), "but those nobody has");
}
