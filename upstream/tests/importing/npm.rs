//! npm, from a reference to an artifact that starts.

use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::Coded as _;
use mcpkg_core::manifest::LaunchContext;
use mcpkg_test_support::NpmAttestor;
use mcpkg_test_support::ecosystem::{npm_publish, npm_subject, provenance};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_upstream::{Judgement, Lack, Terms, carried, judge, uploader};
use serde_json::json;

use crate::fixture::{Fixture, acme, code, has, unpack};

const WEATHER: &str = "npm:@acme/weather@^1";

#[test]
fn a_package_becomes_an_artifact_that_starts_and_carries_its_evidence() {
    if !has("npm", &["--version"]) {
        return;
    }
    let fixture = Fixture::new();
    fixture.attested_weather();
    let closure = fixture.resolve(WEATHER).unwrap();
    let places: Vec<_> = closure.members.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(places, ["node_modules/@acme/weather", "node_modules/clouds"]);
    assert_eq!(closure.root().needs, [1]);

    let statements = fixture.importer().evidence(&closure).unwrap();
    assert_eq!(statements.len(), 2);
    let made = fixture.make(&closure, &statements, "one.mcpb").unwrap();
    // The same again, in another folder and order of requests: the same bytes.
    let again = fixture.make(&fixture.resolve(WEATHER).unwrap(), &statements, "two.mcpb").unwrap();
    assert_eq!((made.digest, made.tree), (again.digest, again.tree));
    assert_eq!(fixture.bytes("one.mcpb"), fixture.bytes("two.mcpb"));
    assert!(!std::path::Path::new("/tmp/mcpkg-a-script-ran").exists(), "no script runs");

    // What it carries is verified from the artifact alone.
    let found = carried::read(&mut fixture.archive("one.mcpb"), &fixture.trust()).unwrap().unwrap();
    assert_eq!(found.origin.release.to_string(), "npm:@acme/weather@1.2.0");
    assert_eq!(found.statements.len(), 2);
    assert_eq!(found.origin.files.len(), 2);

    // And it starts, with nothing but what is in it.
    let folder = tempfile::tempdir().unwrap();
    unpack(&fixture, "one.mcpb", folder.path());
    let launch = made
        .manifest
        .launch(&LaunchContext {
            dirname: folder.path().to_str().unwrap(),
            home: None,
            desktop: None,
            documents: None,
            downloads: None,
            system: mcpkg_core::System::Linux,
            config: &std::collections::BTreeMap::new(),
        })
        .unwrap();
    let output = Command::new(&launch.command).args(&launch.args).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "cloudy\n", "{output:?}");
}

#[test]
fn the_bill_of_materials_names_every_package_once() {
    if !has("npm", &["--version"]) {
        return;
    }
    let fixture = Fixture::new();
    fixture.weather();
    let closure = fixture.resolve(WEATHER).unwrap();
    fixture.make(&closure, &[], "one.mcpb").unwrap();
    let sbom = fixture.json("one.mcpb", ".mcpkg/upstream/sbom.cdx.json");
    // What CycloneDX 1.6 requires, and the form of what is optional there.
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let root = &sbom["metadata"]["component"];
    assert_eq!(root["purl"], "pkg:npm/%40acme/weather@1.2.0");
    let parts = sbom["components"].as_array().unwrap();
    let mut references = vec![root["bom-ref"].as_str().unwrap()];
    for part in parts {
        assert_eq!(part["type"], "library");
        assert_eq!(part["hashes"][0]["alg"], "SHA-512");
        assert_eq!(part["hashes"][0]["content"].as_str().unwrap().len(), 128);
        references.push(part["bom-ref"].as_str().unwrap());
    }
    references.sort_unstable();
    let unique: std::collections::BTreeSet<_> = references.iter().collect();
    assert_eq!((unique.len(), references.len()), (2, 2));
    for dependency in sbom["dependencies"].as_array().unwrap() {
        let named = dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]);
        for name in named {
            assert!(references.contains(&name.as_str().unwrap()), "{name}");
        }
    }
    assert_eq!(parts[0]["licenses"], json!([{ "license": { "name": "MIT" } }]));
}

type Change = fn(&Fixture);

#[test]
fn what_was_changed_on_the_way_is_refused() {
    if !has("npm", &["--version"]) {
        return;
    }
    let tarball = "/@acme/weather/-/weather-1.2.0.tgz";
    let changes: [(&str, Change); 3] = [
        ("E_DIGEST", |it| {
            let path = "/clouds/-/clouds-2.0.0.tgz";
            let mut bytes = it.ecosystem.get(path);
            *bytes.last_mut().unwrap() ^= 1;
            it.ecosystem.put(path, "application/octet-stream", bytes);
        }),
        ("E_TRANSPORT", |it| {
            let path = "/@acme/weather/-/weather-1.2.0.tgz";
            it.ecosystem.put(path, "redirect", "http://127.0.0.1:9/weather-1.2.0.tgz");
        }),
        ("E_TRANSPORT", |it| {
            it.ecosystem.put("/clouds/-/clouds-2.0.0.tgz", "redirect", it.ecosystem.npm_url());
        }),
    ];
    for (expected, change) in changes {
        let fixture = Fixture::new();
        fixture.weather();
        let closure = fixture.resolve(WEATHER).unwrap();
        assert_eq!(code(&fixture.make(&closure, &[], "before.mcpb")), "");
        change(&fixture);
        assert_eq!(code(&fixture.make(&closure, &[], "after.mcpb")), expected);
        assert!(fixture.ecosystem.asked().iter().any(|path| path == tarball));
    }
}

