//! `/v1/publish`: what is refused, and why. Each row changes one thing.

use mcpkg_core::Code;
use mcpkg_core::api::part;
use mcpkg_test_support::http::file;
use mcpkg_test_support::sigstore::{Fault, Identity, TestSigstore};
use mcpkg_test_support::{Draft, Reply, Setup, Submission, TestRegistry};
use reqwest::multipart::Form;
use serde_json::json;

use crate::{NAME, acme, release, start};

/// Who signed is wrong.
#[test]
fn only_the_publisher_of_a_name_may_publish_it() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let rows = [
        ("somebody else", Identity::github("evil/weather"), 403, Code::Namespace),
        ("a recycled repository", acme().repository_id("666"), 403, Code::PublisherId),
        ("a recycled account", acme().owner_id("666"), 403, Code::PublisherId),
        ("another workflow", acme().workflow(".github/workflows/x.yml"), 403, Code::Publisher),
        ("another ref", acme().git_ref("refs/heads/dev"), 403, Code::Publisher),
        ("an environment", acme().environment(Some("prod")), 403, Code::Publisher),
        ("a stranger's event", acme().event("pull_request_target"), 403, Code::OidcEvent),
        ("another event", acme().event("workflow_run"), 403, Code::OidcEvent),
        (
            "a stranger's workflow",
            acme().reusable_workflow("evil/shared/.github/workflows/x.yml@refs/heads/main"),
            403,
            Code::Publisher,
        ),
    ];
    for (what, identity, status, code) in rows {
        let submission = Draft::new(NAME, "1.1.0").sign(&sigstore, &identity);
        let reply = registry.publish(&submission);
        assert_eq!(reply.outcome(), (status, Some(code)), "{what}: {reply}");
    }
    registry.accept(&release(&sigstore, "1.1.0"));
}

#[test]
fn every_broken_rule_is_told() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let by = Identity::github("evil/weather").owner_id("666");
    let problem = registry.publish(&Draft::new(NAME, "1.1.0").sign(&sigstore, &by)).problem();
    let codes: Vec<Code> = problem.causes.iter().map(|cause| cause.code).collect();
    assert_eq!(codes, [Code::Publisher, Code::Namespace]);
    assert_eq!(problem.code, Code::Publisher);
    assert_eq!(problem.kind, "https://mcpkg.dev/problems/E_PUBLISHER");
    assert!(problem.hint.is_some());
}

/// What was signed is not what was sent.
#[test]
fn the_evidence_must_be_over_exactly_this() {
    type Change = fn(&TestSigstore, &mut Submission);
    let rows: [(&str, Change, u16, Code); 9] = [
        ("no evidence", |_, it| it.bundles.clear(), 422, Code::Provenance),
        ("evidence that is no JSON", |_, it| it.bundles[0] = b"{".to_vec(), 422, Code::Attestation),
        (
            "evidence of another version",
            |sigstore, it| it.bundles = release(sigstore, "1.0.1").bundles,
            422,
            Code::Attestation,
        ),
        (
            "evidence of another name",
            |sigstore, it| {
                let other = Draft::new("io.github.acme/news", "1.0.0").sign(sigstore, &acme());
                it.bundles = other.bundles;
            },
            422,
            Code::Attestation,
        ),
        (
            "other evidence beside the right one",
            |sigstore, it| it.bundles.extend(release(sigstore, "1.0.1").bundles),
            422,
            Code::Attestation,
        ),
        (
            "other words in server.json",
            |sigstore, it| {
                let draft = Draft::new(NAME, "1.0.0").description("Other words");
                it.server_json = draft.sign(sigstore, &acme()).server_json;
            },
            422,
            Code::Metadata,
        ),
        (
            "another artifact",
            |sigstore, it| {
                let draft = Draft::new(NAME, "1.0.0").with_bytes(10);
                it.artifacts = draft.sign(sigstore, &acme()).artifacts;
            },
            422,
            Code::Attestation,
        ),
        (
            "an artifact beside the right one",
            |sigstore, it| {
                let draft = Draft::new(NAME, "1.0.0").for_platforms(&["linux-x86_64"]);
                *it = draft.sign(sigstore, &acme());
                let draft = Draft::new(NAME, "1.0.0").for_platforms(&["darwin-aarch64"]);
                it.artifacts.extend(draft.sign(sigstore, &acme()).artifacts);
            },
            422,
            Code::Attestation,
        ),
        (
            "another Sigstore",
            |_, it| *it = release(&TestSigstore::start(), "1.0.0"),
            422,
            Code::Signature,
        ),
    ];
    let (sigstore, registry) = start();
    for (what, change, status, code) in rows {
        let mut submission = release(&sigstore, "1.0.0");
        change(&sigstore, &mut submission);
        let reply = registry.publish(&submission);
        assert_eq!(reply.outcome(), (status, Some(code)), "{what}: {reply}");
    }
    let read = registry.http().get(&format!("/v1/packages/{NAME}"));
    assert_eq!(read.status, 404, "nothing of that was published");
    registry.accept(&release(&sigstore, "1.0.0"));
}

