//! Servers of npm and PyPI, with the real tools against registries of the test's own.

mod confined;
mod everyday;
mod project;
mod pypi;
mod source;
mod withdrawn;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mcpkg_core::Coded as _;
use mcpkg_test_support::ecosystem::{ImportConfig, import_package};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{NpmAttestor, TestEcosystem, World, world};
use serde_json::{Value, json};

use crate::fixture::{Fixture, acme};

const NAME: &str = "org.npmjs.acme/weather";
const RELEASE: &str = "npm:@acme/weather@1.2.0";
const CONFIG: &str = ".config/mcpkg/config.toml";
const FRESH: [&str; 2] = ["--accept-fresh", RELEASE];

struct Upstream {
    fixture: Fixture,
    ecosystem: TestEcosystem,
    attestor: NpmAttestor,
}

/// A server that answers `initialize`, with what its one dependency says.
const SERVER: &str = r"#!/usr/bin/env node
const now = require('clouds');
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id } = JSON.parse(line);
  if (id === undefined) return;
  const serverInfo = { name: now(), version: '1' };
  const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo };
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});
";

impl Upstream {
    fn new() -> Option<Self> {
        Self::with(Fixture::empty())
    }

    /// The same, beside a registry of ours.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn with(fixture: Fixture) -> Option<Self> {
        let has = |program: &str| {
            Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success())
        };
        if !(has("/usr/bin/npm") && has("/usr/bin/node")) {
            eprintln!("skipped: npm and node are not at hand in /usr/bin");
            return None;
        }
        let ecosystem = TestEcosystem::start();
        Some(Self { fixture, ecosystem, attestor: NpmAttestor::generate() })
    }

    /// A package and what it needs. Gives the digest of its tarball.
    fn weather(&self) -> [u8; 64] {
        self.clouds("2.0.0", "cloudy");
        self.publish("1.2.0", &json!({ "clouds": "^2.0.0" }))
    }

    /// A release of what it needs, which says something.
    fn clouds(&self, version: &str, says: &str) {
        let clouds = json!({
            "name": "clouds", "version": version, "main": "index.js", "license": "MIT",
        });
        self.ecosystem
            .npm(&clouds, &[("index.js", &format!("module.exports = () => '{says}';\n"))]);
    }

    /// A release of the package, which needs something.
    fn publish(&self, version: &str, needs: &Value) -> [u8; 64] {
        self.publish_saying(version, needs, "What the weather is")
    }

    /// The same, described otherwise.
    fn publish_saying(&self, version: &str, needs: &Value, description: &str) -> [u8; 64] {
        let weather = json!({
            "name": "@acme/weather", "version": version, "description": description,
            "bin": "cli.js", "dependencies": needs,
        });
        self.ecosystem.npm(&weather, &[("cli.js", SERVER)])
    }

    fn attest(&self, sha512: [u8; 64]) {
        self.attest_as(&acme(), "1.2.0", sha512);
    }

    /// What npm attests of a release by this workflow.
    fn attest_as(&self, by: &Identity, version: &str, sha512: [u8; 64]) {
        let name = "@acme/weather";
        let sigstore = &self.fixture.sigstore;
        let bundles = self.attestor.attest(sigstore, by, (name, version), sha512);
        let [slsa, publish] = NpmAttestor::KINDS;
        let attestations = [(slsa, bundles[0].as_str()), (publish, bundles[1].as_str())];
        self.ecosystem.npm_attest(name, version, &attestations);
    }

    /// Somebody with Claude Code who takes packages from there, and no registry of ours.
    fn developer(&self) -> World {
        let world = world!();
        world.file(".claude.json", "{}\n");
        world.file(CONFIG, "");
        self.configure(&world);
        world
    }

    /// Has somebody take packages from there, and trust what is attested of them.
    fn configure(&self, world: &World) {
        world.file(".config/mcpkg/root.json", self.fixture.sigstore.trusted_root_json());
        let keys = self.attestor.keys_json("2020-01-01T00:00:00Z");
        world.file(".config/mcpkg/keys.json", keys);
        let config = format!(
            "{}\n[upstream]\nnpm = \"{}\"\nnpm_keys = \"keys.json\"\n\
             trusted_root = \"root.json\"\n",
            world.read(CONFIG),
            self.ecosystem.npm_url()
        );
        world.file(CONFIG, config);
    }
}

