//! Watching a log: what an honest registry gives, and what each lie does.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use mcpkg_core::Digest;
use mcpkg_core::log::{Entry, IndexNote, LogTrust, Receipt, SigningKey};
use mcpkg_test_support::background::Background;
use mcpkg_test_support::sigstore::{Identity, surgery};
use mcpkg_test_support::{Answer, Draft, LyingRegistry, Outcome, World};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME, acme, document, is_release};
use crate::forgery::{CHECKPOINT, Forgery, Turncoat, gone, index, ok, served};

/// One look, with everything that was told.
fn look(world: &World, more: &[&str]) -> (Outcome, Vec<Value>) {
    let args = [&["log", "watch", "--once", "--json"], more].concat();
    let outcome = world.run(&args);
    let told = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (outcome, told)
}

/// One look that has to end with exactly these alarms, and exit code 3.
#[track_caller]
fn alarmed(world: &World, codes: &[&str], why: &str) -> Vec<Value> {
    let (outcome, told) = look(world, &[]);
    let found: Vec<&str> = told
        .iter()
        .filter(|event| event["event"] == "alarm")
        .map(|event| event["code"].as_str().unwrap())
        .collect();
    assert_eq!(found, codes, "{why}\n{outcome}");
    assert_eq!(outcome.code, Some(3), "{why}\n{outcome}");
    told
}

/// One look that has to end well.
#[track_caller]
fn quiet(world: &World, why: &str) {
    let (outcome, told) = look(world, &[]);
    assert_eq!((outcome.code, told.len()), (Some(0), 0), "{why}\n{outcome}");
}

fn state(world: &World) -> Value {
    serde_json::from_str(&world.read(".local/state/mcpkg/watch/test.json")).unwrap()
}

