//! The witness as a program, over HTTP. Each refusal differs from an accepted
//! request in one thing.
//!
//! Source of the status codes: C2SP tlog-witness, "add-checkpoint".

mod memory;
mod setup;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use mcpkg_core::Code;
use mcpkg_core::log::{AddCheckpoint, Algorithm, Hash, SignedNote, VerifierKey};
use mcpkg_test_support::{Reply, TestLog};
use tempfile::TempDir;

use crate::process::Process;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mcpkg-registry");
const ORIGIN: &str = "example.com/log";
const NAME: &str = "witness.example/w1";

fn log() -> TestLog {
    TestLog::new(ORIGIN)
}

/// A folder with the key and the configuration of a witness, and what it
/// remembers.
struct Place {
    folder: TempDir,
    key: VerifierKey,
}

impl Place {
    /// A place for a witness that signs for [`log`].
    fn new() -> Self {
        Self::with_logs(&[log().key.verifier()])
    }

    fn with_logs(logs: &[VerifierKey]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = command(&folder, &["witness", "init", "--name", NAME, "--key", "key"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let key = String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap();
        let place = Self { folder, key };
        place.configure(logs, "");
        place
    }

    fn configure(&self, logs: &[VerifierKey], more: &str) {
        let mut text = format!("key = 'key'\nstate = 'state'\nlisten = '127.0.0.1:0'\n{more}\n");
        for key in logs {
            text.extend(["[[log]]\nkey = '", &key.to_string(), "'\n"]);
        }
        fs::write(self.path("witness.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        command(&self.folder, &["witness", "--config", "witness.toml"])
    }

    fn start(&self) -> Process {
        Process::start(&mut self.command())
    }

    /// Starts where it cannot start.
    fn fail(&self) -> Output {
        let output = self.command().output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        output
    }

    /// The time of the signature in an answer, which has to be this witness's and
    /// of that checkpoint.
    #[track_caller]
    fn signed_at(&self, reply: &Reply, checkpoint: &SignedNote) -> u64 {
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, "text/plain; charset=utf-8")
        );
        let body = std::str::from_utf8(&reply.body).unwrap();
        let line = body.strip_suffix('\n').unwrap().parse().unwrap();
        let note = SignedNote::new(checkpoint.text().to_owned(), vec![line]);
        note.verify(&[&self.key]).unwrap()[0].time_s.unwrap()
    }

    fn state_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("state")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file() && !path.ends_with("lock")).collect()
    }
}

fn command(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder.path()).env_clear().stdin(Stdio::null());
    command
}

fn add(process: &Process, request: &AddCheckpoint) -> Reply {
    post(process, request.to_string())
}

