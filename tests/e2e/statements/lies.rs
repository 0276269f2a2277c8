//! A registry that shows otherwise what was stated than it was stated and logged.

use mcpkg_core::PackageName;
use mcpkg_core::api::Status;
use mcpkg_core::log::{Entry, IndexNote, IndexedEntry, LogTrust, Receipt};
use mcpkg_test_support::sigstore::surgery;
use mcpkg_test_support::{Answer, LyingRegistry, Outcome, World};
use serde_json::{Value, json};

use super::{INSTALL, state};
use crate::fixture::{Fixture, NAME, acme, is_index, is_release};
use crate::forgery::Forgery;

type Edit = fn(&mut Value);

/// A registry whose index and release documents are edited.
fn editing(fixture: &Fixture, index: Edit, release: Edit) -> LyingRegistry {
    LyingRegistry::start(fixture.registry.url(), move |path, answer| match path {
        _ if answer.status != 200 => answer,
        path if is_index(path) => answer.edit(index),
        path if is_release(path) => answer.edit(release),
        _ => answer,
    })
}

/// Makes `to` the registry that the developer uses, with everything that is known.
fn moved(developer: &World, fixture: &Fixture, to: &LyingRegistry) {
    for file in [".config/mcpkg/config.toml", ".config/mcpkg/mcpkg.lock"] {
        if developer.path().join(file).exists() {
            let text = developer.read(file);
            developer.file(file, text.replace(fixture.registry.url(), to.url()));
        }
    }
}

/// 1.2.0, deprecated by entry 1, and 1.3.0, yanked by entry 3.
fn stated() -> Fixture {
    let fixture = Fixture::with_weather();
    state(&fixture, |it| it.status("1.2.0", Status::Deprecated, Some("old")), &acme());
    fixture.registry.accept(&fixture.weather("1.3.0"));
    state(&fixture, |it| it.status("1.3.0", Status::Yanked, Some("it loses rain")), &acme());
    fixture
}

fn none(_: &mut Value) {}

#[test]
fn a_document_that_does_not_say_what_was_signed_is_refused() {
    let fixture = stated();
    fixture.developer().ok(&INSTALL);
    let rows: [(&str, &str, Edit, Edit); 15] = [
        (
            "E_HIDDEN_RELEASE",
            "a yank is not shown",
            |it| {
                it["releases"][0]["status"] = json!("active");
            },
            none,
        ),
        (
            "E_LOG_SUBJECT",
            "a yank is softened",
            |it| {
                it["releases"][0]["status"] = json!("deprecated");
            },
            none,
        ),
        (
            "E_LOG_SUBJECT",
            "a yank is made up",
            |it| {
                it["releases"][1]["status"] = json!("yanked");
            },
            none,
        ),
        (
            "E_HIDDEN_RELEASE",
            "the yanked release is not shown at all",
            |it| drop(it["releases"].as_array_mut().unwrap().remove(0)),
            none,
        ),
        (
            "E_LOG_SUBJECT",
            "a rebuild is made up",
            |it| {
                let publisher = it["publisher"].clone();
                let rebuild = json!({ "result": "identical", "rebuilder": publisher, "entry": 1 });
                it["releases"][1]["rebuilds"] = json!([rebuild]);
            },
            none,
        ),
        ("E_HIDDEN_RELEASE", "the release is active again", none, |it| {
            it["status"] = json!("active");
        }),
        ("E_HIDDEN_RELEASE", "a statement is left out", none, |it| {
            it["statements"] = json!([]);
        }),
        ("E_LOG_SUBJECT", "a statement is there twice", none, |it| {
            let first = it["statements"][0].clone();
            it["statements"].as_array_mut().unwrap().push(first);
        }),
        ("E_LOG_PROOF", "the reason is another", none, |it| {
            it["statements"][0]["entry"]["reason"] = json!("new");
        }),
        ("E_LOG_EMPTY", "the receipt is empty", none, |it| {
            it["statements"][0]["receipt"] = json!("");
        }),
        ("E_NOTE", "the receipt is cut", none, |it| {
            it["statements"][0]["receipt"] = json!("x");
        }),
        ("E_LOG_PROOF", "the receipt is that of the release", none, |it| {
            it["statements"][0]["receipt"] = it["log"]["receipt"].clone();
        }),
        ("E_LOG_SUBJECT", "the bundle is that of the release", none, |it| {
            it["statements"][0]["bundle"] = it["evidence"][0].clone();
        }),
        ("E_LOG_SUBJECT", "the signature is flipped", none, |it| {
            surgery::flip_signature(&mut it["statements"][0]["bundle"]["bundle"]);
        }),
        ("E_LIMIT", "there is no end to it", none, |it| {
            let first = it["statements"][0].clone();
            it["statements"] = json!(vec![first; 513]);
        }),
    ];
    for (code, what, index, release) in rows {
        let liar = editing(&fixture, index, release);
        let developer = fixture.developer_at(liar.url());
        let outcome = developer.run(&INSTALL);
        assert_eq!(outcome.codes(), [code], "{what}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{what}\n{outcome}");
        assert!(!developer.lock_path().exists(), "{what}");
    }
}

