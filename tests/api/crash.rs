//! A crash at any step of a publish leaves nothing visible or everything, and
//! the same publish then succeeds.

use mcpkg_core::api::ReleaseDocument;
use mcpkg_test_support::sigstore::TestSigstore;
use serde_json::json;

use crate::process::{Place, Process};
use crate::{NAME, release};

#[test]
fn a_crash_leaves_nothing_or_everything_and_a_retry_converges() {
    let sigstore = TestSigstore::start();
    let submission = release(&sigstore, "1.0.0");
    let address = format!("/v1/packages/{NAME}/1.0.0");

    // Where it crashes, whether the release is then visible, and how many blobs
    // are left over.
    for (failpoint, is_visible, leftovers) in [
        ("staged", false, 0),
        ("verified", false, 0),
        ("blob-stored:1", false, 1),
        ("blob-stored:2", false, 2),
        ("blob-stored:3", false, 3),
        ("before-transaction", false, 3),
        ("in-transaction", false, 3),
        ("committed", true, 0),
    ] {
        let place = Place::new(&sigstore);
        let process = place.serve_until(failpoint);
        let error = process.http.try_publish(&submission).expect_err(failpoint);
        assert!(error.is_request(), "{failpoint}: {error}");
        assert!(!process.wait().success(), "{failpoint}");

        let fsck = place.fsck();
        assert_eq!(fsck.code, Some(0), "{failpoint}: {fsck:?}");
        assert_eq!(fsck.report["leftovers"], json!(leftovers), "{failpoint}");

        let process = place.serve();
        let read = process.http.get(&address);
        assert_eq!(read.status, if is_visible { 200 } else { 404 }, "{failpoint}");
        let staged = std::fs::read_dir(place.data().join("staging")).unwrap().count();
        assert_eq!(staged, 0, "{failpoint}: staging is emptied at start");

        let retried = process.http.publish(&submission);
        assert_eq!(retried.status, if is_visible { 200 } else { 201 }, "{failpoint}: {retried}");
        let document: ReleaseDocument = retried.json();
        let blob = process.http.get(&format!("/v1/blobs/{}", document.artifacts[0].digest));
        assert_eq!(blob.body, submission.artifacts[0], "{failpoint}");
        assert!(process.terminate().success(), "{failpoint}");

        let fsck = place.fsck();
        assert_eq!((fsck.code, &fsck.report["leftovers"]), (Some(0), &json!(0)), "{failpoint}");
        assert_eq!(fsck.report["releases"], json!(1), "{failpoint}");
    }
}

#[test]
fn what_is_acknowledged_survives_a_kill() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        assert_eq!(process.http.publish(&release(&sigstore, version)).status, 201);
    }
    drop(process); // Kills it.

    assert_eq!(place.fsck().code, Some(0));
    let process = place.serve();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let read = process.http.get(&format!("/v1/packages/{NAME}/{version}"));
        assert_eq!(read.status, 200, "{version}");
    }
}

#[test]
fn one_server_at_a_time_uses_a_data_folder() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let _first = place.serve();
    let second = place.command("serve").output().unwrap();
    let stderr = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another registry uses the data folder"), "{stderr}");
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_it_began() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    assert!(process.terminate().success());
    assert!(!place.data().join("registry.sqlite3-wal").exists(), "the database was closed");
}

#[test]
fn whoever_started_it_can_learn_its_address_from_a_file() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let file = place.data().with_file_name("address");
    let process = Process::start(place.command("serve").arg("--address-file").arg(&file));
    let url = process.http.url().to_owned();
    assert!(process.terminate().success());
    assert_eq!(format!("http://{}", std::fs::read_to_string(file).unwrap()), format!("{url}\n"));
}
