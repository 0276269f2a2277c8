//! What a source has, in the lists of the MCP registry's API, as it changes.

use mcpkg_core::Code;
use mcpkg_core::api::Status;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Basis, Draft, TestListing};
use serde_json::{Value, json};

use super::{Stage, configure};
use crate::official::withdrawn::{find, gone};
use crate::official::{listed, meta, title};
use crate::process::{Place, Process};
use crate::{NAME, acme, release};

const ONE: &str = "io.github.acme/weather@1.0.0";
const OTHER: &str = "io.github.acme/weather@1.1.0";

fn list(process: &Process, query: &str) -> Value {
    let reply = process.http.get(&format!("/v0.1/servers{query}"));
    assert_eq!(reply.status, 200, "{query}: {reply}");
    reply.json()
}

/// A mirror that has followed its source a moment ago, before it answers.
fn synced(stage: &Stage) -> Process {
    stage.sync();
    stage.place.serve()
}

#[test]
fn what_changes_at_a_source_changes_here() {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let process = synced(&stage);
    assert_eq!(listed(&list(&process, "?version=latest")), [OTHER]);
    let seen = list(&process, "?updated_since=2001-01-01T00:00:00Z");
    assert_eq!(listed(&seen), [ONE, OTHER]);
    let since = meta(&seen["servers"][1])["updatedAt"].as_str().unwrap().to_owned();
    assert!(process.terminate().success());

    let basis = Basis::of(stage.source.http(), NAME);
    let yank = basis.status("1.1.0", Status::Yanked, Some("it leaks"));
    let bundle = basis.sign(&yank, &stage.sigstore, &acme());
    assert_eq!(stage.source.http().post("/v1/statements", bundle).unwrap().status, 201);
    let process = synced(&stage);
    assert_eq!(listed(&list(&process, "")), [ONE]);
    assert_eq!(listed(&list(&process, "?version=latest")), [ONE], "the newest that is left");
    let changed = list(&process, &format!("?updated_since={since}"));
    let gone = changed["servers"].as_array().unwrap().last().unwrap();
    assert_eq!((title(gone).as_str(), &meta(gone)["status"]), (OTHER, &json!("deleted")));
    assert_eq!(meta(gone)["statusMessage"], "it leaks");
}

#[test]
fn what_is_taken_down_is_deleted_here_and_at_a_mirror_and_not_the_newest() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let source = place.serve();
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(source.http.publish(&release(&sigstore, version)).status, 201);
    }
    let far = Place::new(&sigstore);
    let key = place.log_key().verifier().to_string();
    let more = "namespaces = ['*']\nrefresh_seconds = 1";
    configure(&far, ("public", source.http.url(), &key), "online", more);
    let mirror = far.serve();
    mirror.wait_for_log("followed the source");
    assert_eq!(listed(&list(&mirror, "?version=latest")), [OTHER]);
    assert_eq!(listed(&list(&source, "?version=latest")), [OTHER]);

    place.json(&["takedown", NAME, "1.1.0", "--reason", "it was built from a stolen account"]);
    for registry in [&source, &mirror] {
        registry.wait_for_log("what was taken down has changed");
        for query in ["", "?version=latest"] {
            assert_eq!(listed(&list(registry, query)), [ONE], "{query}");
        }
        let ever = list(registry, "?updated_since=2001-01-01T00:00:00Z");
        let went_at = gone(&find(&ever, OTHER));
        // Who reads on from then learns of it, and of the one that is the newest now.
        let changed = list(registry, &format!("?updated_since={went_at}"));
        assert_eq!(gone(&find(&changed, OTHER)), went_at);
        assert_eq!(meta(&find(&changed, ONE))["isLatest"], true);
        assert_eq!(listed(&list(registry, "?include_deleted=true")), [ONE, OTHER]);
        let path = "/v0.1/servers/io.github.acme%2Fweather/versions";
        let latest: Value = registry.http.get(&format!("{path}/latest")).json();
        assert_eq!((title(&latest).as_str(), &meta(&latest)["isLatest"]), (ONE, &json!(true)));
        let gone = registry.http.get(&format!("{path}/1.1.0"));
        assert_eq!(gone.outcome(), (404, Some(Code::NotFound)));
    }
}

