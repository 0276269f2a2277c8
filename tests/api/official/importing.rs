//! Following another registry of that API.

use std::process::Command;

use mcpkg_core::Code;
use mcpkg_test_support::{Draft, TestListing, TestRegistry};
use serde_json::{Value, json};

use super::{get, listed, meta};
use crate::{NAME, acme, release, start};

/// An entry as the other registry sends it.
pub(crate) fn entry(name: &str, version: &str, official: &Value) -> String {
    // With white space and an order of its own: it has to stay.
    let document = format!(
        "{{ \"version\": \"{version}\",\n  \"name\": \"{name}\", \"description\": \"It works\", \
         \"$schema\": \"{}\",\n  \"packages\": [ {{ \"registryType\": \"npm\", \"identifier\": \
         \"weather\", \"version\": \"{version}\", \"transport\": {{ \"type\": \"stdio\" }} }} ] }}",
        mcpkg_core::server_json::SCHEMA
    );
    entry_of(&document, official)
}

fn entry_of(document: &str, official: &Value) -> String {
    format!("{{\"server\":{document},\"_meta\":{{\"{}\":{official}}}}}", super::REGISTRY_META)
}

fn at(time: &str) -> Value {
    json!({ "status": "active", "publishedAt": time, "updatedAt": time, "isLatest": true })
}

/// `mcpkg-registry official follow`, beside the server that runs.
pub(super) fn import(
    registry: &TestRegistry,
    listing: &TestListing,
    more: &[&str],
) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("registry.toml");
    let rule = "[[namespace]]\npattern = 'com.acme/*'\n[[namespace.identities]]\n\
                issuer = 'https://sso.acme.example'\nsubject = 'release@acme.example'\n";
    std::fs::write(&config, rule).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mcpkg-registry"))
        .env_clear()
        .args(["official", "follow", "--json", "--from", listing.url(), "--config"])
        .arg(&config)
        .arg("--data")
        .arg(registry.data_dir())
        .args(more)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&output.stderr).into_owned()));
    (output.status.code(), report)
}

#[track_caller]
fn imported(registry: &TestRegistry, listing: &TestListing) -> Value {
    let (code, report) = import(registry, listing, &[]);
    assert_eq!(code, Some(0), "{report}");
    report
}

#[test]
fn what_another_registry_lists_is_listed_byte_for_byte() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let listing = TestListing::start();
    let first = entry("ai.example/one", "1.0.0", &at("2026-01-01T00:00:00.5Z"));
    let old = json!({ "status": "active", "publishedAt": "2026-01-01T00:00:00Z",
                      "updatedAt": "2026-02-01T00:00:00Z" });
    listing.says(vec![
        vec![first.clone(), entry("ai.example/Two", "v0.1", &old)],
        vec![entry("ai.example/Two", "v0.2", &at("2026-03-01T00:00:00Z"))],
    ]);
    let report = imported(&registry, &listing);
    assert_eq!((&report["new"], &report["pages"]), (&json!(3), &json!(2)), "{report}");
    assert_eq!(report["since"], "2026-03-01T00:00:00Z");
    let found = listed(&get(&registry, "/v0.1/servers"));
    let all = ["ai.example/one@1.0.0", "ai.example/Two@v0.1", "ai.example/Two@v0.2"];
    assert_eq!(found, [all.as_slice(), &[&format!("{NAME}@1.0.0")]].concat());
    let reply = registry.http().get("/v0.1/servers/ai.example%2Fone/versions/1.0.0");
    let sent = first.strip_prefix("{\"server\":").unwrap().split(",\"_meta\"").next().unwrap();
    assert!(reply.to_string().contains(sent), "{reply}");
    let latest = get(&registry, "/v0.1/servers/ai.example%2Ftwo/versions/latest");
    assert_eq!(latest["server"]["version"], "v0.2", "as the source says");
    let pointer = &latest["_meta"]["dev.mcpkg/evidence"];
    assert_eq!(*pointer, json!({ "signed": false, "source": listing.url() }));
    let reply = registry.http().get("/v1/packages/ai.example/one");
    assert_eq!(reply.outcome(), (404, Some(Code::Provenance)), "it is no package");
}

