//! `/v1/publish`: what is accepted.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::{PackageIndex, ReleaseDocument};
use mcpkg_core::namespace::{AllowedIdentity, AllowedRepository, NamespaceRule};
use mcpkg_core::{Code, Digest};
use mcpkg_test_support::sigstore::{Identity, ManagedKey, TestSigstore};
use mcpkg_test_support::{Draft, Setup, TestRegistry};
use mcpkg_verify::TrustedKey;

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
        identities: vec![
            AllowedIdentity::subject(sigstore.url().to_owned(), "release@acme.example".to_owned())
                .unwrap(),
        ],
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

#[test]
fn a_managed_key_publishes_the_names_it_is_tied_to_and_listed_for() {
    let sigstore = TestSigstore::start();
    let (key, other) = (ManagedKey::generate(), ManagedKey::generate());
    let hours = |hours| Some(Timestamp::now() + SignedDuration::from_hours(hours));
    let listed = |key: &ManagedKey| {
        let issuer = mcpkg_verify::key::ISSUER.to_owned();
        AllowedIdentity::subject(issuer, key.subject()).unwrap()
    };
    let start = |tied_to: &str, key: &ManagedKey, from, until, identity| {
        let pattern = "com.acme/*".parse().unwrap();
        let trusted = TrustedKey::from_pem(&key.public_pem(), from, until).unwrap();
        let setup = Setup {
            namespaces: vec![NamespaceRule { pattern, identities: vec![identity] }],
            keys: vec![(vec![tied_to.parse().unwrap()], trusted)],
            ..Setup::default()
        };
        TestRegistry::start_with(&sigstore.trusted_root_json(), setup)
    };
    let submission = Draft::new("com.acme/tool", "1.0.0").sign_with_key(&sigstore, &key);
    let (now, then) = (hours(-1), hours(1));
    for (what, registry, refusal) in [
        ("as it has to be", start("com.acme/*", &key, now, then, listed(&key)), None),
        ("too early", start("com.acme/*", &key, then, None, listed(&key)), Some(Code::Signature)),
        ("too late", start("com.acme/*", &key, None, now, listed(&key)), Some(Code::Signature)),
        (
            "another key",
            start("com.acme/*", &other, now, then, listed(&key)),
            Some(Code::Signature),
        ),
        (
            "another name",
            start("com.other/*", &key, now, then, listed(&key)),
            Some(Code::TrustRoot),
        ),
        ("not listed", start("com.acme/*", &key, now, then, listed(&other)), Some(Code::Namespace)),
    ] {
        let reply = registry.publish(&submission);
        match refusal {
            None => assert_eq!(reply.status, 201, "{what}: {reply}"),
            Some(code) => assert_eq!(reply.outcome().1, Some(code), "{what}: {reply}"),
        }
    }
    let registry = start("*", &key, None, None, listed(&key));
    let forge = Draft::new(NAME, "1.0.0").sign_with_key(&sigstore, &key);
    assert_eq!(registry.publish(&forge).outcome().1, Some(Code::TrustRoot));
}

#[test]
fn a_listed_repository_is_known_by_its_number() {
    let sigstore = TestSigstore::start();
    let repository = AllowedRepository {
        url: Some("https://github.com/acme/weather".to_owned()),
        repository_id: Some("77".to_owned()),
        owner_id: None,
    };
    let issuer = "https://token.actions.githubusercontent.com".to_owned();
    let rule = NamespaceRule {
        pattern: "com.acme/*".parse().unwrap(),
        identities: vec![AllowedIdentity::repository(issuer, repository).unwrap()],
    };
    let setup = Setup { namespaces: vec![rule], ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    let draft = Draft::new("com.acme/tool", "1.0.0");
    let sign = |repository: &str, id: &str| {
        draft.sign(&sigstore, &Identity::github(repository).repository_id(id))
    };
    let recycled = registry.publish(&sign("acme/weather", "78"));
    assert_eq!(recycled.outcome(), (403, Some(Code::PublisherId)), "{recycled}");
    let other = registry.publish(&sign("acme/other", "78"));
    assert_eq!(other.outcome(), (403, Some(Code::Namespace)), "{other}");
    registry.accept(&sign("acme/renamed", "77"));
}
