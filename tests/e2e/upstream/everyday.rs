//! `outdated` and `update`, of what came from npm.

use mcpkg_test_support::World;
use mcpkg_test_support::sigstore::Identity;
use serde_json::{Value, json};

use super::{NAME, RELEASE, Upstream};
use crate::fixture::acme;

/// The package's own document at its registry.
const DOCUMENT: &str = "/@acme/weather";

/// Acme's workflow, as it released a later version.
pub(super) fn acme_at(version: &str) -> Identity {
    acme().git_ref(&format!("refs/tags/v{version}"))
}

fn fresh(version: &str) -> String {
    format!("npm:@acme/weather@{version}")
}

/// What is locked of the server.
pub(super) fn locked(world: &World) -> Value {
    let list: Value = serde_json::from_str(&world.ok(&["list", "--json"]).stdout).unwrap();
    let all = list.as_array().unwrap();
    all.iter().find(|it| it["server"]["name"] == NAME).unwrap()["server"].clone()
}

/// The first server of `outdated` or `update`, as data.
fn first(stdout: &str) -> Value {
    let data: Value =
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    data["servers"][0].clone()
}

fn installed(upstream: &Upstream, wanted: &str) -> World {
    let developer = upstream.developer();
    let args = ["install", wanted, "--yes", "--unconfined", "--accept-fresh", RELEASE];
    developer.ok(&[args.as_slice(), &["--grant-network", "a.example.com:443"]].concat());
    developer
}

#[test]
fn an_update_of_a_package_shows_what_changes_and_grants_nothing_more() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = installed(&upstream, "npm:@acme/weather");
    developer.ok(&["outdated"]);
    let outcome = developer.ok(&["update"]);
    assert!(outcome.stderr.contains("Up to date"), "{outcome}");
    let settings = developer.read(".claude.json");

    upstream.clouds("2.1.0", "sunny");
    upstream.ecosystem.npm(&json!({ "name": "wind", "version": "1.0.0" }), &[("index.js", "")]);
    let sha512 = upstream.publish("1.3.0", &json!({ "clouds": "^2.1.0", "wind": "^1.0.0" }));
    upstream.attest_as(&acme_at("1.3.0"), "1.3.0", sha512);
    let outcome = developer.run(&["outdated", "--json"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert_eq!(first(&outcome.stdout)["allowed"], "1.3.0");

    // The registry does not say when it was uploaded; what is signed does.
    developer.refused(&["update", "--yes"], 3, &["E_TOO_FRESH"]);
    // It may be named either way.
    for name in [fresh("1.3.0"), format!("{NAME}@1.3.0")] {
        let args = ["update", "weather", "--dry-run", "--json", "--accept-fresh", name.as_str()];
        let outcome = developer.ok(&args);
        let change = &first(&outcome.stdout)["change"];
        assert_eq!((&change["from"], &change["to"]), (&json!("1.2.0"), &json!("1.3.0")));
        assert_eq!(change["dependencies"]["added"], json!(["npm:wind"]));
        assert_eq!(change["dependencies"]["changed"], json!(["npm:clouds 2.0.0 -> 2.1.0"]));
        assert_eq!(change["permissionsAdded"], json!({}));
        assert!(change.get("publisher").is_none(), "{change}");
    }
    assert_eq!(locked(&developer)["version"], "1.2.0", "a dry run changes nothing");

    // Without a terminal approval is a flag.
    let accept = fresh("1.3.0");
    let update = ["update", "--accept-fresh", accept.as_str()];
    developer.refused(&update, 2, &["E_PERMISSION"]);
    assert_eq!(locked(&developer)["version"], "1.2.0");
    let outcome = developer.ok(&[update.as_slice(), &["--yes"]].concat());
    for said in [
        "built by https://github.com/acme/weather/",
        "publisher the same as before",
        "dependencies + npm:wind",
        "dependencies ~ npm:clouds 2.0.0 -> 2.1.0",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    let server = locked(&developer);
    assert_eq!(server["version"], "1.3.0");
    assert_eq!(server["upstream"]["release"], "npm:@acme/weather@1.3.0");
    assert_eq!(server["granted"], json!({ "network": { "allow": ["a.example.com:443"] } }));
    assert_eq!(developer.read(".claude.json"), settings, "links stay as they are");
    developer.ok(&["verify"]);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    assert!(super::first_answer(&developer, request).contains("sunny"));
}

#[test]
fn what_is_passed_over_of_a_package_says_why() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = installed(&upstream, "npm:@acme/weather@^1");
    for version in ["1.3.0", "1.4.0", "1.5.0", "2.0.0", "3.0.0-rc.1"] {
        let sha512 = upstream.publish(version, &json!({ "clouds": "^2.0.0" }));
        upstream.attest_as(&acme_at(version), version, sha512);
    }
    let now = jiff::Timestamp::now().to_string();
    upstream.ecosystem.edit(DOCUMENT, |document| {
        document["dist-tags"]["latest"] = json!("1.4.0");
        document["versions"]["1.3.0"]["deprecated"] = json!("it loses rain");
        document["time"] = json!({ "1.4.0": now, "1.5.0": "2026-01-01T00:00:00.000Z" });
    });
    let outcome = developer.ok(&["outdated", "--json"]);
    let server = first(&outcome.stdout);
    assert_eq!((&server["allowed"], &server["newest"]), (&json!("1.2.0"), &json!("3.0.0-rc.1")));
    assert_eq!(server["wanted"], "^1", "what was asked for when it was installed");
    let rules: Vec<_> = server["passedOver"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["version"], it["reasons"][0]["rule"]).replace('"', ""))
        .collect();
    assert_eq!(
        rules,
        [
            "3.0.0-rc.1 preRelease",
            "2.0.0 outOfRange",
            "1.5.0 notLatest",
            "1.4.0 tooYoung",
            "1.3.0 deprecated",
        ]
    );
    // Named, what is young is taken, and what its author advises against is not.
    let accept = fresh("1.4.0");
    developer.ok(&["update", "--yes", "--accept-fresh", &accept]);
    assert_eq!(locked(&developer)["version"], "1.4.0");

    // A range that somebody wrote down counts before the one that was asked for.
    developer.file(
        ".config/mcpkg/mcpkg.toml",
        "[servers.\"org.npmjs.acme/weather\"]\nversion = \"^2\"\nfrom = \"npm:@acme/weather\"\n",
    );
    let outcome = developer.run(&["outdated", "--json"]);
    assert_eq!(first(&outcome.stdout)["allowed"], "2.0.0", "{outcome}");
    std::fs::remove_file(developer.path().join(".config/mcpkg/mcpkg.toml")).unwrap();

    // What is no longer there was withdrawn, and that is something to do.
    upstream.ecosystem.edit(DOCUMENT, |document| {
        document["versions"].as_object_mut().unwrap().remove("1.4.0");
    });
    let outcome = developer.run(&["outdated", "--json"]);
    assert_eq!(first(&outcome.stdout)["status"], "yanked", "{outcome}");
    assert_eq!(outcome.code, Some(4), "{outcome}");
    developer.refused(&["outdated", "--offline"], 1, &["E_OFFLINE"]);
}

