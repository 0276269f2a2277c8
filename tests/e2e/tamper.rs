//! Attacks on a developer, and for each the exact refusal.
//!
//! Somebody stands between an honest registry and its user, or holds the
//! registry itself. They change one thing, and everything else is as it should
//! be. What has to hold: exit code 3, the one stable code, and nothing written.

use mcpkg_core::Digest;
use mcpkg_core::json::canonical;
use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore, surgery};
use mcpkg_test_support::{Answer, Draft, LyingRegistry, Outcome, Submission, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme, document, index_log, is_index, is_release, log_release};

/// A change to a release document.
type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;

/// A change to an archive.
type Change = fn(&mut Vec<u8>);

/// Tries to install the package from `registry`, which has to be refused.
#[track_caller]
fn refused(fixture: &Fixture, registry: &LyingRegistry, codes: &[&str], attack: &str) -> Outcome {
    let developer = fixture.developer_at(registry.url());
    let before = written(&developer);
    let outcome = developer.run(&["install", NAME, "--yes"]);
    assert_eq!(outcome.codes(), codes, "{attack}\n{outcome}");
    assert_eq!(outcome.code, Some(3), "{attack}\n{outcome}");
    assert_eq!(written(&developer), before, "{attack}: nothing may be written");
    assert_eq!(developer.read(".claude.json"), "{}\n", "{attack}");
    outcome
}

/// What a command has written, but for the empty files that processes lock, and
/// the newest checkpoint: that one was accepted before the release was refused.
fn written(world: &World) -> Vec<String> {
    let is_ours = |path: &String| {
        ["locks", "logs"].iter().any(|it| path.starts_with(&format!(".local/state/mcpkg/{it}/")))
    };
    world.files().into_iter().filter(|path| !is_ours(path)).collect()
}

fn metadata_of(release: &Value) -> Value {
    json!(Digest::of(&canonical(&release["serverJson"])))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: one row is one attack")]
fn a_release_document_that_was_edited_is_refused() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.1.0"));
    fixture
        .registry
        .accept(&Draft::new("io.github.acme/tides", "1.2.0").sign(&fixture.sigstore, &acme()));
    let other_version = document(&fixture.weather("1.1.0"));
    let other_name =
        document(&Draft::new("io.github.acme/tides", "1.2.0").sign(&fixture.sigstore, &acme()));
    let (version, name, both) = (other_version.clone(), other_name, other_version.clone());

    let rows: Vec<(&str, &str, Edit)> = vec![
        (
            "E_METADATA",
            "a description is changed",
            Box::new(|release| release["serverJson"]["description"] = json!("Send us your keys")),
        ),
        (
            "E_METADATA",
            "a description is changed, and the digest with it",
            Box::new(|release| {
                release["serverJson"]["description"] = json!("Send us your keys");
                release["metadata"] = metadata_of(release);
            }),
        ),
        (
            "E_METADATA",
            "a permission is added, and the digest with it",
            Box::new(|release| {
                let meta = "io.modelcontextprotocol.registry/publisher-provided";
                release["serverJson"]["_meta"] = json!({ meta: { "mcpkg": { "permissions": {
                    "network": { "allow": ["exfiltrate.example:443"] }
                } } } });
                let canonical = canonical(&release["serverJson"]);
                release["serverJson"] = serde_json::from_slice(&canonical).unwrap();
                release["metadata"] = metadata_of(release);
            }),
        ),
        (
            "E_METADATA",
            "it is another release of the package",
            Box::new(|release| release["version"] = json!("1.1.0")),
        ),
        (
            "E_ATTESTATION",
            "the evidence is that of another version",
            Box::new(move |release| release["evidence"] = version["evidence"].clone()),
        ),
        (
            "E_ATTESTATION",
            "the evidence is that of another package",
            Box::new(move |release| release["evidence"] = name["evidence"].clone()),
        ),
        (
            "E_ATTESTATION",
            "the artifact is that of another version",
            Box::new(move |release| release["artifacts"] = both["artifacts"].clone()),
        ),
        (
            "E_ATTESTATION",
            "an artifact is added that nobody signed",
            Box::new(move |release| {
                let mut artifact = other_version["artifacts"][0].clone();
                artifact["platform"] = json!("windows-x86_64");
                release["artifacts"].as_array_mut().unwrap().push(artifact);
            }),
        ),
        (
            "E_ATTESTATION",
            "the tree is another",
            Box::new(|release| {
                release["artifacts"][0]["tree"] = json!(format!("tree-sha256:{}", "0".repeat(64)));
            }),
        ),
        (
            "E_LOG_SUBJECT",
            "the artifact is said to be endless",
            Box::new(|release| release["artifacts"][0]["sizeBytes"] = json!(1_u64 << 40)),
        ),
        (
            "E_PROVENANCE",
            "the evidence is gone",
            Box::new(|release| release["evidence"] = json!([])),
        ),
        (
            "E_LOG_SUBJECT",
            "it was yanked, and nobody said so",
            Box::new(|release| release["status"] = json!("yanked")),
        ),
        (
            "E_SIGNATURE",
            "the signature is flipped",
            Box::new(|release| surgery::flip_signature(&mut release["evidence"][0]["bundle"])),
        ),
        (
            "E_SIGNATURE",
            "the log entry is gone",
            Box::new(|release| surgery::remove_log_entries(&mut release["evidence"][0]["bundle"])),
        ),
        (
            "E_SIGNATURE",
            "the timestamp is gone",
            Box::new(|release| surgery::remove_timestamps(&mut release["evidence"][0]["bundle"])),
        ),
        (
            "E_ATTESTATION",
            "there are two signatures",
            Box::new(|release| {
                let bundle = release["evidence"][0]["bundle"].clone();
                surgery::add_signature(&mut release["evidence"][0]["bundle"], &bundle);
            }),
        ),
        (
            "E_REGISTRY",
            "the document is no release",
            Box::new(|release| *release = json!({ "name": NAME })),
        ),
    ];
    for (code, attack, edit) in rows {
        refused(&fixture, &fixture.edited(edit), &[code], attack);
    }
}

