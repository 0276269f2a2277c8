//! Installing by way of a mirror, which is trusted with nothing.

use std::fs;

use mcpkg_core::log::VerifierKey;
use mcpkg_test_support::{LyingRegistry, Setup, SourceSetup, TestRegistry, World};

use crate::fixture::{Fixture, NAME, is_release};

/// A registry that mirrors the one at `url`, whose log has the key `log_key`.
fn mirror(fixture: &Fixture, url: &str, log_key: VerifierKey) -> (TestRegistry, String) {
    let source = SourceSetup { name: "public", url: url.to_owned(), log_key };
    let setup = Setup { sources: vec![source], ..Setup::default() };
    let registry = TestRegistry::start_with(&fixture.sigstore.trusted_root_json(), setup);
    let address = format!("{}/source/public", registry.url());
    (registry, address)
}

fn key(fixture: &Fixture) -> VerifierKey {
    fixture.registry.log_key().verifier()
}

#[test]
fn a_package_is_installed_through_a_mirror_with_the_key_of_its_source() {
    let fixture = Fixture::with_weather();
    let (_mirror, address) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    let developer = fixture.developer_at(&address);
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["verify"]);
    assert!(developer.read(".config/mcpkg/mcpkg.lock").contains(&address));
}

#[test]
fn a_chain_of_two_mirrors_is_as_good_as_the_source() {
    let fixture = Fixture::with_weather();
    let (_near, near) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    let (_far, far) = mirror(&fixture, &near, key(&fixture));
    fixture.developer_at(&far).ok(&["install", NAME, "--yes"]);
}

/// What a mirror does to the body of an answer at a path.
type Lie = fn(&str, &mut Vec<u8>);

#[test]
fn a_mirror_that_changes_one_byte_is_refused() {
    let fixture = Fixture::with_weather();
    let (registry, _) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    let rows: [(&str, &str, Lie); 3] = [
        ("a byte of the artifact", "E_DIGEST", |path, body| {
            if path.contains("/v1/blobs/") {
                body[100] ^= 1;
            }
        }),
        ("a word of the signed index", "E_NOTE", |path, body| {
            if path.ends_with(NAME) {
                let text = String::from_utf8(std::mem::take(body)).unwrap();
                *body = text.replace("0 publish 1.2.0", "0 publish 1.2.1").into_bytes();
            }
        }),
        ("a word of the description", "E_METADATA", |path, body| {
            if is_release(path.strip_prefix("/source/public").unwrap_or(path)) {
                let text = String::from_utf8(std::mem::take(body)).unwrap();
                *body = text.replace("Forecasts for", "Forecasts of").into_bytes();
            }
        }),
    ];
    for (what, code, lie) in rows {
        let liar = LyingRegistry::start(registry.url(), move |path, mut answer| {
            lie(path, &mut answer.body);
            answer
        });
        let developer = fixture.developer_at(&format!("{}/source/public", liar.url()));
        let before = developer.files();
        let outcome = developer.run(&["install", NAME, "--yes"]);
        assert_eq!(outcome.code, Some(3), "{what}: {outcome}");
        assert_eq!(outcome.codes().first(), Some(&code), "{what}: {outcome}");
        let installed = developer.files().into_iter().filter(|it| it.contains("mcpkg.lock"));
        assert_eq!(installed.count(), 0, "{what}: {before:?}");
    }
}

#[test]
fn the_key_of_the_mirror_is_not_the_key_of_its_source() {
    let fixture = Fixture::with_weather();
    let (registry, address) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    let mirrors_own = registry.log_key().verifier().to_string();
    let developer = mcpkg_test_support::world!();
    developer.file(".claude.json", "{}\n");
    fixture.add_registry_without_key(&developer, &address, &["--log-key", &mirrors_own]);
    developer.refused(&["install", NAME, "--yes"], 3, &["E_LOG_KEY"]);
}

#[test]
fn a_package_moves_to_a_mirror_of_its_source_and_to_no_other_log() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);

    // The same log at another address.
    let (_mirror, address) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    developer.ok(&["registry", "remove", "test"]);
    fixture.add_registry(&developer, &address, &["--private"]);
    developer.ok(&["install", NAME, "--yes"]);

    // Another log with a package of that name.
    let other = Fixture::with_weather();
    developer.ok(&["registry", "remove", "test"]);
    other.add_registry(&developer, other.registry.url(), &["--private"]);
    developer.refused(&["install", NAME, "--yes"], 3, &["E_SOURCE_CHANGED"]);
}

