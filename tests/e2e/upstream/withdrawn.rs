//! What its author takes back: unpublished or deprecated on npm, yanked on PyPI.

use std::collections::BTreeSet;

use mcpkg_core::Coded as _;
use mcpkg_test_support::ecosystem::{ImportConfig, import_package};
use mcpkg_test_support::{World, world};
use serde_json::{Value, json};

use super::pypi::Python;
use super::{FRESH, NAME, Upstream};

/// The findings of `mcpkg audit`, each as its kind, message and fix.
#[track_caller]
fn audited(world: &World, code: i32) -> Vec<[String; 3]> {
    let outcome = world.run(&["audit", "--json"]);
    assert_eq!(outcome.code, Some(code), "{outcome}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.map(|it| ["kind", "message", "fix"].map(|key| text(it, key))).collect()
}

#[test]
fn audit_says_what_is_deprecated_or_unpublished_on_npm_and_a_start_knows_it() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    let install = ["install", "npm:@acme/weather", "--yes", "--unconfined"];
    developer.ok(&[install.as_slice(), &FRESH].concat());
    assert_eq!(audited(&developer, 0), [[""; 3]; 0]);

    let deprecated = |reason: Value| {
        upstream.ecosystem.edit("/@acme/weather", |document| {
            document["versions"]["1.2.0"]["deprecated"] = reason;
        });
    };
    let fix = format!("`mcpkg update {NAME} --scope user`");
    deprecated(json!("it loses rain"));
    let found = audited(&developer, 4);
    assert_eq!(found, [["deprecated", "it is deprecated: it loses rain", &fix]]);
    // An advice is no reason not to start it.
    assert!(!developer.run(&["run", NAME]).stderr.contains("E_YANKED"));
    // Whoever has not got it yet is told before they are asked.
    let late = upstream.developer();
    let dry = [install.as_slice(), &FRESH, &["--dry-run"]].concat();
    upstream.ecosystem.edit("/clouds", |document| {
        document["versions"]["2.0.0"]["deprecated"] = json!("it\u{1b}[2K pours");
    });
    let outcome = late.ok(&dry);
    for told in [
        "npm:@acme/weather@1.2.0 is deprecated: it loses rain",
        "npm:clouds@2.0.0 is deprecated: it [2K pours",
    ] {
        assert!(outcome.stderr.contains(told), "{outcome}");
    }
    upstream.ecosystem.edit("/clouds", |document| {
        document["versions"]["2.0.0"]["deprecated"] = json!("");
    });
    deprecated(json!(""));
    assert_eq!(audited(&developer, 0), [[""; 3]; 0], "it was taken back");
    let outcome = late.ok(&dry);
    assert!(!outcome.stderr.contains("deprecated"), "{outcome}");

    upstream.publish("1.3.0", &json!({ "clouds": "^2.0.0" }));
    upstream.ecosystem.edit("/@acme/weather", |document| {
        document["versions"].as_object_mut().unwrap().remove("1.2.0");
    });
    let found = audited(&developer, 4);
    assert_eq!(found, [["yanked", "its registry no longer lists it", &fix]]);
    let started = developer.run(&["run", NAME]);
    assert_eq!(started.code, Some(0), "{started}");
    assert!(started.stderr.contains("its registry no longer lists it"), "{started}");
    // Whoever has it locked keeps it, and whoever does not cannot have it.
    developer.ok(&["verify"]);
    let stranger = upstream.developer();
    let install = ["install", "npm:@acme/weather@1.2.0", "--yes", "--unconfined"];
    stranger.refused(&[install.as_slice(), &FRESH].concat(), 3, &["E_RESOLVE"]);
}

#[test]
fn what_is_said_of_a_package_does_not_scroll_away_under_all_that_it_brings() {
    let Some(upstream) = Upstream::new() else { return };
    let mut needs = json!({});
    for number in 1..=8 {
        let name = format!("cloud-{number}");
        upstream.ecosystem.npm(&json!({ "name": name, "version": "1.0.0" }), &[("a.js", "")]);
        upstream.ecosystem.edit(&format!("/{name}"), |document| {
            document["versions"]["1.0.0"]["deprecated"] = json!("it pours");
        });
        needs[name] = json!("1.0.0");
    }
    upstream.attest(upstream.publish("1.2.0", &needs));
    let install = ["install", "npm:@acme/weather", "--yes", "--unconfined", "--dry-run"];
    let outcome = upstream.developer().ok(&[install.as_slice(), &FRESH].concat());
    let said = &outcome.stderr;
    assert_eq!(said.matches("is deprecated: it pours").count(), 5, "{outcome}");
    assert!(said.contains("3 more of what it brings are deprecated"), "{outcome}");
}

