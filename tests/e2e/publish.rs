//! Publishing: who may, what is checked before, and what happens again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule};
use mcpkg_test_support::domain::Zone;
use mcpkg_test_support::sigstore::{Fault, Identity, ManagedKey, TestSigstore};
use mcpkg_test_support::{Draft, LyingRegistry, Setup, TestDomain, World};
use mcpkg_verify::TrustedKey;
use serde_json::Value;

use crate::fixture::{Fixture, NAME, acme};

/// Puts a release, packed and with its evidence, into `dist`.
fn packed(world: &World, fixture: &Fixture, draft: &Draft, identity: &Identity) {
    let submission = draft.sign(&fixture.sigstore, identity);
    world.file("dist/server.json", &submission.server_json);
    world.file("dist/weather.mcpb", &submission.artifacts[0]);
    world.file("bundle.json", &submission.bundles[0]);
}

#[test]
fn ci_publishes_with_no_secret_and_anybody_can_install_it() {
    let fixture = Fixture::empty();
    let ci = fixture.ci(&acme().environment(Some("release")));
    packed(&ci, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let outcome = ci.ok(&["publish", "--json"]);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["existed"], false);
    assert_eq!(summary["publisher"]["environment"], "release");
    assert_eq!(summary["evidence"][0]["signer"]["build"]["sourceRepositoryId"], "1001");
    assert_eq!(summary["log"]["entry"], 0);
    let log = fixture.registry.log_key();
    let logged = format!("Logged as entry 0 of {}", log.name());
    assert!(outcome.stderr.contains(&logged), "{outcome}");

    let again: Value = serde_json::from_str(&ci.ok(&["publish", "--json"]).stdout).unwrap();
    assert_eq!(again["existed"], true, "the same content again is no error");
    assert_eq!(again["log"], summary["log"], "and has the same receipt");
    fixture.developer().ok(&["install", NAME, "--yes"]);
}

#[test]
fn a_token_in_a_file_and_a_bundle_made_elsewhere_do_as_well() {
    let fixture = Fixture::empty();
    let author = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    author.refused(&["publish"], 1, &["E_SIGNATURE"]);
    author.ok(&["publish", "--bundle", "bundle.json", "--dry-run"]);
    author.refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
    author.ok(&["publish", "--bundle", "bundle.json"]);

    packed(&author, &fixture, &Draft::new(NAME, "1.3.0"), &acme());
    author.file("token", fixture.sigstore.token(&acme()));
    let config = author.file("signing.json", fixture.sigstore.signing_config_json());
    let config = config.display().to_string();
    author.ok(&["publish", "--identity-token", "token", "--signing-config", &config]);
    let info = author.ok(&["info", NAME]).stdout;
    assert!(info.contains("1.3.0, 1.2.0"), "{info}");
}

#[test]
fn nobody_else_can_publish_under_the_name() {
    let fixture = Fixture::with_weather();
    let tag = "refs/tags/v1.3.0";
    let acme = || Identity::github("acme/weather").git_ref(tag);
    let rows = [
        (
            vec!["E_PUBLISHER", "E_NAMESPACE"],
            Identity::github("mallory/weather").git_ref(tag).owner_id("3").repository_id("4"),
        ),
        (vec!["E_PUBLISHER_ID"], acme().owner_id("3").repository_id("4")),
        (vec!["E_PUBLISHER"], Identity::github("acme/tides").git_ref(tag).repository_id("9")),
        (vec!["E_PUBLISHER"], acme().git_ref("refs/heads/main")),
        (vec!["E_PUBLISHER"], acme().environment(Some("staging"))),
        (vec!["E_PUBLISHER"], acme().workflow(".github/workflows/other.yml")),
        (
            vec!["E_PUBLISHER"],
            acme().reusable_workflow("mallory/ci/.github/workflows/x.yml@refs/heads/main"),
        ),
        (vec!["E_OIDC_EVENT"], acme().event("pull_request_target")),
        (vec!["E_OIDC_EVENT"], acme().event("workflow_run")),
    ];
    for (codes, identity) in rows {
        let ci = fixture.ci(&identity);
        packed(&ci, &fixture, &Draft::new(NAME, "1.3.0"), &identity);
        ci.refused(&["publish"], 3, &codes);
        ci.refused(&["info", "io.github.acme/weather@1.3.0"], 1, &["E_NOT_FOUND"]);
    }
    // GitHub's other shape of a subject is the same publisher: ids are what match.
    let ci = fixture.ci(&acme().subject_without_ids());
    packed(&ci, &fixture, &Draft::new(NAME, "1.3.0"), &acme());
    ci.ok(&["publish"]);
}

