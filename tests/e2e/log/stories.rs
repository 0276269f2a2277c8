//! A registry that has its key, and tells another story than before: each is
//! refused, and proved in a file.

use std::fs;

use jiff::Timestamp;
use mcpkg_core::log::{IndexNote, LogTrust, Receipt, SignedNote};
use mcpkg_test_support::{LyingRegistry, RegistryLog};
use serde_json::{Value, json};

use super::{INSTALL, TIDES, evidence, moved, proof, publish, refused, with_index};
use crate::fixture::{Fixture, NAME, index_log, is_index};

/// A registry that shows `log` with the index of Acme's weather server, and only
/// the releases of these entries.
fn telling(fixture: &Fixture, log: &RegistryLog, entries: &'static [u64]) -> LyingRegistry {
    let log = index_log(log, None, entries);
    with_index(fixture, move |index| {
        index["log"] = log.clone();
        let lines = index["releases"].as_array_mut().unwrap();
        lines.retain(|line| entries.contains(&line["entry"].as_u64().unwrap()));
    })
}

/// What stands between two marks of a file of evidence.
fn part<'a>(proof: &'a str, title: &str) -> &'a str {
    let (begin, end) = (format!("----- BEGIN {title} -----\n"), format!("----- END {title} -----"));
    let rest = proof.split_once(&begin).unwrap_or_else(|| panic!("{title}\n{proof}")).1;
    rest.split_once(&end).unwrap().0
}

#[test]
fn two_trees_of_one_size_are_a_fork_and_both_checkpoints_are_kept() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let mut other = fixture.log(&[]);
    other.push_leaf(b"{}".to_vec());
    let liar = telling(&fixture, &other, &[0]);
    moved(&developer, fixture.registry.url(), &liar);
    let outcome = refused(&developer, "E_LOG_FORK", "another root");

    let proof = proof(&developer, &outcome);
    let trust = LogTrust::new(fixture.registry.log_key().verifier());
    let [first, second] = ["checkpoint that was seen before", "checkpoint that is shown now"]
        .map(|title| trust.verify_checkpoint(part(&proof, title)).unwrap().tree());
    assert_eq!((first.size, second.size), (1, 1));
    assert_ne!(first.root, second.root, "both are signed, and one is a lie");
    // The same again is the same file.
    refused(&developer, "E_LOG_FORK", "again");
    assert_eq!(evidence(&developer).len(), 1);
}

#[test]
fn a_signed_index_of_another_tree_than_the_checkpoint_is_refused() {
    let fixture = Fixture::with_weather();
    let mut other = fixture.log(&[]);
    other.push_leaf(b"{}".to_vec());
    let note = other.index(&NAME.parse().unwrap(), &[0]);
    let liar = with_index(&fixture, move |index| index["log"]["index"] = json!(note));
    let developer = fixture.developer_at(liar.url());
    let outcome = refused(&developer, "E_LOG_FORK", "two roots, in index and checkpoint");
    assert!(proof(&developer, &outcome).contains("BEGIN signed index"));

    other.push_leaf(b"{}".to_vec());
    let note = other.index(&NAME.parse().unwrap(), &[0]);
    let liar = with_index(&fixture, move |index| index["log"]["index"] = json!(note));
    refused(&fixture.developer_at(liar.url()), "E_LOG_SUBJECT", "an index of another size");
}

#[test]
fn a_smaller_tree_than_was_seen_is_a_fork() {
    let fixture = Fixture::with_weather();
    publish(&fixture, TIDES, "1.0.0");
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let liar = telling(&fixture, &fixture.log(&[(NAME, "1.2.0")]), &[0]);
    moved(&developer, fixture.registry.url(), &liar);
    let outcome = refused(&developer, "E_LOG_FORK", "smaller");
    let proof = proof(&developer, &outcome);
    assert!(part(&proof, "checkpoint that was seen before").contains("\n2\n"), "{proof}");
    assert!(part(&proof, "checkpoint that is shown now").contains("\n1\n"), "{proof}");
}

#[test]
fn an_index_older_than_the_lock_is_a_rollback_also_on_a_machine_that_has_seen_nothing() {
    let fixture = Fixture::with_weather();
    publish(&fixture, NAME, "1.3.0");
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    // A lock is shared, and what a machine remembers is not.
    fs::remove_dir_all(developer.path().join(".local/state")).unwrap();
    let liar = telling(&fixture, &fixture.log(&[(NAME, "1.2.0")]), &[0]);
    moved(&developer, fixture.registry.url(), &liar);
    let outcome = refused(&developer, "E_ROLLBACK", "before the lock");
    let proof = proof(&developer, &outcome);
    assert!(part(&proof, "checkpoint of the receipt").contains("\n2\n"), "{proof}");
    for args in [["sync", "--locked"], ["update", "--yes"]] {
        let args = [args.as_slice(), &["--scope", "user"]].concat();
        developer.refused(&args, 3, &["E_ROLLBACK"]);
    }

    // A lock whose receipt is not the log's accuses nobody.
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    developer.file(".config/mcpkg/mcpkg.lock", lock.replace("previous = 0\n", ""));
    refused(&developer, "E_LOG_PROOF", "a lock that was changed");
}

