//! `audit`: every kind of finding, each from one change.

use std::fs;
use std::io::{Cursor, Write as _};

use mcpkg_core::api::Status;
use mcpkg_core::archive::{Limits, Writer};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Basis, Draft, Outcome, Setup, World};
use serde_json::{Value, json};

use super::{data, publish};
use crate::fixture::{Fixture, NAME, acme};

/// The kinds of what was found.
#[track_caller]
fn kinds(outcome: &Outcome) -> Vec<String> {
    let report = data(&outcome.stdout);
    let findings = report["findings"].as_array().unwrap().iter();
    let kinds: Vec<_> = findings.map(|it| it["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcome.code, Some(if kinds.is_empty() { 0 } else { 4 }), "{outcome}");
    kinds
}

/// What an audit that asks nobody finds.
#[track_caller]
fn offline(developer: &World) -> Vec<String> {
    kinds(&developer.run(&["audit", "--offline", "--json"]))
}

fn installed() -> (Fixture, World) {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    (fixture, developer)
}

#[test]
fn what_lock_store_and_settings_say_differently_is_found_offline() {
    let (fixture, developer) = installed();
    drop(fixture);
    assert_eq!(offline(&developer), [""; 0]);
    let settings = developer.read(".claude.json");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&settings).unwrap();
        change(&mut value["mcpServers"]);
        developer.file(".claude.json", value.to_string());
        let outcome = developer.run(&["audit", "--offline", "--json"]);
        let found = kinds(&outcome);
        developer.file(".claude.json", &settings);
        (found, outcome)
    };
    // MCPoison: the entry that was approved gets another command.
    let (found, _) = with(&|servers| servers["weather"]["command"] = json!("sh"));
    assert_eq!(found, ["entryChanged"]);
    let (found, _) = with(&|servers| servers["weather"]["env"] = json!({ "LD_PRELOAD": "x.so" }));
    assert_eq!(found, ["entryChanged"]);
    let (found, _) = with(&|servers| drop(servers.as_object_mut().unwrap().remove("weather")));
    assert_eq!(found, ["entryMissing"]);
    // SANDWORM: a server that nobody installed.
    let (found, _) = with(&|servers| servers["helper"] = json!({ "command": "node" }));
    assert_eq!(found, ["notFromMcpkg"]);
    let mine = env!("CARGO_BIN_EXE_mcpkg");
    let (found, _) =
        with(&|servers| servers["tides"] = json!({ "command": mine, "args": ["run", "a/tides"] }));
    assert_eq!(found, ["entryUnlocked"]);
    let marker = "hunter2-marker";
    let (found, outcome) = with(&|servers| {
        servers["gh"] = json!({ "command": "gh", "env": { "GITHUB_TOKEN": marker } });
    });
    assert_eq!(found, ["notFromMcpkg", "literalSecret"]);
    assert!(outcome.stdout.contains("variable `GITHUB_TOKEN`"), "{outcome}");
    assert!(!outcome.to_string().contains(marker), "{outcome}");

    developer.file(".claude.json", "{");
    assert_eq!(offline(&developer), ["settings"]);
    developer.file(".claude.json", &settings);

    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let at = lock.find("[[server.agent]]").unwrap();
    let grant = "[server.granted]\nrun = [\"sh\"]\n\n";
    let widened = format!("{}{grant}{}", &lock[..at], &lock[at..]);
    developer.file(".config/mcpkg/mcpkg.lock", widened);
    assert_eq!(offline(&developer), ["granted"]);
    developer.file(".config/mcpkg/mcpkg.lock", lock);

    let trees = developer.store_path().join("trees");
    let tree = fs::read_dir(trees).unwrap().next().unwrap().unwrap().path();
    fs::write(tree.join("server/added.js"), "1").unwrap();
    assert_eq!(offline(&developer), ["files"]);
    fs::remove_file(tree.join("server/added.js")).unwrap();
    fs::remove_dir_all(developer.store_path().join("releases")).unwrap();
    assert_eq!(offline(&developer), ["evidence"]);
}

