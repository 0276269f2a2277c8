use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{Code, Coded, Digest, PackageName};

const PUBLISHED: &str = include_str!("../../../tests/vectors/server_json/published.json");
const CANONICAL: &str = include_str!("../../../tests/vectors/server_json/published.canonical.json");
const FOREIGN: &str = include_str!("../../../tests/vectors/server_json/foreign.json");

/// The published document with the value at `pointer` replaced, or removed.
fn with(pointer: &str, value: Option<Value>) -> Vec<u8> {
    let mut document: Value = serde_json::from_str(PUBLISHED).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent).unwrap(), value) {
        (Value::Object(object), Some(value)) => _ = object.insert(key, value),
        (Value::Object(object), None) => _ = object.shift_remove(&key).unwrap(),
        (Value::Array(array), Some(value)) => array[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} names nothing"),
    }
    serde_json::to_vec(&document).unwrap()
}

fn message(err: &dyn std::error::Error) -> String {
    let source = err.source().map(|source| format!(": {}", message(source)));
    format!("{err}{}", source.unwrap_or_default())
}

#[test]
fn what_we_publish_is_read_whole() {
    let server = ServerJson::read_strict(PUBLISHED.as_bytes()).unwrap();
    assert_eq!(server.name().as_str(), "io.github.acme/weather");
    assert_eq!(server.version().to_string(), "1.2.3");
    assert_eq!(server.title(), Some("Acme Weather – Wetter für Zürich"));
    assert_eq!(server.website_url(), Some("https://weather.acme.example/docs"));
    assert_eq!(server.repository().unwrap().id.as_deref(), Some("123456789"));
    assert_eq!(server.icons()[0].sizes, ["48x48", "any"]);
    assert_eq!(server.remotes()[0].kind, RemoteKind::StreamableHttp);
    assert!(server.remotes()[0].headers[0].input.is_secret);
    assert_eq!(server.remotes()[1].kind, RemoteKind::Sse);
    assert_eq!(
        server.permissions().describe(),
        ["connect to api.acme.example:443", "use the secret api_key"]
    );
}

#[test]
fn spaces_and_order_do_not_change_what_is_signed() {
    let server = ServerJson::read_strict(PUBLISHED.as_bytes()).unwrap();
    assert_eq!(std::str::from_utf8(server.canonical()).unwrap(), CANONICAL);
    assert_eq!(server.digest(), Digest::of(CANONICAL.as_bytes()));
    let again = ServerJson::read_strict(CANONICAL.as_bytes()).unwrap();
    assert_eq!(again.digest(), server.digest());
    let edited = with("/description", Some(json!("Forecasts")));
    assert_ne!(ServerJson::read_strict(&edited).unwrap().digest(), server.digest());
}

#[test]
fn what_we_publish_has_nothing_odd_for_others() {
    let foreign = ForeignServerJson::read_lenient(PUBLISHED.as_bytes()).unwrap();
    assert_eq!(foreign.oddities, []);
    assert_eq!(foreign.edition, Some(Edition::December11));
    assert_eq!(foreign.strict_version().unwrap().to_string(), "1.2.3");
    assert_eq!(foreign.remotes[0].headers[0].name, "Authorization");
}

#[test]
fn little_is_required() {
    let least = json!({
        "$schema": SCHEMA, "name": "a/b", "version": "0.0.0", "description": "b",
    });
    let server = ServerJson::read_strict(least.to_string().as_bytes()).unwrap();
    assert!(server.permissions().is_empty());
    assert!(server.remotes().is_empty() && server.repository().is_none());
    for (key, value) in [("packages", json!([])), ("_meta", json!({}))] {
        ServerJson::read_strict(&with(&format!("/{key}"), Some(value))).unwrap();
    }
}

/// A package that is an image.
fn image(identifier: &str) -> Value {
    json!({
        "registryType": "oci",
        "identifier": identifier,
        "transport": { "type": "stdio" },
    })
}

/// One that is pinned, with one more member.
fn image_with(key: &str, value: &Value) -> Value {
    let mut package = image(&format!("ghcr.io/acme/weather@{}", Digest::of(b"manifest")));
    package[key] = value.clone();
    package
}