#[test]
fn other_content_for_a_version_is_refused() {
    let fixture = Fixture::with_weather();
    let ci = fixture.ci(&acme());
    packed(&ci, &fixture, &Draft::new(NAME, "1.2.0").description("Other"), &acme());
    ci.refused(&["publish"], 3, &["E_IMMUTABLE"]);
}

#[test]
fn what_the_signing_services_answer_is_checked_before_anything_is_sent() {
    let fixture = Fixture::empty();
    for fault in
        [Fault::SctFromStranger, Fault::RekorCheckpointFromStranger, Fault::TimestampFromStranger]
    {
        fixture.sigstore.repair();
        fixture.sigstore.break_with(fault);
        let ci = fixture.ci(&acme());
        packed(&ci, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
        let outcome = ci.run(&["publish"]);
        assert!(outcome.code != Some(0), "{fault:?}\n{outcome}");
        assert_eq!(outcome.codes(), ["E_SIGNATURE"], "{fault:?}\n{outcome}");
    }
    fixture.sigstore.repair();
    fixture.developer().refused(&["info", NAME], 1, &["E_NOT_FOUND"]);
}

#[test]
fn evidence_of_something_else_is_not_uploaded() {
    let fixture = Fixture::empty();
    let author = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let bundle = fs::read(author.path().join("bundle.json")).unwrap();
    let publish = ["publish", "--bundle", "bundle.json"];

    packed(&author, &fixture, &Draft::new(NAME, "1.2.0").with_bytes(10), &acme());
    author.file("bundle.json", &bundle);
    author.refused(&publish, 3, &["E_ATTESTATION"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0").description("Other"), &acme());
    author.file("bundle.json", &bundle);
    author.refused(&publish, 3, &["E_METADATA"]);
    let elsewhere = TestSigstore::start();
    let other = Draft::new(NAME, "1.2.0").sign(&elsewhere, &acme());
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    author.file("bundle.json", &other.bundles[0]);
    author.refused(&publish, 3, &["E_SIGNATURE"]);
}

/// A change to what a registry answers to a publish.
type Edit = fn(&mut Value, &Value);

#[test]
fn what_is_published_is_what_the_receipt_proves() {
    let fixture = Fixture::with_weather();
    let rows: [(&str, &str, Edit); 6] = [
        ("E_LOG_EMPTY", "no receipt", |release, _| release["log"]["receipt"] = "".into()),
        ("E_LOG_SUBJECT", "the receipt and entry of another release", |release, other| {
            release["log"] = other["log"].clone();
        }),
        ("E_LOG_PROOF", "the receipt of another release", |release, other| {
            release["log"]["receipt"] = other["log"]["receipt"].clone();
        }),
        ("E_LOG_PROOF", "the entry of another release", |release, other| {
            release["log"]["entry"] = other["log"]["entry"].clone();
        }),
        ("E_NOTE", "a receipt that is cut", |release, _| {
            let receipt = release["log"]["receipt"].as_str().unwrap();
            release["log"]["receipt"] = receipt[..receipt.len() - 9].into();
        }),
        ("E_ATTESTATION", "another release altogether", |release, other| *release = other.clone()),
    ];
    for (number, (code, what, edit)) in rows.into_iter().enumerate() {
        let other = fixture.release(NAME, "1.2.0");
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
            if path != "/v1/publish" {
                return answer;
            }
            answer.edit(|release| edit(release, &other))
        });
        let author = fixture.stranger_at(liar.url(), &["--private"]);
        packed(&author, &fixture, &Draft::new(NAME, &format!("1.3.{number}")), &acme());
        let outcome = author.run(&["publish", "--bundle", "bundle.json"]);
        assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
        assert!(!outcome.stderr.contains("Published"), "{what}\n{outcome}");
    }
}

#[test]
fn a_token_that_proves_nothing_is_not_shown_to_anybody() {
    let fixture = Fixture::empty();
    let author = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    packed(&author, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let config = author.file("signing.json", fixture.sigstore.signing_config_json());
    let config = config.display().to_string();
    let token = |identity: &Identity| fixture.sigstore.token(identity);
    let with_header = |header: &str| {
        let token = token(&acme());
        let rest = token.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    };
    for (what, token, code) in [
        ("unsigned", with_header(r#"{"alg":"none","kid":"1"}"#), "E_OIDC_TOKEN"),
        ("a shared secret", with_header(r#"{"alg":"HS256","kid":"1"}"#), "E_OIDC_TOKEN"),
        ("no key", with_header(r#"{"alg":"ES256"}"#), "E_OIDC_TOKEN"),
        ("another's", token(&acme().claim("aud", "npm")), "E_OIDC_TOKEN"),
        (
            "also another's",
            token(&acme().claim("aud", vec!["sigstore".to_owned(), "npm".to_owned()])),
            "E_OIDC_TOKEN",
        ),
        ("expired", token(&acme().claim("exp", 1)), "E_OIDC_TOKEN"),
        ("from the future", token(&acme().claim("iat", 4_000_000_000_u64)), "E_OIDC_TOKEN"),
        ("no token", "hello".to_owned(), "E_OIDC_TOKEN"),
        ("a stranger's event", token(&acme().event("pull_request_target")), "E_OIDC_EVENT"),
        ("another event", token(&acme().event("workflow_run")), "E_OIDC_EVENT"),
    ] {
        author.file("token", &token);
        let args = ["publish", "--identity-token", "token", "--signing-config", &config];
        let refused = author.refused(&args, 3, &[code]);
        assert!(!refused.stderr.contains(&token[token.len() / 2..]), "{what}: {refused}");
        assert!(!refused.stderr.contains("Signed"), "{what}: {refused}");
    }
}

#[test]
fn a_pipeline_of_gitlab_publishes_for_its_group() {
    let fixture = Fixture::empty();
    let pipeline = Identity::gitlab("acme/weather", "v1.2.0");
    let mut ci = fixture.stranger_at(fixture.registry.url(), &["--private"]);
    ci.ok(&["registry", "remove", "test"]);
    ci.file("trusted_root.json", fixture.sigstore.trusted_root_json());
    let key = fixture.registry.log_key().verifier().to_string();
    let add = ["registry", "add", "test", fixture.registry.url(), "--private", "--log-key", &key];
    let root = ["--no-public-good", "--trusted-root", "trusted_root.json"];
    ci.ok(&[&add[..], &root, &["--trust-for", "io.gitlab.acme/*"]].concat());
    let name = "io.gitlab.acme/weather";
    let submission = Draft::new(name, "1.2.0").sign(&fixture.sigstore, &pipeline);
    ci.file("dist/server.json", &submission.server_json);
    ci.file("dist/weather.mcpb", &submission.artifacts[0]);
    let config = ci.file("signing.json", fixture.sigstore.signing_config_json());
    ci.set([
        ("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string()),
        ("GITLAB_CI".to_owned(), "true".to_owned()),
        ("SIGSTORE_ID_TOKEN".to_owned(), fixture.sigstore.token(&pipeline)),
    ]);
    let outcome = ci.ok(&["publish", "--json"]);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(summary["publisher"]["repositoryId"], "1002");
    assert!(outcome.stderr.contains("to be seen at https://gitlab.com/acme/weather/-/jobs/3001"));
}

#[test]
fn a_company_without_fulcio_publishes_with_a_key() {
    let (key, pattern) = (ManagedKey::generate(), "com.acme/*");
    let pattern: mcpkg_core::namespace::NamePattern = pattern.parse().unwrap();
    let issuer = mcpkg_verify::key::ISSUER.to_owned();
    let identity = AllowedIdentity::subject(issuer.clone(), key.subject()).unwrap();
    let trusted = TrustedKey::from_pem(&key.public_pem(), None, None).unwrap();
    let fixture = Fixture::set_up(Setup {
        namespaces: vec![NamespaceRule { pattern: pattern.clone(), identities: vec![identity] }],
        keys: vec![(vec![pattern], trusted)],
        ..Setup::default()
    });
    let rule = format!("com.acme/*={issuer},{}", key.subject());
    let mut author =
        fixture.stranger_at(fixture.registry.url(), &["--private", "--publisher", &rule]);
    author.file("release.pub", key.public_pem());
    author.ok(&["trust", "add", "release.pub", "--for", "com.acme/*"]);
    author.file("release.pem", key.private_pem());
    let config = author.file("signing.json", fixture.sigstore.signing_config_json());
    author.set([
        ("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string()),
        ("RELEASE_KEY".to_owned(), key.private_pem().to_owned()),
    ]);
    let sources = ["file:release.pem", "env:RELEASE_KEY", "cmd:cat 'release.pem'"];
    for (at, source) in sources.into_iter().enumerate() {
        let version = format!("1.{at}.0");
        let submission =
            Draft::new("com.acme/tool", &version).sign_with_key(&fixture.sigstore, &key);
        author.file("dist/server.json", &submission.server_json);
        author.file("dist/tool.mcpb", &submission.artifacts[0]);
        let outcome = author.ok(&["publish", "--key", source, "--json"]);
        let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(summary["publisher"]["subject"], key.subject(), "{outcome}");
        assert_eq!(summary["existed"], false);
        assert!(!outcome.stderr.contains("PRIVATE"), "{outcome}");
    }
    author.ok(&["info", "com.acme/tool"]);
    let other = ManagedKey::generate();
    author.file("other.pem", other.private_pem());
    author.file("broken.pem", &key.private_pem()[..80]);
    for (source, code, exit) in [
        ("file:other.pem", "E_SIGNATURE", 3),
        ("file:release.pub", "E_SIGNATURE", 1),
        ("file:broken.pem", "E_SIGNATURE", 1),
        ("env:NOT_THERE", "E_SIGNATURE", 1),
        ("cmd:false", "E_SIGNATURE", 1),
    ] {
        author.refused(&["publish", "--key", source], exit, &[code]);
    }
    let given = author.run(&["publish", "--key", key.private_pem()]);
    assert_eq!(given.code, Some(2), "{given}");
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_published_twice() {
    let fixture = Fixture::empty();
    let sent = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&sent);
    let between = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
        if path == "/v1/publish" && count.fetch_add(1, Ordering::SeqCst) == 0 {
            answer.status = 503;
            answer.body = b"later".to_vec();
        }
        answer
    });
    let mut ci = fixture.stranger_at(between.url(), &["--private"]);
    packed(&ci, &fixture, &Draft::new(NAME, "1.2.0"), &acme());
    let config = ci.file("signing_config.json", fixture.sigstore.signing_config_json());
    ci.set(fixture.sigstore.github_environment(&acme()));
    ci.set([("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string())]);
    let outcome = ci.ok(&["publish", "--json"]);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((sent.load(Ordering::SeqCst), &summary["existed"]), (2, &true.into()));
    assert_eq!(outcome.stderr.matches("Signed").count(), 1, "{outcome}");
    assert!(outcome.stderr.contains("sending it again"), "{outcome}");
}

#[test]
fn a_domain_says_who_publishes_in_its_namespace_and_the_log_keeps_it() {
    let domain = TestDomain::start("acme.example");
    let tools = || Identity::github("acme/tools").git_ref("refs/tags/v1").repository_id("1005");
    let listed = "v=mcpkg1; issuer=https://token.actions.githubusercontent.com; repository-id=1005";
    let no_document = || Zone { document: Some((404, String::new())), ..Zone::default() };
    domain.says(Zone { texts: vec![listed.to_owned()], ..no_document() });
    let setup = Setup { authority: Some(domain.authority()), ..Setup::default() };
    let fixture = Fixture::set_up(setup);
    let name = "example.acme/tool";
    let publish = |version: &str, by: &Identity| {
        let ci = fixture.ci(by);
        let submission = Draft::new(name, version).sign(&fixture.sigstore, by);
        ci.file("dist/server.json", &submission.server_json);
        ci.file("dist/tool.mcpb", &submission.artifacts[0]);
        ci.run(&["publish"])
    };
    // Nobody else, and nobody at all while the domain does not answer.
    let refused = publish("1.0.0", &acme());
    assert_eq!((refused.code, refused.codes()), (Some(3), vec!["E_NAMESPACE"]));
    domain.says(Zone { is_refusing: true, ..Zone::default() });
    let submission = Draft::new(name, "1.0.0").sign(&fixture.sigstore, &tools());
    let away = fixture.registry.publish(&submission);
    assert_eq!(away.outcome(), (503, Some(mcpkg_core::Code::Unavailable)), "{away}");
    domain.says(Zone { texts: vec![listed.to_owned()], ..no_document() });
    assert_eq!(publish("1.0.0", &tools()).code, Some(0));
    let entry = &fixture.release(name, "1.0.0")["log"]["entry"];
    assert_eq!(entry["authority"]["record"], listed);

    // Once it is bound, the domain is not asked again, and clients need no rule of theirs.
    domain.says(Zone::default());
    assert_eq!(publish("1.1.0", &tools()).code, Some(0));
    let refused = publish("1.2.0", &acme());
    assert_eq!((refused.code, refused.codes()[0]), (Some(3), "E_PUBLISHER"), "{refused}");
    let developer = fixture.developer();
    developer.ok(&["install", name, "--yes"]);
    developer.ok(&["verify", "--offline"]);
    developer.ok(&["log", "verify"]);
}