#[test]
fn what_a_mirror_has_never_listed_is_not_deleted_there() {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let policy = "permit (principal, action == Action::\"admit\", resource)\n\
                  when { resource.version == \"1.0.0\" };";
    std::fs::write(stage.place.folder().join("company.cedar"), policy).unwrap();
    stage.place.configure("[policy]\nfiles = ['company.cedar']\n[admission]\njudge = ['sources']");
    // Followed before any server has decided of it, which it does where it is asked for.
    let process = synced(&stage);
    assert_eq!(super::index(&process.http, "/source/public").withheld.len(), 1);
    for query in ["", "?include_deleted=true", "?updated_since=2001-01-01T00:00:00Z"] {
        assert_eq!(listed(&list(&process, query)), [ONE], "{query}");
    }
}

#[test]
fn what_nobody_has_signed_gives_way_to_a_source_that_has_the_package() {
    let stage = Stage::new();
    let storms = "io.github.acme/storms";
    let listing = TestListing::start();
    let at = json!({ "status": "active", "publishedAt": "2026-01-01T00:00:00Z" });
    let entry = |name: &str| crate::official::entry(name, "1.0.0", &at);
    listing.says(vec![vec![entry(storms), entry("io.github.acme/other")]]);
    let report = stage.place.json(&["official", "follow", "--from", listing.url()]);
    assert_eq!(report["new"], 2, "{report}");
    let process = synced(&stage);
    let path = "/v0.1/servers/io.github.acme%2Fstorms/versions";
    let before: Value = process.http.get(path).json();
    assert_eq!(before["servers"][0]["_meta"]["dev.mcpkg/evidence"]["signed"], false, "{before}");
    assert!(process.terminate().success());

    stage.source.accept(&Draft::new(storms, "1.0.0").sign(&stage.sigstore, &acme()));
    let process = synced(&stage);
    for path in [path, "/v0.1/servers?search=storms", "/v0.1/servers?search=storms&version=latest"]
    {
        let page: Value = process.http.get(path).json();
        assert_eq!(listed(&page), ["io.github.acme/storms@1.0.0"], "{path}");
        let pointer = &page["servers"][0]["_meta"]["dev.mcpkg/evidence"];
        assert_eq!((&pointer["signed"], &pointer["source"]), (&json!(true), &json!("public")));
    }
    // Whoever follows changes hears that the entry is gone, and then of the package.
    let changed = list(&process, "?updated_since=2001-01-01T00:00:00Z&search=storms");
    let changed = changed["servers"].as_array().unwrap();
    let statuses: Vec<&Value> = changed.iter().map(|it| &meta(it)["status"]).collect();
    assert_eq!(statuses, ["deleted", "active"]);
    // And it is not taken in again.
    let report = stage.place.json(&["official", "follow", "--from", listing.url()]);
    assert_eq!(report["refused"][0]["code"], "E_NAMESPACE_OWNER", "{report}");
}

#[test]
fn what_a_source_offers_and_is_not_its_own_is_not_listed() {
    let stage = Stage::new();
    let place = Place::new(&stage.sigstore);
    let key = stage.key().to_string();
    let source = ("public", stage.source.url(), key.as_str());
    configure(&place, source, "fallback", "namespaces = ['com.other/*']");
    place.json(&["mirror", "sync"]);
    let process = place.serve();
    assert_eq!(listed(&list(&process, "?include_deleted=true")), Vec::<String>::new());
    assert!(process.terminate().success());

    // Nor what was from there while the configuration said so.
    let process = synced(&stage);
    assert_eq!(listed(&list(&process, "")), [ONE]);
    assert!(process.terminate().success());
    stage.place.configure(
        "[[namespace]]\npattern = 'io.github.acme/*'\n[[namespace.identities]]\n\
         issuer = 'https://sso.acme.example'\nsubject = 'release@acme.example'",
    );
    let process = stage.place.serve();
    assert_eq!(listed(&list(&process, "")), Vec::<String>::new());
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions/1.0.0";
    assert_eq!(process.http.get(path).outcome(), (404, Some(Code::NotFound)));
}