#[test]
fn an_artifact_that_was_logged_as_endless_is_refused() {
    let fixture = Fixture::with_weather();
    let registry = fixture.careless_about(fixture.weather("1.2.0"), |release| {
        release["artifacts"][0]["sizeBytes"] = json!(1_u64 << 40);
    });
    refused(&fixture, &registry, &["E_LIMIT"], "endless");
}

#[test]
fn bytes_that_were_changed_on_the_way_are_refused() {
    let fixture = Fixture::with_weather();
    let rows: [(&str, &str, Change); 6] = [
        ("E_DIGEST", "the first byte is flipped", |body| body[0] ^= 1),
        ("E_DIGEST", "a byte in the middle is flipped", |body| {
            let middle = body.len() / 2;
            body[middle] ^= 0x80;
        }),
        ("E_DIGEST", "the last byte is flipped", |body| *body.last_mut().unwrap() ^= 1),
        ("E_DIGEST", "the last byte is missing", |body| body.truncate(body.len() - 1)),
        ("E_DIGEST", "the body is empty", Vec::clear),
        ("E_LIMIT", "there is one byte more", |body| body.push(0)),
    ];
    for (code, attack, change) in rows {
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, mut answer: Answer| {
            if path.starts_with("/v1/blobs/") {
                change(&mut answer.body);
            }
            answer
        });
        refused(&fixture, &liar, &[code], attack);
    }
}

