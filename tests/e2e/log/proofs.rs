//! Records of something else, and proofs that prove nothing.

use jiff::Timestamp;
use mcpkg_core::Digest;
use mcpkg_core::log::{Hash, Receipt, SignedNote, Tree};
use mcpkg_test_support::{Draft, LyingRegistry, RegistryLog};
use serde_json::{Value, json};

use super::{INSTALL, TIDES, moved, publish, refused, with_index};
use crate::fixture::{Fixture, NAME, acme, index_log, is_index, is_release};

type Edit = fn(&mut Vec<Value>);

/// What may be wrong with a proof of two hashes or more.
const WRONG: [(&str, Edit); 5] = [
    ("one is missing", |proof| drop(proof.pop())),
    ("the first is missing", |proof| drop(proof.remove(0))),
    ("there is one more", |proof| proof.push(json!(Hash::empty_root().to_string()))),
    ("two are swapped", |proof| proof.swap(0, 1)),
    ("one is another", |proof| proof[0] = json!(Hash::empty_root().to_string())),
];

/// A registry with eleven entries, of which the fourth is Acme's weather server.
fn busy() -> Fixture {
    let fixture = Fixture::empty();
    for index in 0..3 {
        publish(&fixture, TIDES, &format!("1.0.{index}"));
    }
    publish(&fixture, NAME, "1.2.0");
    for index in 3..10 {
        publish(&fixture, TIDES, &format!("1.0.{index}"));
    }
    fixture
}

#[test]
fn a_valid_record_of_something_else_is_refused() {
    let fixture = Fixture::with_weather();
    fixture.registry.accept(&Draft::new(TIDES, "1.2.0").sign(&fixture.sigstore, &acme()));
    publish(&fixture, NAME, "1.1.0");
    let newest = "io.github.acme/weather@1.2.0";
    let tides = fixture.release(TIDES, "1.2.0")["log"].clone();
    let index = fixture.registry.http().get(&format!("/v1/packages/{TIDES}")).json::<Value>();
    // The proofs are right too, so that nothing but the subject is wrong.
    let log = fixture.log(&[(NAME, "1.2.0"), (TIDES, "1.2.0"), (NAME, "1.1.0")]);
    for (what, entry) in [("another package", 1), ("another version", 2)] {
        let receipt = log.receipt(entry, 3, Timestamp::now());
        let leaf = match entry {
            1 => tides["entry"].clone(),
            _ => fixture.release(NAME, "1.1.0")["log"]["entry"].clone(),
        };
        let our_digest = fixture.release(NAME, "1.2.0")["metadata"].clone();
        let extra = Digest::of(our_digest.as_str().unwrap().as_bytes());
        let with_extra = receipt.replacen('\n', &format!("\nextra {}\n", base64(extra)), 1);
        let with_line = format!("{receipt}\u{2014} mcpkg.dev/digest {}\n", base64(extra));
        // The log itself may sign such a line: it says nothing of entries.
        let mut signed: Receipt = receipt.parse().unwrap();
        let text = SignedNote::parse(signed.checkpoint.as_bytes()).unwrap().text().to_owned();
        let text = format!("{text}{}\n", base64(extra));
        let line = log.key.sign(&text);
        signed.checkpoint = SignedNote::new(text, vec![line]).to_string();
        for (where_else, receipt) in [
            ("nowhere", receipt),
            ("extra data", with_extra),
            ("an unsigned line", with_line),
            ("an extension line", signed.to_string()),
        ] {
            let developer = fixture.developer();
            let log = json!({ "entry": leaf, "receipt": receipt, "consistency": [] });
            let liar = fixture.edited(move |release| release["log"] = log.clone());
            moved(&developer, fixture.registry.url(), &liar);
            let outcome = developer.run(&["install", newest, "--yes"]);
            let what = format!("{what}, with the digest in {where_else}\n{outcome}");
            assert_eq!(outcome.codes(), ["E_LOG_SUBJECT"], "{what}");
            assert_eq!(outcome.code, Some(3), "{what}");
        }
    }
    let developer = fixture.developer();
    let liar = with_index(&fixture, move |document| document["log"] = index["log"].clone());
    moved(&developer, fixture.registry.url(), &liar);
    refused(&developer, "E_LOG_SUBJECT", "the signed index of another package");
}

/// A digest as something that could stand in a note.
fn base64(digest: Digest) -> String {
    Hash::from_bytes(*digest.as_bytes()).to_string()
}

/// A registry whose log has this as the entry of 1.2.0, and a receipt for it.
fn logging(fixture: &Fixture, entry: &Value) -> LyingRegistry {
    let mut log = fixture.log(&[]);
    log.push_leaf(entry.to_string().into_bytes());
    let mut index = index_log(&log, None, &[0]);
    // Which says what should be there.
    let words = vec!["0 publish 1.2.0".parse().unwrap()];
    index["index"] = json!(log.index_saying(log.tree(1), &NAME.parse().unwrap(), words));
    let receipt = log.receipt(0, 1, Timestamp::now());
    let release = json!({ "entry": entry, "receipt": receipt, "consistency": [] });
    LyingRegistry::start(fixture.registry.url(), move |path, answer| {
        if is_index(path) {
            answer.edit(|document| document["log"] = index.clone())
        } else if is_release(path) {
            answer.edit(|document| document["log"] = release.clone())
        } else {
            answer
        }
    })
}

