//! What is listed, and in which form.

use mcpkg_core::Code;
use mcpkg_core::api::{ReleaseDocument, Status};
use mcpkg_core::server_json::ServerJson;
use mcpkg_registry_server::NamedRegistry;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Basis, Draft, Setup, TestRegistry};
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, listed, meta, title};
use crate::{NAME, acme, release, start};

/// A registry with three packages, one of them in three versions.
fn filled() -> (TestSigstore, TestRegistry) {
    let (sigstore, registry) = start();
    for (name, version) in [
        (NAME, "1.2.0"),
        (NAME, "1.10.0"),
        (NAME, "2.0.0-rc.1"),
        ("io.github.acme/News", "1.0.0"),
        ("io.github.acme/storm_warnings", "0.1.0"),
    ] {
        registry.accept(&Draft::new(name, version).sign(&sigstore, &acme()));
    }
    (sigstore, registry)
}

const ALL: [&str; 5] = [
    "io.github.acme/News@1.0.0",
    "io.github.acme/storm_warnings@0.1.0",
    "io.github.acme/weather@1.10.0",
    "io.github.acme/weather@1.2.0",
    "io.github.acme/weather@2.0.0-rc.1",
];

#[test]
fn a_release_is_listed_as_it_was_signed_with_the_packages_of_this_registry() {
    let sigstore = TestSigstore::start();
    let setup = Setup { public_url: Some("https://mcp.acme.example".into()), ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    let draft = Draft::new(NAME, "1.0.0").for_platforms(&["linux-x86_64", "darwin-aarch64"]);
    let submission = draft.sign(&sigstore, &acme());
    registry.accept(&submission);

    for face in ["/v0.1", "/v0"] {
        let path = format!("{face}/servers/io.github.acme%2Fweather/versions/latest");
        let mut entry = get(&registry, &path);
        let packages = entry["server"].as_object_mut().unwrap().shift_remove("packages").unwrap();
        let served = serde_json::to_vec(&entry["server"]).unwrap();
        let served = ServerJson::read_strict(&served).unwrap();
        assert_eq!(served.canonical(), submission.server_json, "as it was signed");

        let packages = packages.as_array().unwrap();
        assert_eq!(packages.len(), 2, "one for each artifact");
        for package in packages {
            let digest = package["fileSha256"].as_str().unwrap();
            assert!((0..2).any(|index| submission.artifact(index).to_hex() == digest));
            let expected = json!({
                "registryType": "mcpb",
                "identifier": format!("https://mcp.acme.example/v1/blobs/sha256:{digest}"),
                "fileSha256": digest,
                "transport": { "type": "stdio" },
            });
            assert_eq!(*package, expected);
            let bytes = registry.http().get(&format!("/v1/blobs/sha256:{digest}")).body;
            assert_eq!(mcpkg_core::Digest::of(&bytes).to_hex(), digest);
        }
        assert_eq!(meta(&entry)["status"], "active");
        assert_eq!(meta(&entry)["isLatest"], true);
        for time in ["publishedAt", "updatedAt", "statusChangedAt"] {
            let time = meta(&entry)[time].as_str().unwrap();
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
    }
}

#[test]
fn an_entry_points_to_its_evidence() {
    let (sigstore, registry) = start();
    let submission = release(&sigstore, "1.0.0");
    registry.accept(&submission);
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions/1.0.0";
    let pointer = get(&registry, path)["_meta"]["dev.mcpkg/evidence"].clone();
    let digest = mcpkg_core::Digest::of(&submission.server_json);
    assert_eq!(pointer, json!({ "signed": true, "metadata": digest, "entry": 0 }));
    let path = "/v0.1/x/dev.mcpkg/servers/io.github.acme%2Fweather/versions/1.0.0";
    let there: ReleaseDocument = registry.http().get(path).json();
    assert_eq!(there.metadata, digest);
    assert_eq!(there.evidence[0].bundle.get().as_bytes(), submission.bundles[0]);
}

#[test]
fn pages_are_in_order_and_go_on_where_they_ended() {
    let (_sigstore, registry) = filled();
    assert_eq!(listed(&get(&registry, "/v0.1/servers")), ALL);
    for filter in ["", "&version=latest", "&search=ACME%2Fw", "&search=weather&version=1.2.0"] {
        let whole = listed(&get(&registry, &format!("/v0.1/servers?limit=100{filter}")));
        assert!(!whole.is_empty(), "{filter}");
        let mut page = get(&registry, &format!("/v0.1/servers?limit=1{filter}"));
        let mut paged = listed(&page);
        while let Some(cursor) = page["metadata"]["nextCursor"].as_str() {
            assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            // Without the filter, as VS Code goes on.
            let next = format!("/v0.1/servers?limit=1&cursor={cursor}");
            page = get(&registry, &next);
            paged.extend(listed(&page));
        }
        assert_eq!(paged, whole, "{filter}");
    }
}

#[test]
fn a_list_can_be_narrowed() {
    let (_sigstore, registry) = filled();
    for (query, expected) in [
        ("search=weather", &ALL[2..]),
        ("search=WEATH", &ALL[2..]),
        ("search=w", &ALL),
        ("search=ea", &ALL[2..]),
        ("search=GS", &ALL[1..2]),
        ("search=io", &ALL),
        ("search=_", &ALL[1..2]),
        ("search=zz", &[]),
        ("search=%C3%BC", &[]),
        ("search=m_w", &ALL[1..2]),
        ("search=acme", &ALL),
        ("search=%22", &[]),
        ("search=weather%2A", &[]),
        ("version=1.0.0", &ALL[..1]),
        ("version=latest", &[ALL[0], ALL[1], ALL[2]]),
        ("version=latest&search=weather", &ALL[2..3]),
        ("unknown=1&search=", &ALL),
        ("updated_since=2001-01-01T00:00:00Z", &[ALL[3], ALL[2], ALL[4], ALL[0], ALL[1]]),
        ("updated_since=2999-01-01T00:00:00Z", &[]),
    ] {
        let found = listed(&get(&registry, &format!("/v0.1/servers?{query}")));
        assert_eq!(found, expected, "{query}");
    }
    let cursor = get(&registry, "/v0.1/servers?limit=1&search=weather");
    let cursor = cursor["metadata"]["nextCursor"].as_str().unwrap();
    for query in [
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "cursor=x".to_owned(),
        "limit=1&limit=2".to_owned(),
        "updated_since=yesterday".to_owned(),
        "updated_since=2001-01-01T00:00:00Z&include_deleted=false".to_owned(),
        format!("search=news&cursor={cursor}"),
        format!("version=latest&cursor={cursor}"),
    ] {
        let reply = registry.http().get(&format!("/v0.1/servers?{query}"));
        assert_eq!(reply.outcome(), (400, Some(Code::Request)), "{query}");
    }
}

#[test]
fn the_versions_of_a_server_are_listed_the_newest_first() {
    let (_sigstore, registry) = filled();
    let path = "/v0.1/servers/io.github.Acme%2FWEATHER/versions";
    assert_eq!(listed(&get(&registry, path)), [ALL[4], ALL[2], ALL[3]]);
    let latest = get(&registry, &format!("{path}/latest"));
    assert_eq!(title(&latest), ALL[2], "a pre-release is not the newest");
    for (path, code) in [
        ("/v0.1/servers/io.github.acme%2Fnothing/versions", Code::NotFound),
        ("/v0.1/servers/io.github.acme%2Fnothing/versions/latest", Code::NotFound),
        ("/v0.1/servers/io.github.acme%2Fweather/versions/3.0.0", Code::NotFound),
        ("/v0.1/servers/io.github.acme/weather/versions", Code::NotFound),
        ("/v0.1/x/dev.mcpkg/servers/io.github.acme%2Fweather/versions/3.0.0", Code::NotFound),
    ] {
        let reply = registry.http().get(path);
        assert_eq!(reply.outcome(), (404, Some(code)), "{path}");
        let problem: Value = reply.json();
        assert_eq!(problem["error"], problem["detail"], "for both kinds of client");
    }
    let malformed = registry.http().get("/v0.1/servers/weather/versions");
    assert_eq!(malformed.outcome(), (400, Some(Code::Name)));
}

#[test]
fn a_yanked_release_is_deleted_and_a_deprecated_one_says_why() {
    let (sigstore, registry) = filled();
    let state = |version: &str, status: Status, reason: &str| {
        let basis = Basis::of(registry.http(), NAME);
        let statement = basis.status(version, status, Some(reason));
        let bundle = basis.sign(&statement, &sigstore, &acme());
        let reply = registry.http().post("/v1/statements", bundle).unwrap();
        assert_eq!(reply.status, 201, "{reply}");
    };
    state("1.10.0", Status::Yanked, "it \"forecasts\" rain everywhere");
    state("1.2.0", Status::Deprecated, "2.0 is coming");
    assert_eq!(listed(&get(&registry, "/v0.1/servers?search=weather")), [ALL[3], ALL[4]]);
    let all = "/v0.1/servers?search=weather&include_deleted=true";
    assert_eq!(listed(&get(&registry, all)), ALL[2..]);

    let path = "/v0.1/servers/io.github.acme%2Fweather/versions";
    let latest = get(&registry, &format!("{path}/latest"));
    assert_eq!(title(&latest), ALL[3], "the newest that is left");
    assert_eq!(meta(&latest)["status"], "deprecated");
    assert_eq!(meta(&latest)["statusMessage"], "2.0 is coming");
    assert_eq!(registry.http().get(&format!("{path}/1.10.0")).status, 404);
    let gone = get(&registry, &format!("{path}/1.10.0?include_deleted=true"));
    assert_eq!(meta(&gone)["status"], "deleted");
    assert_eq!(meta(&gone)["statusMessage"], "it \"forecasts\" rain everywhere");
    assert_eq!(meta(&gone)["isLatest"], false);
    // Whoever follows changes hears of it.
    let since = meta(&gone)["updatedAt"].as_str().unwrap();
    let changed = get(&registry, &format!("/v0.1/servers?updated_since={since}"));
    assert!(listed(&changed).contains(&ALL[2].to_owned()));
}

#[test]
fn pages_of_other_origins_may_read_it() {
    let (_sigstore, registry) = filled();
    for (method, path, status) in [
        (Method::GET, "/v0.1/servers", 200),
        (Method::GET, "/v0/servers?limit=0", 400),
        (Method::GET, "/v0.1/nothing", 404),
        (Method::OPTIONS, "/v0.1/servers", 204),
        (Method::OPTIONS, "/v0/servers/io.github.acme%2Fweather/versions/latest", 204),
    ] {
        let reply = registry.http().request(method.clone(), path, &[]).unwrap();
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{method} {path}");
        if method == Method::OPTIONS {
            assert_eq!(reply.header("access-control-allow-methods"), "GET, OPTIONS");
            let headers = "Authorization, Content-Type";
            assert_eq!(reply.header("access-control-allow-headers"), headers);
        }
    }
    let ours = registry.http().get("/v1/search");
    assert_eq!(ours.header("access-control-allow-origin"), "");
}

#[test]
fn the_service_says_that_it_is_there() {
    let (_sigstore, registry) = start();
    for face in ["/v0.1", "/v0"] {
        assert_eq!(get(&registry, &format!("{face}/ping")), json!({ "pong": true }));
        assert_eq!(get(&registry, &format!("{face}/health")), json!({ "status": "ok" }));
        let version = get(&registry, &format!("{face}/version"));
        assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn a_named_registry_has_what_is_in_it_and_nothing_else_is_there() {
    let named = |name: &str, packages: &[&str], anonymous| NamedRegistry {
        name: name.into(),
        packages: packages.iter().map(|it| it.parse().unwrap()).collect(),
        sources: None,
        anonymous,
    };
    let registries = vec![
        named("team", &["com.acme/*", "io.github.acme/*"], true),
        named("others", &["io.github.acme.x/*"], true),
        named("closed", &["*"], false),
    ];
    let sigstore = TestSigstore::start();
    let setup = Setup { registries, ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    registry.accept(&release(&sigstore, "1.0.0"));
    let weather = "io.github.acme/weather@1.0.0";
    let one = "servers/io.github.acme%2Fweather/versions/1.0.0";
    for face in ["v0.1", "v0"] {
        let servers = get(&registry, &format!("/registry/team/{face}/servers"));
        assert_eq!(listed(&servers), [weather]);
        let there = get(&registry, &format!("/registry/team/{face}/{one}"));
        assert_eq!(title(&there), weather);
        assert!(listed(&get(&registry, &format!("/registry/others/{face}/servers"))).is_empty());
        for path in [
            format!("/registry/others/{face}/{one}"),
            format!("/registry/others/{face}/x/dev.mcpkg/{one}"),
            format!("/registry/closed/{face}/servers"),
            format!("/registry/nobodys/{face}/servers"),
            format!("/registry/team/{face}/ping"),
        ] {
            let reply = registry.http().get(&path);
            assert_eq!(reply.outcome(), (404, Some(Code::NotFound)), "{path}");
        }
        let closed = registry.http().get(&format!("/registry/closed/{face}/servers"));
        let nobodys = registry.http().get(&format!("/registry/nobodys/{face}/servers"));
        assert_eq!(closed.body, nobodys.body, "not even that it is there");
    }
}
