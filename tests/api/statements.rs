//! `/v1/statements`: what may be stated about a package, and by whom.

use mcpkg_core::Code;
use mcpkg_core::api::{LoggedStatement, PackageIndex, ReleaseDocument, SearchPage, Status};
use mcpkg_core::log::{Entry, IndexNote, IndexedEntry, LogTrust, Receipt};
use mcpkg_core::namespace::{AllowedIdentity, AllowedRepository};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{PackageStatement, RebuildResult, RebuiltArtifact};
use mcpkg_core::{Digest, TreeHasher};
use mcpkg_registry_server::Limits;
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Basis, Draft, Reply, Setup, TestRegistry};
use mcpkg_verify::TrustRoot;
use mcpkg_verify::verify_package_statement;
use serde_json::Value;

use crate::{NAME, acme, release, start};

fn state(registry: &TestRegistry, bundle: &[u8]) -> Reply {
    registry.http().post("/v1/statements", bundle).unwrap()
}

fn index(registry: &TestRegistry) -> PackageIndex {
    registry.http().get(&format!("/v1/packages/{NAME}")).json()
}

fn document(registry: &TestRegistry, version: &str) -> ReleaseDocument {
    registry.http().get(&format!("/v1/packages/{NAME}/{version}")).json()
}

/// The lines of the signed index.
fn lines(registry: &TestRegistry) -> Vec<String> {
    let trust = LogTrust::new(registry.log_key().verifier());
    let note = IndexNote::verify(&index(registry).log.index, &trust).unwrap();
    note.entries.iter().map(ToString::to_string).collect()
}

/// What a statement that was logged proves.
fn proved(registry: &TestRegistry, logged: &LoggedStatement) -> IndexedEntry {
    let leaf = logged.entry.get().as_bytes();
    let receipt: Receipt = logged.receipt.parse().unwrap();
    receipt.verify(leaf, &LogTrust::new(registry.log_key().verifier())).unwrap();
    IndexedEntry::of(receipt.index, &Entry::parse(leaf).unwrap())
}

fn publisher(registry: &TestRegistry) -> Publisher {
    index(registry).publisher
}

/// One artifact of a release, built again with these files.
fn rebuilt(registry: &TestRegistry, version: &str, files: Option<&str>) -> RebuiltArtifact {
    let artifact = document(registry, version).artifacts[0].clone();
    let built = files.map_or(artifact.tree, |name| {
        let mut tree = TreeHasher::default();
        tree.add(name, Digest::of(b"x"), false);
        tree.finish()
    });
    RebuiltArtifact { platform: artifact.platform, published: artifact.tree, built }
}

#[test]
fn a_release_is_yanked_deprecated_and_restored_by_its_publisher() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    registry.accept(&release(&sigstore, "1.1.0"));
    let search = || -> Vec<String> {
        let page: SearchPage = registry.http().get("/v1/search?q=weather").json();
        page.packages.iter().map(|hit| hit.version.to_string()).collect()
    };
    assert_eq!(search(), ["1.1.0"]);
    let mut expected = vec!["0 publish 1.0.0".to_owned(), "1 publish 1.1.0".to_owned()];
    for (version, status, listed) in [
        ("1.1.0", Status::Yanked, &["1.0.0"][..]),
        ("1.0.0", Status::Deprecated, &["1.0.0"]),
        ("1.0.0", Status::Yanked, &[]),
        ("1.1.0", Status::Active, &["1.1.0"]),
    ] {
        let basis = Basis::of(registry.http(), NAME);
        let statement = basis.status(version, status, Some("it loses rain"));
        let bundle = basis.sign(&statement, &sigstore, &acme());
        let reply = state(&registry, &bundle);
        assert_eq!(reply.status, 201, "{reply}");
        let logged: LoggedStatement = reply.json();
        let line = format!("{} status {version} {status}", expected.len());
        assert_eq!(proved(&registry, &logged).to_string(), line);
        assert_eq!(logged.bundle.bundle.get().as_bytes(), bundle);

        // The same again, late and early, is the same entry.
        let again = state(&registry, &bundle);
        assert_eq!((again.status, &again.body), (200, &reply.body));

        expected.push(line);
        assert_eq!(lines(&registry), expected);
        let found = document(&registry, version);
        assert_eq!(found.status, status);
        let last = found.statements.last().unwrap();
        assert_eq!(last.entry.get(), logged.entry.get());
        // It can be proved from the document alone that the publisher said so.
        let root = TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap();
        let signed = last.bundle.bundle.get().as_bytes();
        let (_, signed) = verify_package_statement(signed, basis.digest, &(&root).into()).unwrap();
        assert_eq!(signed, statement);
        let line = index(&registry).releases.into_iter().find(|it| it.version == found.version);
        assert_eq!(line.unwrap().status, status);
        assert_eq!(search(), listed);
    }
    // What stays is the release itself.
    registry.accept(&release(&sigstore, "1.2.0"));
    let restored = document(&registry, "1.1.0");
    assert_eq!(restored.statements.len(), 2);
}

