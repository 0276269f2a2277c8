//! Another publisher: announced, seen by everybody, and accepted by name.

use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Draft, LyingRegistry, Setup, World};
use serde_json::{Value, json};

use super::{INSTALL, RELEASE};
use crate::fixture::{Fixture, NAME, acme, document, index_log, is_index, is_release, log_release};

/// Where Acme moves to.
fn moved() -> Identity {
    Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v2.0.0")
}

/// A registry at which changes of publisher wait for so long.
fn waiting(hours: u32) -> Fixture {
    let mut setup = Setup::default();
    setup.limits.publisher_change_hours = hours;
    let fixture = Fixture::set_up(setup);
    fixture.registry.accept(&fixture.weather("1.2.0"));
    fixture
}

/// The reference of `identity`, as its own CI prints it.
fn reference(ci: &World) -> String {
    ci.ok(&["publisher", "whoami"]).stdout.trim_end().to_owned()
}

#[test]
fn a_new_publisher_is_announced_and_a_pinned_client_accepts_it_by_name_alone() {
    let fixture = waiting(0);
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let (old, new) = (fixture.ci(&acme()), fixture.ci(&moved()));
    let to = reference(&new);
    assert!(to.starts_with("github.com/acme/forecasts#1002/"), "{to}");
    let outcome = old.ok(&["publisher", "change", NAME, "--to", &to]);
    assert!(outcome.stderr.contains("Logged as entry 1"), "{outcome}");
    fixture.registry.accept(&Draft::new(NAME, "2.0.0").sign(&fixture.sigstore, &moved()));

    // `--yes` is no answer to that question, nor is anybody else's name.
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let mallory = to.replace("1002", "1003");
    for more in
        [&[][..], &["--accept-publisher", &mallory], &["--accept-publisher", &reference(&old)]]
    {
        let install = [INSTALL.as_slice(), more].concat();
        let refused = developer.refused(&install, 3, &["E_IDENTITY_CHANGED"]);
        assert!(refused.stderr.contains(&to), "{refused}");
        assert!(refused.stderr.contains("you have pinned announced it"), "{refused}");
        assert!(refused.stderr.contains("entry 1 of the log"), "{refused}");
        assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    }
    let release = "io.github.acme/weather@2.0.0";
    developer.refused(&["verify", release], 3, &["E_IDENTITY_CHANGED"]);
    developer.ok(&["verify", release, "--accept-publisher", &to]);
    developer.refused(&["install", NAME, "--accept-publisher", "acme"], 2, &["E_REQUEST"]);
    let info = developer.ok(&["info", NAME]);
    assert!(info.stderr.contains("another publisher") && info.stdout.contains(&to), "{info}");

    developer.ok(&[INSTALL.as_slice(), &["--accept-publisher", &to]].concat());
    developer.ok(&["verify", "--offline"]);
    // From now on this one is pinned.
    fixture.registry.accept(&Draft::new(NAME, "2.1.0").sign(&fixture.sigstore, &moved()));
    developer.ok(&INSTALL);
    // What the new one says of the old one's releases counts too.
    new.ok(&["yank", RELEASE, "--reason", "moved"]);
    let info = developer.ok(&["info", RELEASE]).stdout;
    assert!(info.contains("yanked: moved"), "{info}");
    old.refused(&["restore", RELEASE], 3, &["E_PUBLISHER"]);
    let shown = developer.ok(&["publisher", "show", NAME]).stdout;
    assert!(shown.starts_with(&format!("published by {to}\n")), "{shown}");
}

