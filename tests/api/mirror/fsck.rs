//! Whether the copy of a log, and the index of it, are what they were.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use super::{Stage, index};
use crate::{NAME, release};

/// A mirror of two releases, whose index it has too.
fn mirrored() -> Stage {
    let stage = Stage::new();
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let mirror = stage.serve();
    index(&mirror.http, "/source/public");
    assert!(mirror.terminate().success());
    stage
}

fn folder(stage: &Stage) -> PathBuf {
    stage.place.data().join("sources/public")
}

/// Changes the one occurrence of some bytes in a file.
fn replace(path: &Path, from: &str, to: &str) {
    let mut bytes = fs::read(path).unwrap();
    let places = bytes.windows(from.len()).enumerate();
    let found: Vec<usize> =
        places.filter(|(_, it)| *it == from.as_bytes()).map(|(at, _)| at).collect();
    let at = *found.first().expect("it is there");
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    fs::write(path, bytes).unwrap();
}

/// Changes the index past its triggers.
fn tamper(stage: &Stage, sql: &'static str) {
    let url = format!("sqlite://{}", folder(stage).join("registry.sqlite3").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

const OTHER_ROOT: &str = "drop trigger log_only_grows;
    update log set root = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='";

#[test]
fn a_source_that_is_sound_is_sound_also_while_it_is_followed() {
    let stage = mirrored();
    let _running = stage.place.serve();
    let fsck = stage.place.fsck();
    assert_eq!((fsck.code, &fsck.report["findings"]), (Some(0), &Value::Array(Vec::new())));
    assert_eq!(fsck.report["entries"], 2, "those of the source");
}

#[test]
fn whatever_was_changed_of_a_source_is_found_and_named() {
    type Change = fn(&Stage);
    let rows: [(&str, &str, &str, Change); 8] = [
        ("an entry", "I3", "its log", |stage| {
            let path = folder(stage).join("log/tile/entries/000.p/2");
            replace(&path, "1.1.0", "1.1.1");
        }),
        ("a hash", "I3", "its log", |stage| {
            let path = folder(stage).join("log/tile/0/000.p/2");
            let mut bytes = fs::read(&path).unwrap();
            bytes[40] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("the checkpoint", "I3", "its log", |stage| {
            replace(&folder(stage).join("log/checkpoint"), "\n2\n", "\n1\n");
        }),
        ("a checkpoint that a receipt ends with", "I3", "the checkpoint of 1 entries", |stage| {
            let path = folder(stage).join("log/checkpoints/000");
            let bytes = fs::read(&path).unwrap();
            let at = bytes.windows(3).position(|it| it == b"\n1\n").unwrap() + 4;
            let mut changed = bytes;
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            fs::write(path, changed).unwrap();
        }),
        ("a release in the index", "I6", "@1.0.0", |stage| {
            tamper(
                stage,
                "drop trigger artifact_is_immutable;
                 update artifact set size_bytes = 1 where release_id = 1",
            );
        }),
        ("an entry in the index", "I6", "its database", |stage| {
            tamper(stage, "drop trigger entry_is_permanent; delete from entry where log_index = 0");
        }),
        ("how far it was applied", "I6", "its database", |stage| {
            tamper(stage, OTHER_ROOT);
        }),
        ("a signed index", "I1", "the index of", |stage| {
            tamper(stage, "update held_index set note = replace(note, '1 publish', '7 publish')");
        }),
    ];
    for (what, invariant, subject, change) in rows {
        let stage = mirrored();
        assert_eq!(stage.place.fsck().code, Some(0), "{what}");
        change(&stage);
        let fsck = stage.place.fsck();
        assert_eq!(fsck.code, Some(3), "{what}: {fsck:?}");
        let findings = fsck.report["findings"].as_array().unwrap();
        let is_it = |it: &&Value| {
            let named = it["subject"].as_str().unwrap();
            it["invariant"] == invariant
                && named.starts_with("source public: ")
                && named.contains(subject)
        };
        assert!(findings.iter().any(|it| is_it(&it)), "{what}: {findings:?}");
    }
}

#[test]
fn a_source_is_made_again_as_fsck_says() {
    let stage = mirrored();
    tamper(&stage, OTHER_ROOT);
    assert_eq!(stage.place.fsck().code, Some(3));
    fs::remove_dir_all(folder(&stage).join("log")).unwrap();
    for name in ["registry.sqlite3", "registry.sqlite3-wal", "registry.sqlite3-shm"] {
        drop(fs::remove_file(folder(&stage).join(name)));
    }
    stage.sync();
    assert_eq!((stage.entries(), stage.place.fsck().code), (2, Some(0)));
    let mirror = stage.place.serve();
    let document = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(document.status, 200, "{document}");
}
