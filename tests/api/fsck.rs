//! `mcpkg-registry fsck`

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mcpkg_core::Digest;
use mcpkg_test_support::Submission;
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::process::Place;
use crate::release;

/// A place where one release was published, and the server stopped.
fn published(sigstore: &TestSigstore) -> (Place, Submission) {
    let place = Place::new(sigstore);
    let submission = release(sigstore, "1.0.0");
    let process = place.serve();
    assert_eq!(process.http.publish(&submission).status, 201);
    assert!(process.terminate().success());
    (place, submission)
}

fn blob(place: &Place, digest: Digest) -> PathBuf {
    let hex = digest.to_hex();
    place.data().join("blobs/sha256").join(&hex[..2]).join(hex)
}

/// Changes the database behind the server's back, past its triggers.
fn tamper(place: &Place, sql: &'static str) {
    let url = format!("sqlite://{}", place.data().join("registry.sqlite3").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// Longer than anything is left over.
const WEEK: Duration = Duration::from_hours(7 * 24);

#[test]
fn a_sound_registry_is_sound_also_while_it_runs() {
    let sigstore = TestSigstore::start();
    let (place, _) = published(&sigstore);
    let _running = place.serve();
    let fsck = place.fsck();
    assert_eq!(fsck.code, Some(0));
    let sound = json!({
        "isSound": true, "releases": 1, "blobs": 3, "leftovers": 0, "findings": []
    });
    assert_eq!(fsck.report, sound);

    let text = place.command("fsck").output().unwrap();
    assert_eq!(
        String::from_utf8(text.stdout).unwrap(),
        "1 releases, 3 blobs, 0 leftovers: all is well\n"
    );
}

#[test]
fn what_is_broken_is_named_with_its_invariant() {
    type Break = fn(&Place, &Submission);
    let rows: [(&str, Break, &str, &str); 8] = [
        (
            "a byte of an artifact",
            |place, submission| {
                let path = blob(place, submission.artifact(0));
                let mut bytes = fs::read(&path).unwrap();
                bytes[40] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            "I1",
            "its bytes have changed",
        ),
        (
            "a longer bundle",
            |place, submission| {
                let path = blob(place, Digest::of(&submission.bundles[0]));
                let mut bytes = fs::read(&path).unwrap();
                bytes.push(b'\n');
                fs::write(path, bytes).unwrap();
            },
            "I1",
            "it has another length",
        ),
        (
            "no server.json",
            |place, submission| {
                fs::remove_file(blob(place, Digest::of(&submission.server_json))).unwrap();
            },
            "I1",
            "it is missing",
        ),
        (
            "a release under another version",
            |place, _| {
                tamper(
                    place,
                    "drop trigger release_is_immutable; drop trigger audit_is_append_only;
                     update release set version = '9.9.9'; update audit set version = '9.9.9'",
                );
            },
            "I1",
            "its server.json is of io.github.acme/weather@1.0.0",
        ),
        (
            "a release the audit knows otherwise",
            |place, _| {
                tamper(
                    place,
                    "drop trigger audit_is_append_only;
                     update audit set metadata = 'sha256:00'",
                );
            },
            "I2",
            "the audit does not agree with it",
        ),
        (
            "a release the audit does not know",
            |place, _| tamper(place, "drop trigger audit_is_permanent; delete from audit"),
            "I2",
            "the audit does not agree with it",
        ),
        (
            "an old blob of no release",
            |place, _| {
                let path = blob(place, Digest::of(b"left over"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, "left over").unwrap();
                let old = SystemTime::now() - WEEK;
                File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
            },
            "I4",
            "no release needs it, and its time is over",
        ),
        (
            "a file that is no blob",
            |place, _| fs::write(place.data().join("blobs/sha256/notes.txt"), "hi").unwrap(),
            "I4",
            "it is not a blob",
        ),
    ];
    let sigstore = TestSigstore::start();
    for (what, break_it, invariant, problem) in rows {
        let (place, submission) = published(&sigstore);
        break_it(&place, &submission);
        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(3), "{what}: {fsck:?}");
        let findings = fsck.report["findings"].as_array().unwrap();
        let found: Vec<(&Value, &Value)> =
            findings.iter().map(|finding| (&finding["invariant"], &finding["problem"])).collect();
        assert_eq!(found, [(&json!(invariant), &json!(problem))], "{what}");
    }
}

#[test]
fn old_leftovers_are_swept_away_at_start_and_young_ones_stay() {
    let sigstore = TestSigstore::start();
    let (place, _) = published(&sigstore);
    let path = |name: &str| {
        let path = blob(&place, Digest::of(name.as_bytes()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        path
    };
    let (old, young) = (path("old"), path("young"));
    let last_week = SystemTime::now() - WEEK;
    File::options().write(true).open(&old).unwrap().set_modified(last_week).unwrap();

    let process = place.serve();
    // The sweep runs beside the requests, and is over before the server is.
    let swept = process.wait_for_log("removed what unfinished publishes left behind");
    assert_eq!(swept["count"], json!(1));
    assert!(!old.exists());
    assert!(young.exists());
    let fsck = place.fsck();
    assert_eq!((fsck.code, &fsck.report["leftovers"]), (Some(0), &json!(1)));
}

#[test]
fn without_a_registry_there_is_nothing_to_check() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let output = place.command("fsck").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error[E_STORAGE]: could not check the data folder"), "{stderr}");
    assert!(!place.data().exists(), "looking makes nothing");
}
