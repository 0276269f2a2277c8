//! `/v1/publish`: what is accepted.

use mcpkg_core::api::{PackageIndex, ReleaseDocument};
use mcpkg_core::namespace::{AllowedIdentity, NamespaceRule, Who};
use mcpkg_core::{Code, Digest};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, Setup, TestRegistry};

use crate::process::Place;
use crate::{NAME, acme, release, start};

#[test]
fn a_signed_release_is_published_and_read_back() {
    let (sigstore, registry) = start();
    let submission = release(&sigstore, "1.2.0");

    let reply = registry.accept(&submission);
    assert_eq!(reply.header("location"), "/v1/packages/io.github.acme/weather/1.2.0");
    let published: ReleaseDocument = reply.json();

    let read = registry.http().get(reply.header("location"));
    assert_eq!(read.body, reply.body, "publishing answers with what reading gives");
    assert_eq!(published.name.as_str(), NAME);
    assert_eq!(published.server_json.get().as_bytes(), submission.server_json);
    assert_eq!(published.metadata, Digest::of(&submission.server_json));
    assert_eq!(published.evidence[0].bundle.get().as_bytes(), submission.bundles[0]);
    assert_eq!(published.artifacts[0].digest, submission.artifact(0));

    for (digest, bytes) in [
        (published.metadata, &submission.server_json),
        (published.evidence[0].digest, &submission.bundles[0]),
        (published.artifacts[0].digest, &submission.artifacts[0]),
    ] {
        assert_eq!(&registry.http().get(&format!("/v1/blobs/{digest}")).body, bytes);
    }
}

#[test]
fn the_same_again_is_the_same_release() {
    let (sigstore, registry) = start();
    let submission = release(&sigstore, "1.0.0");
    let first = registry.accept(&submission);

    let again = registry.publish(&submission);
    assert_eq!((again.status, &again.body), (200, &first.body));

    // Signed a second time: other evidence for the same content.
    let signed_again = release(&sigstore, "1.0.0");
    assert_ne!(signed_again.bundles, submission.bundles);
    let again = registry.publish(&signed_again);
    assert_eq!((again.status, &again.body), (200, &first.body), "the first evidence is kept");

    let mut with_newline = submission.clone();
    with_newline.bundles[0].extend_from_slice(b"\r\n");
    let again = registry.publish(&with_newline);
    assert_eq!((again.status, &again.body), (200, &first.body), "white space is no content");
}

#[test]
fn other_content_for_a_version_is_a_conflict() {
    let (sigstore, registry) = start();
    let first = registry.accept(&release(&sigstore, "1.0.0"));
    let other_words = Draft::new(NAME, "1.0.0").description("Other words");
    let other_bytes = Draft::new(NAME, "1.0.0").with_bytes(10);
    for (what, draft) in [("server.json", other_words), ("artifact", other_bytes)] {
        let reply = registry.publish(&draft.sign(&sigstore, &acme()));
        assert_eq!(reply.outcome(), (409, Some(Code::Immutable)), "{what}");
    }
    let read = registry.http().get(first.header("location"));
    assert_eq!(read.body, first.body);
}

#[test]
fn of_many_at_once_one_wins_and_all_agree() {
    let (sigstore, registry) = start();
    let same = release(&sigstore, "1.0.0");
    let other = Draft::new(NAME, "1.0.0").with_bytes(10).sign(&sigstore, &acme());
    let registry = &registry;
    let replies: Vec<_> = std::thread::scope(|scope| {
        let publish = |submission| scope.spawn(move || registry.publish(submission));
        let threads: Vec<_> =
            (0..8).map(|i| publish(if i % 2 == 0 { &same } else { &other })).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(201), count(200), count(409)), (1, 3, 4));

    let read = registry.http().get(&format!("/v1/packages/{NAME}/1.0.0"));
    for reply in replies.iter().filter(|reply| reply.status != 409) {
        assert_eq!(reply.body, read.body);
    }
}

#[test]
fn a_release_for_several_platforms_has_an_artifact_for_each() {
    let (sigstore, registry) = start();
    let platforms = ["linux-x86_64", "darwin-aarch64"];
    let draft = Draft::new(NAME, "1.0.0").for_platforms(&platforms);
    let published: ReleaseDocument = registry.accept(&draft.sign(&sigstore, &acme())).json();
    let found: Vec<String> =
        published.artifacts.iter().map(|artifact| artifact.platform.to_string()).collect();
    assert_eq!(found, ["darwin-aarch64", "linux-x86_64"]);

    let index: PackageIndex = registry.http().get(&format!("/v1/packages/{NAME}")).json();
    assert_eq!(index.releases[0].platforms.len(), 2);
}

#[test]
fn artifacts_may_come_with_evidence_of_their_own() {
    let (sigstore, registry) = start();
    let linux = Draft::new(NAME, "1.0.0").for_platforms(&["linux-x86_64"]);
    let darwin = Draft::new(NAME, "1.0.0").for_platforms(&["darwin-aarch64"]);
    let mut submission = linux.sign(&sigstore, &acme());
    let other = darwin.sign(&sigstore, &acme());
    submission.artifacts.extend(other.artifacts);
    submission.bundles.extend(other.bundles);
    let published: ReleaseDocument = registry.accept(&submission).json();
    assert_eq!((published.artifacts.len(), published.evidence.len()), (2, 2));
}

#[test]
fn a_release_of_remotes_only_needs_no_artifact() {
    let (sigstore, registry) = start();
    let submission = Draft::of_remotes(NAME, "1.0.0").sign(&sigstore, &acme());
    let published: ReleaseDocument = registry.accept(&submission).json();
    assert!(published.artifacts.is_empty());
}

#[test]
fn a_private_namespace_is_for_those_who_are_listed() {
    let sigstore = TestSigstore::start();
    let rule = NamespaceRule {
        pattern: "com.acme/*".parse().unwrap(),
        identities: vec![AllowedIdentity {
            issuer: sigstore.url().to_owned(),
            who: Who::Subject("release@acme.example".to_owned()),
        }],
    };
    let setup = Setup {
        namespaces: vec![rule],
        public_url: Some("https://mcp.acme.example".to_owned()),
        ..Setup::default()
    };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    let draft = Draft::new("com.acme/tool", "1.0.0");

    let mallory = draft.sign(&sigstore, &Identity::email("mallory@acme.example"));
    assert_eq!(registry.publish(&mallory).outcome(), (403, Some(Code::Namespace)));
    let reply = registry.accept(&draft.sign(&sigstore, &Identity::email("release@acme.example")));
    let address = "https://mcp.acme.example/v1/packages/com.acme/tool/1.0.0";
    assert_eq!(reply.header("location"), address);
}

#[test]
fn memory_stays_flat_while_a_large_artifact_goes_up_and_comes_down() {
    const ARTIFACT_BYTES: usize = 200 << 20;
    const MEMORY_BYTES: u64 = 60 << 20;

    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    let submission = Draft::new(NAME, "1.0.0").with_bytes(ARTIFACT_BYTES);
    let submission = submission.sign(&sigstore, &acme());
    assert_eq!(process.http.publish(&submission).status, 201);
    let blob = process.http.get(&format!("/v1/blobs/{}", submission.artifact(0)));
    assert_eq!(Digest::of(&blob.body), submission.artifact(0));

    let Some(peak) = process.peak_memory() else {
        eprintln!("skipped: this system does not say how much memory a process had");
        return;
    };
    assert!(peak < MEMORY_BYTES, "it took {} MiB", peak >> 20);
}
