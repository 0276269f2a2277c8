use serde_json::{Value, json};

use super::*;
use crate::Digest;
use crate::manifest::ConfigValue;
use crate::server_json::SCHEMA;

fn read(rest: Value) -> Result<Elsewhere, ElsewhereError> {
    let mut document = json!({
        "$schema": SCHEMA, "name": "a/b", "version": "1.0.0", "description": "b",
    });
    let Value::Object(rest) = rest else { panic!("an object") };
    document.as_object_mut().unwrap().extend(rest);
    Elsewhere::of(&ServerJson::read_strict(document.to_string().as_bytes()).unwrap())
}

fn remote(change: impl FnOnce(&mut Value)) -> Result<RemoteServer, ElsewhereError> {
    let mut remote = json!({
        "type": "streamable-http",
        "url": "https://mcp.acme.example/{tenant}/mcp?region={region}",
        "headers": [
            { "name": "Authorization", "value": "Bearer {token}", "isRequired": true,
              "variables": { "token": { "isSecret": true } } },
            { "name": "X-Units", "default": "metric", "choices": ["metric", "imperial"] },
            { "name": "X-Trace", "value": "on" },
            { "name": "X-Account" },
        ],
        "variables": {
            "tenant": { "description": "Whose weather" },
            "region": { "value": "eu" },
        },
    });
    change(&mut remote);
    match read(json!({ "remotes": [remote] }))? {
        Elsewhere::Remote(remote) => Ok(remote),
        Elsewhere::Image(_) => panic!("there is no image"),
    }
}

fn image(change: impl FnOnce(&mut Value)) -> Result<Image, ElsewhereError> {
    let mut image = json!({
        "registryType": "oci",
        "identifier": format!("ghcr.io/acme/weather:1.0.0@{}", Digest::of(b"manifest")),
        "transport": { "type": "stdio" },
        "packageArguments": [
            { "type": "positional", "value": "serve" },
            { "type": "named", "name": "--units", "default": "metric" },
            { "type": "named", "name": "--city" },
            { "type": "positional", "value": "--place={place}", "variables": { "place": {} } },
        ],
        "environmentVariables": [
            { "name": "API_KEY", "isSecret": true, "isRequired": true },
            { "name": "LEVEL", "value": "info" },
        ],
    });
    change(&mut image);
    match read(json!({ "packages": [image], "remotes": [] }))? {
        Elsewhere::Image(image) => Ok(image),
        Elsewhere::Remote(_) => panic!("there is an image"),
    }
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, ConfigValue> {
    let value =
        |(key, value): &(&str, &str)| ((*key).to_owned(), ConfigValue::String((*value).to_owned()));
    pairs.iter().map(value).collect()
}

const FILLED: [(&str, &str); 2] = [("tenant", "acme"), ("token", "tok-123")];

#[test]
fn a_remote_says_what_it_asks_for_and_gets_it() {
    let remote = remote(|_| ()).unwrap();
    let settings: Vec<_> = remote
        .settings()
        .iter()
        .map(|(key, config)| (key.as_str(), config.is_sensitive, config.is_required))
        .collect();
    assert_eq!(
        settings,
        [
            ("X-Account", false, false),
            ("X-Units", false, false),
            ("tenant", false, true),
            ("token", true, true),
        ]
    );
    let request = remote.request(&values(&FILLED)).unwrap();
    assert_eq!(request.url.as_str(), "https://mcp.acme.example/acme/mcp?region=eu");
    let headers: Vec<_> = request.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        headers,
        [("Authorization", "Bearer tok-123"), ("X-Units", "metric"), ("X-Trace", "on")],
        "what has no value is left out"
    );
    assert!(!format!("{request:?}").contains("tok-123"), "{request:?}");
    assert_eq!(remote.url().host().to_string(), "mcp.acme.example:443");
}

#[test]
fn a_value_is_a_part_of_the_address_and_leads_nowhere_else() {
    let remote = remote(|_| ()).unwrap();
    for (value, url) in [
        ("a/b", Some("https://mcp.acme.example/a%2Fb/mcp?region=eu")),
        ("?x=1#", Some("https://mcp.acme.example/%3Fx%3D1%23/mcp?region=eu")),
        ("@evil.example", Some("https://mcp.acme.example/%40evil.example/mcp?region=eu")),
        ("%2e%2e", Some("https://mcp.acme.example/%252e%252e/mcp?region=eu")),
        ("{token}", Some("https://mcp.acme.example/%7Btoken%7D/mcp?region=eu")),
        ("..", None),
        (".", None),
        ("a\nb", None),
        ("", None),
    ] {
        let found = remote.request(&values(&[("tenant", value), ("token", "t")]));
        let found = found.map(|request| request.url.to_string());
        assert_eq!(found.as_deref().ok(), url, "{value:?}");
        if let Err(error) = found {
            assert_eq!(error.code(), Code::Config, "{value:?}");
        }
    }
}

#[test]
fn a_value_that_does_not_fit_is_known_before_the_others_are_there() {
    let (remote, image) = (remote(|_| ()).unwrap(), image(|_| ()).unwrap());
    remote.check(&values(&[])).unwrap();
    remote.check(&values(&[("X-Units", "imperial")])).unwrap();
    image.check(&values(&[("city", "Oslo")])).unwrap();
    for (key, value, expected) in [
        ("tenant", "..", "it would be more than a part of the address"),
        ("X-Units", "kelvin", "it is none of its choices"),
        ("X-Account", "a\r\nHost: x", "it has a control character"),
    ] {
        let error = remote.check(&values(&[(key, value)])).unwrap_err();
        let expected = format!("value for `{key}` cannot be used: {expected}");
        assert_eq!((error.to_string(), error.code()), (expected, Code::Config));
    }
    let error = image.check(&values(&[("city", "Oslo\0")])).unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
}