#[test]
fn an_entry_that_says_anything_else_than_what_was_verified_is_refused() {
    let fixture = Fixture::with_weather();
    let logged = fixture.release(NAME, "1.2.0")["log"]["entry"].clone();
    fixture.developer_at(logging(&fixture, &logged).url()).ok(&INSTALL);
    let other = json!(Digest::of(b"another"));
    for (what, pointer, value) in [
        ("another name", "/name", json!("io.github.acme/Weather")),
        ("another version", "/version", json!("1.2.1")),
        ("another server.json", "/metadata", other.clone()),
        ("another artifact", "/artifacts/0/digest", other.clone()),
        ("another artifact", "/artifacts/0/sizeBytes", json!(7)),
        ("another artifact", "/artifacts", json!([])),
        ("another evidence", "/evidence/0", other),
        ("another publisher", "/publisher/workflow", json!(".github/workflows/x.yml")),
        ("another time", "/time", json!("2026-01-01T00:00:00Z")),
        ("malformed", "/kind", json!("unheard-of")),
        ("not in canonical form", "/artifacts/0/note", json!("a member that nobody knows")),
        ("not in canonical form", "/time", json!("2026-01-01T00:00:00.000Z")),
    ] {
        let mut entry = logged.clone();
        match entry.pointer_mut(pointer) {
            Some(part) => *part = value,
            None => entry["artifacts"][0]["note"] = value,
        }
        let outcome = fixture.developer_at(logging(&fixture, &entry).url()).run(&INSTALL);
        assert_eq!(outcome.codes(), ["E_LOG_SUBJECT"], "{pointer}\n{outcome}");
        assert_eq!(outcome.code, Some(3), "{pointer}\n{outcome}");
        assert!(outcome.stderr.contains(what), "{pointer}: {what}\n{outcome}");
    }
}

#[test]
fn a_proof_with_an_extra_missing_or_swapped_hash_is_refused() {
    let fixture = busy();
    fixture.developer().ok(&INSTALL);
    for (what, edit) in WRONG {
        // That the entry is in the receipt's tree.
        let developer = fixture.developer();
        let liar = fixture.edited(move |release| {
            let receipt = release["log"]["receipt"].as_str().unwrap();
            let (head, checkpoint) = receipt.split_once("\n\n").unwrap();
            let mut lines = head.split('\n').map(|line| json!(line));
            let mut text: Vec<Value> = lines.by_ref().take(2).collect();
            let mut proof: Vec<Value> = lines.collect();
            edit(&mut proof);
            text.extend(proof);
            let text: Vec<&str> = text.iter().map(|line| line.as_str().unwrap()).collect();
            release["log"]["receipt"] = json!(format!("{}\n\n{checkpoint}", text.join("\n")));
        });
        moved(&developer, fixture.registry.url(), &liar);
        let outcome = developer.run(&INSTALL);
        assert_eq!(outcome.codes(), ["E_LOG_PROOF"], "inclusion: {what}\n{outcome}");
        assert_eq!(outcome.code, Some(3));

        // That the receipt's tree is the start of the newest.
        let developer = fixture.developer();
        let liar = fixture
            .edited(move |release| edit(release["log"]["consistency"].as_array_mut().unwrap()));
        moved(&developer, fixture.registry.url(), &liar);
        let outcome = developer.run(&INSTALL);
        assert_eq!(outcome.codes(), ["E_LOG_PROOF"], "receipt: {what}\n{outcome}");
        assert_eq!(outcome.code, Some(3));
    }
    let developer = fixture.developer();
    let liar = fixture.edited(|release| release["log"]["consistency"] = Value::Null);
    moved(&developer, fixture.registry.url(), &liar);
    let outcome = developer.run(&INSTALL);
    assert_eq!(outcome.codes(), ["E_LOG_PROOF"], "receipt: no proof\n{outcome}");
}

#[test]
fn a_leap_without_proof_is_refused_and_what_was_seen_stays() {
    let fixture = Fixture::with_weather();
    for index in 0..2 {
        publish(&fixture, TIDES, &format!("1.0.{index}"));
    }
    let developer = fixture.developer();
    developer.ok(&INSTALL);
    for index in 2..9 {
        publish(&fixture, TIDES, &format!("1.0.{index}"));
    }
    let mut url = fixture.registry.url().to_owned();
    let consistency = |edit: Edit| {
        with_index(&fixture, move |index| edit(index["log"]["consistency"].as_array_mut().unwrap()))
    };
    for (what, edit) in WRONG {
        let liar = consistency(edit);
        moved(&developer, &url, &liar);
        refused(&developer, "E_LOG_PROOF", what);
        liar.url().clone_into(&mut url);
    }
    let key = fixture.registry.log_key();
    let endless = Tree { size: 1 << 63, root: Hash::empty_root() };
    let endless = RegistryLog::new(key).checkpoint_of(endless, Timestamp::now());
    for (what, liar) in [
        ("no proof", with_index(&fixture, |index| index["log"]["consistency"] = Value::Null)),
        (
            "2^63 entries",
            with_index(&fixture, move |index| index["log"]["checkpoint"] = json!(endless)),
        ),
    ] {
        moved(&developer, &url, &liar);
        refused(&developer, "E_LOG_PROOF", what);
        liar.url().clone_into(&mut url);
    }
    let honest = with_index(&fixture, |_| ());
    moved(&developer, &url, &honest);
    developer.ok(&INSTALL);
}