#[test]
fn an_honest_log_is_quiet_and_what_one_cares_for_is_told_once() {
    let fixture = Fixture::empty();
    let world = fixture.developer();
    quiet(&world, "an empty log");
    fixture.registry.accept(&fixture.weather("1.2.0"));
    quiet(&world, "nothing is asked for by name");
    let (outcome, told) = look(&world, &["--full"]);
    assert_eq!((outcome.code, told.len()), (Some(0), 0), "{outcome}");

    fixture.registry.accept(&fixture.weather("1.3.0"));
    fixture
        .registry
        .accept(&Draft::new("io.github.acme/tides", "1.0.0").sign(&fixture.sigstore, &acme()));
    let (outcome, told) = look(&world, &["--name", NAME]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert_eq!(told.len(), 1, "{outcome}");
    let (event, entry) = (&told[0]["event"], &told[0]["entry"]);
    assert_eq!((event, entry), (&json!("notice"), &json!(1)), "{outcome}");
    assert_eq!(told[0]["version"], "1.3.0", "{outcome}");
    let (outcome, told) = look(&world, &["--name", "*"]);
    assert_eq!((outcome.code, told.len()), (Some(0), 0), "{outcome}");
    assert_eq!(state(&world)["state"]["frontier"]["size"], 3);
}

#[test]
fn alarms_are_also_for_people() {
    let fixture = Fixture::with_weather();
    let liar = LyingRegistry::start(fixture.registry.url(), |path, answer| {
        if is_release(path) { gone() } else { answer }
    });
    let world = fixture.developer_at(liar.url());
    let outcome = world.run(&["log", "watch", "--once"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stdout.starts_with("alarm[E_HIDDEN_RELEASE]: "), "{outcome}");
    assert!(outcome.stdout.contains("\n  entry: 0\n"), "{outcome}");
    assert!(outcome.stdout.contains("\n  hint: "), "{outcome}");
}

#[test]
fn a_log_that_lies_is_found_out() {
    type Lie = Box<dyn Fn(&str, Answer) -> Answer + Send + Sync>;
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let honest = Forgery::of(&fixture);
    let checkpoint = |note: String| -> Lie {
        Box::new(move |path, answer| if path == CHECKPOINT { ok(note.clone()) } else { answer })
    };
    let old = SignedDuration::from_hours(25);
    let mut other = honest.clone();
    other.key = SigningKey::from_seed(honest.key.name(), [9; 32]).unwrap();
    let rows: Vec<(&str, &str, Lie)> = vec![
        ("E_STALE", "nobody signs any more", checkpoint(honest.checkpoint_of(honest.tree(), old))),
        ("E_CLOCK", "signed tomorrow", checkpoint(honest.checkpoint_of(honest.tree(), -old))),
        ("E_LOG_KEY", "another key", checkpoint(other.checkpoint())),
        ("E_NOTE", "no signature", checkpoint(honest.checkpoint().replace("\n2\n", "\n3\n"))),
        ("E_LOG_EMPTY", "nothing at all", checkpoint(String::new())),
        (
            "E_LOG_TILE",
            "a byte of an entry",
            Box::new(|path, mut answer| {
                if path.contains("/tile/entries/") {
                    answer.body[50] ^= 1;
                }
                answer
            }),
        ),
        (
            "E_LOG_TILE",
            "entries that are not served",
            Box::new(|path, answer| if path.contains("/tile/entries/") { gone() } else { answer }),
        ),
        (
            "E_LOG_EMPTY",
            "an empty bundle",
            Box::new(|path, answer| if path.contains("/tile/entries/") { ok("") } else { answer }),
        ),
        (
            "E_TRANSPORT",
            "a redirect",
            Box::new(|path, answer| {
                if path == CHECKPOINT { Answer::redirect("https://evil.example/") } else { answer }
            }),
        ),
    ];
    for (code, why, lie) in rows {
        let liar = Turncoat::new(&fixture, lie);
        let world = fixture.developer_at(liar.registry.url());
        liar.turn();
        alarmed(&world, &[code], why);
        alarmed(&world, &[code], &format!("{why}, and it lasts"));
        liar.repent();
        quiet(&world, &format!("{why}, and no more"));
    }
}

#[test]
fn a_fork_and_a_rollback_are_told_with_both_notes_and_change_nothing() {
    let fixture = Fixture::with_weather();
    let shorter = Forgery::of(&fixture);
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let honest = Forgery::of(&fixture);
    let mut same_size = shorter.clone();
    same_size.publish(|publish| publish.version = "6.6.6".parse().unwrap());
    let mut larger = same_size.clone();
    larger.publish(|publish| publish.version = "6.6.7".parse().unwrap());

    for (why, forged) in [("same size", same_size), ("smaller", shorter), ("larger", larger)] {
        let note = forged.checkpoint();
        let shown = note.clone();
        let liar = Turncoat::new(&fixture, move |path, answer| match forged.file(path) {
            Some(_) if path == CHECKPOINT => ok(note.clone()),
            Some(file) => ok(file),
            None => answer,
        });
        let world = fixture.developer_at(liar.registry.url());
        quiet(&world, why);
        let before = state(&world);
        liar.turn();
        let told = alarmed(&world, &["E_LOG_FORK"], why);
        let proof = std::fs::read_to_string(told[0]["evidence"].as_str().unwrap()).unwrap();
        let seen = before["state"]["checkpoint"]["note"].as_str().unwrap();
        assert!(proof.contains(seen) && proof.contains(&shown), "{why}\n{proof}");
        let after = state(&world);
        for part in ["checkpoint", "frontier", "replay"] {
            assert_eq!(after["state"][part], before["state"][part], "{why}: {part}");
        }
    }
    assert_eq!(honest.tree().size, 2);
}

#[test]
fn a_release_that_its_author_did_not_sign_is_found_out() {
    let fixture = Fixture::with_weather();
    let mallory = Identity::github("mallory/weather").git_ref("refs/tags/v6.6.6");
    let submission = Draft::new(NAME, "6.6.6").sign(&fixture.sigstore, &mallory);
    let shown = document(&submission);
    let mut forged = Forgery::of(&fixture);
    forged.publish(|publish| {
        publish.version = "6.6.6".parse().unwrap();
        publish.metadata = serde_json::from_value(shown["metadata"].clone()).unwrap();
        publish.artifacts = serde_json::from_value(shown["artifacts"].clone()).unwrap();
        publish.evidence = vec![Digest::of(&submission.bundles[0])];
    });
    let signed_by_mallory = served(&forged, &shown);

    let mut broken = shown.clone();
    surgery::flip_signature(&mut broken["evidence"][0]["bundle"]);
    let bundle = broken["evidence"][0]["bundle"].to_string();
    broken["evidence"][0]["digest"] = json!(Digest::of(bundle.as_bytes()));
    let mut forged_broken = Forgery::of(&fixture);
    forged_broken.publish(|publish| {
        publish.version = "6.6.6".parse().unwrap();
        publish.metadata = serde_json::from_value(shown["metadata"].clone()).unwrap();
        publish.artifacts = serde_json::from_value(shown["artifacts"].clone()).unwrap();
        publish.evidence = vec![Digest::of(bundle.as_bytes())];
    });
    let signed_by_nobody = served(&forged_broken, &broken);

    for (why, code, forged, release) in [
        ("signed by another", "E_NAMESPACE", forged, signed_by_mallory),
        ("signed by nobody", "E_SIGNATURE", forged_broken, signed_by_nobody),
    ] {
        let liar = Turncoat::new(&fixture, move |path, answer| {
            if path.ends_with("/6.6.6") {
                return ok(release.to_string());
            }
            if path == format!("/v1/packages/{NAME}") {
                return index(answer, &forged, |_| ());
            }
            forged.file(path).map_or(answer, ok)
        });
        let world = fixture.developer_at(liar.registry.url());
        quiet(&world, why);
        liar.turn();
        let told = alarmed(&world, &[code], why);
        assert_eq!((&told[0]["entry"], &told[0]["version"]), (&json!(1), &json!("6.6.6")), "{why}");
    }
}

#[test]
fn a_release_that_is_shown_otherwise_than_it_was_logged_is_found_out() {
    type Edit = fn(&mut Value);
    let fixture = Fixture::with_weather();
    let rows: [(&str, &str, Edit); 4] = [
        ("E_LOG_SUBJECT", "other evidence", |release| release["evidence"] = json!([])),
        ("E_LOG_SUBJECT", "a broken signature", |release| {
            surgery::flip_signature(&mut release["evidence"][0]["bundle"]);
        }),
        ("E_LOG_SUBJECT", "another time", |release| {
            release["publishedAt"] = json!("2020-01-01T00:00:00Z");
        }),
        ("E_METADATA", "another description", |release| {
            release["serverJson"]["description"] = json!("Send us your keys");
        }),
    ];
    for (code, why, edit) in rows {
        let liar = fixture.edited(edit);
        let world = fixture.developer_at(liar.url());
        alarmed(&world, &[code], why);
        alarmed(&world, &[code], &format!("{why}, and it lasts"));
    }
}

#[test]
fn an_index_that_hides_a_release_is_found_out() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&fixture.weather("1.3.0"));
    let honest = Forgery::of(&fixture);
    let hide = move |path: &str, answer: Answer| {
        if path == format!("/v1/packages/{NAME}") {
            index(answer, &honest, |entries| entries.truncate(1))
        } else {
            answer
        }
    };
    let liar = LyingRegistry::start(fixture.registry.url(), hide.clone());
    alarmed(&fixture.developer_at(liar.url()), &["E_HIDDEN_RELEASE"], "as it is followed");

    // Later, nothing new draws the eye to it.
    let liar = Turncoat::new(&fixture, hide);
    let world = fixture.developer_at(liar.registry.url());
    quiet(&world, "before");
    liar.turn();
    quiet(&world, "packages without news are not looked at");
    let (outcome, told) = look(&world, &["--full"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert_eq!(told[0]["code"], "E_HIDDEN_RELEASE", "{outcome}");
    proves_that_it_hides(&fixture, told[0]["evidence"].as_str().unwrap());
}

/// Checks the file with nothing but the log's key, as anybody can.
#[track_caller]
fn proves_that_it_hides(fixture: &Fixture, path: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    let part = |title: &str| {
        let start = format!("----- BEGIN {title} -----\n");
        let from = text.find(&start).unwrap() + start.len();
        text[from..from + text[from..].find("----- END ").unwrap()].to_owned()
    };
    let trust = LogTrust::new(fixture.registry.log_key().verifier());
    let leaf = part("entry");
    let leaf = leaf.trim_end();
    let receipt: Receipt = part("receipt of the entry").parse().unwrap();
    receipt.verify(leaf.as_bytes(), &trust).unwrap();
    let index = IndexNote::verify(&part("signed index of the package"), &trust).unwrap();
    assert_eq!(*Entry::parse(leaf.as_bytes()).unwrap().name(), index.name);
    assert!(receipt.index < index.tree.size);
    assert_eq!(index.entry(receipt.index), None);
}

#[test]
fn a_registry_that_does_not_answer_is_neither_an_alarm_nor_a_success() {
    let fixture = Fixture::with_weather();
    let busy = |path: &'static str| {
        LyingRegistry::start(fixture.registry.url(), move |found, mut answer| {
            if found.contains(path) {
                answer.status = 503;
                answer.body = b"busy".to_vec();
            }
            answer
        })
    };
    for path in ["/v1/log/checkpoint", "/v1/log/tile/entries", "/weather/1.2.0"] {
        let turncoat = busy(path);
        let world = fixture.developer();
        let config = world.read(".config/mcpkg/config.toml");
        let moved = config.replace(fixture.registry.url(), turncoat.url());
        world.file(".config/mcpkg/config.toml", moved);
        let (outcome, told) = look(&world, &[]);
        assert_eq!((outcome.code, told.len()), (Some(1), 0), "{path}\n{outcome}");
        assert_eq!(outcome.codes(), ["E_REGISTRY"], "{path}\n{outcome}");
        assert!(outcome.stderr.contains("503"), "{path}\n{outcome}");
        world.file(".config/mcpkg/config.toml", config);
        quiet(&world, path);
    }
}

/// A log of 650 entries that are none, and a world that knows its key.
fn long_log() -> (Arc<Mutex<Forgery>>, Background, World) {
    log_of(650)
}

fn log_of(count: u64) -> (Arc<Mutex<Forgery>>, Background, World) {
    let key = SigningKey::from_seed("log.example", [3; 32]).unwrap();
    let leaves = (0..count).map(|index| format!("no entry {index}").into_bytes()).collect();
    let vkey = key.verifier().to_string();
    let forgery = Arc::new(Mutex::new(Forgery::new(key, leaves)));
    let server = Forgery::serve(&forgery);
    let world = mcpkg_test_support::world!();
    world.ok(&["registry", "add", "test", server.url(), "--log-key", &vkey]);
    (forgery, server, world)
}

#[test]
fn a_monitor_catches_up_from_nothing_over_static_files() {
    let (forgery, _server, world) = long_log();
    let (outcome, told) = look(&world, &[]);
    let entries: Vec<u64> = told.iter().map(|event| event["entry"].as_u64().unwrap()).collect();
    assert_eq!(entries, (0..650).collect::<Vec<_>>(), "{}", outcome.stderr);
    assert!(told.iter().all(|event| event["code"] == "E_LOG_SUBJECT"));
    assert_eq!(outcome.code, Some(3));
    quiet(&world, "what an entry did is told once");
    forgery.lock().unwrap().leaves.push(b"no entry either".to_vec());
    let told = alarmed(&world, &["E_LOG_SUBJECT"], "the log goes on");
    assert_eq!(told[0]["entry"], 650);
}

#[test]
fn a_monitor_that_is_killed_goes_on_where_it_was() {
    let (_forgery, _server, world) = long_log();
    let mut child = world
        .command(&["log", "watch", "--json", "--interval", "3600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told: BTreeMap<u64, usize> = BTreeMap::new();
    let mut tell = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        *told.entry(event["entry"].as_u64().unwrap()).or_default() += 1;
    };
    // The second bundle is being told.
    lines.by_ref().take(300).for_each(|line| tell(&line.unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).filter(|line| line.ends_with('}')).for_each(|line| tell(&line));
    let known = state(&world)["state"]["frontier"]["size"].as_u64().unwrap();
    assert!(known >= 256 && known.is_multiple_of(256) || known == 650, "{known}");

    let (_, after) = look(&world, &[]);
    let first = after.first().map(|event| event["entry"].as_u64().unwrap());
    assert!(first.is_none_or(|first| first == known), "{first:?} {known}");
    for event in &after {
        tell(&event.to_string());
    }
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (0..650).collect::<Vec<_>>());
    let twice = told.iter().filter(|(_, count)| **count > 1).map(|(entry, _)| *entry);
    assert!(twice.clone().all(|entry| entry >= known), "only what was not saved: {twice:?}");
}

#[test]
fn a_monitor_that_goes_on_tells_what_is_new_and_repeats_nothing() {
    let fixture = Fixture::with_weather();
    let world = fixture.developer();
    let mut child = world
        .command(&["log", "watch", "--json", "--interval", "1", "--name", NAME])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["entry"], 0);
    fixture.registry.accept(&fixture.weather("1.3.0"));
    assert_eq!(next()["entry"], 1);
    fixture.registry.accept(&fixture.weather("1.4.0"));
    assert_eq!(next()["entry"], 2);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_log_goes_on_under_a_new_key_and_not_under_the_old_one() {
    let (forgery, _server, world) = log_of(3);
    alarmed(&world, &["E_LOG_SUBJECT"; 3], "what was logged before");
    let (old, new) = {
        let mut log = forgery.lock().unwrap();
        let (old, new) = (log.key.clone(), SigningKey::from_seed("log.example", [4; 32]).unwrap());
        log.rotate(new.clone());
        log.leaves.push(b"no entry".to_vec());
        (old, new)
    };
    let told = alarmed(&world, &["E_LOG_SUBJECT"], "under the new key");
    assert_eq!(told[0]["entry"], 3);
    quiet(&world, "a new process learns the key again");

    forgery.lock().unwrap().leaves.push(b"by a thief".to_vec());
    forgery.lock().unwrap().key = old;
    alarmed(&world, &["E_LOG_FORK"], "the old key signs on");
    forgery.lock().unwrap().key = new;
    let told = alarmed(&world, &["E_LOG_SUBJECT"], "the new key signs it");
    assert_eq!(told[0]["entry"], 4);
}

#[test]
fn a_key_that_nobody_handed_the_log_to_is_not_believed() {
    let (forgery, _server, world) = log_of(1);
    alarmed(&world, &["E_LOG_SUBJECT"], "what was logged before");
    let thief = SigningKey::from_seed("log.example", [5; 32]).unwrap();
    let honest = forgery.lock().unwrap().clone();
    {
        // The thief signs for both, with a key in the place of the log's.
        let other = SigningKey::from_seed("log.example", [6; 32]).unwrap();
        let mut forged = honest;
        forged.key = other;
        forged.rotate(thief.clone());
        let mut log = forgery.lock().unwrap();
        log.successions = forged.successions;
        log.key = thief;
    }
    alarmed(&world, &["E_LOG_KEY"], "a succession by nobody");
}

#[test]
fn two_monitors_do_not_share_a_state() {
    let fixture = Fixture::with_weather();
    let world = fixture.developer();
    let mut child = world
        .command(&["log", "watch", "--json", "--interval", "3600", "--name", NAME])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some(), "it is at work");
    let outcome = world.refused(&["log", "watch", "--once"], 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains("another mcpkg"), "{outcome}");
    child.kill().unwrap();
    child.wait().unwrap();
    quiet(&world, "the other one is gone");
}

#[test]
fn a_state_of_another_log_or_of_none_is_kept_and_named() {
    let fixture = Fixture::with_weather();
    let world = fixture.developer();
    quiet(&world, "before");
    let path = ".local/state/mcpkg/watch/test.json";
    let good = world.read(path);

    world.file(path, "{}");
    world.refused(&["log", "watch", "--once"], 1, &["E_CONFIG"]);
    assert_eq!(world.read(path), "{}");

    world.file(path, &good);
    let other = Fixture::with_weather();
    world.ok(&["registry", "remove", "test"]);
    let args = ["registry", "add", "test", other.registry.url()];
    world.ok(&args);
    let outcome = world.refused(&["log", "watch", "--once"], 1, &["E_CONFIG"]);
    assert!(outcome.stderr.contains("another key"), "{outcome}");
    assert_eq!(world.read(path), good);
}