#[test]
fn only_the_publisher_changes_a_status_and_only_of_what_is_there() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let basis = Basis::of(registry.http(), NAME);
    let yank = basis.status("1.0.0", Status::Yanked, None);
    let sign = |by: &Identity| basis.sign(&yank, &sigstore, by);
    let stranger = TestSigstore::start();
    let other_entry = Basis { digest: Digest::of(b"another entry"), ..basis.clone() };
    let mut other_log = basis.clone();
    other_log.on.log = "elsewhere.example/log".to_owned();
    let mut later = basis.clone();
    later.on.entry = 1;
    let other_name = Basis { name: "io.github.acme/news".to_owned(), ..basis.clone() };
    let told = |basis: &Basis| {
        basis.sign(&basis.status("1.0.0", Status::Yanked, None), &sigstore, &acme())
    };
    let release = Draft::new(NAME, "2.0.0").sign(&sigstore, &acme());
    let long = "x".repeat(2000);
    for (what, bundle, status, code) in [
        (
            "a fork",
            sign(&Identity::github("evil/weather").repository_id("7").owner_id("8")),
            403,
            Code::Publisher,
        ),
        ("a recycled account", sign(&acme().owner_id("666")), 403, Code::PublisherId),
        ("another workflow", sign(&acme().workflow("x.yml")), 403, Code::Publisher),
        ("a stranger's event", sign(&acme().event("workflow_run")), 403, Code::OidcEvent),
        ("another Sigstore", basis.sign(&yank, &stranger, &acme()), 422, Code::Signature),
        ("over another entry", told(&other_entry), 422, Code::Attestation),
        ("for another log", told(&other_log), 422, Code::Attestation),
        ("on an entry to come", told(&later), 409, Code::Conflict),
        ("of a package that is not", told(&other_name), 404, Code::NotFound),
        (
            "of a release that is not",
            basis.sign(&basis.status("9.0.0", Status::Yanked, None), &sigstore, &acme()),
            404,
            Code::NotFound,
        ),
        (
            "what is so already",
            basis.sign(&basis.status("1.0.0", Status::Active, None), &sigstore, &acme()),
            409,
            Code::Conflict,
        ),
        (
            "with a terminal's commands",
            basis.sign(
                &basis.status("1.0.0", Status::Yanked, Some("\u{1b}[2J")),
                &sigstore,
                &acme(),
            ),
            422,
            Code::Attestation,
        ),
        (
            "with a long reason",
            basis.sign(&basis.status("1.0.0", Status::Yanked, Some(&long)), &sigstore, &acme()),
            422,
            Code::Attestation,
        ),
        ("the evidence of a release", release.bundles[0].clone(), 422, Code::Attestation),
        ("nothing", Vec::new(), 422, Code::Attestation),
        ("too much", vec![b' '; 2 << 20], 413, Code::Limit),
    ] {
        let reply = state(&registry, &bundle);
        assert_eq!(reply.outcome(), (status, Some(code)), "{what}: {reply}");
    }
    let mut flipped: Value = serde_json::from_slice(&sign(&acme())).unwrap();
    flipped["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA".into();
    let reply = state(&registry, flipped.to_string().as_bytes());
    assert_eq!(reply.outcome(), (422, Some(Code::Signature)), "{reply}");
    assert_eq!(lines(&registry), ["0 publish 1.0.0"]);
    assert_eq!(state(&registry, &sign(&acme())).status, 201);
}

#[test]
fn a_statement_that_builds_upon_an_older_entry_is_a_conflict() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let basis = Basis::of(registry.http(), NAME);
    let sign = |basis: &Basis, status| {
        basis.sign(&basis.status("1.0.0", status, None), &sigstore, &acme())
    };
    let (yank, deprecate) = (sign(&basis, Status::Yanked), sign(&basis, Status::Deprecated));
    assert_eq!(state(&registry, &yank).status, 201);
    let reply = state(&registry, &deprecate);
    assert_eq!(reply.outcome(), (409, Some(Code::Conflict)), "{reply}");
    assert_eq!(
        state(&registry, &sign(&Basis::of(registry.http(), NAME), Status::Active)).status,
        201
    );
    // The first, once more: an entry is answered, and nothing is yanked again.
    assert_eq!(state(&registry, &yank).status, 200);
    assert_eq!(document(&registry, "1.0.0").status, Status::Active);
}

