//! What is stated about a package after it was published, by the commands that state it
//! and to the commands that have to know.

mod answers;
mod forged;
mod lies;
mod publishers;
mod rebuilds;
mod watched;

use mcpkg_core::api::Status;
use mcpkg_core::statement::PackageStatement;
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Basis, LyingRegistry, World};
use serde_json::Value;

use crate::fixture::{Fixture, NAME, acme, is_index};

const INSTALL: [&str; 3] = ["install", NAME, "--yes"];
const RELEASE: &str = "io.github.acme/weather@1.2.0";

/// Has something stated about Acme's weather server.
#[track_caller]
fn state(fixture: &Fixture, make: impl FnOnce(&Basis) -> PackageStatement, by: &Identity) {
    let basis = Basis::of(fixture.registry.http(), NAME);
    let bundle = basis.sign(&make(&basis), &fixture.sigstore, by);
    let reply = fixture.registry.http().post("/v1/statements", bundle).unwrap();
    assert_eq!(reply.status, 201, "{reply}");
}

/// A CI job of `identity`, which uses the registry at `url`.
fn ci_at(fixture: &Fixture, url: &str, identity: &Identity) -> World {
    let ci = fixture.ci(identity);
    let config = ci.read(".config/mcpkg/config.toml");
    ci.file(".config/mcpkg/config.toml", config.replace(fixture.registry.url(), url));
    ci
}

/// How many entries there are about Acme's weather server.
fn entries(fixture: &Fixture) -> u64 {
    Basis::of(fixture.registry.http(), NAME).on.entry + 1
}

#[test]
fn a_yank_is_signed_in_ci_and_nobody_gets_the_release_any_more() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let ci = fixture.ci(&acme());
    let yank = ["yank", RELEASE, "--reason", "it loses rain"];

    let dry = ci.ok(&[yank.as_slice(), &["--dry-run", "--json"]].concat());
    let dry: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(dry["releases"][0]["statement"]["buildsOn"]["entry"], 0);
    assert_eq!(entries(&fixture), 1, "nothing was stated");

    let outcome = ci.ok(&[yank.as_slice(), &["--json"]].concat());
    assert!(outcome.stderr.contains("Logged as entry 1"), "{outcome}");
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&said["releases"][0]["entry"], &said["releases"][0]["logged"]),
        (&1.into(), &true.into())
    );
    let again = ci.ok(&yank);
    assert!(again.stderr.contains("yanked already"), "{again}");
    assert!(!again.stderr.contains("Signed"), "{again}");
    assert_eq!(entries(&fixture), 2, "nothing is signed twice");

    let stranger = fixture.developer();
    let all = stranger.refused(&INSTALL, 3, &["E_YANKED"]);
    assert!(all.stderr.contains("1.2.0"), "{all}");
    let this = stranger.refused(&["install", RELEASE, "--yes"], 3, &["E_YANKED"]);
    assert!(this.stderr.contains("it loses rain"), "{this}");
    stranger.refused(&["verify", RELEASE], 3, &["E_YANKED"]);
    let info = stranger.ok(&["info", NAME]).stdout;
    assert!(info.contains("yanked: it loses rain") && info.contains("1.2.0 (yanked)"), "{info}");

    // Who has it keeps it, and is told.
    for command in [&["verify", RELEASE][..], &["info", NAME], &["log", "verify"]] {
        let told = developer.ok(command);
        assert!(told.stderr.contains("it loses rain"), "{command:?}\n{told}");
    }
    let refused = developer.refused(&INSTALL, 3, &["E_YANKED"]);
    assert!(refused.stderr.contains("it loses rain"), "{refused}");
    developer.ok(&["verify", "--offline"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);

    // Another release is chosen in its place, and what is locked is still told of.
    fixture.registry.accept(&fixture.weather("1.1.0"));
    let other = developer.ok(&INSTALL);
    assert!(other.stderr.contains("it loses rain"), "{other}");
    assert!(developer.read(".config/mcpkg/mcpkg.lock").contains("1.1.0"));

    let restored = ci.ok(&["restore", RELEASE]);
    assert!(restored.stderr.contains("Logged as entry 3"), "{restored}");
    stranger.ok(&["install", RELEASE, "--yes"]);
}