#[test]
fn what_is_announced_can_be_seen_and_taken_back_while_it_waits() {
    let fixture = waiting(72);
    let (old, new) = (fixture.ci(&acme()), fixture.ci(&moved()));
    let (from, to) = (reference(&old), reference(&new));
    let developer = fixture.developer();
    let show = |word: &str| {
        let shown = developer.ok(&["publisher", "show", NAME]).stdout;
        assert!(shown.starts_with(&format!("published by {from}\n")), "{shown}");
        assert!(shown.contains(&format!("{word:<12} {to}, from ")), "{shown}");
    };
    old.ok(&["publisher", "cancel", NAME]);
    old.ok(&["publisher", "change", NAME, "--to", &to, "--dry-run"]);
    let outcome = old.ok(&["publisher", "change", NAME, "--to", &to]);
    assert!(outcome.stderr.contains("Logged as entry 1"), "what changes nothing is no entry");
    let again = old.ok(&["publisher", "change", NAME, "--to", &to]);
    assert!(again.stderr.contains("already") && !again.stderr.contains("Signed"), "{again}");
    show("announced");
    let info = developer.ok(&["info", NAME]).stdout;
    assert!(info.contains("announced") && info.contains(&to), "{info}");
    // It is announced, and not in effect.
    new.refused(&["publisher", "cancel", NAME], 3, &["E_PUBLISHER"]);
    let cancelled = old.ok(&["publisher", "cancel", NAME]);
    assert!(cancelled.stderr.contains("Logged as entry 2"), "{cancelled}");
    show("before");
    developer.ok(&INSTALL);
}

#[test]
fn a_fork_cannot_announce_itself() {
    let fixture = waiting(0);
    let fork = Identity::github("mallory/weather").git_ref("refs/tags/v1").repository_id("4");
    let ci = fixture.ci(&fork.owner_id("3"));
    let to = reference(&ci);
    ci.refused(&["publisher", "change", NAME, "--to", &to], 3, &["E_PUBLISHER"]);
    ci.refused(&["publisher", "change", NAME, "--to", "mallory"], 2, &["E_REQUEST"]);
    let stranger = fixture.ci(&acme().event("pull_request_target"));
    stranger.refused(&["publisher", "whoami"], 3, &["E_OIDC_EVENT"]);
}

#[test]
fn a_publisher_that_the_registry_makes_up_is_not_announced() {
    let fixture = waiting(72);
    let old = fixture.ci(&acme());
    let to = reference(&fixture.ci(&moved()));
    old.ok(&["publisher", "change", NAME, "--to", &to]);
    // "Cancel", and the registry has the publisher of now be somebody else.
    let liar = LyingRegistry::start(fixture.registry.url(), |path, answer| {
        if !is_index(path) {
            return answer;
        }
        answer.edit(|index| {
            index["publisher"] = json!({
                "kind": "identity", "issuer": "https://evil.example", "subject": "mallory"
            });
        })
    });
    let config = old.read(".config/mcpkg/config.toml");
    old.file(".config/mcpkg/config.toml", config.replace(fixture.registry.url(), liar.url()));
    let cancel = ["publisher", "cancel", NAME, "--dry-run", "--json"];
    let planned: Value = serde_json::from_str(&old.ok(&cancel).stdout).unwrap();
    let publisher = &planned["statement"]["publisher"];
    assert_eq!(publisher["repository"], "https://github.com/acme/weather");
}

#[test]
fn a_release_without_provenance_after_one_with_it_is_refused() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let next = fixture.weather("1.3.0");
    let mut release = fixture.release(NAME, "1.2.0");
    release["version"] = json!("1.3.0");
    let document = document(&next);
    for part in ["metadata", "serverJson", "artifacts"] {
        release[part] = document[part].clone();
    }
    release["evidence"] = json!([]);
    let mut log = fixture.log(&[(NAME, "1.2.0")]);
    log_release(&mut log, &mut release, Some(0));
    let proofs = index_log(&log, Some(1), &[0, 1]);
    let liar = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
        if is_index(path) {
            return answer.edit(|index| {
                let mut line = index["releases"][0].clone();
                (line["version"], line["entry"]) = (json!("1.3.0"), json!(1));
                index["releases"].as_array_mut().unwrap().push(line);
                index["log"] = proofs.clone();
            });
        }
        if is_release(path) {
            (answer.status, answer.body) = (200, release.to_string().into_bytes());
        }
        answer
    });
    for file in [".config/mcpkg/config.toml", ".config/mcpkg/mcpkg.lock"] {
        developer.file(file, developer.read(file).replace(fixture.registry.url(), liar.url()));
    }
    developer.refused(&INSTALL, 3, &["E_PROVENANCE_LOST"]);
    // Somebody who never had it is told that there is none.
    let stranger = fixture.developer_at(liar.url());
    stranger.refused(&["verify", "io.github.acme/weather@1.3.0"], 3, &["E_PROVENANCE"]);
}
