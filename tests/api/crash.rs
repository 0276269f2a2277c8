//! Starting, stopping, and being stopped. What a crash at each step of a publish
//! leaves is in `faults.rs`.

use mcpkg_test_support::sigstore::TestSigstore;

use crate::process::{Place, Process};
use crate::{NAME, release};

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
fn a_server_that_is_asked_to_look_again_the_moment_it_listens_goes_on() {
    let process = Place::new(&TestSigstore::start()).serve();
    process.hang_up();
    assert_eq!(process.http.get("/healthz").status, 200);
    assert!(process.terminate().success());
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