#[test]
fn changes_are_followed_from_where_the_last_run_ended() {
    let (_sigstore, registry) = start();
    let listing = TestListing::start();
    listing.says(vec![vec![
        entry("ai.example/one", "1.0.0", &at("2026-01-01T00:00:00Z")),
        entry("ai.example/one", "1.1.0", &at("2026-01-02T00:00:00Z")),
    ]]);
    imported(&registry, &listing);
    assert_eq!(listing.asked(), [("1970-01-01T00:00:00Z".to_owned(), String::new())]);
    assert_eq!(imported(&registry, &listing)["same"], 2);
    assert_eq!(listing.asked()[0].0, "2026-01-02T00:00:00Z");

    let gone = json!({ "status": "deleted", "statusMessage": "it leaks", "isLatest": true,
                       "statusChangedAt": "2026-01-03T00:00:00Z",
                       "publishedAt": "2026-01-02T00:00:00Z",
                       "updatedAt": "2026-01-03T00:00:00Z" });
    listing.says(vec![vec![entry("ai.example/one", "1.1.0", &gone)]]);
    assert_eq!(imported(&registry, &listing)["changed"], 1);
    let path = "/v0.1/servers/ai.example%2Fone/versions";
    assert_eq!(registry.http().get(&format!("{path}/1.1.0")).status, 404);
    let gone = get(&registry, &format!("{path}/1.1.0?include_deleted=true"));
    assert_eq!(
        (&meta(&gone)["status"], &meta(&gone)["statusMessage"]),
        (&json!("deleted"), &json!("it leaks"))
    );
    let latest = get(&registry, &format!("{path}/latest"));
    assert_eq!(latest["server"]["version"], "1.0.0", "the newest that is left");
}

#[test]
fn a_run_that_stops_goes_on_where_it_stopped() {
    let (_sigstore, registry) = start();
    let listing = TestListing::start();
    let page = |number: u32| {
        vec![entry(&format!("ai.example/n{number}"), "1.0.0", &at("2026-01-01T00:00:00Z"))]
    };
    listing.says((0..4).map(page).collect());
    listing.fails_at(Some(2));
    let (code, error) = import(&registry, &listing, &[]);
    assert_eq!(code, Some(1));
    assert!(error.as_str().unwrap().contains("error[E_REGISTRY]"), "{error}");
    assert_eq!(listed(&get(&registry, "/v0.1/servers")).len(), 2);
    listing.asked();
    listing.fails_at(None);
    assert_eq!(imported(&registry, &listing)["new"], 2);
    let cursors: Vec<String> = listing.asked().into_iter().map(|(_, cursor)| cursor).collect();
    assert_eq!(cursors, ["page-2", "page-3"]);
    assert_eq!(listed(&get(&registry, "/v0.1/servers")).len(), 4);
}

#[test]
fn names_of_ours_are_refused() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    registry.accept(&Draft::new("io.github.acme/x-y", "1.0.0").sign(&sigstore, &acme()));
    let listing = TestListing::start();
    let names = ["com.acme/secret", NAME, "io.github.acme/WEATHER", "io.github.acme/x_y"];
    let mut page: Vec<String> =
        names.iter().map(|name| entry(name, "9.0.0", &at("2026-01-01T00:00:00Z"))).collect();
    page.push(entry("ai.example/one", "1.0.0", &at("2026-01-01T00:00:00Z")));
    listing.says(vec![page]);
    let report = imported(&registry, &listing);
    let refused = report["refused"].as_array().unwrap();
    assert_eq!(refused.len(), names.len(), "{report}");
    for entry in refused {
        assert_eq!(entry["code"], "E_NAMESPACE_OWNER");
    }
    let found = listed(&get(&registry, "/v0.1/servers?include_deleted=true"));
    let ours = format!("{NAME}@1.0.0");
    assert_eq!(found, ["ai.example/one@1.0.0", ours.as_str(), "io.github.acme/x-y@1.0.0"]);

    let other = TestListing::start();
    other.says(vec![vec![entry("ai.example/one", "2.0.0", &at("2026-01-01T00:00:00Z"))]]);
    let report = imported(&registry, &other);
    assert_eq!(report["refused"][0]["code"], "E_NAMESPACE_OWNER", "one name, one source");
}