fn post(process: &Process, body: impl Into<Vec<u8>>) -> Reply {
    process.http.post("/add-checkpoint", body).unwrap()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Asserts that `reply` is 409 and says how large the last tree was.
#[track_caller]
fn assert_conflict(reply: &Reply, size: u64) {
    assert_eq!((reply.status, reply.header("content-type")), (409, "text/x.tlog.size"), "{reply}");
    assert_eq!(reply.body, format!("{size}\n").into_bytes());
}

#[test]
fn a_log_that_grows_is_signed_for() {
    let place = Place::new();
    assert_eq!((place.key.name(), place.key.algorithm()), (NAME, Algorithm::Cosignature));
    let process = place.start();
    let mut last = 0;
    for size in [0, 0, 1, 1, 2, 7, 8, 64, 100] {
        let request = log().request(last, size);
        let before = now_s();
        let reply = add(&process, &request);
        let signed_at = place.signed_at(&reply, &request.checkpoint);
        assert!((before..=now_s()).contains(&signed_at), "{size}");
        last = size;
    }
    assert!(process.terminate().success());
}

#[test]
fn what_the_log_adds_to_its_checkpoint_is_signed_with_it() {
    let place = Place::new();
    let process = place.start();
    let log = log();
    let mut request = log.request(0, 5);
    let text = format!("{}an extension\n", request.checkpoint.text());
    // A stranger's signature, and the log's own with a time, are no obstacle.
    let stranger = TestLog::new("example.com/stranger").key;
    let lines = vec![stranger.sign(&text), log.key.cosign(&text, 12), log.key.sign(&text)];
    request.checkpoint = SignedNote::new(text, lines);
    place.signed_at(&add(&process, &request), &request.checkpoint);
    drop(process);

    let process = place.start();
    assert_conflict(&add(&process, &log.request(0, 5)), 5);
    let state = fs::read_to_string(&place.state_files()[0]).unwrap();
    assert!(state.starts_with(request.checkpoint.text()), "{state}");
    assert!(!state.contains("stranger"), "{state}");
}

#[test]
fn each_refusal_has_the_status_of_the_specification() {
    let place = Place::new();
    let process = place.start();
    let log = log();
    place.signed_at(&add(&process, &log.request(0, 5)), &log.checkpoint(5));

    let good = log.request(5, 9);
    let text = |from: &str, to: &str| good.to_string().replacen(from, to, 1).into_bytes();
    let with = |change: &dyn Fn(&mut AddCheckpoint)| {
        let mut request = good.clone();
        change(&mut request);
        request.to_string().into_bytes()
    };
    let stranger = TestLog::new("example.com/stranger");
    for (what, body, status, code) in [
        ("no request", b"hello".to_vec(), 400, Code::Request),
        ("no old size", text("old 5\n", ""), 400, Code::Request),
        ("leading zeros", text("old 5", "old 05"), 400, Code::Request),
        ("no note", text("\n\u{2014}", "\n-"), 400, Code::Note),
        ("an older checkpoint", with(&|it| it.old_size = 10), 400, Code::Request),
        ("64 lines of proof", with(&|it| it.proof = vec![Hash::leaf(b""); 64]), 400, Code::Request),
        (
            "a log that is not known",
            stranger.request(5, 9).to_string().into_bytes(),
            404,
            Code::NotFound,
        ),
        (
            "somebody else's signature",
            with(&|it| {
                let text = it.checkpoint.text().to_owned();
                it.checkpoint = SignedNote::new(text.clone(), vec![stranger.key.sign(&text)]);
            }),
            403,
            Code::Note,
        ),
        (
            "another key of the log's name",
            with(&|it| it.checkpoint = log.rotated().checkpoint(9)),
            403,
            Code::Note,
        ),
        ("another text than was signed", text("\n9\n", "\n10\n"), 403, Code::Note),
        ("one more hash", with(&|it| it.proof.push(Hash::leaf(b""))), 422, Code::LogProof),
        ("one hash less", with(&|it| it.proof.truncate(2)), 422, Code::LogProof),
        ("another hash", with(&|it| it.proof[1] = Hash::leaf(b"")), 422, Code::LogProof),
        ("two hashes swapped", with(&|it| it.proof.swap(0, 1)), 422, Code::LogProof),
        (
            "another log's growth",
            log.fork().request(5, 9).to_string().into_bytes(),
            422,
            Code::LogProof,
        ),
        ("too much", vec![b'x'; 64 * 1024 + 1], 413, Code::Limit),
    ] {
        let reply = post(&process, body);
        assert_eq!(reply.outcome(), (status, Some(code)), "{what}: {reply}");
    }
    for old_size in [0, 4, 6, 9] {
        assert_conflict(&post(&process, with(&|it| it.old_size = old_size)), 5);
    }
    // None of it has left a trace.
    place.signed_at(&add(&process, &good), &good.checkpoint);
    assert_eq!(place.state_files().len(), 1);
}

#[test]
fn a_proof_for_a_log_that_was_never_seen_has_to_be_empty() {
    let place = Place::new();
    let process = place.start();
    let mut request = log().request(0, 4);
    request.proof = vec![Hash::leaf(b"")];
    assert_eq!(add(&process, &request).outcome(), (422, Some(Code::LogProof)));
    // A size that it would have to have signed.
    assert_conflict(&add(&process, &log().request(3, 4)), 0);
    place.signed_at(&add(&process, &log().request(0, 4)), &log().checkpoint(4));
}

#[test]
fn a_fork_is_refused_and_the_proof_of_it_kept() {
    let place = Place::new();
    let process = place.start();
    let (honest, other) = (log(), log().fork());
    place.signed_at(&add(&process, &honest.request(0, 5)), &honest.checkpoint(5));
    for _ in 0..2 {
        assert_conflict(&add(&process, &other.request(5, 5)), 5);
    }
    process.wait_for_log("a log has forked; the file proves it to anybody, so publish it");
    let forks: Vec<PathBuf> = place
        .state_files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|it| it == "fork"))
        .collect();
    let text = fs::read_to_string(&forks[0]).unwrap();
    for tree in [honest.checkpoint(5), other.checkpoint(5)] {
        assert!(text.contains(&tree.to_string()), "{text}");
    }
    // The honest tree is still the one that is signed for.
    place.signed_at(&add(&process, &honest.request(5, 6)), &honest.checkpoint(6));
}

#[test]
fn a_log_may_have_two_keys_while_it_changes_them() {
    let (old, new) = (log(), log().rotated());
    let place = Place::new();
    let process = place.start();
    place.signed_at(&add(&process, &old.request(0, 5)), &old.checkpoint(5));
    drop(process);
    place.configure(&[old.key.verifier(), new.key.verifier()], "");
    let process = place.start();
    place.signed_at(&add(&process, &old.request(5, 6)), &old.checkpoint(6));
    place.signed_at(&add(&process, &new.request(6, 7)), &new.checkpoint(7));
    // What one key has signed the other does not sign away.
    assert_conflict(&add(&process, &old.request(6, 8)), 7);
    // Both at once, one of which is wrong.
    let mut request = new.request(7, 8);
    request.checkpoint.add(old.key.sign("something else\n"));
    assert_eq!(add(&process, &request).outcome(), (403, Some(Code::Note)));
    drop(process);
    place.configure(&[new.key.verifier()], "");
    let process = place.start();
    assert_eq!(add(&process, &old.request(7, 8)).outcome(), (403, Some(Code::Note)));
    place.signed_at(&add(&process, &new.request(7, 8)), &new.checkpoint(8));
}

#[test]
fn logs_do_not_mix() {
    let other = TestLog::new("example.com/other");
    let place = Place::with_logs(&[log().key.verifier(), other.key.verifier()]);
    let process = place.start();
    place.signed_at(&add(&process, &log().request(0, 5)), &log().checkpoint(5));
    place.signed_at(&add(&process, &other.request(0, 3)), &other.checkpoint(3));
    place.signed_at(&add(&process, &log().request(5, 6)), &log().checkpoint(6));
    assert_conflict(&add(&process, &other.request(0, 3)), 3);
    // The other's key under this one's name.
    let mut request = log().request(6, 7);
    let text = request.checkpoint.text().to_owned();
    request.checkpoint = SignedNote::new(text.clone(), vec![other.key.sign(&text)]);
    assert_eq!(add(&process, &request).outcome(), (403, Some(Code::Note)));
}