#[test]
fn a_broken_sigstore_is_no_evidence() {
    let (sigstore, registry) = start();
    let sigstore = sigstore.with_fault(Fault::CertificateFromStranger);
    let reply = registry.publish(&release(&sigstore, "1.0.0"));
    assert_eq!(reply.outcome(), (422, Some(Code::Signature)), "{reply}");
}

/// The documents and archives are wrong, and signed as they are.
#[test]
fn what_is_published_must_be_well_formed() {
    type Change = fn(&mut Draft);
    let rows: [(&str, Change, Code); 6] = [
        (
            "a manifest of another version",
            |draft| draft.artifacts[0].manifest["version"] = "1.0.1".into(),
            Code::Manifest,
        ),
        (
            "a manifest of another name",
            |draft| draft.artifacts[0].manifest["name"] = "news".into(),
            Code::Manifest,
        ),
        (
            "a program that is fetched at launch",
            |draft| {
                draft.artifacts[0].manifest["server"]["mcp_config"]["command"] = "npx".into();
            },
            Code::Manifest,
        ),
        ("no entry point", |draft| draft.artifacts[0].files.clear(), Code::Manifest),
        (
            "two artifacts for one platform",
            |draft| draft.artifacts.push(draft.clone().with_bytes(9).artifacts.remove(0)),
            Code::Manifest,
        ),
        (
            "an artifact for any platform beside one for Linux",
            |draft| {
                let linux = draft.clone().for_platforms(&["linux-x86_64"]);
                draft.artifacts.extend(linux.artifacts);
            },
            Code::Manifest,
        ),
    ];
    let (sigstore, registry) = start();
    for (what, change, code) in rows {
        let mut draft = Draft::new(NAME, "1.0.0");
        change(&mut draft);
        let reply = registry.publish(&draft.sign(&sigstore, &acme()));
        assert_eq!(reply.outcome(), (422, Some(code)), "{what}: {reply}");
    }

    let mut nothing = Draft::new(NAME, "1.0.0");
    nothing.artifacts.clear();
    let reply = registry.publish(&nothing.sign(&sigstore, &acme()));
    assert_eq!(reply.outcome(), (422, Some(Code::Metadata)), "{reply}");
}

#[test]
fn archives_that_readers_could_see_differently_are_refused() {
    type Change = fn(&mut Vec<u8>);
    let rows: [(&str, Change, Code); 4] = [
        ("no archive", |bytes| *bytes = b"hello".to_vec(), Code::Zip),
        ("a byte before", |bytes| bytes.insert(0, 0), Code::Zip),
        ("a byte after", |bytes| bytes.push(0), Code::Zip),
        ("a flipped bit of a file", |bytes| bytes[60] ^= 1, Code::Zip),
    ];
    let (sigstore, registry) = start();
    for (what, change, code) in rows {
        let mut submission = release(&sigstore, "1.0.0");
        change(&mut submission.artifacts[0]);
        let reply = registry.publish(&submission);
        assert_eq!(reply.outcome(), (422, Some(code)), "{what}: {reply}");
    }
}