#[test]
fn what_is_off_is_said_and_kept_and_costs_nobody_a_page() {
    let (_sigstore, registry) = start();
    let listing = TestListing::start();
    let odd = format!(
        r#"{{"name":"ai.example/odd","version":"1.0.0","description":"{}"}}"#,
        "x".repeat(101)
    );
    let bad = r#"{"name":"ai.example/bad","version":"1.0.0","description":7,"packages":[{}]}"#;
    let nameless = r#"{"name":"nothing","version":"1.0.0","description":"x"}"#;
    let status = json!({ "status": "gone" });
    listing.says(vec![vec![
        entry_of(&odd, &at("2026-01-01T00:00:00Z")),
        entry_of(bad, &at("2026-01-01T00:00:00Z")),
        entry_of(nameless, &json!({})),
        entry("ai.example/unknown", "1.0.0", &status),
        "7".to_owned(),
    ]]);
    let report = imported(&registry, &listing);
    assert_eq!((&report["odd"], &report["withheld"]), (&json!(2), &json!(1)), "{report}");
    assert_eq!(report["setAside"].as_array().unwrap().len(), 3);
    let page = get(&registry, "/v0.1/servers");
    assert_eq!(listed(&page), ["ai.example/odd@1.0.0"]);
    let known = |name: &str| {
        let path = format!("/v0.1/x/dev.mcpkg/servers/ai.example%2F{name}/versions/1.0.0");
        get(&registry, &path)
    };
    let (odd, bad) = (known("odd"), known("bad"));
    assert_eq!((&odd["listed"], &bad["listed"]), (&json!(true), &json!(false)));
    for known in [&odd, &bad] {
        assert!(!known["oddities"].as_array().unwrap().is_empty(), "{known}");
    }
    assert_eq!(bad["server"]["description"], 7, "as it came");
    assert_eq!(imported(&registry, &listing)["same"], 2);
}

#[test]
fn what_is_no_page_is_refused() {
    let (_sigstore, registry) = start();
    let listing = TestListing::start();
    for (body, code) in [
        (vec![vec!["{".to_owned()]], "E_REGISTRY"),
        (vec![vec![format!("\"{}\"", "x".repeat(9 << 20))]], "E_LIMIT"),
    ] {
        listing.says(body);
        let (exit, error) = import(&registry, &listing, &[]);
        assert_eq!(exit, Some(1));
        assert!(error.as_str().unwrap().contains(&format!("error[{code}]")), "{error}");
    }
    for from in ["http://registry.example", "ftp://127.0.0.1/", "https://a@127.0.0.1"] {
        let (exit, error) = import(&registry, &listing, &["--from", from]);
        assert_ne!(exit, Some(0), "{from}: {error}");
    }
}

/// Real documents, where they are at hand.
#[test]
fn real_documents_are_listed_as_they_are() {
    let Some(folder) = std::env::var_os("MCPKG_CORPUS") else {
        eprintln!("skipped: MCPKG_CORPUS names no folder with folders of server.json files");
        return;
    };
    let mut documents = Vec::new();
    for folder in
        std::fs::read_dir(folder).unwrap().filter_map(|it| it.unwrap().path().read_dir().ok())
    {
        for file in folder {
            documents.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    assert!(documents.len() > 10, "{}", documents.len());
    let listing = TestListing::start();
    let official = at("2026-01-01T00:00:00Z");
    let pages = documents.chunks(25);
    listing.says(pages.map(|it| it.iter().map(|it| entry_of(it, &official)).collect()).collect());
    let (_sigstore, registry) = start();
    let report = imported(&registry, &listing);
    let set_aside = report["setAside"].as_array().unwrap().len();
    let new = usize::try_from(report["new"].as_u64().unwrap()).unwrap();
    let again = usize::try_from(report["same"].as_u64().unwrap()).unwrap();
    let changed = usize::try_from(report["changed"].as_u64().unwrap()).unwrap();
    assert_eq!(new + again + changed + set_aside, documents.len(), "none is dropped: {report}");
    let mut page = registry.http().get("/v0.1/servers?limit=100").to_string();
    while let Some((_, rest)) = page.clone().split_once("\"nextCursor\":\"") {
        let cursor = rest.split('"').next().unwrap();
        page = page.replace("nextCursor", "seen");
        page +=
            &registry.http().get(&format!("/v0.1/servers?limit=100&cursor={cursor}")).to_string();
    }
    let shown = documents.iter().filter(|it| page.contains(it.trim())).count();
    let withheld = usize::try_from(report["withheld"].as_u64().unwrap()).unwrap();
    assert!(shown + withheld + set_aside >= new, "{shown} of {new} as they are: {report}");
}