#[test]
fn what_somebody_else_signed_is_refused() {
    let fixture = Fixture::with_weather();
    let tag = "refs/tags/v1.2.0";
    let acme = || Identity::github("acme/weather").git_ref(tag);
    let rows = [
        ("E_NAMESPACE", "a fork", Identity::github("mallory/weather").git_ref(tag)),
        ("E_NAMESPACE", "a look-alike", Identity::github("acme-inc/weather").git_ref(tag)),
        ("E_OIDC_EVENT", "a stranger's pull request", acme().event("pull_request_target")),
        ("E_OIDC_EVENT", "what follows a stranger's run", acme().event("workflow_run")),
        ("E_PUBLISHER", "a merge ref", acme().git_ref("refs/pull/7/merge")),
        (
            "E_PUBLISHER",
            "another's reusable workflow",
            acme().reusable_workflow("mallory/ci/.github/workflows/x.yml@refs/heads/main"),
        ),
    ];
    for (code, attack, identity) in rows {
        let submission = Draft::new(NAME, "1.2.0").sign(&fixture.sigstore, &identity);
        refused(&fixture, &fixture.careless(submission), &[code], attack);
    }
    let person = Identity::email("mallory@example.com");
    let submission = Draft::new(NAME, "1.2.0").sign(&fixture.sigstore, &person);
    refused(&fixture, &fixture.careless(submission), &["E_NAMESPACE"], "a person");

    let elsewhere = TestSigstore::start();
    let submission = Draft::new(NAME, "1.2.0").sign(&elsewhere, &acme());
    refused(&fixture, &fixture.careless(submission), &["E_SIGNATURE"], "another Sigstore");
}

#[test]
fn a_build_with_a_parameter_that_nobody_knows_is_refused_unless_the_user_knows_it() {
    let fixture = Fixture::with_weather();
    let unknown = || {
        fixture.weather("1.2.0").restated(&fixture.sigstore, &acme(), |statement| {
            statement["predicate"]["buildDefinition"]["externalParameters"]["target"] = json!("x");
        })
    };
    refused(&fixture, &fixture.careless(unknown()), &["E_SLSA_PARAMETER"], "another parameter");
    let registry = fixture.careless(unknown());
    let developer = fixture.developer_at(registry.url());
    let config = developer.read(".config/mcpkg/config.toml");
    let known = "namespaces = [\"*\"]";
    assert!(config.contains(known), "{config}");
    let config = config.replacen(known, &format!("{known}\nbuild_parameters = [\"target\"]"), 1);
    developer.file(".config/mcpkg/config.toml", config);
    developer.ok(&["install", NAME, "--yes"]);
}

#[test]
fn evidence_from_a_broken_sigstore_is_refused() {
    let fixture = Fixture::with_weather();
    for &fault in Fault::ALL.iter().filter(|fault| !fault.prevents_signing()) {
        fixture.sigstore.repair();
        fixture.sigstore.break_with(fault);
        let submission = fixture.weather("1.2.0");
        let attack = format!("{fault:?}");
        refused(&fixture, &fixture.careless(submission), &["E_SIGNATURE"], &attack);
    }
}

#[test]
fn an_archive_that_means_harm_is_refused_though_its_author_signed_it() {
    let fixture = Fixture::with_weather();
    let rows: Vec<(&str, &str, Change)> = vec![
        ("E_PATH", "a path that climbs out", |zip| {
            rename(zip, "server/index.js", "../../../evil.js");
        }),
        ("E_PATH", "an absolute path", |zip| rename(zip, "server/index.js", "/etc/cron.d/evil")),
        ("E_PATH", "a backslash", |zip| rename(zip, "server/index.js", "server\\index.js")),
        ("E_PATH", "a drive", |zip| rename(zip, "server/index.js", "C:/Windows/a.js")),
        ("E_PATH_COLLISION", "a case variant", |zip| {
            rename(zip, "server/other.js", "SERVER/INDEX.JS");
        }),
        ("E_ENTRY_TYPE", "a symbolic link", |zip| set_mode(zip, "server/other.js", 0o120_777)),
        ("E_ENTRY_TYPE", "a device", |zip| set_mode(zip, "server/other.js", 0o060_644)),
        ("E_ENTRY_TYPE", "a setuid file", |zip| set_mode(zip, "server/other.js", 0o104_755)),
        ("E_ZIP", "a trailing byte", |zip| zip.push(0)),
        ("E_ZIP", "a prefix", |zip| zip.insert(0, 0)),
        ("E_ZIP", "a checksum that does not hold", |zip| {
            let at = find(zip, b"PK\x01\x02", 0);
            let (local, central) = (14, at + 16);
            zip[local] ^= 1;
            zip[central] ^= 1;
        }),
        ("E_ZIP", "local and central header that differ", |zip| {
            let at = find(zip, b"PK\x01\x02", 0);
            zip[at + 16] ^= 1;
        }),
        ("E_MANIFEST", "an appended MCPB signature", |zip| {
            zip.extend(b"MCPB_SIG_V1\x04\0\0\0abcdMCPB_SIG_END");
        }),
        ("E_LIMIT", "a file of four gigabytes, it says", |zip| {
            let name = find(zip, b"PK\x01\x02", 0);
            zip[name + 24..name + 28].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
            zip[22..26].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
        }),
    ];
    for (code, attack, change) in rows {
        let submission = forge(&fixture, change);
        refused(&fixture, &fixture.careless(submission), &[code], attack);
    }
}