#[test]
fn a_package_of_npm_is_verified_pinned_linked_and_starts() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.attest(upstream.weather());
    let developer = upstream.developer();
    let args = ["install", "npm:@acme/weather@^1", "--yes", "--unconfined"];
    let outcome = developer.ok(&[args.as_slice(), &FRESH].concat());
    assert!(outcome.stderr.contains("built by https://github.com/acme/weather/"), "{outcome}");
    assert!(outcome.stderr.contains("brings 1 other packages"), "{outcome}");
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    for pinned in [RELEASE, "sha512-", "tree-sha256:", "repositoryId"] {
        assert!(lock.contains(pinned), "{pinned}\n{lock}");
    }
    let settings: Value = serde_json::from_str(&developer.read(".claude.json")).unwrap();
    assert_eq!(settings["mcpServers"]["weather"]["args"], json!(["run", NAME]));

    // It starts, from what is in the artifact alone, and is verified without a network.
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    assert!(first_answer(&developer, request).contains("cloudy"));
    developer.ok(&["verify"]);
    developer.ok(&["list"]);
    developer.ok(&["remove", "weather"]);
    assert_eq!(developer.read(".claude.json"), "{}\n");
}

#[test]
fn what_nobody_attests_is_taken_by_its_name_alone() {
    let Some(upstream) = Upstream::new() else { return };
    upstream.weather();
    let developer = upstream.developer();
    let before = developer.files();
    let install = ["install", "npm:@acme/weather", "--yes", "--unconfined"];
    let outcome = developer.refused(&install, 3, &["E_PROVENANCE"]);
    assert!(outcome.stderr.contains(&format!("--accept-unattested {RELEASE}")), "{outcome}");
    let other = ["--accept-unattested", "npm:@acme/weather@1.2.1"];
    developer.refused(&[install.as_slice(), &other].concat(), 3, &["E_PROVENANCE"]);
    assert_eq!(changed(&before, &developer), [""; 0], "nothing is left of what was refused");

    let accept = ["--accept-unattested", RELEASE];
    let outcome = developer.ok(&[install.as_slice(), &accept].concat());
    assert!(outcome.stderr.contains("nobody attests who built it"), "{outcome}");
    for args in [["verify"].as_slice(), &["audit"], &["update"], &["outdated"]] {
        developer.ok(args);
    }
    // The user's own lock is the user's own word.
    std::fs::rename(developer.store_path().join("trees"), developer.path().join("away")).unwrap();
    developer.ok(&["sync", "--locked"]);
    developer.ok(&["verify"]);
}

#[test]
fn what_is_attested_wrongly_is_refused_for_what_is_wrong() {
    let Some(upstream) = Upstream::new() else { return };
    let sha512 = upstream.weather();
    let developer = upstream.developer();
    let install = [["install", "npm:@acme/weather", "--yes", "--unconfined"].as_slice(), &FRESH];
    let install = install.concat();
    // Of other bytes.
    upstream.attest([7; 64]);
    developer.refused(&install, 3, &["E_ATTESTATION"]);
    upstream.attest(sha512);
    // Younger than a day, and nobody said that it may be.
    developer.refused(&install[..4], 3, &["E_TOO_FRESH"]);
    // Of another tarball than the lock pins.
    let path = "/clouds/-/clouds-2.0.0.tgz";
    let good = upstream.ecosystem.get(path);
    let mut bad = good.clone();
    bad[200] ^= 1;
    upstream.ecosystem.put(path, "application/octet-stream", bad);
    developer.refused(&install, 3, &["E_DIGEST"]);
    // From another server.
    upstream.ecosystem.put(path, "redirect", "http://127.0.0.1:9/clouds.tgz");
    developer.refused(&install, 3, &["E_TRANSPORT"]);
    upstream.ecosystem.put(path, "application/octet-stream", good);
    developer.ok(&install);

    // A file of the installed tree that was changed is seen by `verify` and `run`.
    let tree = std::fs::read_dir(developer.store_path().join("trees")).unwrap().next().unwrap();
    let cli = tree.unwrap().path().join("node_modules/clouds/index.js");
    std::fs::remove_file(&cli).unwrap();
    std::fs::write(&cli, "module.exports = () => 'sunny'").unwrap();
    developer.refused(&["verify"], 3, &["E_TREE"]);
    developer.refused(&["run", NAME], 3, &["E_TREE"]);
}