#[test]
fn what_was_yanked_on_pypi_is_installed_by_nobody_who_does_not_say_so() {
    let Some(python) = Python::new() else { return };
    python.attest(&python.publish("1.2"));
    let install = |wanted: &'static str| {
        let release = "pypi:acme-weather@1.2";
        ["install", wanted, "--yes", "--unconfined", "--accept-fresh", release]
    };
    let (newest, exact) = (install("pypi:acme-weather"), install("pypi:acme-weather@1.2"));
    let early = python.developer();
    early.ok(&newest);
    assert_eq!(audited(&early, 0), [[""; 3]; 0]);

    python.yank("acme-weather", "1.2", &json!("it loses rain"));
    // Whoever has it is told, and keeps it.
    let fix = "`mcpkg update org.pypi/acme-weather --scope user`";
    let found = audited(&early, 4);
    assert_eq!(found, [["yanked", "it is yanked: it loses rain", fix]]);
    early.ok(&["verify"]);
    let started = early.run(&["run", "acme-weather"]);
    assert!(started.stderr.contains("its author yanked it: it loses rain"), "{started}");

    // pip takes it where it is named exactly. We say what it is, and do not.
    let late = python.developer();
    let before = late.files();
    let outcome = late.refused(&exact, 3, &["E_YANKED"]);
    assert!(outcome.stderr.contains("yanked by its author: it loses rain"), "{outcome}");
    assert!(outcome.stderr.contains("--accept-yanked pypi:acme-weather@1.2"), "{outcome}");
    // Where nothing else is left, that is said too, and not that there is nothing.
    let outcome = late.refused(&newest, 3, &["E_YANKED"]);
    assert!(outcome.stderr.contains("every release"), "{outcome}");
    let other = ["--accept-yanked", "pypi:acme-weather@1.3"];
    late.refused(&[exact.as_slice(), &other].concat(), 3, &["E_YANKED"]);
    assert_eq!(super::changed(&before, &late), [""; 0]);
    let named = ["--accept-yanked", "pypi:acme-weather@1.2"];
    let outcome = late.ok(&[exact.as_slice(), &named].concat());
    assert!(outcome.stderr.contains("you accepted it by its name"), "{outcome}");
    // Beside one that stands it is passed over, as pip does.
    python.attest(&python.publish("1.1"));
    python.yank("acme-weather", "1.2", &json!("it loses rain"));
    let args = ["install", "pypi:acme-weather", "--yes", "--unconfined"];
    let fresh = ["--accept-fresh", "pypi:acme-weather@1.1"];
    let other = python.developer();
    other.ok(&[args.as_slice(), &fresh].concat());
    assert!(other.read(".config/mcpkg/mcpkg.lock").contains("pypi:acme-weather@1.1"));
}

#[test]
fn what_was_yanked_and_is_needed_exactly_is_refused_as_well() {
    let Some(python) = Python::new() else { return };
    python.attest(&python.publish_needing("1.2", "clouds==2.0"));
    python.yank("clouds", "2.0", &json!(true));
    let developer = python.developer();
    let install = ["install", "pypi:acme-weather", "--yes", "--unconfined"];
    let install = [install.as_slice(), &["--accept-fresh", "pypi:acme-weather@1.2"]].concat();
    let outcome = developer.refused(&install, 3, &["E_YANKED"]);
    assert!(outcome.stderr.contains("pypi:clouds@2.0 was yanked by its author"), "{outcome}");
    let named = ["--accept-yanked", "pypi:clouds@2.0"];
    let outcome = developer.ok(&[install.as_slice(), &named].concat());
    assert!(outcome.stderr.contains("pypi:clouds@2.0 was yanked"), "{outcome}");
    // What is locked stays as it is, also elsewhere.
    let colleague = python.developer();
    colleague.file(".config/mcpkg/mcpkg.lock", developer.read(".config/mcpkg/mcpkg.lock"));
    colleague.ok(&["sync", "--locked"]);
}

#[test]
fn a_registry_takes_in_nothing_that_was_taken_back() {
    let Some(python) = Python::new() else { return };
    python.attest(&python.publish("1.2"));
    let world = world!();
    let config = ImportConfig {
        pypi: Some(python.ecosystem.pypi_url().parse().unwrap()),
        trusted_root: Some(world.file("root.json", python.fixture.sigstore.trusted_root_json())),
        ..ImportConfig::default()
    };
    let bring_in = || {
        let reference = "pypi:acme-weather@1.2".parse().unwrap();
        let (out, now) = (world.path().join("dist"), jiff::Timestamp::now());
        import_package(&reference, &config, &BTreeSet::new(), &out, now)
    };
    python.yank("acme-weather", "1.2", &json!("it loses rain"));
    let error = bring_in().unwrap_err();
    assert_eq!(error.code().as_str(), "E_YANKED", "{error}");
    assert!(!world.path().join("dist").exists(), "nothing was fetched");
    python.yank("acme-weather", "1.2", &json!(false));
    bring_in().unwrap();
}
