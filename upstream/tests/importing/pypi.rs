//! PyPI, from a reference to an artifact that starts.

use std::process::Command;

use mcpkg_core::Platform;
use mcpkg_test_support::ecosystem::{pypi_publish, zip};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_upstream::{carried, pypi};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::fixture::{Fixture, acme, code, has};

const SERVER: &str = "from clouds import now\n\n\ndef main():\n    print(now())\n";

impl Fixture {
    /// A project of two wheels. Gives the name of its own.
    fn acme_weather(&self) -> (String, mcpkg_core::Digest) {
        let clouds = [("clouds.py", "def now():\n    return 'cloudy'\n")];
        self.ecosystem.pypi(("clouds", "2.0"), &[], "clouds:now", &clouds);
        let files = [("acme_weather/__init__.py", ""), ("acme_weather/server.py", SERVER)];
        let requires = ["clouds>=2"];
        self.ecosystem.pypi(("acme-weather", "1.2"), &requires, "acme_weather.server:main", &files)
    }
}

fn publisher(repository: &str) -> Value {
    json!({ "kind": "GitHub", "repository": repository, "workflow": "release.yml" })
}

#[test]
fn a_project_becomes_an_artifact_that_starts_and_carries_its_evidence() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let (file, digest) = fixture.acme_weather();
    let statement = pypi_publish(&file, digest).to_string();
    let bundle = fixture.sigstore.sign_statement(&acme(), statement.as_bytes());
    fixture.ecosystem.pypi_attest(&file, &publisher("acme/weather"), &[bundle]);

    let closure = fixture.resolve("pypi:Acme_Weather@1.2").unwrap();
    let releases: Vec<_> = closure.members.iter().map(|it| it.release.to_string()).collect();
    assert_eq!(releases, ["pypi:acme-weather@1.2", "pypi:clouds@2.0"]);
    assert_eq!((closure.platform, closure.root().needs.as_slice()), (Platform::Any, &[1][..]));
    let statements = fixture.importer().evidence(&closure).unwrap();
    assert_eq!(statements.len(), 1);
    let made = fixture.make(&closure, &statements, "one.mcpb").unwrap();
    assert_eq!(made.manifest.version(), "1.2.0");
    let again = fixture.make(&closure, &statements, "two.mcpb").unwrap();
    assert_eq!(made.digest, again.digest);
    let found = carried::read(&mut fixture.archive("one.mcpb"), &fixture.trust()).unwrap().unwrap();
    assert_eq!(found.statements.len(), 1);

    let folder = tempfile::tempdir().unwrap();
    let mut archive = fixture.archive("one.mcpb");
    let paths: Vec<_> = archive.entries().iter().map(|it| it.path().to_string()).collect();
    for path in paths {
        let content = archive.read_file(&path, 1 << 20).unwrap().unwrap();
        let target = folder.path().join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, content).unwrap();
    }
    let output = Command::new("python3")
        .args(["-B", "-s"])
        .arg(folder.path().join("bin/launch.py"))
        .env("PYTHONPATH", folder.path().join("lib"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "cloudy\n", "{output:?}");
}

/// The first local and central header of a ZIP whose first file is `a-`, as a folder `a/`.
fn with_folder(zip: &[u8]) -> Vec<u8> {
    let mut zip = zip.to_vec();
    let names: Vec<_> = (0..zip.len() - 1).filter(|&at| &zip[at..at + 2] == b"a-").collect();
    for at in names {
        zip[at + 1] = b'/';
    }
    zip
}

#[test]
fn folders_in_a_wheel_are_left_out_and_nothing_else_is() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let (file, _) = fixture.acme_weather();
    let closure = fixture.resolve("pypi:acme-weather").unwrap();
    let path = format!("/files/{file}");
    let wheel = fixture.ecosystem.get(&path);
    let mut archive = mcpkg_core::archive::Archive::read(
        std::io::Cursor::new(wheel),
        &mcpkg_core::archive::Limits::default(),
    )
    .unwrap();
    let mut files = std::collections::BTreeMap::new();
    for entry in archive.entries().to_vec() {
        let content = archive.read_file(entry.path().as_str(), 1 << 20).unwrap().unwrap();
        files.insert(entry.path().to_string(), String::from_utf8(content).unwrap());
    }
    for (content, expected) in [("", ""), ("text", "E_ENTRY_TYPE")] {
        files.insert("a-".to_owned(), content.to_owned());
        let wheel = with_folder(&zip(&files));
        let mut closure = closure.clone();
        closure.members[0].integrity =
            mcpkg_upstream::Integrity::Sha256(mcpkg_core::Digest::of(&wheel));
        fixture.ecosystem.put(&path, "application/octet-stream", wheel);
        assert_eq!(code(&fixture.make(&closure, &[], "one.mcpb")), expected, "{content:?}");
    }
    let archive = fixture.archive("one.mcpb");
    assert!(archive.entries().iter().all(|it| it.path().as_str() != "lib/a"));
}