#[test]
fn a_release_that_a_registry_does_not_give_out_is_not_chosen() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let liar = LyingRegistry::start(fixture.registry.url(), |path, answer| {
        if path != format!("/v1/packages/{NAME}") {
            return answer;
        }
        answer.edit(|index| {
            index["withheld"] = serde_json::json!([{
                "version": "1.3.0",
                "code": "E_TAKEN_DOWN",
                "reason": "it was taken down",
            }]);
        })
    });
    let developer = fixture.developer_at(liar.url());
    developer.ok(&["install", NAME, "--yes"]);
    assert!(developer.read(".config/mcpkg/mcpkg.lock").contains("1.2.0"));
    let asked = format!("{NAME}@1.3.0");
    let outcome = developer.refused(&["install", &asked, "--yes"], 3, &["E_TAKEN_DOWN"]);
    assert!(outcome.stderr.contains("it was taken down"), "{outcome}");
}

/// The walk of docs/mirror.md: a public registry, a company's mirror of it, and a copy of
/// that where there is no network. Each is installed from, and each is lied about.
#[test]
fn a_package_goes_by_a_mirror_to_where_there_is_no_network() {
    let fixture = Fixture::with_weather();
    let root = fixture.sigstore.trusted_root_json();
    let source =
        |url: &str| SourceSetup { name: "public", url: url.to_owned(), log_key: key(&fixture) };
    let (company, near) = mirror(&fixture, fixture.registry.url(), key(&fixture));

    // Somebody in the company installs it, and so it is there to be carried.
    let inside = fixture.developer_at(&near);
    inside.ok(&["install", NAME, "--yes"]);
    let folder = tempfile::tempdir().unwrap();
    let carried = folder.path().join("public.tar");
    company.export_source(&root, source(fixture.registry.url()), &carried);

    // Where there is no network there is no public registry and no company either.
    let setup = Setup { sources: vec![source("http://127.0.0.1:1")], ..Setup::default() };
    let island = TestRegistry::start_carried(&root, &setup, "public", &carried).unwrap();
    let far = format!("{}/source/public", island.url());
    let outside = fixture.developer_at(&far);
    outside.ok(&["install", NAME, "--yes"]);
    outside.ok(&["verify"]);
    assert_eq!(tree(&inside), tree(&outside), "the same files");

    // A byte of the artifact that is carried, which follows the header of its member.
    let mut bytes = fs::read(&carried).unwrap();
    let blob = b"v1/blobs/";
    let header = bytes.windows(blob.len()).position(|window| window == blob).unwrap();
    bytes[header + 512] ^= 1;
    fs::write(&carried, bytes).unwrap();
    let refused = TestRegistry::start_carried(&root, &setup, "public", &carried);
    assert!(refused.is_err_and(|error| error.is_refusal()));

    // A word of what the island says.
    let liar = LyingRegistry::start(island.url(), |path, mut answer| {
        if is_release(path.strip_prefix("/source/public").unwrap_or(path)) {
            let text = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
            answer.body = text.replace("Forecasts for", "Forecasts of").into_bytes();
        }
        answer
    });
    let deceived = fixture.developer_at(&format!("{}/source/public", liar.url()));
    deceived.refused(&["install", NAME, "--yes"], 3, &["E_METADATA"]);

    // What is newer in the company is not gone back from by way of the island.
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let (_company, near) = mirror(&fixture, fixture.registry.url(), key(&fixture));
    let traveller = fixture.developer_at(&near);
    traveller.ok(&["install", NAME, "--yes"]);
    traveller.ok(&["registry", "remove", "test"]);
    fixture.add_registry(&traveller, &far, &["--private"]);
    traveller.refused(&["install", NAME, "--yes"], 3, &["E_LOG_FORK"]);
}

/// The tree digest that is pinned.
fn tree(world: &World) -> String {
    let lock = world.read(".config/mcpkg/mcpkg.lock");
    lock.lines().find(|line| line.contains("tree-sha256:")).unwrap().to_owned()
}
