//! PyPI, from a reference to an artifact that starts.

use std::process::Command;

use mcpkg_core::Platform;
use mcpkg_core::archive::{Archive, Limits};
use mcpkg_test_support::ecosystem::{pypi_publish, record, zip};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_upstream::{Closure, carried, pypi};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::fixture::{Fixture, acme, code, has, unpack};

type Files = std::collections::BTreeMap<String, String>;

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
    unpack(&fixture, "one.mcpb", folder.path());
    assert_eq!(started(folder.path()), "cloudy\n");
}

/// The files of a wheel, to make another of.
fn files_of(wheel: &[u8]) -> Files {
    let reader = std::io::Cursor::new(wheel);
    let mut archive = Archive::read(reader, &Limits::default()).unwrap();
    let paths: Vec<_> = archive.entries().iter().map(|it| it.path().to_string()).collect();
    let mut content = |path: &String| archive.read_file(path, 1 << 20).unwrap().unwrap();
    paths.iter().map(|path| (path.clone(), String::from_utf8(content(path)).unwrap())).collect()
}

/// The folder that describes the test's own project.
const INFO: &str = "acme_weather-1.2.dist-info";

/// Adds a file to a wheel, and to its list.
fn add(files: &mut Files, path: &str, content: &str) {
    files.insert(path.to_owned(), content.to_owned());
    list(files);
}

/// Lists the files of a wheel anew.
fn list(files: &mut Files) {
    let path = format!("{INFO}/RECORD");
    files.remove(&path);
    let text = record(INFO, files);
    files.insert(path, text);
}

/// The code of what comes of a wheel of these files, and of it if nothing went wrong.
fn outcome(fixture: &Fixture, closure: &Closure, files: &Files, made: &str) -> &'static str {
    let wheel = zip(files);
    let mut closure = closure.clone();
    closure.members[0].integrity =
        mcpkg_upstream::Integrity::Sha256(mcpkg_core::Digest::of(&wheel));
    let path = format!("/files/{}", closure.members[0].place);
    fixture.ecosystem.put(&path, "application/octet-stream", wheel);
    code(&fixture.make(&closure, &[], made))
}

type Change = fn(&mut Files);

#[test]
fn a_wheel_is_what_it_says_that_it_is() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let (file, _) = fixture.acme_weather();
    let closure = fixture.resolve("pypi:acme-weather").unwrap();
    let good = files_of(&fixture.ecosystem.get(&format!("/files/{file}")));
    assert_eq!(outcome(&fixture, &closure, &good, "good.mcpb"), "");
    // One thing at a time.
    let changes: [(&str, &str, Change); 14] = [
        ("a file that is not listed", "E_DIGEST", |it| drop(it.insert("x.py".into(), "1".into()))),
        ("a file that is another", "E_DIGEST", |it| {
            it.insert("acme_weather/server.py".into(), "1".into());
        }),
        ("a weak digest", "E_DIGEST", |it| {
            let record = it.get_mut(&format!("{INFO}/RECORD")).unwrap();
            *record = record.replacen("sha256=", "md5=", 1);
        }),
        ("a list that is no list", "E_ZIP", |it| {
            let record = it.get_mut(&format!("{INFO}/RECORD")).unwrap();
            record.push_str("\"x.py,,\n");
        }),
        ("a file that is listed twice", "E_ZIP", |it| {
            let record = it.get_mut(&format!("{INFO}/RECORD")).unwrap();
            *record = format!("{record}{record}");
        }),
        ("no list", "E_MANIFEST", |it| drop(it.remove(&format!("{INFO}/RECORD")))),
        ("another format", "E_MANIFEST", |it| {
            add(it, &format!("{INFO}/WHEEL"), "Wheel-Version: 2.0\n");
        }),
        ("another project's folder as well", "E_MANIFEST", |it| {
            add(it, "clouds-2.0.dist-info/METADATA", "Name: clouds\nVersion: 2.0\n");
        }),
        ("another release's folder", "E_ATTESTATION", |it| {
            let renamed = it.iter().map(|(path, text)| {
                (path.replace("acme_weather-1.2.", "acme_weather-1.3."), text.clone())
            });
            *it = renamed.collect();
        }),
        ("another release's name in it", "E_ATTESTATION", |it| {
            add(it, &format!("{INFO}/METADATA"), "Name: acme-weather\nVersion: 1.3\n");
        }),
        ("data for a place that nobody knows", "E_PATH", |it| {
            add(it, "acme_weather-1.2.data/stdlib/os.py", "1");
        }),
        ("data in the place of code", "E_PATH_COLLISION", |it| {
            add(it, "acme_weather-1.2.data/data/acme_weather/server.py", "1");
        }),
        ("a script in the place of code of that case", "E_PATH_COLLISION", |it| {
            add(it, "acme_weather-1.2.data/purelib/ACME_weather/server.py", "1");
        }),
        ("another wheel's code", "E_PATH_COLLISION", |it| {
            add(it, "acme_weather-1.2.data/platlib/clouds.py", "1");
        }),
    ];
    for (what, expected, change) in changes {
        let mut files = good.clone();
        change(&mut files);
        assert_ne!(files, good, "{what}");
        assert_eq!(outcome(&fixture, &closure, &files, "bad.mcpb"), expected, "{what}");
    }
}