#[test]
fn only_the_registry_itself_is_asked_for_code() {
    if !has("npm", &["--version"]) {
        return;
    }
    let fixture = Fixture::new();
    fixture.weather();
    assert_eq!(code(&fixture.resolve(WEATHER)), "");
    assert_eq!(code(&fixture.resolve("npm:@acme/weather@^3")), "E_RESOLVE");
    assert_eq!(code(&fixture.resolve("npm:nothing")), "E_RESOLVE");
    // The only thing that is changed: where one dependency is.
    for (name, dependency) in
        [("with-git", "git+https://127.0.0.1:9/acme/clouds.git"), ("with-folder", "file:../clouds")]
    {
        let package = json!({
            "name": name, "version": "1.0.0", "bin": "cli.js",
            "dependencies": { "clouds": dependency },
        });
        fixture.ecosystem.npm(&package, &[("cli.js", "")]);
        assert_eq!(code(&fixture.resolve(&format!("npm:{name}"))), "E_RESOLVE", "{name}");
    }
}

#[test]
fn a_statement_counts_for_this_package_and_these_bytes_alone() {
    if !has("npm", &["--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let sha512 = fixture.weather();
    let closure = fixture.resolve(WEATHER).unwrap();
    let (name, version) = ("@acme/weather", "1.2.0");
    let [slsa, publish] = NpmAttestor::KINDS;
    let sign = |statement: serde_json::Value| {
        fixture.sigstore.sign_statement(&acme(), statement.to_string().as_bytes())
    };
    let sign_as_npm = |statement: serde_json::Value, id: &str| {
        let statement = statement.to_string();
        let key = &fixture.attestor.key;
        fixture.sigstore.sign_statement_with_key(key, statement.as_bytes(), id)
    };
    let id = NpmAttestor::KEY_ID;
    for (what, kind, bundle, expected) in [
        ("as it should be", slsa, sign(provenance(&npm_subject(name, version, sha512))), ""),
        ("npm's word", publish, sign_as_npm(npm_publish(name, version, sha512), id), ""),
        (
            "another package",
            slsa,
            sign(provenance(&npm_subject("@evil/weather", version, sha512))),
            "E_ATTESTATION",
        ),
        (
            "another version",
            slsa,
            sign(provenance(&npm_subject(name, "1.1.0", sha512))),
            "E_ATTESTATION",
        ),
        (
            "other bytes",
            slsa,
            sign(provenance(&npm_subject(name, version, [7; 64]))),
            "E_ATTESTATION",
        ),
        (
            "npm's word on another package",
            publish,
            sign_as_npm(npm_publish("clouds", version, sha512), id),
            "E_ATTESTATION",
        ),
        (
            "an unknown key",
            publish,
            sign_as_npm(npm_publish(name, version, sha512), "SHA256:anothers"),
            "E_TRUST_ROOT",
        ),
        (
            "npm's word by a workflow",
            publish,
            sign(npm_publish(name, version, sha512)),
            "E_ATTESTATION",
        ),
        (
            "provenance by npm's key",
            slsa,
            sign_as_npm(provenance(&npm_subject(name, version, sha512)), id),
            "E_ATTESTATION",
        ),
    ] {
        fixture.ecosystem.npm_attest(name, version, &[(kind, &bundle)]);
        let found = fixture.importer().evidence(&closure);
        assert_eq!(code(&found), expected, "{what}: {found:?}");
    }
}

#[test]
fn a_key_counts_within_its_window() {
    let fixture = Fixture::new();
    let sha512 = [1; 64];
    let bundles = fixture.attestor.attest(&fixture.sigstore, &acme(), ("weather", "1.2.0"), sha512);
    let subject = mcpkg_verify::UpstreamSubject::Npm { name: "weather", version: "1.2.0", sha512 };
    let roots = fixture.trust().roots;
    for (start, expected) in [("2020-01-01T00:00:00Z", ""), ("2100-01-01T00:00:00Z", "E_SIGNATURE")]
    {
        let keys = fixture.attestor.keys_json(start);
        let keys = mcpkg_verify::RegistryKey::read_npm(&keys).unwrap();
        let found = mcpkg_verify::verify_upstream(subject, bundles[1].as_bytes(), &roots, &keys);
        let found = found.err().map_or("", |error| error.code().as_str());
        assert_eq!(found, expected, "from {start}");
    }
}

#[test]
fn provenance_and_the_registrys_word_are_enough_together() {
    let fixture = Fixture::new();
    let release = "npm:weather@1.2.0".parse().unwrap();
    let subject =
        mcpkg_verify::UpstreamSubject::Npm { name: "weather", version: "1.2.0", sha512: [1; 64] };
    let trust = fixture.trust();
    let verified = |by: &Identity| {
        let attest = fixture.attestor.attest(&fixture.sigstore, by, ("weather", "1.2.0"), [1; 64]);
        attest.map(|bundle| {
            let bundle = bundle.as_bytes();
            mcpkg_verify::verify_upstream(subject, bundle, &trust.roots, &trust.keys).unwrap()
        })
    };
    let [built, taken] = verified(&acme());
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(25);
    let terms = Terms { min_age: SignedDuration::from_hours(24), ..Terms::default() };
    let decide = |evidence: &[_], terms: &Terms, now| match judge(&release, evidence, terms, now) {
        Judgement::Attested { .. } => "attested".to_owned(),
        Judgement::Unattested(lack) => format!("{lack:?}"),
        Judgement::Refused(refusals) => {
            refusals.iter().map(|it| it.code().to_string()).collect::<Vec<_>>().join(" ")
        }
    };
    let both = [built.clone(), taken.clone()];
    assert_eq!(decide(&both, &terms, tomorrow), "attested");
    assert_eq!(decide(&both, &terms, Timestamp::now()), "E_TOO_FRESH");
    let accepted = Terms { accept_fresh: [release.clone()].into(), ..terms.clone() };
    assert_eq!(decide(&both, &accepted, Timestamp::now()), "attested");
    assert_eq!(decide(&[], &terms, tomorrow), format!("{:?}", Lack::Everything));
    assert_eq!(
        decide(std::slice::from_ref(&taken), &terms, tomorrow),
        format!("{:?}", Lack::Provenance)
    );
    assert_eq!(decide(&[built], &terms, tomorrow), format!("{:?}", Lack::Acceptance));

    // Whoever was pinned stays, and what was attested stays attested.
    let uploader = uploader(release.package(), &"https://registry.npmjs.org/".parse().unwrap());
    let pinned = Terms { pinned: Some(uploader), ..terms.clone() };
    assert_eq!(decide(&both, &pinned, tomorrow), "E_IDENTITY_CHANGED");
    let Judgement::Attested { publisher, .. } = judge(&release, &both, &terms, tomorrow) else {
        panic!("it was attested above")
    };
    let pinned = Terms { pinned: Some(publisher), ..terms.clone() };
    assert_eq!(decide(&both, &pinned, tomorrow), "attested");
    assert_eq!(decide(std::slice::from_ref(&taken), &pinned, tomorrow), "E_PROVENANCE_LOST");
    // Unless this very release is named.
    let named = |release: &str| Terms {
        accept_unattested: [release.parse().unwrap()].into(),
        ..pinned.clone()
    };
    let taken = std::slice::from_ref(&taken);
    assert_eq!(decide(taken, &named("npm:weather@1.2.1"), tomorrow), "E_PROVENANCE_LOST");
    assert_eq!(decide(taken, &named("npm:weather@1.2.0"), tomorrow), "Provenance");
    let other = verified(&acme().repository_id("1002"));
    assert_eq!(decide(&other, &pinned, tomorrow), "E_PUBLISHER_ID");
    let stranger = verified(&acme().event("pull_request_target"));
    assert_eq!(decide(&stranger, &terms, tomorrow), "E_OIDC_EVENT");
}

#[test]
fn an_artifact_that_was_edited_is_not_of_its_original() {
    if !has("npm", &["--version"]) {
        return;
    }
    let fixture = Fixture::new();
    fixture.attested_weather();
    let closure = fixture.resolve(WEATHER).unwrap();
    let statements = fixture.importer().evidence(&closure).unwrap();
    fixture.make(&closure, &statements, "one.mcpb").unwrap();
    let folder = tempfile::tempdir().unwrap();
    unpack(&fixture, "one.mcpb", folder.path());
    let listing: std::collections::BTreeMap<_, _> = fixture
        .archive("one.mcpb")
        .entries()
        .iter()
        .map(|it| (it.path().to_string(), it.is_executable()))
        .collect();
    let read = |listing| {
        let folder = folder.path().to_owned();
        code(&carried::read(&mut carried::Unpacked { folder, files: listing }, &fixture.trust()))
    };
    assert_eq!(read(listing.clone()), "");
    // One thing at a time: a file more, a file executable, a file changed, no original.
    let own = "node_modules/@acme/weather";
    let mut more = listing.clone();
    more.insert(format!("{own}/index.mjs"), false);
    assert_eq!(read(more), "E_ATTESTATION");
    let mut executable = listing.clone();
    executable.insert(format!("{own}/cli.js"), true);
    assert_eq!(read(executable), "E_ATTESTATION");
    let mut without = listing.clone();
    without.remove(".mcpkg/upstream/original.tgz");
    assert_eq!(read(without), "E_ATTESTATION");
    std::fs::write(folder.path().join(own).join("cli.js"), "console.log('stolen')").unwrap();
    assert_eq!(read(listing), "E_ATTESTATION");
}