#[test]
fn of_many_statements_at_once_one_is_logged_and_the_others_conflict() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let basis = Basis::of(registry.http(), NAME);
    let bundles: Vec<_> = (0..6)
        .map(|at| {
            let reason = format!("reason {at}");
            basis.sign(&basis.status("1.0.0", Status::Yanked, Some(&reason)), &sigstore, &acme())
        })
        .collect();
    let registry = &registry;
    let mut outcomes: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> =
            bundles.iter().map(|it| scope.spawn(move || state(registry, it).status)).collect();
        sent.into_iter().map(|it| it.join().unwrap()).collect()
    });
    outcomes.sort_unstable();
    assert_eq!(outcomes, [201, 409, 409, 409, 409, 409]);
    assert_eq!(lines(registry).len(), 2);
}

#[test]
fn another_publisher_is_announced_and_takes_over_when_it_is_time() {
    let sigstore = TestSigstore::start();
    let new = || Identity::github("acme/forecasts").repository_id("1002").git_ref("refs/tags/v2");
    let other = Draft::new("io.github.acme/other", "1.0.0").sign(&sigstore, &new());
    for (hours, is_in_effect) in [(0, true), (72, false)] {
        let limits = Limits { publisher_change_hours: hours, ..Limits::default() };
        let setup = Setup { limits, ..Setup::default() };
        let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
        registry.accept(&release(&sigstore, "1.0.0"));
        let to: Publisher = registry.accept(&other).json::<ReleaseDocument>().publisher;
        let old = publisher(&registry);

        let basis = Basis::of(registry.http(), NAME);
        let reply = state(&registry, &basis.sign(&basis.binding(&to), &sigstore, &acme()));
        assert_eq!(reply.status, 201, "{reply}");
        let logged: LoggedStatement = reply.json();
        assert_eq!(proved(&registry, &logged).to_string(), "2 binding");

        let found = index(&registry);
        assert_eq!(found.bindings.len(), 1);
        assert_eq!(found.bindings[0].entry.get(), logged.entry.get());
        let Entry::Binding(change) = Entry::parse(logged.entry.get().as_bytes()).unwrap() else {
            panic!("it is a binding")
        };
        let wait = change.effective.duration_since(change.time);
        assert_eq!(wait.as_hours(), i64::from(hours));
        assert_eq!((&change.signer, &change.publisher), (&old, &to));
        let (by_old, by_new) = if is_in_effect { (403, 201) } else { (201, 403) };
        if is_in_effect {
            assert_eq!((found.publisher, found.announced), (to, None));
        } else {
            assert_eq!(found.publisher, old);
            assert_eq!(found.announced.map(|it| (it.publisher, it.entry)), Some((to, 2)));
        }
        let by = |version, by: &Identity| Draft::new(NAME, version).sign(&sigstore, by);
        assert_eq!(registry.publish(&by("1.1.0", &acme())).status, by_old);
        assert_eq!(registry.publish(&by("1.2.0", &new())).status, by_new);
    }
}

#[test]
fn an_announcement_can_be_taken_back_and_only_by_whom_the_name_is_bound_to() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let old = publisher(&registry);
    let Publisher::Workflow(workflow) = old.clone() else { panic!("it is a workflow") };
    let moved = |id: &str| {
        Publisher::Workflow(mcpkg_core::publisher::Workflow {
            repository_id: id.to_owned(),
            ..workflow.clone()
        })
    };
    let announce = |to: &Publisher, by: &Identity| {
        let basis = Basis::of(registry.http(), NAME);
        state(&registry, &basis.sign(&basis.binding(to), &sigstore, by))
    };
    let announced = || index(&registry).announced.map(|it| it.publisher);
    // What changes nothing is no entry.
    assert_eq!(announce(&old, &acme()).outcome(), (409, Some(Code::Conflict)));
    assert_eq!(announce(&moved("1"), &acme()).status, 201);
    assert_eq!(announce(&moved("1"), &acme()).outcome(), (409, Some(Code::Conflict)));
    assert_eq!(announced(), Some(moved("1")));
    // The next one does not speak for the name yet.
    let next = acme().repository_id("1");
    assert_eq!(announce(&moved("2"), &next).outcome(), (403, Some(Code::PublisherId)));
    assert_eq!(announce(&moved("2"), &acme()).status, 201);
    assert_eq!(announced(), Some(moved("2")));
    assert_eq!(announce(&old, &acme()).status, 201);
    assert_eq!(announced(), None);
    assert_eq!(index(&registry).bindings.len(), 3);
    // Nobody is announced to whom the namespace does not belong.
    let evil = Publisher::Workflow(mcpkg_core::publisher::Workflow {
        repository: "https://github.com/evil/weather".to_owned(),
        ..workflow.clone()
    });
    assert_eq!(announce(&evil, &acme()).outcome(), (403, Some(Code::Namespace)));
    registry.accept(&release(&sigstore, "1.1.0"));
}

