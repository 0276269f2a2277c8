//! What somebody with the log's key makes up about a release.

use jiff::Timestamp;
use mcpkg_core::api::Status;
use mcpkg_core::log::{Entry, Rebuild, StatusChange};
use mcpkg_core::statement::{RebuildResult, RebuiltArtifact};
use mcpkg_core::{Digest, PackageName, Platform, TreeHasher};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Basis, LyingRegistry};
use serde_json::{Value, json};

use super::{INSTALL, RELEASE, state};
use crate::fixture::{Fixture, NAME, acme, is_index, is_release};
use crate::forgery::Forgery;

/// A registry that logs and shows a change of 1.2.0's status by Acme, or a fork of this
/// owner's.
fn careless(fixture: &Fixture, fork: Option<&str>, change: fn(&mut StatusChange)) -> LyingRegistry {
    let by = fork.map_or_else(acme, |owner| {
        let fork = Identity::github(&format!("{owner}/weather")).git_ref("refs/tags/v1.2.0");
        fork.owner_id("3").repository_id("4")
    });
    let basis = Basis::of(fixture.registry.http(), NAME);
    let statement = basis.status("1.2.0", Status::Active, Some("fine again"));
    let bundle = basis.sign(&statement, &fixture.sigstore, &by);
    let mut publisher = fixture.release(NAME, "1.2.0")["publisher"].clone();
    if let Some(owner) = fork {
        publisher["repository"] = json!(format!("https://github.com/{owner}/weather"));
        (publisher["ownerId"], publisher["repositoryId"]) = (json!("3"), json!("4"));
    }
    let publisher = serde_json::from_value(publisher).unwrap();
    let log = Forgery::of(fixture);
    let last = Entry::parse(log.leaves.last().unwrap()).unwrap();
    let mut entry = StatusChange {
        name: NAME.parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        status: Status::Active,
        reason: Some("fine again".to_owned()),
        publisher,
        evidence: Digest::of(&bundle),
        previous: log.size() - 1,
        time: last.time(),
    };
    change(&mut entry);
    showing(fixture, log, &Entry::Status(entry), &bundle, |index| {
        index["releases"][0]["status"] = json!("active");
    })
}

/// A registry that logs one more entry about 1.2.0, and shows it.
fn showing(
    fixture: &Fixture,
    mut log: Forgery,
    entry: &Entry,
    bundle: &[u8],
    line: impl Fn(&mut Value) + Send + Sync + 'static,
) -> LyingRegistry {
    let index = log.push(entry);
    let leaf: Value = serde_json::from_slice(log.leaves.last().unwrap()).unwrap();
    let said = json!({
        "entry": leaf,
        "receipt": log.receipt(index),
        "bundle": {
            "digest": Digest::of(bundle),
            "bundle": serde_json::from_slice::<Value>(bundle).unwrap(),
        },
    });
    let name: PackageName = NAME.parse().unwrap();
    let entries: Vec<u64> = (0..log.size()).collect();
    let note = log.index_of(log.tree(), &name, &entries);
    let consistency = log.consistency(1, log.size());
    LyingRegistry::start(fixture.registry.url(), move |path, answer| match path {
        path if is_index(path) => answer.edit(|it| {
            line(it);
            it["log"]["index"] = json!(note);
            it["log"]["checkpoint"] = json!(log.checkpoint());
        }),
        path if is_release(path) => answer.edit(|it| {
            if leaf["kind"] == "status" {
                it["status"] = leaf["status"].clone();
            }
            if it["statements"].is_null() {
                it["statements"] = json!([]);
            }
            it["statements"].as_array_mut().unwrap().push(said.clone());
            it["log"]["consistency"] = json!(consistency);
        }),
        _ => answer,
    })
}