#[test]
fn server_json_is_sent_as_it_was_signed() {
    let (sigstore, registry) = start();
    let good = release(&sigstore, "1.0.0");
    let edit = |pointer: &str, value: serde_json::Value| {
        let mut document: serde_json::Value = serde_json::from_slice(&good.server_json).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        mcpkg_core::json::canonical(&document)
    };
    let mut spaced = good.server_json.clone();
    spaced.push(b'\n');
    for (what, server_json, code) in [
        ("not in canonical form", spaced, Code::Metadata),
        ("no JSON", b"{".to_vec(), Code::Metadata),
        ("empty", Vec::new(), Code::Metadata),
        ("a traversal for a name", edit("/name", json!("acme/..")), Code::Name),
        ("a homoglyph in the name", edit("/name", json!("асме/weather")), Code::Name),
        ("a device for a name", edit("/name", json!("acme/con")), Code::Name),
        ("a range for a version", edit("/version", json!("^1.0.0")), Code::Version),
        ("build metadata", edit("/version", json!("1.0.0+x")), Code::Version),
    ] {
        let reply = registry.publish(&Submission { server_json, ..good.clone() });
        assert_eq!(reply.outcome(), (422, Some(code)), "{what}: {reply}");
    }
}

#[test]
fn a_name_that_is_like_another_is_taken() {
    let (sigstore, registry) = start();
    let publish = |name: &str, version: &str| -> Reply {
        registry.publish(&Draft::new(name, version).sign(&sigstore, &acme()))
    };
    assert_eq!(publish("io.github.acme/x-y", "1.0.0").status, 201);
    for alike in ["io.github.acme/x_y", "io.github.acme/x.y", "io.github.Acme/X_Y"] {
        assert_eq!(publish(alike, "1.0.0").outcome(), (409, Some(Code::Name)), "{alike}");
    }
    let other_case = publish("io.github.Acme/X-Y", "1.1.0");
    assert_eq!(other_case.status, 201, "case alone is the same package");
    assert_eq!(
        other_case.header("location"),
        "/v1/packages/io.github.acme/x-y/1.1.0",
        "in the case of the first release"
    );
    assert_eq!(publish("io.github.acme/xy", "1.0.0").status, 201);
}

#[test]
fn the_parts_come_in_order_and_nothing_else_does() {
    let (sigstore, registry) = start();
    let good = release(&sigstore, "1.0.0");
    let server_json = || file(&good.server_json);
    let bundle = || file(&good.bundles[0]);
    let artifact = || file(&good.artifacts[0]);
    let whole = || Form::new().part(part::SERVER_JSON, server_json()).part(part::BUNDLE, bundle());
    for (what, form) in [
        ("nothing", Form::new()),
        ("no server.json", Form::new().part(part::BUNDLE, bundle())),
        ("an artifact first", Form::new().part(part::ARTIFACT, artifact())),
        ("two server.json", whole().part(part::SERVER_JSON, server_json())),
        (
            "a bundle after an artifact",
            whole().part(part::ARTIFACT, artifact()).part(part::BUNDLE, bundle()),
        ),
        ("something else", whole().part("signature", bundle())),
        ("something else at the end", whole().part(part::ARTIFACT, artifact()).text("x", "y")),
        ("an empty artifact", whole().part(part::ARTIFACT, file(b""))),
    ] {
        let reply = registry.http().post_form(form).unwrap();
        assert_eq!(reply.outcome(), (400, Some(Code::Request)), "{what}: {reply}");
    }
    let form = whole().part(part::ARTIFACT, artifact());
    assert_eq!(registry.http().post_form(form).unwrap().status, 201);
}

#[test]
fn a_build_with_a_parameter_that_nobody_knows_is_refused_unless_it_is_made_known() {
    let sigstore = TestSigstore::start();
    let known = Setup { build_parameters: ["target".to_owned()].into(), ..Setup::default() };
    for (setup, expected) in
        [(Setup::default(), (422, Some(Code::SlsaParameter))), (known, (201, None))]
    {
        let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
        let submission = release(&sigstore, "1.0.0").restated(&sigstore, &acme(), |statement| {
            statement["predicate"]["buildDefinition"]["externalParameters"]["target"] = json!("x");
        });
        let reply = registry.publish(&submission);
        let outcome = if reply.status == 201 { (201, None) } else { reply.outcome() };
        assert_eq!(outcome, expected, "{reply}");
    }
}