#[test]
fn anybody_may_say_what_came_of_a_rebuild_of_what_is_published() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let anna = Identity::github("anna/rebuilds");
    let say = |artifacts: Vec<RebuiltArtifact>, by: &Identity| {
        let basis = Basis::of(registry.http(), NAME);
        state(&registry, &basis.sign(&basis.rebuild("1.0.0", artifacts), &sigstore, by))
    };
    let (same, other) =
        (rebuilt(&registry, "1.0.0", None), rebuilt(&registry, "1.0.0", Some("other")));
    assert_eq!(say(vec![other.clone()], &anna).status, 201);
    assert_eq!(say(vec![other.clone()], &anna).outcome(), (409, Some(Code::Conflict)));
    // One finds why, and says so.
    assert_eq!(say(vec![same.clone()], &anna).status, 201);
    assert_eq!(say(vec![same.clone()], &Identity::github("ben/rebuilds")).status, 201);
    assert_eq!(say(Vec::new(), &Identity::github("cleo/rebuilds")).status, 201);
    let mut stray = same.clone();
    (stray.published, stray.built) = (other.built, other.built);
    assert_eq!(say(vec![stray], &anna).outcome(), (422, Some(Code::Attestation)));
    let basis = Basis::of(registry.http(), NAME);
    let PackageStatement::Rebuild(mut lie) = basis.rebuild("1.0.0", vec![other]) else {
        panic!("it is a rebuild")
    };
    lie.result = RebuildResult::Identical;
    let lie = basis.sign(&PackageStatement::Rebuild(lie), &sigstore, &anna);
    assert_eq!(state(&registry, &lie).outcome(), (422, Some(Code::Attestation)));

    let found = index(&registry);
    let rebuilds: Vec<_> = found.releases[0]
        .rebuilds
        .iter()
        .map(|it| (it.entry, it.result.to_string(), it.rebuilder.to_string()))
        .collect();
    let by = |name: &str| format!("github.com/{name}/rebuilds (.github/workflows/release.yml)");
    assert_eq!(
        rebuilds,
        [
            (1, "different".to_owned(), by("anna")),
            (2, "identical".to_owned(), by("anna")),
            (3, "identical".to_owned(), by("ben")),
            (4, "failed".to_owned(), by("cleo")),
        ]
    );
    assert_eq!(document(&registry, "1.0.0").statements.len(), 4);
}

#[test]
fn a_release_has_so_many_rebuilds_and_no_more_and_can_be_yanked_all_the_same() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let same = rebuilt(&registry, "1.0.0", None);
    let say = |at: usize| {
        let basis = Basis::of(registry.http(), NAME);
        let statement = basis.rebuild("1.0.0", vec![same.clone()]);
        let by = Identity::github("anna/rebuilds").repository_id(&at.to_string());
        state(&registry, &basis.sign(&statement, &sigstore, &by))
    };
    for at in 0..64 {
        assert_eq!(say(at).status, 201, "{at}");
    }
    assert_eq!(say(64).outcome(), (413, Some(Code::Limit)));
    let basis = Basis::of(registry.http(), NAME);
    let yank = basis.status("1.0.0", Status::Yanked, None);
    assert_eq!(state(&registry, &basis.sign(&yank, &sigstore, &acme())).status, 201);
}

#[test]
fn where_rebuilders_are_listed_nobody_else_is_heard() {
    let sigstore = TestSigstore::start();
    let anna = Identity::github("anna/rebuilds").repository_id("71");
    let listed = AllowedRepository { repository_id: Some("71".to_owned()), ..Default::default() };
    let issuer = mcpkg_core::publisher::GITHUB_ISSUER.to_owned();
    let rebuilders = vec![AllowedIdentity::repository(issuer, listed).unwrap()];
    let setup = Setup { rebuilders, ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    registry.accept(&release(&sigstore, "1.0.0"));
    let say = |by: &Identity| {
        let basis = Basis::of(registry.http(), NAME);
        let statement = basis.rebuild("1.0.0", vec![rebuilt(&registry, "1.0.0", None)]);
        state(&registry, &basis.sign(&statement, &sigstore, by))
    };
    let mallory = Identity::github("mallory/rebuilds").repository_id("72");
    assert_eq!(say(&mallory).outcome(), (403, Some(Code::Publisher)));
    assert_eq!(say(&anna).status, 201);
}