#[test]
fn a_release_that_the_index_hides_is_proved_from_its_receipt() {
    let fixture = Fixture::with_weather();
    publish(&fixture, NAME, "1.3.0");
    let log = fixture.log(&[(NAME, "1.2.0"), (NAME, "1.3.0")]);
    let trust = LogTrust::new(fixture.registry.log_key().verifier());
    let hiding = telling(&fixture, &log, &[0]);
    for (what, remove) in [("installed", false), ("removed, and kept in the store", true)] {
        let developer = fixture.developer();
        developer.ok(&INSTALL);
        if remove {
            developer.ok(&["remove", NAME]);
        }
        moved(&developer, fixture.registry.url(), &hiding);
        let outcome = refused(&developer, "E_HIDDEN_RELEASE", what);
        assert!(outcome.stderr.contains("io.github.acme/weather@1.3.0"), "{outcome}");

        // Anybody can check it, with the log's key and the file alone.
        let proof = proof(&developer, &outcome);
        let receipt: Receipt = part(&proof, "receipt of the entry").parse().unwrap();
        let leaf = part(&proof, "entry").trim_end();
        receipt.verify(leaf.as_bytes(), &trust).unwrap();
        let index = IndexNote::verify(part(&proof, "signed index of the package"), &trust).unwrap();
        assert!(index.entry(receipt.index).is_none() && index.tree.size > receipt.index);
        assert!(proof.contains(&trust.key.to_string()));
    }
    // Somebody who never had it cannot know.
    fixture.developer_at(hiding.url()).ok(&INSTALL);
}

#[test]
fn what_the_index_leaves_out_without_signing_it_is_hidden_too() {
    let fixture = Fixture::with_weather();
    publish(&fixture, NAME, "1.3.0");
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    let mut url = fixture.registry.url().to_owned();
    let gone = LyingRegistry::start(&url, |path, mut answer| {
        if is_index(path) {
            answer.status = 404;
            answer.body = json!({
                "type": "about:blank", "title": "Not found", "status": 404,
                "detail": "there is nothing here", "code": "E_NOT_FOUND",
            })
            .to_string()
            .into_bytes();
        }
        answer
    });
    let lines = |edit: fn(&mut Vec<Value>)| {
        with_index(&fixture, move |index| edit(index["releases"].as_array_mut().unwrap()))
    };
    for (code, what, liar) in [
        ("E_HIDDEN_RELEASE", "the package is denied", gone),
        (
            "E_HIDDEN_RELEASE",
            "the line of what is installed is gone",
            lines(|lines| lines.retain(|line| line["version"] != "1.3.0")),
        ),
        (
            "E_HIDDEN_RELEASE",
            "the line of another release is gone",
            lines(|lines| lines.retain(|line| line["version"] != "1.2.0")),
        ),
        (
            "E_HIDDEN_RELEASE",
            "the line of what is installed has another version",
            lines(|lines| lines[0]["version"] = json!("1.4.0")),
        ),
        (
            "E_LOG_SUBJECT",
            "a line has an entry of nothing",
            lines(|lines| {
                let mut line = lines[0].clone();
                (line["entry"], line["version"]) = (json!(7), json!("1.4.0"));
                lines.push(line);
            }),
        ),
        ("E_LOG_SUBJECT", "a line is there twice", lines(|lines| lines.push(lines[0].clone()))),
    ] {
        moved(&developer, &url, &liar);
        refused(&developer, code, what);
        assert_eq!(evidence(&developer).len(), 0, "{what}: nothing of it is signed");
        liar.url().clone_into(&mut url);
    }
}

#[test]
fn a_proof_that_cannot_be_kept_is_said_and_refused_all_the_same() {
    let fixture = Fixture::with_weather();
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    developer.file(".local/state/mcpkg/evidence", "in the way");
    let mut other = fixture.log(&[]);
    other.push_leaf(b"{}".to_vec());
    let liar = telling(&fixture, &other, &[0]);
    moved(&developer, fixture.registry.url(), &liar);
    let outcome = developer.refused(&INSTALL, 3, &["E_LOG_FORK"]);
    assert!(outcome.stderr.contains("could not be kept"), "{outcome}");
}

#[test]
fn a_receipt_of_another_tree_than_the_checkpoint_is_a_fork() {
    let fixture = Fixture::with_weather();
    let release = fixture.release(NAME, "1.2.0");
    // The same entry, logged at the same place in another tree of the same size.
    publish(&fixture, TIDES, "1.0.0");
    let mut other = fixture.log(&[(NAME, "1.2.0")]);
    other.push_leaf(b"{}".to_vec());
    let receipt = other.receipt(0, 2, Timestamp::now());
    let entry = release["log"]["entry"].clone();
    let log = json!({ "entry": entry, "receipt": receipt, "consistency": [] });
    let liar = fixture.edited(move |release| release["log"] = log.clone());
    let developer = fixture.developer_at(liar.url());
    let outcome = developer.refused(&INSTALL, 3, &["E_LOG_FORK"]);
    let proof = proof(&developer, &outcome);
    SignedNote::parse(part(&proof, "checkpoint that is shown now").as_bytes()).unwrap();
}
