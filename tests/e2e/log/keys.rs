//! The key of a log: how it is pinned, and how it may change.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use mcpkg_core::log::{SigningKey, Succession};
use mcpkg_test_support::{LyingRegistry, RegistryLog, World, world};
use serde_json::{Value, json};

use super::{INSTALL, moved, proof, refused};
use crate::fixture::{Fixture, NAME, index_log, is_index, leaf};

const CONFIG: &str = ".config/mcpkg/config.toml";

/// A change to what a registry says of its log, with another key at hand.
type Edit = fn(&mut Value, &Value);

fn other_key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, [77; 32]).unwrap()
}

/// A registry whose log goes on under another key: its checkpoint and index are
/// by that, and so is what `/v1/log` says, with these succession notes.
struct Rotated {
    registry: LyingRegistry,
    paths: Arc<Mutex<Vec<String>>>,
}

fn rotated(fixture: &Fixture, log: &RegistryLog, successions: &[String]) -> Rotated {
    let key = log.key.verifier();
    let size = log.size();
    let index = index_log(log, Some(size.min(1)), &[0]);
    let checkpoint = log.checkpoint(Timestamp::now());
    let document = json!({ "origin": key.name(), "key": key, "successions": successions });
    let paths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&paths);
    let registry = LyingRegistry::start(fixture.registry.url(), move |path, mut answer| {
        seen.lock().unwrap().push(path.to_owned());
        match path {
            "/v1/log" => answer.edit(|it| *it = document.clone()),
            "/v1/log/checkpoint" => {
                answer.body = checkpoint.clone().into_bytes();
                answer
            }
            path if is_index(path) => answer.edit(|it| it["log"] = index.clone()),
            _ => answer,
        }
    });
    Rotated { registry, paths }
}

/// The log of the fixture, under another key.
fn under(fixture: &Fixture, key: SigningKey) -> RegistryLog {
    let mut log = RegistryLog::new(key);
    log.push_leaf(leaf(&fixture.release(NAME, "1.2.0")));
    log
}

fn pinned(world: &World) -> Value {
    let outcome = world.ok(&["registry", "list", "--json"]);
    serde_json::from_str::<Value>(&outcome.stdout).unwrap()[0]["log_key"].clone()
}

#[test]
fn a_key_is_trusted_on_first_use_and_it_is_said() {
    let fixture = Fixture::with_weather();
    let key = fixture.registry.log_key().verifier();
    let developer = world!();
    developer.file(".claude.json", "{}\n");
    let add = ["registry", "add", "test", fixture.registry.url(), "--private"];
    let outcome = developer.ok(&[add.as_slice(), &["--dry-run"]].concat());
    assert!(outcome.stderr.contains(&key.fingerprint().to_string()), "{outcome}");
    assert_eq!(developer.files(), [".claude.json"], "a dry run keeps nothing");

    fixture.add_registry_without_key(&developer, fixture.registry.url(), &["--private"]);
    let config = developer.read(CONFIG);
    assert!(config.contains("log_key_on_first_use = true"), "{config}");
    assert_eq!(pinned(&developer), json!(key));
    let listed = developer.ok(&["registry", "list"]).stdout;
    for shown in [key.name().to_owned(), key.fingerprint().to_string()] {
        assert!(outcome.stderr.contains(&shown) && listed.contains(&shown), "{outcome}{listed}");
    }
    assert!(outcome.stderr.contains("trusted on first use"), "{outcome}");
    developer.ok(&INSTALL);
}

#[test]
fn a_key_that_the_registry_names_has_to_be_the_one_that_signs() {
    let fixture = Fixture::with_weather();
    let key = other_key("another.example").verifier();
    let rows: [Edit; 2] = [
        |document, key| {
            document["key"] = key.clone();
            document["origin"] = json!("another.example");
        },
        |document, _| document["origin"] = json!("another.example"),
    ];
    for edit in rows {
        let key = json!(key);
        let liar = LyingRegistry::start(fixture.registry.url(), move |path, answer| match path {
            "/v1/log" => answer.edit(|document| edit(document, &key)),
            _ => answer,
        });
        let stranger = world!();
        stranger.refused(&["registry", "add", "x", liar.url()], 3, &["E_LOG_KEY"]);
        assert_eq!(stranger.files(), [""; 0]);
    }
}

#[test]
fn policy_may_demand_a_key_that_somebody_configured() {
    let fixture = Fixture::with_weather();
    let url = fixture.registry.url();
    let developer = world!();
    developer.file(".claude.json", "{}\n");
    fixture.add_registry_without_key(&developer, url, &["--private"]);
    let config = developer.read(CONFIG);
    developer.file(CONFIG, format!("require_log_key = true\n\n{config}"));
    refused(&developer, "E_LOG_KEY", "trusted on first use before");
    developer.ok(&["registry", "remove", "test"]);
    developer.refused(&["registry", "add", "test", url], 3, &["E_LOG_KEY"]);
    fixture.add_registry(&developer, url, &["--private"]);
    assert!(developer.read(CONFIG).contains("require_log_key = true"));
    developer.ok(&INSTALL);

    // A registry of whose log nothing is known is not asked.
    let without = developer.read(CONFIG);
    let key = format!("log_key = \"{}\"\n", fixture.registry.log_key().verifier());
    developer.file(CONFIG, without.replace(&key, ""));
    refused(&developer, "E_LOG_KEY", "no key");
}