/// A registry that has its key, and signs and shows the index that `entries` are the
/// lines of.
fn signing(fixture: &Fixture, lines: &[&str], edit: Edit) -> LyingRegistry {
    let log = Forgery::of(fixture);
    let name: PackageName = NAME.parse().unwrap();
    let entries = lines.iter().map(|line| line.parse().unwrap()).collect();
    let note = log.index_saying(log.tree(), &name, entries);
    LyingRegistry::start(fixture.registry.url(), move |path, answer: Answer| {
        if !is_index(path) || answer.status != 200 {
            return answer;
        }
        answer.edit(|index| {
            index["log"]["index"] = json!(note);
            edit(index);
        })
    })
}

#[track_caller]
fn proof(developer: &World, outcome: &Outcome) -> String {
    let folder = developer.path().join(".local/state/mcpkg/evidence");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("one file: {files:?}\n{outcome}") };
    assert!(outcome.stderr.contains(&file.display().to_string()), "{outcome}");
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_signed_index_that_passes_an_entry_off_as_another_is_proved_to_lie() {
    let fixture = stated();
    let lines = [
        "0 publish 1.2.0",
        "1 status 1.2.0 deprecated",
        "2 publish 1.3.0",
        "3 status 1.3.0 yanked",
    ];
    let swapped = |at: usize, line| {
        let mut lines = lines;
        lines[at] = line;
        lines
    };
    let gone: Edit = |it| {
        it["releases"][1]["status"] = json!("active");
    };
    let rows: [(&str, Vec<&str>, Edit); 4] = [
        (
            "what is installed is a change of status",
            swapped(0, "0 status 1.3.0 yanked").to_vec(),
            none,
        ),
        ("what is installed is another version", swapped(0, "0 publish 1.2.1").to_vec(), none),
        (
            "what was stated of it is a restoration",
            swapped(1, "1 status 1.2.0 active").to_vec(),
            gone,
        ),
        ("what was stated of it is left out", [&lines[..1], &lines[2..]].concat(), gone),
    ];
    for (what, lines, edit) in rows {
        let developer = fixture.developer();
        developer.ok(&INSTALL);
        let liar = signing(&fixture, &lines, edit);
        moved(&developer, &fixture, &liar);
        let outcome = developer.run(&INSTALL);
        assert_eq!(outcome.codes(), ["E_HIDDEN_RELEASE"], "{what}\n{outcome}");
        let proof = proof(&developer, &outcome);
        let part = |title: &str| {
            let begin = format!("----- BEGIN {title} -----\n");
            let rest = proof.split_once(&begin).unwrap().1;
            rest.split_once("----- END ").unwrap().0
        };
        let trust = LogTrust::new(fixture.registry.log_key().verifier());
        let receipt: Receipt = part("receipt of the entry").parse().unwrap();
        let leaf = part("entry").trim_end();
        receipt.verify(leaf.as_bytes(), &trust).unwrap();
        let index = IndexNote::verify(part("signed index of the package"), &trust).unwrap();
        let entry = Entry::parse(leaf.as_bytes()).unwrap();
        let is = IndexedEntry::of(receipt.index, &entry);
        assert_ne!(index.entry(receipt.index), Some(&is), "{what}");
    }
}

#[test]
fn a_release_that_is_shown_and_not_listed_is_a_lie_of_the_index() {
    let fixture = stated();
    let lines = ["0 publish 1.2.0", "1 status 1.2.0 deprecated"];
    let liar = signing(&fixture, &lines, |it| {
        it["releases"].as_array_mut().unwrap().retain(|line| line["version"] == "1.2.0");
    });
    let developer = fixture.developer_at(liar.url());
    // Its yank is left out with it, so that it is shown as if nothing had been said.
    let outcome = developer.run(&["verify", "io.github.acme/weather@1.3.0"]);
    assert_eq!(outcome.codes(), ["E_HIDDEN_RELEASE"], "{outcome}");
    assert_eq!(outcome.code, Some(3), "{outcome}");

    let honest = Fixture::with_weather();
    honest.registry.accept(&honest.weather("1.3.0"));
    let liar = signing(&honest, &lines[..1], |it| {
        it["releases"].as_array_mut().unwrap().retain(|line| line["version"] == "1.2.0");
    });
    let developer = honest.developer_at(liar.url());
    let outcome = developer.run(&["verify", "io.github.acme/weather@1.3.0"]);
    assert_eq!(outcome.codes(), ["E_HIDDEN_RELEASE"], "{outcome}");
    assert!(proof(&developer, &outcome).contains("weather@1.3.0"), "{outcome}");
}

#[test]
fn what_is_newer_than_the_checkpoint_is_not_believed_and_not_kept() {
    let fixture = stated();
    let liar = editing(&fixture, none, |it| {
        let mut newer = it["statements"][0].clone();
        let receipt = newer["receipt"].as_str().unwrap().replace("index 1\n", "index 9\n");
        newer["receipt"] = json!(receipt);
        newer["entry"]["status"] = json!("yanked");
        it["statements"].as_array_mut().unwrap().push(newer);
        it["status"] = json!("yanked");
    });
    let developer = fixture.developer_at(liar.url());
    developer.ok(&INSTALL);
    developer.ok(&["verify", "--offline"]);
    developer.ok(&INSTALL);
}