#[test]
fn an_attestation_counts_for_this_file_and_the_publisher_that_is_named() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let (file, digest) = fixture.acme_weather();
    let closure = fixture.resolve("pypi:acme-weather").unwrap();
    let sign = |by: &Identity, file: &str, digest| {
        fixture.sigstore.sign_statement(by, pypi_publish(file, digest).to_string().as_bytes())
    };
    let other = mcpkg_core::Digest::of(b"other");
    let fork = Identity::github("evil/weather").git_ref("refs/tags/v1.2.0");
    let workflow = acme().workflow(".github/workflows/test.yml");
    for (what, bundle, expected) in [
        ("as it should be", sign(&acme(), &file, digest), ""),
        ("another file", sign(&acme(), "other-1.2-py3-none-any.whl", digest), "E_ATTESTATION"),
        ("other bytes", sign(&acme(), &file, other), "E_ATTESTATION"),
        ("another repository", sign(&fork, &file, digest), "E_PUBLISHER"),
        ("another workflow", sign(&workflow, &file, digest), "E_PUBLISHER"),
    ] {
        fixture.ecosystem.pypi_attest(&file, &publisher("acme/weather"), &[bundle]);
        let found = fixture.importer().evidence(&closure);
        assert_eq!(code(&found), expected, "{what}: {found:?}");
    }
    fixture.ecosystem.put(&format!("/integrity/{file}"), "application/json", "{}");
    assert_eq!(code(&fixture.importer().evidence(&closure)), "E_REGISTRY");
}

#[test]
fn a_source_distribution_is_never_built() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    fixture.ecosystem.pypi_wheel("only-source", "only-source-1.0.tar.gz", b"a program");
    assert_eq!(code(&fixture.resolve("pypi:only-source")), "E_RESOLVE");
}

#[test]
fn a_recorded_attestation_of_pypi_becomes_a_bundle_that_verifies() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/evidence/pypi-pypi_attestations-0.0.19-slsa");
    let name = "pypi_attestations-0.0.19.tar.gz";
    let Ok(attestation) = std::fs::read(folder.join(format!("pep740.{name}.slsa.attestation")))
    else {
        eprintln!("skipped: the recorded evidence is not at hand at {}", folder.display());
        return;
    };
    let attestation: Value = serde_json::from_slice(&attestation).unwrap();
    let publisher = json!({ "kind": "GitHub", "repository": "trailofbits/pypi-attestations", "workflow": "release.yml" });
    let bundles = json!([{ "publisher": publisher, "attestations": [attestation] }]);
    let provenance = json!({ "version": 1, "attestation_bundles": bundles });
    let stated = pypi::evidence::read(provenance.to_string().as_bytes()).unwrap();
    let sha256 = mcpkg_core::Digest::of(&std::fs::read(folder.join(name)).unwrap());
    let root = [mcpkg_verify::TrustRoot::public_good().unwrap()];
    let verify = |file, sha256| {
        let subject = mcpkg_verify::UpstreamSubject::PyPi { file, sha256 };
        mcpkg_verify::verify_upstream(subject, &stated[0].bundle, &root, &[])
    };
    let evidence = verify(name, sha256).unwrap();
    assert!(stated[0].publisher.is(evidence.evidence.signer.build.as_ref()));
    assert!(verify("pypi_attestations-0.0.18.tar.gz", sha256).is_err());
    assert!(verify(name, mcpkg_core::Digest::of(b"other")).is_err());
}

#[test]
fn npms_recorded_statements_verify_with_the_keys_that_are_built_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence");
    let case = |what: &str| folder.join(format!("npm-mcp-server-filesystem-2026.7.10-{what}"));
    let tarball = "modelcontextprotocol-server-filesystem-2026.7.10.tgz";
    let Ok(bytes) = std::fs::read(case("publish").join(tarball)) else {
        eprintln!("skipped: the recorded evidence is not at hand at {}", folder.display());
        return;
    };
    // The real tarball reads as strictly as any.
    let tar = mcpkg_upstream::gzip::inflate_whole(&bytes).unwrap();
    let files = mcpkg_upstream::tar::files(&tar).unwrap();
    assert!(files.iter().any(|file| file.path.as_str() == "package.json"));

    let sha512 = sha2::Sha512::digest(&bytes).into();
    let keys = mcpkg_upstream::npm::evidence::KEYS;
    let keys = mcpkg_verify::RegistryKey::read_npm(keys).unwrap();
    let root = [mcpkg_verify::TrustRoot::public_good().unwrap()];
    for what in ["provenance", "publish"] {
        let bundle = std::fs::read(case(what).join("bundle.sigstore.json")).unwrap();
        let verify = |name, version| {
            let subject = mcpkg_verify::UpstreamSubject::Npm { name, version, sha512 };
            mcpkg_verify::verify_upstream(subject, &bundle, &root, &keys)
        };
        let name = "@modelcontextprotocol/server-filesystem";
        verify(name, "2026.7.10").unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert!(verify(name, "2026.7.11").is_err(), "{what}");
        assert!(verify("@modelcontextprotocol/server-memory", "2026.7.10").is_err(), "{what}");
    }
}