#[test]
fn what_a_wheel_brings_beside_its_library_is_where_pip_would_put_it_and_starts() {
    if !has("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let fixture = Fixture::new();
    let (file, _) = fixture.acme_weather();
    let closure = fixture.resolve("pypi:acme-weather").unwrap();
    let mut files = files_of(&fixture.ecosystem.get(&format!("/files/{file}")));
    // A project from before there were entry points: its server is a script.
    files.remove(&format!("{INFO}/entry_points.txt"));
    list(&mut files);
    assert_eq!(outcome(&fixture, &closure, &files, "none.mcpb"), "E_MANIFEST", "nothing to start");
    let data = "acme_weather-1.2.data";
    add(&mut files, &format!("{data}/data/share/weather/units.txt"), "metric");
    add(&mut files, &format!("{data}/headers/weather.h"), "");
    let script = format!("{data}/scripts/acme-weather");
    add(&mut files, &script, "#!/bin/sh\nexit 1\n");
    assert_eq!(outcome(&fixture, &closure, &files, "shell.mcpb"), "E_MANIFEST", "for a shell");
    add(
        &mut files,
        &script,
        "#!python\nimport pathlib, clouds\nlib = pathlib.Path(clouds.__file__).parent\n\
         print(clouds.now(), (lib / 'share/weather/units.txt').read_text())\n",
    );
    assert_eq!(outcome(&fixture, &closure, &files, "one.mcpb"), "");
    let archive = fixture.archive("one.mcpb");
    let modes: std::collections::BTreeMap<_, _> =
        archive.entries().iter().map(|it| (it.path().as_str(), it.is_executable())).collect();
    assert_eq!(modes.get("lib/bin/acme-weather"), Some(&true));
    assert_eq!(modes.get("lib/include/python/acme-weather/weather.h"), Some(&false));
    let folder = tempfile::tempdir().unwrap();
    unpack(&fixture, "one.mcpb", folder.path());
    let script = std::fs::read_to_string(folder.path().join("lib/bin/acme-weather")).unwrap();
    assert!(script.starts_with("#!/usr/bin/env python3\n"), "{script}");
    assert_eq!(started(folder.path()), "cloudy metric\n");
}

/// What the server in an unpacked artifact says.
fn started(folder: &std::path::Path) -> String {
    let output = Command::new("python3")
        .args(["-B", "-s"])
        .arg(folder.join("bin/launch.py"))
        .env("PYTHONPATH", folder.join("lib"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
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
    let mut files = files_of(&fixture.ecosystem.get(&path));
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