#[test]
fn a_log_under_another_key_is_refused() {
    let fixture = Fixture::with_weather();
    let old = fixture.registry.log_key();
    let new = other_key(old.name());
    let log = under(&fixture, new.clone());
    let stranger = SigningKey::from_seed(old.name(), [78; 32]).unwrap();
    let last = log.tree(1);
    for (what, notes) in [
        ("no succession", vec![]),
        (
            "a succession from another key",
            vec![Succession::sign(&stranger, &new, last).to_string()],
        ),
        ("a succession to another key", vec![Succession::sign(&old, &stranger, last).to_string()]),
    ] {
        let developer = fixture.developer();
        developer.ok(&["info", NAME]);
        let liar = rotated(&fixture, &log, &notes);
        moved(&developer, fixture.registry.url(), &liar.registry);
        refused(&developer, "E_LOG_KEY", what);
        assert_eq!(pinned(&developer), json!(old.verifier()), "{what}");
    }
    // Signed by the new key alone: whoever has that would like to be followed.
    let text = Succession { from: old.verifier(), last, to: new.verifier() }.to_text();
    let lines = vec![new.sign(&text)];
    let note = mcpkg_core::log::SignedNote::new(text, lines).to_string();
    let developer = fixture.developer();
    let liar = rotated(&fixture, &log, &[note]);
    moved(&developer, fixture.registry.url(), &liar.registry);
    refused(&developer, "E_NOTE", "a succession that the old key has not signed");
}

#[test]
fn a_key_that_was_handed_over_is_followed_and_pinned() {
    let fixture = Fixture::with_weather();
    let old = fixture.registry.log_key();
    for name in [old.name(), "successor.example"] {
        let new = other_key(name);
        let log = under(&fixture, new.clone());
        let notes = [Succession::sign(&old, &new, log.tree(1)).to_string()];
        let developer = fixture.developer();
        developer.ok(&["info", NAME]);
        let config = developer.read(CONFIG);
        developer.file(CONFIG, format!("# Ours.\n{config}"));

        let Rotated { registry, paths } = rotated(&fixture, &log, &notes);
        moved(&developer, fixture.registry.url(), &registry);
        let outcome = developer.ok(&INSTALL);
        assert!(outcome.stderr.contains("handed over by the old one"), "{outcome}");
        assert_eq!(pinned(&developer), json!(new.verifier()));
        assert!(developer.read(CONFIG).starts_with("# Ours.\n"), "the rest is as it was");
        let asked = std::mem::take(&mut *paths.lock().unwrap());
        assert_eq!(asked.iter().filter(|path| *path == "/v1/log").count(), 1, "{asked:?}");

        // From now on it is the log's key like any other.
        developer.ok(&["verify", "--offline"]);
        let outcome = developer.ok(&INSTALL);
        assert!(!outcome.stderr.contains("handed over"), "{outcome}");
        let asked = std::mem::take(&mut *paths.lock().unwrap());
        assert!(!asked.contains(&"/v1/log".to_owned()), "{asked:?}");

        // With the old one somebody could go on as if nothing had been.
        let stale = rotated(&fixture, &under(&fixture, old.clone()), &notes);
        moved(&developer, registry.url(), &stale.registry);
        refused(&developer, "E_LOG_KEY", "the old key again");
        let mut forked = under(&fixture, old.clone());
        forked.push_leaf(b"{}".to_vec());
        let retired = rotated(&fixture, &forked, &notes);
        moved(&developer, stale.registry.url(), &retired.registry);
        let outcome = refused(&developer, "E_LOG_FORK", "the old key, after its end");
        let proof = proof(&developer, &outcome);
        assert!(proof.contains("BEGIN succession of the log"), "{proof}");
    }
}

#[test]
fn who_comes_after_a_rotation_can_check_what_was_logged_before_it() {
    let fixture = Fixture::with_weather();
    let old = fixture.registry.log_key();
    let new = other_key(old.name());
    let log = under(&fixture, new.clone());
    let notes = [Succession::sign(&old, &new, log.tree(1)).to_string()];
    let Rotated { registry, paths } = rotated(&fixture, &log, &notes);
    // On first use the registry tells the whole story.
    let first = world!();
    first.file(".claude.json", "{}\n");
    fixture.add_registry_without_key(&first, registry.url(), &["--private"]);
    paths.lock().unwrap().clear();
    first.ok(&INSTALL);
    assert_eq!(paths.lock().unwrap().len(), 3);

    // With the new key configured, it is asked once how the log came to it.
    let second = world!();
    second.file(".claude.json", "{}\n");
    let key = new.verifier().to_string();
    let flags = ["--private", "--log-key", &key];
    fixture.add_registry_without_key(&second, registry.url(), &flags);
    second.ok(&INSTALL);
    second.ok(&["verify", "--offline"]);
    paths.lock().unwrap().clear();
    second.ok(&INSTALL);
    assert!(!paths.lock().unwrap().contains(&"/v1/log".to_owned()));

    // So it is with a lock that somebody shares who has known the old one.
    let third = world!();
    third.file(".claude.json", "{}\n");
    third.file(".config/mcpkg/mcpkg.lock", first.read(".config/mcpkg/mcpkg.lock"));
    fixture.add_registry_without_key(&third, registry.url(), &flags);
    third.refused(&["verify", "--offline"], 1, &["E_NOT_FOUND"]);
    third.ok(&INSTALL);
    third.ok(&["verify", "--offline"]);
}