#[test]
fn a_deprecated_release_is_warned_of_and_chosen_where_there_is_no_other() {
    let fixture = Fixture::with_weather();
    let ci = fixture.ci(&acme());
    ci.ok(&["deprecate", RELEASE, "--reason", "use 2.0"]);
    let first = fixture.developer();
    let outcome = first.ok(&INSTALL);
    assert!(outcome.stderr.contains("1.2.0 was deprecated") && outcome.stderr.contains("use 2.0"));
    first.ok(&["verify", "--offline"]);
    let list = first.ok(&["list"]).stdout;
    assert!(list.contains("deprecated"), "{list}");
    // What is kept of it is held to what was signed, also where nobody is asked.
    let kept = ".local/share/mcpkg/releases/";
    let kept = first.files().into_iter().find(|path| path.starts_with(kept)).unwrap();
    let text = first.read(&kept);
    for (code, from, to) in [
        ("E_LOG_PROOF", "use 2.0", "use 3.0"),
        (
            "E_LOG_SUBJECT",
            "\"status\":\"deprecated\",\"statements\"",
            "\"status\":\"yanked\",\"statements\"",
        ),
    ] {
        assert!(text.contains(from), "{text}");
        first.file(&kept, text.replace(from, to));
        first.refused(&["verify", "--offline"], 3, &[code]);
    }

    // An older one that is not is preferred.
    fixture.registry.accept(&fixture.weather("1.1.0"));
    let second = fixture.developer();
    let outcome = second.ok(&INSTALL);
    assert!(!outcome.stderr.contains("deprecated"), "{outcome}");
    assert!(second.read(".config/mcpkg/mcpkg.lock").contains("1.1.0"));
}

#[test]
fn several_releases_are_stated_of_in_one_command() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let ci = fixture.ci(&acme());
    let outcome = ci.ok(&["yank", RELEASE, "io.github.acme/weather@1.3.0"]);
    assert!(outcome.stderr.contains("entry 2") && outcome.stderr.contains("entry 3"), "{outcome}");
    fixture.developer().refused(&INSTALL, 3, &["E_YANKED"]);
}

#[test]
fn nobody_else_says_what_becomes_of_a_release() {
    let fixture = Fixture::with_weather();
    let fork = Identity::github("mallory/weather").git_ref("refs/tags/v1.2.0");
    let rows = [
        ("E_PUBLISHER", "a fork", fork.owner_id("3").repository_id("4")),
        ("E_PUBLISHER_ID", "a recycled account", acme().owner_id("3").repository_id("4")),
        ("E_PUBLISHER", "another workflow", acme().workflow(".github/workflows/other.yml")),
    ];
    for (code, what, identity) in rows {
        let ci = fixture.ci(&identity);
        let outcome = ci.run(&["yank", RELEASE]);
        assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
        assert_eq!(entries(&fixture), 1, "{what}");
    }
    let ci = fixture.ci(&acme());
    ci.refused(&["yank", "io.github.acme/weather@9.9.9"], 1, &["E_NOT_FOUND"]);
    ci.refused(&["yank", "io.github.acme/weather"], 2, &["E_REQUEST"]);
    ci.refused(&["yank", RELEASE, "--reason", "two\nlines"], 2, &["E_REQUEST"]);
}

#[test]
fn what_was_logged_meanwhile_is_built_upon() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let basis = Basis::of(fixture.registry.http(), NAME);
    let statement = basis.status("1.3.0", Status::Deprecated, None);
    let first = basis.sign(&statement, &fixture.sigstore, &acme());
    let http = mcpkg_test_support::Http::new(fixture.registry.url().to_owned());
    // Somebody is faster, once the index was shown.
    let busy = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
        if is_index(path) {
            http.post("/v1/statements", first.clone()).unwrap();
        }
        answer
    });
    let ci = ci_at(&fixture, busy.url(), &acme());
    let outcome = ci.ok(&["yank", RELEASE]);
    assert!(outcome.stderr.contains("Logged as entry 3"), "{outcome}");
    assert_eq!(outcome.stderr.matches("Signed as").count(), 2, "{outcome}");
}