#[test]
fn an_image_is_read_with_what_it_is_started_with() {
    let mut package = image_with(
        "packageArguments",
        &json!([{ "type": "named", "name": "--units", "default": "metric" }]),
    );
    package["environmentVariables"] = json!([{ "name": "API_KEY", "isSecret": true }]);
    let server = ServerJson::read_strict(&with("/packages", Some(json!([package])))).unwrap();
    let [image] = server.images() else { panic!("one image") };
    assert_eq!(image.reference.digest(), Digest::of(b"manifest"));
    assert_eq!(image.arguments[0].kind, ArgumentKind::Named("--units".into()));
    assert_eq!(image.environment[0].0.as_str(), "API_KEY");
    assert!(image.environment[0].1.is_secret);
}

/// The place of the publisher's part in `_meta`, as a JSON pointer.
const PROVIDED: &str = "/_meta/io.modelcontextprotocol.registry~1publisher-provided";

#[test]
#[expect(clippy::too_many_lines, reason = "one row is one fact")]
fn what_breaks_a_rule_is_refused_by_name() {
    let provided = |rest: &str| format!("{PROVIDED}{rest}");
    for (pointer, value, code, expected) in [
        (
            "/$schema",
            Some(json!(SCHEMA.replace("12-11", "10-17"))),
            Code::Metadata,
            "server.json has $schema `https://static.modelcontextprotocol.io/schemas/2025-10-17/server.schema.json`, expected `https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json`",
        ),
        (
            "/$schema",
            None,
            Code::Metadata,
            "server.json has $schema ``, expected `https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json`",
        ),
        (
            "/status",
            Some(json!("active")),
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: unknown field `status`, expected one of `$schema`, `name`, `version`, `description`, `title`, `websiteUrl`, `repository`, `icons`, `remotes`, `packages`, `_meta`",
        ),
        (
            "/name",
            Some(json!("io.github.acme/con")),
            Code::Name,
            "server.json has an unusable name: package name `io.github.acme/con` has a part that is a device name on Windows",
        ),
        (
            "/version",
            Some(json!("1.2.3+linux")),
            Code::Version,
            "server.json has an unusable version: version `1.2.3+linux` carries build metadata, which does not order releases",
        ),
        (
            "/description",
            Some(json!("")),
            Code::Metadata,
            "`description` of server.json is 0 characters long, expected 1 to 100",
        ),
        (
            "/description",
            Some(json!("ü".repeat(101))),
            Code::Metadata,
            "`description` of server.json is 101 characters long, expected 1 to 100",
        ),
        (
            "/description",
            Some(json!("line\nbreak")),
            Code::Metadata,
            "`description` of server.json hides the character \\u{a}",
        ),
        (
            "/title",
            Some(json!("exe\u{202e}gnp")),
            Code::Metadata,
            "`title` of server.json hides the character \\u{202e}",
        ),
        (
            "/title",
            Some(Value::Null),
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: invalid type: null, expected a value, or no key at all",
        ),
        (
            "/packages",
            Some(json!([{ "registryType": "npm" }])),
            Code::Metadata,
            "server.json lists a package of the type `npm`, expected `oci` alone",
        ),
        (
            "/packages",
            Some(json!([image("ghcr.io/acme/weather:1.2.3")])),
            Code::Image,
            "`packages/0` of server.json is no image that can be pinned: `ghcr.io/acme/weather:1.2.3` names no digest, so it may be another image tomorrow",
        ),
        (
            "/packages",
            Some(json!([image_with("runtimeArguments", &json!([]))])),
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: unknown field `runtimeArguments`, expected one of `registryType`, `identifier`, `transport`, `packageArguments`, `environmentVariables`",
        ),
        (
            "/packages",
            Some(json!([image_with("transport", &json!({ "type": "sse" }))])),
            Code::Metadata,
            "`packages/0/transport` of server.json is not `stdio`",
        ),
        (
            "/packages",
            Some(json!([image_with(
                "packageArguments",
                &json!([
                    { "type": "positional", "valueHint": "token", "isSecret": true }
                ])
            )])),
            Code::Metadata,
            "`packages/0/packageArguments/0` of server.json would show a secret to every program on the machine",
        ),
        (
            "/packages",
            Some(json!([image_with("environmentVariables", &json!([{ "name": "LD_PRELOAD" }]))])),
            Code::Metadata,
            "`packages/0/environmentVariables/0` of server.json is not a variable that a server may be given",
        ),
        (
            "/websiteUrl",
            Some(json!("javascript:alert(1)")),
            Code::Metadata,
            "`websiteUrl` of server.json is a URL without a host",
        ),
        (
            "/websiteUrl",
            Some(json!("https://me:pass@example.com/")),
            Code::Metadata,
            "`websiteUrl` of server.json carries credentials",
        ),
        (
            "/websiteUrl",
            Some(json!("https://exam\tple.com/")),
            Code::Metadata,
            "`websiteUrl` of server.json has a space or a character that cannot be seen",
        ),
        (
            "/repository",
            Some(json!(["https://github.com/acme/weather", "github"])),
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: invalid type: sequence, expected an object",
        ),
        (
            "/repository/source",
            None,
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: missing field `source`",
        ),
        (
            "/repository/subfolder",
            Some(json!("../other")),
            Code::Metadata,
            "`repository/subfolder` of server.json is not a clean relative path",
        ),
        (
            "/icons/0/src",
            Some(json!("http://acme.example/icon.png")),
            Code::Metadata,
            "`icons/0` of server.json is not an https URL",
        ),
        (
            "/icons/0/mimeType",
            Some(json!("text/html")),
            Code::Metadata,
            "`icons/0` of server.json has a media type that is no image's",
        ),
        (
            "/remotes/1/type",
            Some(json!("stdio")),
            Code::Metadata,
            "server.json does not follow schema 2025-12-11: unknown variant `stdio`, expected `streamable-http` or `sse`",
        ),
        (
            "/remotes/1/url",
            Some(json!("http://acme.example/sse")),
            Code::Metadata,
            "`remotes/1/url` of server.json is not an https URL",
        ),
        (
            "/remotes/0/headers/0/name",
            Some(json!("X-A\r\nHost")),
            Code::Metadata,
            "`remotes/0/headers/0` of server.json is not the name of an HTTP header",
        ),
        (
            "/remotes/0/headers/0/value",
            Some(json!("Bearer tok-123")),
            Code::Metadata,
            "`remotes/0/headers/0` of server.json gives the value of a secret to everybody",
        ),
        (
            "/_meta/io.modelcontextprotocol.registry~1official",
            Some(json!({ "status": "active" })),
            Code::Metadata,
            "server.json has the key `io.modelcontextprotocol.registry/official` in `_meta`, which publishers do not fill",
        ),
        (
            PROVIDED,
            Some(json!([])),
            Code::Metadata,
            "`_meta` of server.json has a publisher part that is not an object",
        ),
        (
            &provided("/padding"),
            Some(json!("x".repeat(4096))),
            Code::Metadata,
            "publisher metadata is 4248 bytes long, expected at most 4096",
        ),
        (
            &provided("/mcpkg/permisions"),
            Some(json!({})),
            Code::Metadata,
            "the `mcpkg` extension of server.json is malformed: unknown field `permisions`, expected `permissions` or `surface`",
        ),
        (
            &provided("/mcpkg/surface"),
            Some(json!([{ "tools": {} }])),
            Code::Metadata,
            "the `mcpkg` extension of server.json is malformed: missing field `protocols`",
        ),
        (
            &provided("/mcpkg/permissions/network"),
            Some(json!({ "allow": ["*:443"] })),
            Code::Metadata,
            "the `mcpkg` extension of server.json is malformed: `*:443` is not a host and port to grant: it grants every host",
        ),
        (
            &provided("/mcpkg/permissions"),
            Some(json!([{ "read": ["/etc"] }])),
            Code::Metadata,
            "the `mcpkg` extension of server.json is malformed: invalid type: sequence, expected an object",
        ),
    ] {
        let err = ServerJson::read_strict(&with(pointer, value)).unwrap_err();
        assert_eq!(message(&err), expected, "{pointer}");
        assert_eq!(err.code(), code, "{pointer}");
    }
}

