//! What a witness has signed it does not forget, whatever happens.

use std::fs;

use mcpkg_core::Code;
use mcpkg_test_support::Reply;

use super::{Place, add, assert_conflict, log};
use crate::process::Process;

#[test]
fn what_was_signed_survives_a_kill() {
    let place = Place::new();
    let mut process = place.start();
    for size in 1..=5 {
        place.signed_at(&add(&process, &log().request(size - 1, size)), &log().checkpoint(size));
        drop(process); // Kills it.
        process = place.start();
        assert_conflict(&add(&process, &log().request(size - 1, size)), size);
    }
}

#[test]
fn a_kill_before_the_answer_does_not_take_back_what_was_remembered() {
    for (failpoint, remembered) in [("witness-state", 3), ("witness-state=abort-after", 8)] {
        let place = Place::new();
        let process = place.start();
        place.signed_at(&add(&process, &log().request(0, 3)), &log().checkpoint(3));
        drop(process);

        let process = Process::start(place.command().env("MCPKG_REGISTRY_FAILPOINT", failpoint));
        let request = log().request(3, 8).to_string();
        process.http.post("/add-checkpoint", request).expect_err("it is killed");
        assert!(!process.wait().success());

        let process = place.start();
        // Whichever it remembers, it goes on from that and from nothing older.
        let other = 3 + 8 - remembered;
        assert_conflict(&add(&process, &log().request(other, 8)), remembered);
        place.signed_at(&add(&process, &log().request(remembered, 8)), &log().checkpoint(8));
        let staged = fs::read_dir(place.path("state").join("staging")).unwrap().count();
        assert_eq!(staged, 0, "{failpoint}: staging is emptied at start");
    }
}

#[test]
fn a_write_that_fails_is_not_signed_and_does_not_stop_the_next() {
    for (failpoint, remembered) in [("witness-state=fail", 0), ("witness-state=fail-after", 8)] {
        let place = Place::new();
        let process = Process::start(place.command().env("MCPKG_REGISTRY_FAILPOINT", failpoint));
        let failed = add(&process, &log().request(0, 8));
        assert_eq!(failed.outcome(), (503, Some(Code::Storage)), "{failpoint}");
        let other = 8 - remembered;
        let mut request = log().request(remembered, 8);
        request.old_size = other;
        assert_conflict(&add(&process, &request), remembered);
        place.signed_at(&add(&process, &log().request(remembered, 8)), &log().checkpoint(8));
    }
}

#[test]
fn of_many_at_once_one_is_signed_and_none_is_forgotten() {
    let place = Place::new();
    let process = place.start();
    let http = &process.http;
    place.signed_at(&add(&process, &log().request(0, 1)), &log().checkpoint(1));
    let replies: Vec<(u64, Reply)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..50)
            .map(|index| {
                let size = index + 2;
                let request = log().request(1, size).to_string();
                scope.spawn(move || (size, http.post("/add-checkpoint", request).unwrap()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let signed: Vec<u64> =
        replies.iter().filter(|(_, reply)| reply.status == 200).map(|&(size, _)| size).collect();
    let [winner] = signed[..] else { panic!("{signed:?}") };
    for (_, reply) in replies.iter().filter(|(_, reply)| reply.status != 200) {
        assert_conflict(reply, winner);
    }
    assert_conflict(&add(&process, &log().request(0, 60)), winner);
    place.signed_at(&add(&process, &log().request(winner, 60)), &log().checkpoint(60));
}

#[test]
fn a_state_that_is_damaged_stops_the_witness_and_stays_as_it_is() {
    let place = Place::new();
    let process = place.start();
    place.signed_at(&add(&process, &log().request(0, 5)), &log().checkpoint(5));
    let path = place.state_files().remove(0);
    let good = fs::read_to_string(&path).unwrap();
    let damaged = good.replacen("\n5\n", "\n4\n", 1);

    // Under a running witness, and at a start.
    fs::write(&path, &damaged).unwrap();
    let reply = add(&process, &log().request(5, 6));
    assert_eq!(reply.outcome(), (500, Some(Code::Storage)), "{reply}");
    drop(process);
    let output = place.fail();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("error[E_STORAGE]: the witness does not start"), "{text}");
    assert!(text.contains("is not signed by this witness's key"), "{text}");
    assert!(text.contains("hint: a witness that has forgotten"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged);

    fs::write(&path, &good).unwrap();
    let process = place.start();
    place.signed_at(&add(&process, &log().request(5, 6)), &log().checkpoint(6));
}

#[test]
fn one_witness_at_a_time_uses_a_folder() {
    let place = Place::new();
    let _first = place.start();
    let text = String::from_utf8(place.fail().stderr).unwrap();
    assert!(text.contains("another witness uses the folder"), "{text}");
}
