//! What keeps a log from being signed twice: the guard, the key, the clock.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mcpkg_core::Code;
use mcpkg_core::api::{LogDocument, ReleaseDocument};
use mcpkg_core::log::{Checkpoint, LogTrust, Receipt, SignedNote, follow};
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::json;

use crate::process::Place;
use crate::{NAME, release};

/// A place where these versions were published, and the server stopped.
fn published(sigstore: &TestSigstore, versions: &[&str]) -> Place {
    let place = Place::new(sigstore);
    publish(&place, sigstore, versions);
    place
}

fn publish(place: &Place, sigstore: &TestSigstore, versions: &[&str]) {
    let process = place.serve();
    for version in versions {
        assert_eq!(process.http.publish(&release(sigstore, version)).status, 201);
    }
    assert!(process.terminate().success());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_data_folder_from_an_old_backup_is_not_signed_over() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let old = place.folder().join("old");
    copy(&place.data(), &old);
    publish(&place, &sigstore, &["2.0.0"]);
    let (new, guard) = (place.folder().join("new"), place.folder().join("data.log-guard"));
    let signed = fs::read(&guard).unwrap();

    fs::rename(place.data(), &new).unwrap();
    fs::rename(&old, place.data()).unwrap();
    let stderr = place.refused(&["serve"], 3);
    assert!(stderr.starts_with("error[E_LOG_FORK]"), "{stderr}");
    assert!(stderr.contains("the guard remembers a log of 2 entries"), "{stderr}");
    assert!(stderr.contains("and the data folder has 1"), "{stderr}");
    assert!(stderr.contains("Nothing was signed"), "{stderr}");
    assert_eq!(fs::read(&guard).unwrap(), signed, "the guard is as it was");
    // And no other command goes around it.
    for action in
        [["log", "rotate"].as_slice(), &["log", "show"], &["log", "reset-guard", "--size", "2"]]
    {
        let stderr = place.refused(action, 3);
        assert!(stderr.starts_with("error[E_LOG_FORK]"), "{action:?}: {stderr}");
    }

    fs::remove_dir_all(place.data()).unwrap();
    fs::rename(new, place.data()).unwrap();
    assert_eq!(place.serve().http.get(&format!("/v1/packages/{NAME}/2.0.0")).status, 200);
}

#[test]
fn an_old_database_catches_up_with_the_log() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let database = place.data().join("registry.sqlite3");
    let old = fs::read(&database).unwrap();
    publish(&place, &sigstore, &["2.0.0", "3.0.0"]);
    fs::write(&database, old).unwrap();
    let fsck = place.fsck();
    assert_eq!((fsck.code, &fsck.report["pending"]), (Some(0), &json!(2)), "{fsck:?}");
    let process = place.serve();
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let status = process.http.get(&format!("/v1/packages/{NAME}/{version}")).status;
        assert_eq!(status, 200, "{version}");
    }
}

#[test]
fn a_guard_that_is_lost_or_old_is_not_guessed() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let guard = place.folder().join("data.log-guard");
    let old = fs::read(&guard).unwrap();
    publish(&place, &sigstore, &["2.0.0"]);

    fs::remove_file(&guard).unwrap();
    let stderr = place.refused(&["serve"], 3);
    assert!(stderr.contains("a log of 2 entries, and the guard"), "{stderr}");
    assert!(stderr.contains("log reset-guard --size"), "{stderr}");
    // Whoever says another number does not know.
    place.refused(&["log", "reset-guard", "--size", "1"], 3);
    place.json(&["log", "reset-guard", "--size", "2"]);
    publish(&place, &sigstore, &["3.0.0"]);

    fs::write(&guard, old).unwrap();
    let stderr = place.refused(&["serve"], 3);
    assert!(
        stderr.contains("the guard remembers a log of 1 entries, and 3 are published"),
        "{stderr}"
    );
}

#[test]
fn the_guard_of_another_log_is_refused() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let other = published(&sigstore, &["1.0.0"]);
    let from = other.folder().join("data.log-guard");
    fs::copy(from, place.folder().join("data.log-guard")).unwrap();
    let stderr = place.refused(&["serve"], 1);
    assert!(stderr.starts_with("error[E_LOG_KEY]"), "{stderr}");
}

#[test]
fn a_guard_that_somebody_else_moves_stops_the_signing_and_not_the_reading() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let process = place.serve();
    let other = published(&sigstore, &["1.0.0"]);
    let guard = place.folder().join("data.log-guard");
    // A second server with the same key and a tree of its own.
    let key = place.log_key();
    let note = fs::read_to_string(other.folder().join("data.log-guard")).unwrap();
    let tree = Checkpoint::parse(SignedNote::parse(note.as_bytes()).unwrap().text()).unwrap().tree;
    let text = Checkpoint { origin: key.name().to_owned(), tree }.to_text();
    let forked = SignedNote::new(text.clone(), vec![key.sign(&text), key.cosign(&text, 1)]);
    let before = fs::read(&guard).unwrap();
    fs::write(&guard, forked.to_string()).unwrap();

    for _ in 0..2 {
        let reply = process.http.publish(&release(&sigstore, "2.0.0"));
        assert_eq!(reply.outcome(), (503, Some(Code::LogFork)), "{reply}");
    }
    assert_eq!(process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).status, 200);
    assert_eq!(process.http.get(&format!("/v1/packages/{NAME}/2.0.0")).status, 404);
    fs::write(&guard, before).unwrap();
    assert_eq!(process.http.publish(&release(&sigstore, "2.0.0")).status, 201);
}