#[test]
fn a_value_that_does_not_fit_is_refused_and_not_shown() {
    let remote = remote(|_| ()).unwrap();
    for (more, expected) in [
        (
            ("token", "tok\r\nHost: x"),
            "value for `token` cannot be used: it has a control character",
        ),
        (("X-Units", "kelvin"), "value for `X-Units` cannot be used: it is none of its choices"),
        (("token", ""), "the server needs token (`--secret token=env:NAME`)"),
    ] {
        let mut given = values(&FILLED);
        given.extend(values(&[more]));
        let error = remote.request(&given).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code()), (expected, Code::Config));
    }
}

#[test]
fn what_a_remote_may_not_ask_for_is_refused_by_name() {
    type Edit = fn(&mut Value);
    let rows: [(Edit, Code, &str); 12] = [
        (|it| it["type"] = "sse".into(), Code::Remote, "older kind `sse` alone"),
        (|it| it["url"] = "https://{tenant}.acme.example/".into(), Code::Remote, "in its host"),
        (|it| it["url"] = "https://acme.example:{tenant}/".into(), Code::Remote, "in its host"),
        (|it| it["url"] = "https://acme.example/#x".into(), Code::Remote, "a fragment"),
        (|it| it["url"] = "https://acme.example/\\x".into(), Code::Remote, "a backslash"),
        (|it| it["url"] = "https://acme.example/}".into(), Code::Remote, "stands alone"),
        (|it| it["variables"]["tenant"]["isSecret"] = true.into(), Code::Metadata, "into logs"),
        (|it| it["headers"][2]["name"] = "Host".into(), Code::Remote, "is carried"),
        (|it| it["headers"][2]["name"] = "MCP-Session-Id".into(), Code::Remote, "is carried"),
        (|it| it["headers"][2]["name"] = "x-units".into(), Code::Remote, "there twice"),
        (|it| it["headers"][3]["name"] = "X!Account".into(), Code::Metadata, "its name"),
        (|it| it["headers"][2]["value"] = "{on}".into(), Code::Metadata, "does not declare"),
    ];
    for (edit, code, expected) in rows {
        let error = remote(edit).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let said = format!("{error}: {}", cause.unwrap_or_default());
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(error.code(), code, "{said}");
    }
}

#[test]
fn the_same_setting_in_two_places_is_one_and_only_in_the_same_words() {
    let secret = json!({ "token": { "isSecret": true } });
    let twice = |variables: Value| {
        remote(|it| {
            it["headers"][2] = json!({
                "name": "X-Trace", "value": "{token}", "isRequired": true, "variables": variables,
            });
        })
    };
    let request = twice(secret).unwrap().request(&values(&FILLED)).unwrap();
    assert!(request.headers.contains(&("X-Trace".to_owned(), "tok-123".to_owned())));
    // A secret in one place is none in the other, where it would be kept in the lock.
    let error = twice(json!({ "token": {} })).unwrap_err();
    assert_eq!(error.code(), Code::Metadata);
}

#[test]
fn an_image_is_started_with_what_was_signed_and_what_the_user_gave() {
    let image = image(|_| ()).unwrap();
    assert!(image.settings()["API_KEY"].is_sensitive);
    let launch = image.launch(&values(&[("API_KEY", "k"), ("city", "Oslo; rm -rf /")])).unwrap();
    assert_eq!(launch.arguments, ["serve", "--units", "metric", "--city", "Oslo; rm -rf /"]);
    let environment: Vec<_> =
        launch.environment.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(environment, [("API_KEY", "k"), ("LEVEL", "info")]);
    assert!(!format!("{launch:?}").contains("\"k\""), "{launch:?}");
    let error = image.launch(&values(&[])).unwrap_err();
    assert_eq!(error.code(), Code::Config, "{error}");
}

#[test]
fn what_an_image_may_not_ask_for_is_refused() {
    type Edit = fn(&mut Value);
    let rows: [(Edit, &str); 4] = [
        // It would say which engine is asked, and as whom.
        (|it| it["environmentVariables"][1]["name"] = "DOCKER_HOST".into(), "the engine's own"),
        (|it| it["environmentVariables"][1]["name"] = "https_proxy".into(), "the engine's own"),
        (|it| it["packageArguments"][1]["isRepeated"] = true.into(), "several times"),
        (|it| it["packageArguments"][3]["variables"] = json!({}), "does not declare"),
    ];
    for (edit, expected) in rows {
        let error = image(edit).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(error.code(), Code::Metadata, "{error}");
    }
}

#[test]
fn an_image_is_taken_before_a_remote_and_nothing_is_nothing() {
    let document = json!({
        "packages": [{
            "registryType": "oci",
            "identifier": format!("ghcr.io/acme/weather@{}", Digest::of(b"manifest")),
            "transport": { "type": "stdio" },
        }],
        "remotes": [{ "type": "streamable-http", "url": "https://mcp.acme.example/" }],
    });
    assert!(matches!(read(document).unwrap().pinned(), Pinned::Image(_)));
    let error = read(json!({})).unwrap_err();
    assert!(matches!(error, ElsewhereError::Nothing), "{error}");
    assert_eq!(error.code(), Code::Metadata);
}
