//! A server that is to come from elsewhere than it came from.

use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, Setup, TestEcosystem, TestRegistry};
use serde_json::json;

use super::{NAME, RELEASE, Upstream};
use crate::fixture::Fixture;

const INSTALL: [&str; 4] = ["--yes", "--unconfined", "--accept-fresh", RELEASE];

/// Who publishes it there.
const RELEASER: &str = "release@acme.example";

/// A registry that has a package of the name that npm's has here.
fn registry() -> Fixture {
    let sigstore = TestSigstore::start();
    let identity = AllowedIdentity::subject(sigstore.url().to_owned(), RELEASER.to_owned());
    let pattern = "org.npmjs.acme/*".parse().unwrap();
    let rule = NamespaceRule { pattern, identities: vec![identity.unwrap()] };
    let setup = Setup { namespaces: vec![rule], ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    registry.accept(&Draft::new(NAME, "1.2.0").sign(&sigstore, &Identity::email(RELEASER)));
    Fixture { sigstore, registry }
}

#[test]
fn a_server_that_moves_between_npm_and_a_registry_is_refused_until_it_is_removed() {
    let Some(upstream) = Upstream::with(registry()) else { return };
    upstream.attest(upstream.weather());
    let fixture = &upstream.fixture;
    let rule = format!("org.npmjs.acme/*={},{RELEASER}", fixture.sigstore.url());
    let developer =
        fixture.stranger_at(fixture.registry.url(), &["--private", "--publisher", &rule]);
    developer.file(".claude.json", "{}\n");
    upstream.configure(&developer);
    let npm = [["install", "npm:@acme/weather"].as_slice(), &INSTALL].concat();
    let ours = ["install", NAME, "--yes", "--unconfined"];
    for (here, there, words) in [
        (&npm[..], &ours[..], "was installed from `npm:@acme/weather@1.2.0 at"),
        (&ours, &npm, "is another source"),
    ] {
        developer.ok(here);
        let lock = developer.read(".config/mcpkg/mcpkg.lock");
        let outcome = developer.refused(there, 3, &["E_SOURCE_CHANGED"]);
        assert!(outcome.stderr.contains(words), "{outcome}");
        assert!(outcome.stderr.contains(&format!("mcpkg remove {NAME}")), "{outcome}");
        assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
        developer.ok(&["remove", NAME]);
        // Once it is gone, the other is approved like anything new.
        developer.ok(there);
        developer.ok(&["remove", NAME]);
    }

    // The same, where mcpkg.toml wants it from elsewhere than the lock has it.
    developer.file("mcpkg.toml", format!("[servers]\n\"{NAME}\" = \"*\"\n"));
    developer.ok(&["lock", "--yes"]);
    let lock = developer.read("mcpkg.lock");
    developer.file(
        "mcpkg.toml",
        format!("[servers]\n\"{NAME}\" = {{ version = \"*\", from = \"npm:@acme/weather\" }}\n"),
    );
    developer.refused(&["lock", "--yes"], 3, &["E_SOURCE_CHANGED"]);
    assert_eq!(developer.read("mcpkg.lock"), lock);
}

#[test]
fn a_package_of_another_registry_of_npms_kind_is_refused() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    developer.ok(&[["install", "npm:@acme/weather"].as_slice(), &INSTALL].concat());
    // The only thing that is changed: where npm's packages come from.
    let other = TestEcosystem::start();
    let config = developer.read(".config/mcpkg/config.toml");
    let moved = config.replace(&upstream.ecosystem.npm_url(), &other.npm_url());
    assert_ne!(moved, config);
    developer.file(".config/mcpkg/config.toml", moved);
    for args in [
        [["install", "npm:@acme/weather"].as_slice(), &INSTALL].concat(),
        vec!["update", "--yes"],
        vec!["outdated"],
    ] {
        developer.refused(&args, 3, &["E_SOURCE_CHANGED"]);
    }
    assert!(other.asked().is_empty(), "nobody is asked there: {:?}", other.asked());
    // What is here stays, and is verified without either.
    developer.ok(&["verify"]);
}

#[test]
fn another_scope_is_another_server_and_takes_nobodys_place() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    developer.ok(&[["install", "npm:@acme/weather"].as_slice(), &INSTALL].concat());
    let weather = json!({ "name": "weather", "version": "9.0.0", "bin": "cli.js" });
    upstream.ecosystem.npm(&weather, &[("cli.js", super::SERVER)]);
    let other = ["install", "npm:weather", "--yes", "--accept-unattested", "npm:weather@9.0.0"];
    // It has the same short name, which is an entry's in the settings.
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.refused(&other, 1, &["E_SETTINGS"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    developer.ok(&[other.as_slice(), &["--scope", "project"]].concat());
    assert!(developer.read("mcpkg.lock").contains("name = \"org.npmjs/weather\""));
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);
    // A name in mcpkg.toml says which package it is, and no other.
    developer.file(
        "mcpkg.toml",
        format!("[servers]\n\"{NAME}\" = {{ version = \"*\", from = \"npm:weather\" }}\n"),
    );
    std::fs::remove_file(developer.path().join("mcpkg.lock")).unwrap();
    developer.refused(&["lock", "--yes"], 1, &["E_CONFIG"]);
}
