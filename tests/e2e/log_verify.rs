//! What is locked, held to the log.

use jiff::SignedDuration;
use mcpkg_test_support::{Answer, LyingRegistry, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME};
use crate::forgery::{CHECKPOINT, Forgery, Turncoat, index, ok};

/// A developer who has installed the weather server from the registry at `url`.
fn installed(fixture: &Fixture, url: &str) -> World {
    let world = fixture.developer_at(url);
    world.ok(&["install", NAME, "--yes"]);
    world
}

fn lines(stdout: &str) -> Vec<Value> {
    let data: Value = serde_json::from_str(stdout).unwrap();
    data["servers"].as_array().unwrap().clone()
}

#[test]
fn what_is_installed_is_logged_and_shown() {
    let fixture = Fixture::with_weather();
    let world = installed(&fixture, fixture.registry.url());
    let outcome = world.ok(&["log", "verify"]);
    assert_eq!(outcome.stdout, format!("{NAME}@1.2.0  entry 0: logged, and shown\n"), "{outcome}");

    // The log grows, and the old receipt still leads into it.
    for minor in 3..6 {
        fixture.registry.accept(&fixture.weather(&format!("1.{minor}.0")));
    }
    let outcome = world.ok(&["log", "verify", "--json"]);
    let line = &lines(&outcome.stdout)[0];
    assert_eq!((&line["receipt"], &line["registryAgrees"]), (&json!("yes"), &json!("yes")));
    assert_eq!((&line["entry"], &line["error"]), (&json!(0), &Value::Null));
}

#[test]
fn without_a_registry_the_receipt_still_holds_and_what_was_not_checked_is_said() {
    let fixture = Fixture::with_weather();
    let world = installed(&fixture, fixture.registry.url());
    let said = "the receipt holds; whether it is still shown is not known";
    drop(fixture);
    let outcome = world.ok(&["log", "verify", "--offline"]);
    assert_eq!(outcome.stdout, format!("{NAME}@1.2.0  entry 0: {said}\n"), "{outcome}");
    assert!(outcome.stderr.contains("no registry was asked"), "{outcome}");

    let outcome = world.refused(&["log", "verify"], 1, &["E_TRANSPORT"]);
    assert_eq!(outcome.stdout, format!("{NAME}@1.2.0  entry 0: {said}\n"), "{outcome}");
}

#[test]
fn a_lock_that_was_changed_in_what_was_logged_is_refused() {
    let fixture = Fixture::with_weather();
    let world = installed(&fixture, fixture.registry.url());
    let path = ".config/mcpkg/mcpkg.lock";
    let lock = world.read(path);
    let metadata = lock.lines().find(|line| line.starts_with("metadata = ")).unwrap();
    let zeros = format!("metadata = \"sha256:{}\"", "0".repeat(64));
    let rows = [
        ("E_LOG_PROOF", "version", lock.replace("version = \"1.2.0\"", "version = \"1.2.1\"")),
        ("E_LOG_PROOF", "metadata", lock.replace(metadata, &zeros)),
        ("E_LOG_PROOF", "publisher", lock.replace("repositoryId = \"", "repositoryId = \"9")),
        ("E_LOG_SUBJECT", "entry", lock.replace("entry = 0", "entry = 1")),
        ("E_NOTE", "receipt", lock.replace("tlog-proof@v1", "tlog-proof@v2")),
    ];
    for (code, what, text) in rows {
        assert_ne!(text, lock, "{what}");
        world.file(path, text);
        let outcome = world.refused(&["log", "verify", "--offline"], 3, &[code]);
        assert!(outcome.stdout.contains("the receipt does not hold"), "{what}\n{outcome}");
    }
}

#[test]
fn a_registry_that_does_not_stand_by_a_release_is_refused_with_the_proof() {
    type Lie = Box<dyn Fn(&str, Answer) -> Answer + Send + Sync>;
    let fixture = Fixture::with_weather();
    let before = Forgery::of(&fixture);
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let honest = Forgery::of(&fixture);
    let is_index = |path: &str| path == format!("/v1/packages/{NAME}");
    let mut forked = before.clone();
    forked.publish(|publish| publish.version = "6.6.6".parse().unwrap());
    let hide = honest.clone();
    let rows: Vec<(&str, Lie)> = vec![
        (
            "E_HIDDEN_RELEASE",
            Box::new(move |path, answer| {
                if is_index(path) {
                    index(answer, &hide, |entries| entries.truncate(1))
                } else {
                    answer
                }
            }),
        ),
        (
            "E_LOG_FORK",
            Box::new(
                move |path, answer| {
                    if is_index(path) { index(answer, &forked, |_| ()) } else { answer }
                },
            ),
        ),
        (
            "E_LOG_FORK",
            Box::new(
                move |path, answer| {
                    if is_index(path) { index(answer, &before, |_| ()) } else { answer }
                },
            ),
        ),
    ];
    for (code, lie) in rows {
        let liar = Turncoat::new(&fixture, lie);
        let world = installed(&fixture, liar.registry.url());
        world.ok(&["log", "verify"]);
        liar.turn();
        let outcome = world.refused(&["log", "verify"], 3, &[code]);
        let said = "the receipt holds, and the registry does not stand by it";
        assert!(outcome.stdout.contains(said), "{outcome}");
        let is_proof = |path: &String| path.starts_with(".local/state/mcpkg/evidence/");
        assert_eq!(world.files().iter().filter(|path| is_proof(path)).count(), 1, "{outcome}");
        liar.repent();
        world.ok(&["log", "verify"]);
    }
}

#[test]
fn a_log_that_does_not_go_on_from_a_receipt_is_a_fork_even_to_who_remembers_nothing() {
    let fixture = Fixture::with_weather();
    let mut forked = Forgery::of(&fixture);
    let first = forked.leaves[0].clone();
    // The release is there again, as another entry of another history.
    forked.leaves[0] = b"something else".to_vec();
    forked.leaves.push(first);
    let key = forked.key.verifier().to_string();
    let world = installed(&fixture, fixture.registry.url());
    let config = world.read(".config/mcpkg/config.toml");
    assert!(config.contains(&key));

    let shown = forked.clone();
    let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
        if path == format!("/v1/packages/{NAME}") {
            return answer.edit(|index| {
                let note = mcpkg_core::log::IndexNote {
                    origin: shown.key.name().to_owned(),
                    name: NAME.parse().unwrap(),
                    tree: shown.tree(),
                    entries: vec!["0 publish 1.2.0".parse().unwrap()],
                };
                index["log"]["index"] = json!(shown.sign(note.to_text()));
                index["log"]["checkpoint"] =
                    json!(shown.checkpoint_of(shown.tree(), SignedDuration::ZERO));
            });
        }
        assert_ne!(path, CHECKPOINT, "the index brings its own");
        shown.file(path).map_or(answer, ok)
    });
    // What is remembered is lost, and the lock is all there is.
    std::fs::remove_dir_all(world.path().join(".local/state/mcpkg/logs")).unwrap();
    let moved = |text: &str| text.replace(fixture.registry.url(), liar.url());
    world.file(".config/mcpkg/config.toml", moved(&config));
    let lock = world.read(".config/mcpkg/mcpkg.lock");
    world.file(".config/mcpkg/mcpkg.lock", moved(&lock));
    let outcome = world.refused(&["log", "verify"], 3, &["E_LOG_FORK"]);
    assert!(outcome.stderr.contains("does not begin with"), "{outcome}");
}