#[test]
fn what_was_stated_since_is_found_where_the_registry_is_asked() {
    let mut setup = Setup::default();
    setup.limits.publisher_change_hours = 72;
    let fixture = Fixture::set_up(setup);
    fixture.registry.accept(&fixture.weather("1.2.0"));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let audit = || developer.run(&["audit", "--json"]);
    assert_eq!(kinds(&audit()), [""; 0]);

    for (status, kind) in [(Status::Deprecated, "deprecated"), (Status::Yanked, "yanked")] {
        let basis = Basis::of(fixture.registry.http(), NAME);
        let statement = basis.status("1.2.0", status, Some("it loses rain"));
        let bundle = basis.sign(&statement, &fixture.sigstore, &acme());
        assert_eq!(fixture.registry.http().post("/v1/statements", bundle).unwrap().status, 201);
        let outcome = audit();
        assert_eq!(kinds(&outcome), [kind]);
        assert!(outcome.stdout.contains("it loses rain"), "{outcome}");
        assert_eq!(offline(&developer), [""; 0]);
    }
    let moved =
        Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v2.0.0");
    let to = fixture.ci(&moved).ok(&["publisher", "whoami"]).stdout.trim_end().to_owned();
    fixture.ci(&acme()).ok(&["publisher", "change", NAME, "--to", &to]);
    assert_eq!(kinds(&audit()), ["yanked", "publisher"]);

    // Offline it works; and nobody who cannot be asked is taken for content.
    drop(fixture);
    assert_eq!(offline(&developer), [""; 0]);
    let outcome = developer.refused(&["audit"], 1, &["E_TRANSPORT"]);
    assert!(outcome.stderr.contains("0 findings"), "{outcome}");
}

#[test]
fn an_advisory_is_matched_with_the_release_and_with_what_it_carries() {
    let fixture = Fixture::empty();
    let mut draft = Draft::new(NAME, "1.2.0");
    let carried = "server/node_modules/flatmap-stream/package.json".to_owned();
    draft.artifacts[0].files.push((carried, br#"{"version":"0.1.1"}"#.to_vec()));
    publish(&fixture, &draft);
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let advisory = |id: &str, ecosystem: &str, name: &str, fixed: &str| {
        json!({ "id": id, "summary": "bad", "affected": [{
            "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }] })
        .to_string()
    };
    let all = [
        ("osv/a.json", advisory("OURS-1", "mcpkg", NAME, "1.3.0")),
        ("osv/b.json", advisory("NPM-1", "npm", "flatmap-stream", "0.2.0")),
        ("osv/c.json", advisory("NPM-2", "npm", "flatmap-stream", "0.1.1")),
        ("osv/d.json", advisory("NPM-3", "npm", "another", "9.0.0")),
    ];
    let mut writer = Writer::new(Vec::new(), &Limits::default());
    for (path, text) in &all {
        developer.file(path, text);
        let path = path.parse().unwrap();
        writer.add(&path, false, &mut Cursor::new(text.as_bytes())).unwrap();
    }
    let zip = writer.finish().unwrap().output;
    let mut file = fs::File::create(developer.path().join("osv.zip")).unwrap();
    file.write_all(&zip).unwrap();
    for dump in ["osv", "osv.zip"] {
        let args = ["audit", "--offline", "--json", "--advisories", dump];
        let outcome = developer.run(&args);
        assert_eq!(kinds(&outcome), ["advisory", "advisory"], "{outcome}");
        assert!(outcome.stdout.contains("OURS-1: the release itself: bad"), "{outcome}");
        let carried = "NPM-1: npm:flatmap-stream 0.1.1, which it carries: bad";
        assert!(outcome.stdout.contains(carried), "{outcome}");
    }
    developer.file("osv/e.json", "{\"id\":1}");
    developer.refused(&["audit", "--offline", "--advisories", "osv"], 1, &["E_REQUEST"]);
}