#[test]
fn a_manifest_of_something_else_is_refused() {
    let fixture = Fixture::with_weather();
    for (attack, pointer, value) in [
        ("another name", "/name", json!("tides")),
        ("another version", "/version", json!("1.2.1")),
        ("a command that is no part of it", "/server/mcp_config/command", json!("curl")),
        ("inline code", "/server/mcp_config/args/0", json!("-e")),
        ("an entry point that climbs out", "/server/entry_point", json!("../x.js")),
    ] {
        let mut draft = Draft::new(NAME, "1.2.0");
        *draft.artifacts[0].manifest.pointer_mut(pointer).unwrap() = value;
        let submission = draft.sign(&fixture.sigstore, &acme());
        refused(&fixture, &fixture.careless(submission), &["E_MANIFEST"], attack);
    }
}

#[test]
fn a_locked_release_never_changes() {
    let fixture = Fixture::with_weather();
    let draft = Draft::new(NAME, "1.2.0").description("The same version, other content");
    let replaced = document(&draft.sign(&fixture.sigstore, &acme()));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = std::fs::read(developer.lock_path()).unwrap();

    let liar = fixture.edited(move |release| {
        for part in ["metadata", "serverJson", "artifacts", "evidence"] {
            release[part] = replaced[part].clone();
        }
    });
    point_at(&developer, &fixture, liar.url());
    developer.refused(&["install", NAME, "--yes"], 3, &["E_IMMUTABLE"]);
    assert_eq!(std::fs::read(developer.lock_path()).unwrap(), lock);
}

#[test]
fn another_publisher_than_the_pinned_one_is_refused() {
    let fixture = Fixture::with_weather();
    let tag = "refs/tags/v1.2.0";
    let rows = [
        (vec![], "another tag of the same workflow", acme().git_ref("refs/tags/v1.3.0")),
        (
            vec!["E_PUBLISHER_ID"],
            "a recycled account",
            Identity::github("acme/weather").git_ref(tag).owner_id("666").repository_id("667"),
        ),
        (
            vec!["E_IDENTITY_CHANGED"],
            "another repository of the account",
            Identity::github("acme/tides").git_ref(tag).repository_id("1002"),
        ),
        (
            vec!["E_IDENTITY_CHANGED"],
            "another workflow",
            acme().workflow(".github/workflows/other.yml"),
        ),
        (vec!["E_IDENTITY_CHANGED"], "another environment", acme().environment(Some("staging"))),
        (vec!["E_IDENTITY_CHANGED"], "a branch", acme().git_ref("refs/heads/main")),
        (
            vec!["E_IDENTITY_CHANGED", "E_NAMESPACE"],
            "a fork",
            Identity::github("mallory/weather").git_ref(tag).owner_id("3").repository_id("4"),
        ),
    ];
    for (codes, what, identity) in rows {
        let developer = fixture.developer();
        developer.ok(&["install", NAME, "--yes"]);
        // The next release, which the registry passes on without a look.
        let next = document(&Draft::new(NAME, "1.3.0").sign(&fixture.sigstore, &identity));
        let body = Draft::new(NAME, "1.3.0").sign(&fixture.sigstore, &identity).artifacts.remove(0);
        let mut release = fixture.release(NAME, "1.2.0");
        release["version"] = json!("1.3.0");
        for part in ["metadata", "serverJson", "artifacts", "evidence"] {
            release[part] = next[part].clone();
        }
        let mut log = fixture.log(&[(NAME, "1.2.0")]);
        log_release(&mut log, &mut release, Some(0));
        let index_log = index_log(&log, Some(1), &[0, 1]);
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
            if is_index(path) {
                return answer.edit(|index| {
                    let mut line = index["releases"][0].clone();
                    line["version"] = json!("1.3.0");
                    line["entry"] = json!(1);
                    index["releases"].as_array_mut().unwrap().push(line);
                    index["log"] = index_log.clone();
                });
            }
            if is_release(path) {
                let mut release = release.clone();
                release["publisher"] = json!({
                    "kind": "identity", "issuer": "https://x", "subject": "the liar's word"
                });
                answer.status = 200;
                answer.body = release.to_string().into_bytes();
            }
            if path.starts_with("/v1/blobs/") {
                (answer.status, answer.body) = (200, body.clone());
            }
            answer
        });
        point_at(&developer, &fixture, liar.url());
        let outcome = developer.run(&["install", NAME, "--yes"]);
        assert_eq!(outcome.codes(), codes, "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(if codes.is_empty() { 0 } else { 3 }), "{what}\n{outcome}");
    }
}