#[test]
fn what_a_registry_imported_is_verified_again_by_whoever_installs_it() {
    let Some(upstream) = Upstream::new() else { return };
    let fixture = &upstream.fixture;
    let sha512 = upstream.weather();
    let ci = fixture.ci(&acme());
    let config = ImportConfig {
        npm: Some(upstream.ecosystem.npm_url().parse().unwrap()),
        npm_keys: Some(ci.file("keys.json", upstream.attestor.keys_json("2020-01-01T00:00:00Z"))),
        // What is scoped `@acme` there is Acme's here.
        npm_namespace: Some("io.github".to_owned()),
        trusted_root: Some(ci.file("root.json", fixture.sigstore.trusted_root_json())),
        ..ImportConfig::default()
    };
    let bring_in = || {
        let reference = "npm:@acme/weather@^1".parse().unwrap();
        let out = ci.path().join("dist");
        import_package(&reference, &config, &BTreeSet::new(), &out, jiff::Timestamp::now())
    };
    // Not without evidence, unless it is named.
    let error = bring_in().unwrap_err();
    assert_eq!(error.code().as_str(), "E_PROVENANCE", "{error}");
    upstream.attest(sha512);
    let imported = bring_in().unwrap();
    assert_eq!(imported.name.as_str(), "io.github.acme/weather");

    // Who imports it signs what they did, and publishes it like anything else.
    ci.ok(&["publish"]);
    let release = fixture.release(imported.name.as_str(), "1.2.0");
    let payload = release["evidence"][0]["bundle"]["dsseEnvelope"]["payload"].as_str().unwrap();
    let statement: Value = serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap();
    let build = &statement["predicate"]["buildDefinition"];
    assert_eq!(build["buildType"], "https://mcpkg.dev/build-types/import/v1");
    assert_eq!(build["externalParameters"]["upstream"], RELEASE);
    let files = build["resolvedDependencies"].as_array().unwrap();
    let npm = files.iter().filter(|it| it["digest"]["sha512"].is_string()).count();
    assert_eq!(npm, 2, "every package that went into it, by its digest: {files:?}");

    // Whoever installs it verifies what npm has of it, and not the importer's word.
    let developer = fixture.developer();
    let install = ["install", "io.github.acme/weather", "--yes", "--unconfined"];
    // This Sigstore is not the public one, and nobody said that npm uses it.
    developer.refused(&install, 3, &["E_SIGNATURE"]);
    upstream.configure(&developer);
    let outcome = developer.ok(&install);
    assert!(outcome.stderr.contains(&format!("made of {RELEASE}")), "{outcome}");
    assert!(outcome.stderr.contains("taken by the registry"), "{outcome}");
    // Under this name it is the registry's from now on.
    developer.ok(&["verify"]);
}

#[test]
fn an_import_again_is_the_same_to_the_byte_and_says_what_is_attested() {
    let Some(upstream) = Upstream::new() else { return };
    let sha512 = upstream.weather();
    upstream.attest(sha512);
    let world = world!();
    let config = ImportConfig {
        npm: Some(upstream.ecosystem.npm_url().parse().unwrap()),
        npm_keys: Some(
            world.file("keys.json", upstream.attestor.keys_json("2020-01-01T00:00:00Z")),
        ),
        trusted_root: Some(world.file("root.json", upstream.fixture.sigstore.trusted_root_json())),
        ..ImportConfig::default()
    };
    let bring_in = |folder: &str| {
        let reference = "npm:@acme/weather@^1".parse().unwrap();
        let out = world.path().join(folder);
        let now = jiff::Timestamp::now();
        let imported = import_package(&reference, &config, &BTreeSet::new(), &out, now).unwrap();
        let files = std::fs::read_dir(&out).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name(), std::fs::read(entry.path()).unwrap())
        });
        (imported, files.collect::<std::collections::BTreeMap<_, _>>())
    };
    let (imported, files) = bring_in("one");
    assert_eq!(files.len(), 3, "an artifact, its server.json and the record: {:?}", files.keys());
    let said = imported.to_string();
    assert!(said.contains("built by https://github.com/acme/weather/"), "{said}");
    assert!(said.contains("taken by the registry"), "{said}");
    // In the same folder, in another, and after the registry changed the order of its answer.
    assert_eq!(bring_in("one").1, files);
    upstream.ecosystem.edit("/-/npm/v1/attestations/@acme/weather@1.2.0", |answer| {
        answer["attestations"].as_array_mut().unwrap().reverse();
    });
    assert_eq!(bring_in("two").1, files);
    // What is newer of a dependency is another artifact, of another record.
    upstream.clouds("2.0.1", "hail");
    assert_ne!(bring_in("three").1, files);
}

/// The first line that the server says, asked through `mcpkg run`.
fn first_answer(world: &World, request: &str) -> String {
    let mut command = world.command(&["run", NAME]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(stdin);
    child.wait().unwrap();
    line
}

/// The files of an install, that were not there before.
fn changed(before: &[String], world: &World) -> Vec<String> {
    let is_ours = |path: &String| path.contains("trees/") || path.ends_with("mcpkg.lock");
    world.files().into_iter().filter(|path| !before.contains(path) && is_ours(path)).collect()
}