#[test]
fn what_the_log_has_and_its_publisher_did_not_sign_is_refused() {
    type Change = fn(&mut StatusChange);
    let fixture = Fixture::with_weather();
    state(&fixture, |it| it.status("1.2.0", Status::Yanked, None), &acme());
    let rows: [(Option<&str>, &str, Option<&str>, Change); 5] = [
        (None, "signed by the publisher", None, |_| ()),
        (Some("E_PUBLISHER"), "a fork's restoration", Some("mallory"), |_| ()),
        (Some("E_LOG_SUBJECT"), "in another's name", None, |it| {
            it.publisher = serde_json::from_value(json!({
                "kind": "identity", "issuer": "https://x.example", "subject": "x"
            }))
            .unwrap();
        }),
        (Some("E_LOG_SUBJECT"), "another reason than was signed", None, |it| it.reason = None),
        (Some("E_LOG_SUBJECT"), "another place than was signed", None, |it| it.previous = 0),
    ];
    for (code, what, fork, change) in rows {
        let liar = careless(&fixture, fork, change);
        let outcome = fixture.developer_at(liar.url()).run(&["install", RELEASE, "--yes"]);
        assert_eq!(outcome.codes(), Vec::from_iter(code), "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(if code.is_some() { 3 } else { 0 }), "{what}\n{outcome}");
    }
}

#[test]
fn a_rebuild_that_cannot_be_verified_is_in_nobodys_way_and_counts_for_nothing() {
    let fixture = Fixture::with_weather();
    let release = fixture.release(NAME, "1.2.0");
    let tree = serde_json::from_value(release["artifacts"][0]["tree"].clone()).unwrap();
    let artifact = RebuiltArtifact { platform: Platform::Any, published: tree, built: tree };
    let basis = Basis::of(fixture.registry.http(), NAME);
    let statement = basis.rebuild("1.2.0", vec![artifact]);
    let anna = Identity::github("anna/rebuilds").repository_id("7");
    let publisher = json!({
        "kind": "identity", "issuer": "https://x.example", "subject": "whom the entry names"
    });
    let stranger = TestSigstore::start();
    let by_anna = basis.sign(&statement, &fixture.sigstore, &anna);
    let by_stranger = basis.sign(&statement, &stranger, &anna);
    // Signed by whom the entry names, about files that somebody else was shown.
    let other = TreeHasher::default().finish();
    let other = RebuiltArtifact { platform: Platform::Any, published: other, built: other };
    let of_others = basis.sign(&basis.rebuild("1.2.0", vec![other]), &fixture.sigstore, &anna);
    let mut herself = release["publisher"].clone();
    (herself["repository"], herself["repositoryId"]) =
        (json!("https://github.com/anna/rebuilds"), json!("7"));
    herself["gitRef"] = json!("refs/heads/main");
    for (what, bundle, publisher) in [
        ("in another's name", by_anna, &publisher),
        ("of another Sigstore", by_stranger, &publisher),
        ("of other files", of_others, &herself),
    ] {
        let publisher = publisher.clone();
        let rebuild = Rebuild {
            name: NAME.parse().unwrap(),
            version: "1.2.0".parse().unwrap(),
            result: RebuildResult::Identical,
            rebuilder: serde_json::from_value(publisher.clone()).unwrap(),
            evidence: Digest::of(&bundle),
            previous: 0,
            time: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
        };
        let line = json!({ "result": "identical", "rebuilder": publisher, "entry": 1 });
        let log = Forgery::of(&fixture);
        let registry = showing(&fixture, log, &Entry::Rebuild(rebuild), &bundle, move |index| {
            index["releases"][0]["rebuilds"] = json!([line]);
        });
        let developer = fixture.developer_at(registry.url());
        developer.ok(&INSTALL);
        developer.ok(&["verify", "--offline"]);
        let info: Value =
            serde_json::from_str(&developer.ok(&["info", NAME, "--json"]).stdout).unwrap();
        assert_eq!(info["rebuilds"], json!([]), "{what}");
        assert_eq!(info["unverifiedRebuilds"][0]["entry"], 1, "{what}");
        // Who reads the whole log is told that it was made up.
        let watched = developer.run(&["log", "watch", "--once"]);
        assert_eq!(watched.code, Some(3), "{what}\n{watched}");
    }
}