#[test]
fn a_release_has_to_be_a_day_old_unless_it_is_named() {
    let fixture = Fixture::with_weather();
    let public = fixture.stranger_at(fixture.registry.url(), &[]);
    public.file(".claude.json", "{}\n");
    let install = ["install", NAME, "--yes"];
    let outcome = public.refused(&install, 3, &["E_TOO_FRESH"]);
    assert!(outcome.stderr.contains("--accept-fresh"), "{outcome}");
    let other = ["--accept-fresh", "io.github.acme/weather@1.2.1"];
    public.refused(&[install.as_slice(), &other].concat(), 3, &["E_TOO_FRESH"]);
    let this = ["--accept-fresh", "io.github.acme/weather@1.2.0"];
    public.ok(&[install.as_slice(), &this].concat());
}

/// Makes the registry `url` the one that the developer uses, with the same
/// trust as before.
fn point_at(developer: &World, fixture: &Fixture, url: &str) {
    developer.ok(&["registry", "remove", "test"]);
    fixture.add_registry(developer, url, &["--private"]);
}

/// A release whose archive was changed before it was signed.
pub(crate) fn forge(fixture: &Fixture, change: fn(&mut Vec<u8>)) -> Submission {
    let mut draft = Draft::new(NAME, "1.2.0");
    draft.artifacts[0].files.push(("server/other.js".to_owned(), b"1\n".to_vec()));
    let mut submission = draft.sign(&fixture.sigstore, &acme());
    change(&mut submission.artifacts[0]);
    let digest = Digest::of(&submission.artifacts[0]);
    let bundle: Value = serde_json::from_slice(&submission.bundles[0]).unwrap();
    let mut statement: Value =
        serde_json::from_slice(&surgery::bytes(&bundle, surgery::PAYLOAD)).unwrap();
    statement["subject"][1]["digest"]["sha256"] = json!(digest.to_hex());
    let bundle = fixture.sigstore.sign_statement(&acme(), statement.to_string().as_bytes());
    submission.bundles = vec![bundle.into_bytes()];
    submission
}

/// Renames a file in an archive, in both of its headers. A name of another
/// length is padded, or cut, so that nothing else moves.
pub(crate) fn rename(zip: &mut [u8], from: &str, to: &str) {
    let mut name = to.as_bytes().to_vec();
    name.resize(from.len(), b'x');
    let local = find(zip, from.as_bytes(), 0);
    zip[local..local + name.len()].copy_from_slice(&name);
    let directory = find(zip, b"PK\x01\x02", 0);
    let central = find(zip, from.as_bytes(), directory);
    zip[central..central + name.len()].copy_from_slice(&name);
}

/// Sets a file's Unix mode.
fn set_mode(zip: &mut [u8], path: &str, mode: u32) {
    let directory = find(zip, b"PK\x01\x02", 0);
    let name = find(zip, path.as_bytes(), directory);
    let attributes = name - 46 + 38;
    zip[attributes..attributes + 4].copy_from_slice(&(mode << 16).to_le_bytes());
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> usize {
    let found = bytes[from..].windows(wanted.len()).position(|window| window == wanted);
    from + found.expect("it is there")
}