#[test]
fn a_package_that_nobody_attests_any_more_is_refused_until_it_is_named() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = installed(&upstream, "npm:@acme/weather");
    upstream.publish("1.3.0", &json!({ "clouds": "^2.0.0" }));
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let outcome = developer.refused(&["update", "--yes"], 3, &["E_PROVENANCE_LOST"]);
    assert!(outcome.stderr.contains("--accept-unattested npm:@acme/weather@1.3.0"), "{outcome}");
    let other = ["update", "--yes", "--accept-unattested", "npm:@acme/weather@1.3.1"];
    developer.refused(&other, 3, &["E_PROVENANCE_LOST"]);
    let install = ["install", "npm:@acme/weather", "--yes", "--unconfined"];
    developer.refused(&install, 3, &["E_PROVENANCE_LOST"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);

    let accept = fresh("1.3.0");
    let outcome = developer.ok(&["update", "--yes", "--accept-unattested", &accept]);
    assert!(outcome.stderr.contains("another publisher: "), "{outcome}");
    let server = locked(&developer);
    assert_eq!(server["publisher"]["subject"], "npm:@acme/weather", "{server}");
    // From then on a workflow is somebody else, until it is named.
    let sha512 = upstream.publish("1.4.0", &json!({ "clouds": "^2.0.0" }));
    upstream.attest_as(&acme_at("1.4.0"), "1.4.0", sha512);
    let accept = fresh("1.4.0");
    let update = ["update", "--yes", "--accept-fresh", accept.as_str()];
    let outcome = developer.refused(&update, 3, &["E_IDENTITY_CHANGED"]);
    let workflow = "github.com/acme/weather#";
    assert!(outcome.stderr.contains(workflow), "{outcome}");
}

#[test]
fn another_workflow_is_accepted_by_its_whole_name_alone() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = installed(&upstream, "npm:@acme/weather");
    let moved =
        Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v1.3.0");
    let sha512 = upstream.publish("1.3.0", &json!({ "clouds": "^2.0.0" }));
    upstream.attest_as(&moved, "1.3.0", sha512);
    let accept = fresh("1.3.0");
    let update = ["update", "--yes", "--accept-fresh", accept.as_str()];
    let outcome = developer.refused(&update, 3, &["E_IDENTITY_CHANGED"]);
    assert_eq!(locked(&developer)["version"], "1.2.0");
    let words = outcome.stderr.split(|c: char| c.is_whitespace() || c == '`');
    let mut named = words.map(|word| word.trim_end_matches([',', '.', ';', ':']));
    let identity = named.find(|word| word.starts_with("github.com/acme/forecasts#")).unwrap();
    let almost = identity.replace("1002", "1001");
    developer.refused(
        &[update.as_slice(), &["--accept-publisher", &almost]].concat(),
        3,
        &["E_IDENTITY_CHANGED"],
    );
    let outcome = developer.ok(&[update.as_slice(), &["--accept-publisher", identity]].concat());
    assert!(outcome.stderr.contains("another publisher: "), "{outcome}");
    assert_eq!(locked(&developer)["version"], "1.3.0");
}

#[test]
fn a_version_that_was_replaced_is_refused() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = installed(&upstream, "npm:@acme/weather");
    // The only thing that is changed: the bytes of the same version, attested as well.
    let clouds = json!({ "clouds": "^2.0.0" });
    let sha512 = upstream.publish_saying("1.2.0", &clouds, "other words");
    upstream.attest(sha512);
    let install = ["install", "npm:@acme/weather@1.2.0", "--yes", "--unconfined"];
    let install = [install.as_slice(), &["--accept-fresh", RELEASE]].concat();
    developer.refused(&install, 3, &["E_IMMUTABLE"]);
}
