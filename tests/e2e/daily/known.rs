//! What is known to be wrong with a release is known where it starts, and nobody is asked
//! there.

use mcpkg_test_support::{LyingRegistry, Outcome, World};
use serde_json::json;

use super::data;
use crate::fixture::{Fixture, NAME, acme};
use crate::program::Program;

/// A server that ends as nothing else does.
fn published() -> Fixture {
    let fixture = Fixture::empty();
    Program::new(NAME, "#!/bin/sh\nexit 7\n").publish(&fixture);
    fixture
}

/// It starts, and these are the codes of what is said of it.
#[track_caller]
fn started(developer: &World, codes: &[&str]) -> Outcome {
    let outcome = developer.run(&["run", "weather"]);
    assert_eq!(outcome.code, Some(7), "{outcome}");
    for code in ["E_YANKED", "E_ADVISORY", "E_NOT_ADMITTED"] {
        assert_eq!(outcome.stderr.contains(code), codes.contains(&code), "{outcome}");
    }
    outcome
}

fn refuse(developer: &World) {
    let config = developer.read(".config/mcpkg/config.toml");
    developer.file(".config/mcpkg/config.toml", format!("{config}\n[run]\nfaults = \"refuse\"\n"));
}

/// What `mcpkg doctor` says of releases.
fn told(developer: &World) -> Vec<String> {
    let report = data(&developer.run(&["doctor", "--json"]).stdout);
    let checks = report["checks"].as_array().unwrap().iter();
    let checks = checks.filter(|check| check["area"] == "release" && check["fix"].is_string());
    checks.map(|check| check["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_yanked_starts_with_a_warning_or_not_at_all() {
    let fixture = published();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let release = format!("{NAME}@1.2.0");
    let state = |command: &str| drop(fixture.ci(&acme()).ok(&[command, &release]));
    state("yank");
    // Nobody is asked there, so it is as it was until somebody has asked.
    started(&developer, &[]);
    assert_eq!(developer.run(&["outdated"]).code, Some(4));
    let outcome = started(&developer, &["E_YANKED"]);
    assert!(outcome.stderr.contains("its publisher yanked it"), "{outcome}");
    assert_eq!(told(&developer), ["1.2.0: its publisher yanked it [E_YANKED]"]);

    refuse(&developer);
    developer.refused(&["run", "weather"], 3, &["E_YANKED"]);
    state("restore");
    developer.refused(&["run", "weather"], 3, &["E_YANKED"]);
    developer.ok(&["audit"]);
    started(&developer, &[]);
    assert_eq!(told(&developer), [""; 0]);

    state("yank");
    assert_eq!(developer.run(&["audit"]).code, Some(4));
    drop(fixture);
    developer.refused(&["run", "weather"], 3, &["E_YANKED"]);
}

#[test]
fn what_an_advisory_is_about_starts_with_a_warning_or_not_at_all() {
    let fixture = published();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    drop(fixture);
    let advise = |fixed: &str| {
        let advisory = json!({ "id": "OURS-1", "summary": "it tells the past", "affected": [{
            "package": { "ecosystem": "mcpkg", "name": NAME },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }] });
        developer.file("osv.json", advisory.to_string());
        developer.run(&["audit", "--offline", "--advisories", "osv.json"])
    };
    assert_eq!(advise("1.2.0").code, Some(0));
    started(&developer, &[]);
    assert_eq!(advise("1.3.0").code, Some(4));
    let outcome = started(&developer, &["E_ADVISORY"]);
    assert!(outcome.stderr.contains("OURS-1: the release itself: it tells the past"), "{outcome}");
    // An audit without advisories says nothing of them.
    developer.ok(&["audit", "--offline"]);
    refuse(&developer);
    developer.refused(&["run", "weather"], 3, &["E_ADVISORY"]);
    assert_eq!(advise("1.2.0").code, Some(0));
    started(&developer, &[]);
}

#[test]
fn what_a_registry_no_longer_gives_out_is_found_and_said_where_it_starts() {
    let fixture = published();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let liar = LyingRegistry::start(fixture.registry.url(), |path, answer| {
        if path != format!("/v1/packages/{NAME}") {
            return answer;
        }
        answer.edit(|index| {
            let reason = "it is not for us";
            let withheld =
                json!({ "version": "1.2.0", "code": "E_NOT_ADMITTED", "reason": reason });
            index["withheld"] = json!([withheld]);
        })
    });
    let (config, lock) = (".config/mcpkg/config.toml", ".config/mcpkg/mcpkg.lock");
    for path in [config, lock] {
        let text = developer.read(path).replace(fixture.registry.url(), liar.url());
        developer.file(path, text);
    }
    let outcome = developer.run(&["audit", "--json"]);
    let found = &data(&outcome.stdout)["findings"];
    assert_eq!(
        (found[0]["kind"].as_str(), &found[1]),
        (Some("withheld"), &json!(null)),
        "{outcome}"
    );
    let outcome = started(&developer, &["E_NOT_ADMITTED"]);
    assert!(outcome.stderr.contains("does not give it out: it is not for us"), "{outcome}");
    refuse(&developer);
    developer.refused(&["run", "weather"], 3, &["E_NOT_ADMITTED"]);
}