#[test]
fn two_documents_in_one_text_are_refused() {
    let twice = PUBLISHED.replacen("\"title\"", "\"version\": \"9.9.9\", \"title\"", 1);
    let err = ServerJson::read_strict(twice.as_bytes()).unwrap_err();
    assert_eq!(err.code(), Code::Metadata);
    assert_eq!(
        message(&err),
        "could not read server.json: JSON object has the key `version` twice"
    );
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let err = ServerJson::read_strict(deep.as_bytes()).unwrap_err();
    assert_eq!(
        message(&err),
        "could not read server.json: JSON document is nested more than 64 deep"
    );
    assert!(matches!(ServerJson::read_strict(b"[]"), Err(ServerJsonError::NotAnObject)));
}

#[test]
fn a_remote_is_https_or_this_machine() {
    let fine = None;
    let undeclared = Some("names a variable that `variables` does not declare");
    let plain = Some("is not an https URL");
    for (url, reason) in [
        ("https://a.example/{x}", fine),
        ("https://{x}.a.example:{x}/mcp", fine),
        ("http://127.0.0.1:3000/mcp", fine),
        ("http://[::1]/mcp", fine),
        ("http://localhost:{x}/mcp", plain),
        ("http://127.0.0.{x}/mcp", plain),
        ("http://localhost.evil.example/", plain),
        ("http://127.0.0.1.evil.example/", plain),
        ("HTTPS://a.example/", plain),
        ("{x}://a.example/", Some("is not a URL")),
        ("https://{y}.example/", undeclared),
        ("https://a.example/{", Some("has an opening brace without a closing one")),
        ("https://x@a.example/", Some("carries credentials")),
        ("https://", Some("is not a URL")),
        ("ftp://a.example/", plain),
        ("https://a.example/ b", Some("has a space or a character that cannot be seen")),
    ] {
        assert_eq!(link::check_remote(url, |name| name == "x").err(), reason, "{url}");
    }
}

