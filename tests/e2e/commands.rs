//! The commands that look and do not touch, and the shape of what they print.

use insta::assert_snapshot;
use mcpkg_core::log::SigningKey;
use mcpkg_test_support::{Draft, world};
use serde_json::Value;

use crate::fixture::{Fixture, NAME, acme};

#[test]
fn what_is_data_is_on_stdout_and_as_json_where_that_is_asked() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    for args in [
        ["search", "weather"].as_slice(),
        &["info", NAME],
        &["list"],
        &["agents"],
        &["registry", "list"],
        &["verify"],
        &["verify", "io.github.acme/weather@1.2.0"],
        &["verify", "--offline"],
    ] {
        let outcome = developer.ok(&[args, &["--json"]].concat());
        let data: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}\n{outcome}"));
        assert!(data.is_object() || data.is_array(), "{args:?}");
    }
    let outcome = developer.run(&["info", "io.github.acme/nothing", "--json"]);
    let data: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(data["error"]["code"], "E_NOT_FOUND");
}

#[test]
fn search_finds_by_words_and_by_pages() {
    let fixture = Fixture::empty();
    for name in ["weather", "tides", "moon", "sun"] {
        let name = format!("io.github.acme/{name}");
        fixture.registry.accept(&Draft::new(&name, "1.0.0").sign(&fixture.sigstore, &acme()));
    }
    let developer = fixture.developer();
    let found = developer.ok(&["search", "tides"]).stdout;
    assert!(found.starts_with("io.github.acme/tides@1.0.0"), "{found}");
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut args = vec!["search", "forecasts", "--limit", "3", "--json"];
        if !cursor.is_empty() {
            args.extend(["--cursor", &cursor]);
        }
        let page: Value = serde_json::from_str(&developer.ok(&args).stdout).unwrap();
        for hit in page["packages"].as_array().unwrap() {
            names.push(hit["name"].as_str().unwrap().to_owned());
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "each is on one page: {names:?}");
    let strange = developer.ok(&["search", "\"AND NOT (*", "NEAR/"]);
    assert_eq!(strange.stdout, "");
}

#[test]
fn a_file_is_verified_with_the_evidence_beside_it_and_no_registry() {
    let fixture = Fixture::with_weather();
    let submission = fixture.weather("1.2.0");
    let developer = fixture.developer();
    developer.file("server.json", &submission.server_json);
    developer.file("bundle.json", &submission.bundles[0]);
    let mut artifact = submission.artifacts[0].clone();
    developer.file("weather.mcpb", &artifact);
    let verify = ["verify", "weather.mcpb", "--bundle", "bundle.json", "--offline"];
    developer.ok(&verify);
    developer.refused(&["verify", "weather.mcpb"], 3, &["E_PROVENANCE"]);
    let other = fixture.weather("1.3.0");
    developer.file("bundle.json", &other.bundles[0]);
    developer.refused(&verify, 3, &["E_ATTESTATION"]);
    *artifact.last_mut().unwrap() ^= 1;
    developer.file("weather.mcpb", &artifact);
    developer.refused(&verify, 3, &["E_ZIP"]);

    let nobody = world!();
    nobody.file("server.json", &submission.server_json);
    nobody.file("bundle.json", &submission.bundles[0]);
    nobody.file("weather.mcpb", &submission.artifacts[0]);
    nobody.refused(&verify, 3, &["E_SIGNATURE"]);
}

#[test]
fn verifying_again_needs_no_registry_and_notices_what_changed_in_the_store() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    drop(fixture.registry);
    developer.ok(&["verify"]);
    let releases = developer.store_path().join("releases");
    let release = std::fs::read_dir(releases).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&release).unwrap();
    std::fs::write(&release, text.replace("Forecasts", "Forecast5")).unwrap();
    developer.refused(&["verify"], 3, &["E_METADATA"]);
    std::fs::remove_file(release).unwrap();
    developer.refused(&["verify"], 1, &["E_NOT_FOUND"]);
}

#[test]
fn a_name_is_asked_of_the_registry_that_serves_its_namespace_and_of_no_other() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    // A second registry claims one namespace: its names are not asked elsewhere.
    let empty = Fixture::empty();
    developer.ok(&[
        "registry",
        "add",
        "own",
        empty.registry.url(),
        "--namespace",
        "io.github.acme/*",
    ]);
    developer.refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
    developer.ok(&["info", NAME, "--registry", "test"]);
    developer.refused(&["info", NAME, "--registry", "nothing"], 2, &["E_CONFIG"]);
    developer.ok(&["registry", "remove", "own"]);
    developer.ok(&["info", NAME]);
}

#[test]
fn registries_are_added_listed_and_removed() {
    let world = world!();
    world.refused(&["search", "x"], 1, &["E_CONFIG"]);
    let url = "https://registry.example/";
    let key = SigningKey::from_seed("registry.example", [1; 32]).unwrap().verifier().to_string();
    let key = key.as_str();
    world.ok(&["registry", "add", "a", url, "--log-key", key, "--dry-run"]);
    world.refused(&["search", "x"], 1, &["E_CONFIG"]);
    let rule = "com.acme/*=https://sso.acme.example,alice@acme.example";
    world.ok(&["registry", "add", "a", url, "--log-key", key, "--publisher", rule]);
    world.refused(&["registry", "add", "a", url], 1, &["E_CONFIG"]);
    world.refused(&["registry", "add", "../a", url], 2, &["E_REQUEST"]);
    world.refused(&["registry", "add", "b", url, "--publisher", "com.acme/*"], 2, &["E_REQUEST"]);
    world.file("root.json", "{}");
    let root = ["--trusted-root", "root.json", "--trust-for", "*"];
    world.refused(
        &[["registry", "add", "b", url, "--log-key", key].as_slice(), &root].concat(),
        3,
        &["E_TRUST_ROOT"],
    );
    assert_snapshot!(world.read(".config/mcpkg/config.toml").replace(key, "KEY"), @r#"
    [[registry]]
    name = "a"
    url = "https://registry.example/"
    private = false
    namespaces = ["*"]
    public_good = true
    log_key = "KEY"

    [[registry.publisher]]
    pattern = "com.acme/*"

    [[registry.publisher.identities]]
    issuer = "https://sso.acme.example"
    subject = "alice@acme.example"
    "#);
    world.ok(&["registry", "remove", "a"]);
    world.refused(&["registry", "remove", "a"], 2, &["E_CONFIG"]);
}

#[test]
fn help_completions_and_usage_errors() {
    let world = world!();
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.ok(&["completions", shell]).stdout.contains("mcpkg"), "{shell}");
    }
    let help = world.ok(&["run", "--help"]).stdout;
    assert!(help.contains("--unconfined"), "{help}");
    for args in
        [["install"].as_slice(), &["install", "no-slash"], &["frobnicate"], &["install", "a/b@1.2"]]
    {
        assert_eq!(world.run(args).code, Some(2), "{args:?}");
    }
    world.file(".config/mcpkg/config.toml", "surprise = 1\n");
    world.refused(&["registry", "list"], 1, &["E_CONFIG"]);
    world.file(".config/mcpkg/config.toml", "");
    world.file(".config/mcpkg/mcpkg.lock", "format = 1\n<<<<<<< ours\n");
    let outcome = world.refused(&["list"], 1, &["E_LOCK"]);
    assert!(outcome.stderr.contains("line 2"), "{outcome}");
}
