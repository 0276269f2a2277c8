//! `mcpkg-registry backup` and `restore`: a drill.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use mcpkg_core::api::ReleaseDocument;
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::json;

use crate::process::Place;
use crate::{NAME, release};

fn receipt(process: &crate::process::Process, version: &str) -> String {
    let reply = process.http.get(&format!("/v1/packages/{NAME}/{version}"));
    assert_eq!(reply.status, 200, "{version}: {reply}");
    reply.json::<ReleaseDocument>().log.receipt
}

#[test]
fn a_backup_beside_publishing_is_whole_and_restoring_it_forks_nothing() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    let submissions: Vec<_> =
        (0..12).map(|minor| release(&sigstore, &format!("1.{minor}.0"))).collect();
    for submission in &submissions[..3] {
        assert_eq!(process.http.publish(submission).status, 201);
    }
    // Copies are made again and again while the rest is published.
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for submission in &submissions[3..] {
                assert_eq!(process.http.publish(submission).status, 201);
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let copied = place.json(&["backup", "--to", to]);
            assert!(copied["entries"].as_u64().unwrap() >= 3, "{copied}");
        }
    });
    let copied = place.json(&["backup", "--to", to]);
    assert_eq!(copied["entries"], json!(12));
    let again = place.json(&["backup", "--to", to]);
    assert_eq!(again["newBlobs"], json!(0), "only what is new is copied");
    assert!(!backup.join("data.log-key").exists() && !backup.join("registry.sqlite3").exists());
    let receipts: Vec<_> = (0..12).map(|n| receipt(&process, &format!("1.{n}.0"))).collect();
    assert!(process.terminate().success());

    // The disk is lost; guard and key are kept elsewhere.
    fs::remove_dir_all(place.data()).unwrap();
    let restored = place.json(&["restore", "--from", to]);
    assert_eq!(restored["entries"], json!(12));
    let taken = place.refused(&["restore", "--from", to], 1);
    assert!(taken.contains("exists"), "{taken}");
    let process = place.serve();
    let after: Vec<_> = (0..12).map(|n| receipt(&process, &format!("1.{n}.0"))).collect();
    assert_eq!(after, receipts);
    assert_eq!(process.http.publish(&release(&sigstore, "2.0.0")).status, 201);
    assert!(process.terminate().success());
    assert_eq!(place.fsck().code, Some(0));

    // That backup is old now. Restored, it may not be signed over.
    fs::remove_dir_all(place.data()).unwrap();
    place.json(&["restore", "--from", to]);
    let stderr = place.refused(&["serve"], 3);
    assert!(stderr.starts_with("error[E_LOG_FORK]"), "{stderr}");
}

#[test]
fn a_registry_that_holds_nothing_is_sound_and_can_be_backed_up() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    assert_eq!(place.fsck().code, Some(0));
    let backup = place.folder().join("backup");
    let to = backup.to_str().unwrap();
    assert_eq!(place.json(&["backup", "--to", to])["entries"], json!(0));
    assert!(process.terminate().success());
    fs::remove_dir_all(place.data()).unwrap();
    place.json(&["restore", "--from", to]);
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    assert_eq!(place.fsck().code, Some(0));
}

#[test]
fn a_backup_with_a_wrong_byte_is_not_restored() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    let submission = release(&sigstore, "1.0.0");
    assert_eq!(process.http.publish(&submission).status, 201);
    assert!(process.terminate().success());
    fs::rename(place.data(), place.folder().join("kept")).unwrap();
    let hex = submission.artifact(0).to_hex();
    let blob = format!("blobs/sha256/{}/{hex}", &hex[..2]);
    for (file, code) in [
        (blob.as_str(), "E_BLOB"),
        ("log/tile/entries/000.p/1", "E_LOG_TILE"),
        ("log/tile/0/000.p/1", "E_LOG_TILE"),
        ("log/checkpoint", "E_NOTE"),
    ] {
        let backup = place.folder().join("backup");
        fs::rename(place.folder().join("kept"), &backup).unwrap();
        let original = fs::read(backup.join(file)).unwrap();
        let mut bytes = original.clone();
        bytes[20] ^= 1;
        fs::write(backup.join(file), bytes).unwrap();
        let stderr = place.refused(&["restore", "--from", backup.to_str().unwrap()], 1);
        assert!(stderr.starts_with(&format!("error[{code}]")), "{file}: {stderr}");
        assert!(!place.data().join("log/checkpoint").exists(), "{file}: nothing is served");
        fs::write(backup.join(file), original).unwrap();
        fs::rename(backup, place.folder().join("kept")).unwrap();
        fs::remove_dir_all(place.data()).unwrap();
    }
}
