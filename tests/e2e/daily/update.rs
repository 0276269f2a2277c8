//! `outdated` and `update`.

use mcpkg_core::api::Status;
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Basis, Draft, Setup};
use serde_json::json;

use super::{asking, data, installed, network, publish};
use crate::fixture::{Fixture, NAME, acme};

#[test]
fn what_is_outdated_is_said_with_what_was_passed_over() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let outcome = developer.ok(&["outdated"]);
    assert!(
        outcome.stdout.contains("io.github.acme/weather (user)  1.2.0      1.2.0"),
        "{outcome}"
    );

    for version in ["1.3.0", "2.0.0", "3.0.0-rc.1"] {
        publish(&fixture, &Draft::new(NAME, version));
    }
    let basis = Basis::of(fixture.registry.http(), NAME);
    let yank = basis.status("2.0.0", Status::Yanked, Some("it loses rain"));
    let bundle = basis.sign(&yank, &fixture.sigstore, &acme());
    assert_eq!(fixture.registry.http().post("/v1/statements", bundle).unwrap().status, 201);

    let outcome = developer.run(&["outdated", "--json"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    let server = &data(&outcome.stdout)["servers"][0];
    assert_eq!(server["installed"], "1.2.0");
    assert_eq!(server["allowed"], "1.3.0");
    assert_eq!(server["newest"], "3.0.0-rc.1");
    let passed = json!([
        { "version": "3.0.0-rc.1", "reasons": [{ "rule": "preRelease" }] },
        { "version": "2.0.0", "reasons": [{ "rule": "yanked" }] },
    ]);
    assert_eq!(server["passedOver"], passed);

    // The project's own range.
    developer
        .file(".config/mcpkg/mcpkg.toml", "[servers]\n\"io.github.acme/weather\" = \"~1.2\"\n");
    let outcome = developer.ok(&["outdated"]);
    assert!(outcome.stdout.contains("1.3.0 is not in the range of mcpkg.toml"), "{outcome}");
}

#[test]
fn an_update_shows_what_changes_and_keeps_links_and_settings() {
    let fixture = Fixture::empty();
    let mut old = Draft::new(NAME, "1.2.0");
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let flatmap = "server/node_modules/flatmap/package.json";
    old.artifacts[0].files.push(file(flatmap, r#"{"version":"0.1.0"}"#));
    old.artifacts[0].files.push(file("server/old.js", "1"));
    old.artifacts[0].manifest["user_config"] =
        json!({ "units": { "type": "string", "title": "Units" } });
    publish(&fixture, &old);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes", "--set", "units=metric"]);
    let settings = developer.read(".claude.json");

    let mut new = Draft::new(NAME, "1.3.0");
    new.artifacts[0].files.push(file("server/new.js", "1"));
    new.artifacts[0].files.push(file(flatmap, r#"{"version":"0.1.1"}"#));
    let event = "server/node_modules/event/package.json";
    new.artifacts[0].files.push(file(event, r#"{"version":"1.0.0"}"#));
    new.artifacts[0].files.sort();
    new.artifacts[0].manifest["user_config"] = json!({
        "units": { "type": "string", "title": "Units" },
        "api_key": { "type": "string", "title": "Key", "sensitive": true, "required": true },
    });
    new.artifacts[0].manifest["tools"] = json!([{ "name": "forecast", "description": "Rain?" }]);
    publish(&fixture, &new);

    let before = developer.files();
    let outcome = developer.ok(&["update", "weather", "--dry-run", "--json"]);
    let change = &data(&outcome.stdout)["servers"][0]["change"];
    assert_eq!((&change["from"], &change["to"]), (&json!("1.2.0"), &json!("1.3.0")));
    assert_eq!(change["settings"]["added"], json!(["api_key"]));
    assert_eq!(change["tools"]["added"], json!(["forecast"]));
    assert_eq!(change["files"]["added"], json!(["server/new.js", event]));
    assert_eq!(change["files"]["removed"], json!(["server/old.js"]));
    assert_eq!(change["dependencies"]["added"], json!(["npm:event"]));
    assert_eq!(change["dependencies"]["changed"], json!(["npm:flatmap 0.1.0 -> 0.1.1"]));
    assert_eq!(installed(&developer), "1.2.0");
    let is_state = |path: &String| path.starts_with(".local/state/");
    let after: Vec<_> = developer.files().into_iter().filter(|it| !is_state(it)).collect();
    let before: Vec<_> = before.into_iter().filter(|it| !is_state(it)).collect();
    assert_eq!(after, before, "a dry run leaves nothing");

    // Without a terminal approval is a flag.
    developer.refused(&["update"], 2, &["E_PERMISSION"]);
    assert_eq!(installed(&developer), "1.2.0");
    let outcome = developer.ok(&["update", "--yes"]);
    assert!(outcome.stderr.contains("dependencies ~ npm:flatmap 0.1.0 -> 0.1.1"), "{outcome}");
    assert_eq!(installed(&developer), "1.3.0");
    assert_eq!(developer.read(".claude.json"), settings);
    assert!(developer.read(".config/mcpkg/mcpkg.lock").contains("metric"));
    developer.ok(&["verify"]);
    let outcome = developer.ok(&["update"]);
    assert!(outcome.stderr.contains("Up to date"), "{outcome}");
}

#[test]
fn what_is_asked_for_beyond_what_was_approved_is_not_approved_by_yes() {
    let fixture = Fixture::empty();
    publish(&fixture, &asking(NAME, "1.2.0", &network(&["a.example.com:443"])));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    publish(
        &fixture,
        &asking(NAME, "1.3.0", &network(&["a.example.com:443", "b.example.com:443"])),
    );

    for args in [["update", "--yes"].as_slice(), &["install", NAME, "--yes"]] {
        let outcome = developer.refused(args, 3, &["E_PERMISSION"]);
        let flag = format!("--accept-permissions {NAME}@1.3.0");
        assert!(outcome.stderr.contains(&flag), "{outcome}");
        assert!(outcome.stderr.contains("connect to b.example.com:443"), "{outcome}");
        assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    }
    // Of another release it says nothing.
    let other = ["update", "--yes", "--accept-permissions", "io.github.acme/weather@1.4.0"];
    developer.refused(&other, 3, &["E_PERMISSION"]);
    developer.ok(&["update", "--yes", "--accept-permissions", "io.github.acme/weather@1.3.0"]);
    assert!(developer.read(".config/mcpkg/mcpkg.lock").contains("b.example.com:443"));
}

#[test]
fn another_publisher_is_accepted_by_name_alone() {
    let mut setup = Setup::default();
    setup.limits.publisher_change_hours = 0;
    let fixture = Fixture::set_up(setup);
    fixture.registry.accept(&fixture.weather("1.2.0"));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let moved =
        Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v2.0.0");
    let to = fixture.ci(&moved).ok(&["publisher", "whoami"]).stdout.trim_end().to_owned();
    fixture.ci(&acme()).ok(&["publisher", "change", NAME, "--to", &to]);
    fixture.registry.accept(&Draft::new(NAME, "2.0.0").sign(&fixture.sigstore, &moved));

    let outcome = developer.refused(&["update", "--yes"], 3, &["E_IDENTITY_CHANGED"]);
    assert!(outcome.stderr.contains(&to), "{outcome}");
    assert_eq!(installed(&developer), "1.2.0");
    let outcome = developer.ok(&["update", "--yes", "--accept-publisher", &to]);
    assert!(outcome.stderr.contains("another publisher: "), "{outcome}");
    assert_eq!(installed(&developer), "2.0.0");
}

#[test]
fn what_is_too_young_is_passed_over_until_it_is_named() {
    let fixture = Fixture::with_weather();
    let stranger = fixture.stranger_at(fixture.registry.url(), &[]);
    stranger.file(".claude.json", "{}\n");
    let release = |version: &str| format!("{NAME}@{version}");
    stranger.ok(&["install", NAME, "--yes", "--accept-fresh", &release("1.2.0")]);
    publish(&fixture, &Draft::new(NAME, "1.3.0"));
    let outcome = stranger.ok(&["outdated", "--json"]);
    let passed = &data(&outcome.stdout)["servers"][0]["passedOver"][0];
    assert_eq!(passed["reasons"][0]["rule"], "tooYoung");
    stranger.ok(&["update", "--yes"]);
    assert_eq!(installed(&stranger), "1.2.0");
    stranger.ok(&["update", "--yes", "--accept-fresh", &release("1.3.0")]);
    assert_eq!(installed(&stranger), "1.3.0");
}

#[test]
fn one_that_fails_keeps_no_other_from_being_updated() {
    let fixture = Fixture::empty();
    let tides = "io.github.acme/tides";
    publish(&fixture, &Draft::new(tides, "1.0.0"));
    publish(&fixture, &Draft::new(NAME, "1.2.0"));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["install", tides, "--yes"]);
    publish(&fixture, &asking(tides, "1.1.0", &network(&["a.example.com:443"])));
    publish(&fixture, &Draft::new(NAME, "1.3.0"));
    developer.refused(&["update", "--yes"], 3, &["E_PERMISSION"]);
    assert_eq!(installed(&developer), "1.3.0");
    developer.refused(&["update", "nothing"], 1, &["E_NOT_FOUND"]);
}

#[test]
fn two_updates_at_once_are_one_update() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    publish(&fixture, &Draft::new(NAME, "1.3.0"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let developer = &developer;
            scope.spawn(move || developer.ok(&["update", "--yes"]));
        }
    });
    assert_eq!(installed(&developer), "1.3.0");
    developer.ok(&["verify"]);
}
