//! What a registry can do with its log, and what each thing gets.
//!
//! The registry is a real one, and whoever lies in its place may have its key. In
//! every case one thing is changed, and everything else is as it should be. What
//! has to hold: exit code 3, the one stable code, and nothing forgotten or learned
//! from what was refused.

mod freshness;
mod keys;
mod notes;
mod proofs;
mod stories;
mod witnesses;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mcpkg_test_support::{Answer, Draft, LyingRegistry, Outcome, World};
use serde_json::Value;

use crate::fixture::{Fixture, NAME, acme, is_index, is_release};

const TIDES: &str = "io.github.acme/tides";
const INSTALL: [&str; 3] = ["install", NAME, "--yes"];

/// A registry that answers honestly, but that the index is changed.
fn with_index(
    fixture: &Fixture,
    edit: impl Fn(&mut Value) + Send + Sync + 'static,
) -> LyingRegistry {
    LyingRegistry::start(fixture.registry.url(), move |path, answer: Answer| {
        if is_index(path) && answer.status == 200 { answer.edit(&edit) } else { answer }
    })
}

/// A registry that answers honestly, but that the body at some path is another.
fn with_body(
    fixture: &Fixture,
    is_there: fn(&str) -> bool,
    body: impl Into<Vec<u8>>,
) -> LyingRegistry {
    let body = body.into();
    LyingRegistry::start(fixture.registry.url(), move |path, mut answer: Answer| {
        if is_there(path) {
            answer.body.clone_from(&body);
        }
        answer
    })
}

/// Publishes a release of a package of Acme's.
fn publish(fixture: &Fixture, name: &str, version: &str) {
    fixture.registry.accept(&Draft::new(name, version).sign(&fixture.sigstore, &acme()));
}

/// Changes where the developer's registry is, and nothing of what is known of it.
fn moved(developer: &World, from: &str, to: &LyingRegistry) {
    for file in [".config/mcpkg/config.toml", ".config/mcpkg/mcpkg.lock"] {
        if developer.path().join(file).exists() {
            developer.file(file, developer.read(file).replace(from, to.url()));
        }
    }
}

/// What this machine remembers of logs, byte for byte.
fn remembered(world: &World) -> Vec<(String, String)> {
    let is_log = |path: &String| path.starts_with(".local/state/mcpkg/logs/");
    let files = world.files().into_iter().filter(is_log);
    files.map(|path| (path.clone(), world.read(&path))).collect()
}

/// The files that prove a lie.
fn evidence(world: &World) -> Vec<PathBuf> {
    let Ok(folder) = fs::read_dir(world.path().join(".local/state/mcpkg/evidence")) else {
        return Vec::new();
    };
    folder.map(|file| file.unwrap().path()).collect()
}

/// Tries to install, which has to be refused with this code, and to leave what is
/// remembered and what is installed as they are.
#[track_caller]
fn refused(developer: &World, code: &str, what: &str) -> Outcome {
    let state = |world: &World| (remembered(world), fs::read(world.lock_path()).ok());
    let before = state(developer);
    let outcome = developer.run(&INSTALL);
    assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
    assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
    assert_eq!(state(developer), before, "{what}: nothing is learned from it");
    outcome
}

/// The one file of evidence, which the message names.
#[track_caller]
fn proof(developer: &World, outcome: &Outcome) -> String {
    let files = evidence(developer);
    let [file] = files.as_slice() else { panic!("one file: {files:?}\n{outcome}") };
    assert!(outcome.stderr.contains(&file.display().to_string()), "{outcome}");
    assert!(outcome.stderr.contains("send that file to its operator"), "{outcome}");
    fs::read_to_string(file).unwrap()
}

#[test]
fn an_empty_answer_is_refused_wherever_it_stands() {
    let fixture = Fixture::with_weather();
    let is_blob = |path: &str| path.starts_with("/v1/blobs/");
    let rows: [(&str, &str, LyingRegistry); 6] = [
        ("E_LOG_EMPTY", "the index", with_body(&fixture, is_index, "")),
        ("E_LOG_EMPTY", "the release", with_body(&fixture, is_release, "")),
        (
            "E_LOG_EMPTY",
            "the checkpoint",
            with_index(&fixture, |index| index["log"]["checkpoint"] = "".into()),
        ),
        (
            "E_LOG_EMPTY",
            "the signed index",
            with_index(&fixture, |index| index["log"]["index"] = "".into()),
        ),
        (
            "E_LOG_EMPTY",
            "the receipt",
            fixture.edited(|release| release["log"]["receipt"] = "".into()),
        ),
        ("E_DIGEST", "the artifact", with_body(&fixture, is_blob, "")),
    ];
    for (code, what, liar) in rows {
        let developer = fixture.developer();
        developer.ok(&["info", NAME]);
        moved(&developer, fixture.registry.url(), &liar);
        refused(&developer, code, what);
    }
    for is_there in [(|path| path == "/v1/log") as fn(&str) -> bool, |path| path.ends_with("point")]
    {
        let liar = with_body(&fixture, is_there, "");
        let stranger = mcpkg_test_support::world!();
        stranger.refused(&["registry", "add", "x", liar.url()], 3, &["E_LOG_EMPTY"]);
    }
}

#[test]
fn an_install_takes_three_requests_the_first_time_and_every_time() {
    let fixture = Fixture::with_weather();
    let paths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&paths);
    let counting = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
        seen.lock().unwrap().push(path.to_owned());
        answer
    });
    let developer = fixture.developer_at(counting.url());
    developer.ok(&INSTALL);
    let first = std::mem::take(&mut *paths.lock().unwrap());
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(is_index(&first[0]) && is_release(&first[1]) && first[2].starts_with("/v1/blobs/"));

    // The log has grown, and proofs come with the answers.
    publish(&fixture, TIDES, "1.0.0");
    publish(&fixture, NAME, "1.3.0");
    developer.ok(&INSTALL);
    let second = std::mem::take(&mut *paths.lock().unwrap());
    assert_eq!(second.len(), 3, "{second:?}");
    developer.ok(&["verify", "--offline"]);
    assert_eq!(paths.lock().unwrap().len(), 0);
}

#[test]
fn the_lock_proves_without_the_registry_that_it_is_what_was_logged() {
    let fixture = Fixture::with_weather();
    publish(&fixture, NAME, "1.3.0");
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    drop(fixture);
    developer.ok(&["verify"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    assert!(lock.contains("\n[server.log]\nentry = 1\nprevious = 0\n"), "{lock}");
    for (code, from, to) in [
        ("E_LOG_PROOF", "previous = 0\n", ""),
        ("E_LOG_SUBJECT", "entry = 1\n", "entry = 0\n"),
        ("E_LOG_PROOF", "index 1\n", "index 0\n"),
        ("E_NOTE", "index 1\n", "index 01\n"),
        ("E_LOG_PROOF", "name = \"io.github.acme/weather\"", "name = \"io.github.acme/Weather\""),
    ] {
        assert!(lock.contains(from), "{from:?}\n{lock}");
        developer.file(".config/mcpkg/mcpkg.lock", lock.replace(from, to));
        // Another index in the receipt alone is not that of the entry.
        let to = if from == "index 1\n" && code == "E_LOG_PROOF" { "E_LOG_SUBJECT" } else { code };
        developer.refused(&["verify", "--offline"], 3, &[to]);
    }
}