#[test]
fn a_clock_that_went_back_signs_nothing_until_it_is_right() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    // As if the last was signed tomorrow.
    let (key, guard) = (place.log_key(), place.folder().join("data.log-guard"));
    let before = fs::read_to_string(&guard).unwrap();
    let note = SignedNote::parse(before.as_bytes()).unwrap();
    let tomorrow = u64::try_from(jiff::Timestamp::now().as_second()).unwrap() + 86_400;
    let lines = vec![key.sign(note.text()), key.cosign(note.text(), tomorrow)];
    fs::write(&guard, SignedNote::new(note.text().to_owned(), lines).to_string()).unwrap();

    let process = place.serve();
    let reply = process.http.publish(&release(&sigstore, "2.0.0"));
    assert_eq!(reply.outcome(), (503, Some(Code::Clock)), "{reply}");
    assert_eq!(process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).status, 200);
    assert!(process.terminate().success());

    fs::write(&guard, before).unwrap();
    publish(&place, &sigstore, &["2.0.0"]);
    assert_eq!(place.fsck().code, Some(0));
}

#[test]
fn a_key_that_others_can_read_or_that_is_lost_is_refused() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let key = place.folder().join("data.log-key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let stderr = place.refused(&["serve"], 1);
    assert!(stderr.contains("can be read by other users"), "{stderr}");
    fs::remove_file(&key).unwrap();
    let stderr = place.refused(&["serve"], 1);
    assert!(stderr.contains("there is no signing key"), "{stderr}");
    assert!(!key.exists(), "a key for a log that exists is never made up");
}

#[test]
fn a_log_can_be_begun_before_it_is_served() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    place.configure("[log]\norigin = 'acme.example/log'");
    let begun = place.json(&["log", "init"]);
    assert_eq!((&begun["origin"], &begun["size"]), (&json!("acme.example/log"), &json!(0)));
    place.refused(&["log", "init"], 1);
    let process = place.serve();
    let document: LogDocument = process.http.get("/v1/log").json();
    assert_eq!(json!(document.key), begun["key"]);
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    let shown = place.json(&["log", "show"]);
    assert_eq!((&shown["key"], &shown["size"]), (&begun["key"], &json!(1)), "also while it runs");
    let rotated = place.refused(&["log", "rotate"], 1);
    assert!(rotated.contains("another registry uses the data folder"), "{rotated}");
}

#[test]
fn to_look_for_a_log_makes_none() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    place.refused(&["log", "show"], 1);
    assert!(!place.data().exists());
}

#[test]
fn a_key_is_rotated_and_a_log_is_succeeded_and_old_receipts_hold() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let first = place.log_key().verifier();
    let rotated = place.json(&["log", "rotate"]);
    assert_eq!(rotated["origin"], json!(first.name()));
    assert_ne!(rotated["key"], json!(first));
    publish(&place, &sigstore, &["2.0.0"]);
    place.json(&["log", "succeed", "--origin", "acme.example"]);
    publish(&place, &sigstore, &["3.0.0"]);
    assert_eq!(place.fsck().code, Some(0));

    let process = place.serve();
    let document: LogDocument = process.http.get("/v1/log").json();
    assert_eq!((document.origin.as_str(), document.successions.len()), ("acme.example", 2));
    // From the first key to the newest, and from the newest back to the first.
    for pinned in [&first, &document.key] {
        let (key, predecessors) = follow(pinned, &document.successions).unwrap();
        assert_eq!(key, document.key);
        let sizes: Vec<u64> = predecessors.iter().map(|it| it.last.size).collect();
        assert_eq!(sizes, [1, 2]);
        let trust = LogTrust { predecessors, ..LogTrust::new(key) };
        for (index, version) in ["1.0.0", "2.0.0", "3.0.0"].iter().enumerate() {
            let release: ReleaseDocument =
                process.http.get(&format!("/v1/packages/{NAME}/{version}")).json();
            let receipt: Receipt = release.log.receipt.parse().unwrap();
            assert_eq!(receipt.index, index as u64);
            receipt.verify(release.log.entry.get().as_bytes(), &trust).unwrap();
        }
    }
}

#[test]
fn a_rotation_that_stops_anywhere_is_finished_by_the_next_start() {
    let sigstore = TestSigstore::start();
    let place = published(&sigstore, &["1.0.0"]);
    let (key, next) =
        (place.folder().join("data.log-key"), place.folder().join("data.log-key.next"));
    let old = fs::read(&key).unwrap();
    place.json(&["log", "rotate"]);
    let new = fs::read(&key).unwrap();
    // As it was between saying so and doing so.
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &old).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    publish(&place, &sigstore, &["2.0.0"]);
    assert_eq!(fs::read(&key).unwrap(), new);
    assert!(!next.exists());
    // Without the new key there is nobody who may sign.
    fs::write(&key, &old).unwrap();
    let stderr = place.refused(&["serve"], 1);
    assert!(stderr.starts_with("error[E_LOG_KEY]"), "{stderr}");
}
