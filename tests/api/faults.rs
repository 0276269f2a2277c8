//! Every storage step of a publish, and everything that can go wrong with it.
//!
//! After each fault: reading works or the server is gone, the same publish sent
//! again gets a receipt and always the same one, and `fsck` finds nothing.

use mcpkg_core::Code;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Submission, TestWitness};
use serde_json::json;

use crate::process::{Place, Process};
use crate::{NAME, release};

/// The steps, in order. `n` is the n-th time: a release has three blobs.
const STEPS: [&str; 12] = [
    "staging:1",
    "staging:3",
    "blob:1",
    "blob:3",
    "entries",
    "tile",
    "guard",
    "witness",
    "journal",
    "checkpoint",
    "transaction",
    "in-transaction",
];

/// How far a step is: until the guard, nothing has happened.
fn is_true_before(step: &str) -> bool {
    matches!(step, "witness" | "journal" | "checkpoint" | "transaction" | "in-transaction")
}

/// A registry with a witness and one release, and another that is to be published.
struct Round {
    place: Place,
    old: Submission,
    new: Submission,
    // Which has to vouch for every checkpoint.
    _witness: TestWitness,
}

impl Round {
    fn new(sigstore: &TestSigstore) -> Self {
        let place = Place::new(sigstore);
        let (old, new) = (release(sigstore, "1.0.0"), release(sigstore, "2.0.0"));
        let key = place.json(&["log", "init"])["key"].as_str().unwrap().parse().unwrap();
        let witness = TestWitness::start("witness.example", &[key]);
        place.configure(&format!(
            "[limits]\nlog_seconds = 1\n[[log.witness]]\nurl = '{}'\nkey = '{}'",
            witness.url(),
            witness.key()
        ));
        let process = place.serve();
        assert_eq!(process.http.publish(&old).status, 201);
        assert!(process.terminate().success());
        Self { place, old, new, _witness: witness }
    }

    /// Publishes again until it succeeds, and once more: the receipt is the same.
    fn converges(process: &Process, submission: &Submission, what: &str) -> ReleaseDocument {
        let first = process.http.publish(submission);
        assert!(matches!(first.status, 200 | 201), "{what}: {first}");
        let first: ReleaseDocument = first.json();
        let again = process.http.publish(submission);
        assert_eq!(again.status, 200, "{what}: {again}");
        let again: ReleaseDocument = again.json();
        assert_eq!(first.log.receipt, again.log.receipt, "{what}");
        let read: ReleaseDocument =
            process.http.get(&format!("/v1/packages/{NAME}/{}", first.version)).json();
        assert_eq!(first.log.receipt, read.log.receipt, "{what}");
        let blob = process.http.get(&format!("/v1/blobs/{}", first.artifacts[0].digest));
        assert_eq!(blob.body, submission.artifacts[0], "{what}");
        first
    }

    /// The invariants hold, also while nothing runs.
    fn is_sound(&self, what: &str) {
        let fsck = self.place.fsck();
        assert_eq!(fsck.code, Some(0), "{what}: {fsck:?}");
    }

    /// Restarts, converges, and is sound with two releases.
    fn recovers(&self, is_there: Option<bool>, what: &str) {
        self.is_sound(what);
        let process = self.place.serve();
        let status = process.http.get(&format!("/v1/packages/{NAME}/2.0.0")).status;
        if let Some(is_there) = is_there {
            assert_eq!(status, if is_there { 200 } else { 404 }, "{what}");
        }
        let staged = std::fs::read_dir(self.place.data().join("staging")).unwrap().count();
        assert_eq!(staged, 0, "{what}: staging is emptied at start");
        Self::converges(&process, &self.new, what);
        Self::converges(&process, &self.old, what);
        assert!(process.terminate().success(), "{what}");
        let fsck = self.place.fsck();
        assert_eq!((fsck.code, &fsck.report["leftovers"]), (Some(0), &json!(0)), "{what}");
        assert_eq!(fsck.report["releases"], json!(2), "{what}");
        assert_eq!(fsck.report["entries"], json!(2), "{what}");
    }
}

#[test]
fn a_crash_at_any_step_leaves_nothing_or_everything() {
    let sigstore = TestSigstore::start();
    for step in STEPS {
        for fault in ["abort", "abort-after"] {
            if (step, fault) == ("in-transaction", "abort-after") {
                continue; // It is a place and no step.
            }
            let what = format!("{step}={fault}");
            let round = Round::new(&sigstore);
            let process = round.place.serve_until(&what);
            let error = process.http.try_publish(&round.new).expect_err(&what);
            assert!(error.is_request(), "{what}: {error}");
            assert!(!process.wait().success(), "{what}");
            let is_guarded = step == "guard" && fault == "abort-after";
            round.recovers(Some(is_true_before(step) || is_guarded), &what);
        }
    }
}

#[test]
fn a_step_that_fails_is_a_clear_answer_and_the_next_attempt_converges() {
    let sigstore = TestSigstore::start();
    for step in STEPS.into_iter().filter(|step| *step != "in-transaction") {
        for fault in ["fail", "fail-after"] {
            let what = format!("{step}={fault}");
            let round = Round::new(&sigstore);
            let process = round.place.serve_until(&what);
            let reply = process.http.publish(&round.new);
            assert_eq!(reply.outcome(), (503, Some(Code::Storage)), "{what}: {reply}");
            // What was there is read as before, and the same process goes on.
            let index = process.http.get(&format!("/v1/packages/{NAME}"));
            assert_eq!(index.status, 200, "{what}: {index}");
            assert_eq!(
                process.http.get(&format!("/v1/packages/{NAME}/1.0.0")).status,
                200,
                "{what}"
            );
            round.is_sound(&what);
            let receipt = Round::converges(&process, &round.new, &what).log.receipt;
            assert!(process.terminate().success(), "{what}");
            round.recovers(Some(true), &what);
            let process = round.place.serve();
            assert_eq!(
                Round::converges(&process, &round.new, &what).log.receipt,
                receipt,
                "{what}"
            );
        }
    }
}

#[test]
fn a_step_that_hangs_holds_nobody_else_up_and_a_kill_mends_it() {
    let sigstore = TestSigstore::start();
    for step in STEPS.into_iter().filter(|step| *step != "in-transaction") {
        let what = format!("{step}=hang");
        let round = Round::new(&sigstore);
        let process = round.place.serve_until(&what);
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| process.http.try_publish(&round.new));
            process.wait_for_log("a fault that a test asked for");
            let index = process.http.get(&format!("/v1/packages/{NAME}"));
            assert_eq!(index.status, 200, "{what}: {index}");
            // The log's own steps are waited for as long as the limits say.
            if !step.starts_with("staging") && !step.starts_with("blob") {
                let reply = publishing.join().unwrap().unwrap();
                assert_eq!(reply.outcome(), (503, Some(Code::Unavailable)), "{what}: {reply}");
                process.kill();
            } else {
                process.kill();
                publishing.join().unwrap().expect_err(&what);
            }
        });
        drop(process);
        round.recovers(Some(is_true_before(step)), &what);
    }
}