#[derive(Deserialize)]
struct ForeignCase {
    case: String,
    document: Value,
    oddities: Vec<String>,
}

#[test]
fn foreign_documents_are_read_and_what_is_off_is_said() {
    let cases: Vec<ForeignCase> = serde_json::from_str(FOREIGN).unwrap();
    assert!(cases.len() > 25);
    for ForeignCase { case, document, oddities } in cases {
        let bytes = serde_json::to_vec(&document).unwrap();
        let server = ForeignServerJson::read_lenient(&bytes).unwrap();
        let found: Vec<_> = server.oddities.iter().map(ToString::to_string).collect();
        assert_eq!(found, oddities, "{case}");
        assert_eq!(server.value, document, "{case}: kept as it was");
    }
}

#[test]
fn old_and_new_spellings_have_one_meaning() {
    let cases: Vec<ForeignCase> = serde_json::from_str(FOREIGN).unwrap();
    let read = |name: &str| {
        let case = cases.iter().find(|case| case.case == name).unwrap();
        ForeignServerJson::read_lenient(case.document.to_string().as_bytes()).unwrap()
    };
    let july = read("the first edition has snake case");
    let september = read("snake case after July");
    assert_eq!(july.edition, Some(Edition::July9));
    assert_eq!(july.packages, september.packages);
    assert_eq!(july.website_url, september.website_url);

    let [package] = july.packages.as_slice() else { panic!("one package") };
    assert_eq!(package.registry_type, "pypi");
    assert_eq!(package.runtime_hint.as_deref(), Some("uvx"));
    assert_eq!(package.transport, Some(Transport::Stdio));
    assert_eq!(package.environment_variables[0].name, "ECHO_KEY");
    assert!(package.environment_variables[0].input.is_secret);
    assert!(package.environment_variables[0].input.is_required);
    assert_eq!(package.package_arguments[0].kind, ArgumentKind::Positional(Some("file".into())));
    assert!(package.package_arguments[0].is_repeated);

    let odd = read("a version need not be semantic");
    assert_eq!((odd.version.as_deref(), odd.strict_version()), (Some("v0.1.0"), None));
    assert!(read("an empty repository").repository.is_none());
    assert_eq!(read("an empty identifier and version").packages.len(), 1);
}

#[test]
fn without_a_name_nothing_can_be_said() {
    let read = |text: &str| ForeignServerJson::read_lenient(text.as_bytes()).unwrap_err();
    assert!(matches!(read("{}"), ServerJsonError::NoName));
    assert!(matches!(read(r#"{"name":7}"#), ServerJsonError::NoName));
    assert!(matches!(read(r#"{"name":"a/.."}"#), ServerJsonError::Name(_)));
    assert!(matches!(read(r#"{"name":"a/b","name":"a/c"}"#), ServerJsonError::Json(_)));
    assert!(matches!(read("[]"), ServerJsonError::NotAnObject));
    let bare = ForeignServerJson::read_lenient(br#"{"name":"a/b"}"#).unwrap();
    assert_eq!(bare.name, "a/b".parse::<PackageName>().unwrap());
    assert_eq!(bare.oddities.len(), 3);
}
