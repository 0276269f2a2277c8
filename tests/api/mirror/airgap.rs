//! One file that carries a registry to where there is no network.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::api::Status;
use mcpkg_core::tar::{Reader, Writer, header};
use mcpkg_core::{Code, Digest};
use mcpkg_test_support::Basis;
use serde_json::Value;

use super::{Stage, configure, files, index};
use crate::process::Place;
use crate::{NAME, acme, release, start};

/// The last member, a digest of all others.
const SEAL: &str = "whole.sha256";

/// The members of an export.
pub(super) type Members = Vec<(String, Vec<u8>)>;

/// A registry with two releases, of which one was yanked, with something known against a
/// package and somebody's word on that; and a mirror without a network.
pub(super) fn carried() -> Stage {
    let stage = Stage::with("offline");
    stage.source.accept(&release(&stage.sigstore, "1.1.0"));
    let basis = Basis::of(stage.source.http(), NAME);
    let statement = basis.status("1.0.0", Status::Yanked, Some("it loses rain"));
    let bundle = basis.sign(&statement, &stage.sigstore, &acme());
    assert_eq!(stage.source.http().post("/v1/statements", bundle).unwrap().status, 201);
    let (data, folder) = (stage.source.data_dir(), stage.place.folder());
    let data = data.to_str().unwrap();
    fs::write(folder.join("dump.json"), DUMP).unwrap();
    fs::write(folder.join("vex.json"), VEX).unwrap();
    stage.place.json(&["advisories", "import", "dump.json", "--data", data]);
    stage.place.json(&["advisories", "vex", "vex.json", "--name", NAME, "--data", data]);
    stage
}

const DUMP: &str = r#"[{ "id": "GHSA-1", "summary": "steals wallets", "affected": [{
    "package": { "ecosystem": "npm", "name": "flatmap-stream" },
    "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }] }]
}], "database_specific": { "severity": "HIGH" } },
{ "id": "GHSA-2", "affected": [{
    "package": { "ecosystem": "PyPI", "name": "ctx" }, "versions": ["0.1.2"]
}] }]"#;

const VEX: &str = r#"{ "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://acme.example/vex/1", "author": "acme", "version": 1,
    "timestamp": "2026-11-01T00:00:00Z", "statements": [{
        "vulnerability": { "name": "GHSA-1" }, "status": "not_affected",
        "products": [{ "@id": "pkg:mcpkg/io.github.acme/weather@1.0.0" }],
        "justification": "vulnerable_code_not_in_execute_path" }] }"#;

/// Exports the source, which goes on running.
#[track_caller]
pub(super) fn export(stage: &Stage, more: &[&str]) -> (PathBuf, Value) {
    let file = stage.place.folder().join("export.tar");
    let data = stage.source.data_dir();
    let args = ["export", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let said = stage.place.json(&[&args, more].concat());
    (file, said)
}

pub(super) fn import(file: &Path) -> [&str; 4] {
    ["import", file.to_str().unwrap(), "--source", "public"]
}

pub(super) fn members(file: &Path) -> Members {
    let bytes = fs::read(file).unwrap();
    let mut reader = Reader::new(&bytes[..], u64::MAX);
    let mut members = Vec::new();
    while let Some((path, bytes)) = reader.next(|_, _| Ok(Vec::new())).unwrap() {
        members.push((path.to_string(), bytes));
    }
    members
}

/// Writes an export of these members, sealed again if there is a seal, as whoever lies would.
pub(super) fn write(members: &[(String, Vec<u8>)], file: &Path) {
    let mut members = members.to_vec();
    if let Some(((SEAL, seal), others)) =
        members.split_last_mut().map(|((path, bytes), others)| ((path.as_str(), bytes), others))
    {
        let line =
            |(path, bytes): &(String, Vec<u8>)| format!("{}  {path}\n", Digest::of(bytes).to_hex());
        let lines: String = others.iter().map(line).collect();
        *seal = format!("{}\n", Digest::of(lines.as_bytes())).into_bytes();
    }
    let mut writer = Writer::new(Vec::new());
    for (path, bytes) in &members {
        writer.add(&path.parse().unwrap(), bytes.len() as u64, &mut &bytes[..]).unwrap();
    }
    fs::write(file, writer.finish().unwrap()).unwrap();
}

/// Everything that the mirror has of its source.
pub(super) fn kept(stage: &Stage) -> Members {
    let log = stage.place.data().join("sources/public/log");
    if log.exists() { files(&log) } else { Vec::new() }
}

#[test]
fn a_registry_is_carried_to_where_there_is_no_network() {
    let stage = carried();
    let (file, said) = export(&stage, &[]);
    assert_eq!(
        (&said["entries"], &said["since"], &said["withheld"], &said["unsigned"]),
        (&3.into(), &0.into(), &0.into(), &3.into())
    );
    assert_eq!(said["digest"], Digest::of(&fs::read(&file).unwrap()).to_string());
    let imported = stage.place.json(&import(&file));
    assert_eq!(imported["sources"][0]["entries"], 3);
    assert!(!stage.place.data().join("import").exists(), "nothing is left of the trial");

    let mirror = stage.place.serve();
    let document: mcpkg_core::api::ReleaseDocument =
        stage.source.http().get(&format!("/v1/packages/{NAME}/1.1.0")).json();
    for path in [
        "/v1/log".to_owned(),
        "/v1/log/checkpoint".to_owned(),
        "/v1/log/tile/0/000.p/3".to_owned(),
        "/v1/log/tile/entries/000.p/3".to_owned(),
        "/v1/log/checkpoints/000".to_owned(),
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}?seen=1"),
        format!("/v1/packages/{NAME}/1.0.0"),
        format!("/v1/packages/{NAME}/1.1.0?at=3"),
        format!("/v1/blobs/{}", document.artifacts[0].digest),
    ] {
        let honest = stage.source.http().get(&path);
        let found = mirror.http.get(&format!("/source/public{path}"));
        assert_eq!((found.status, found.body), (200, honest.body), "{path}");
    }
    assert!(mirror.terminate().success());
    assert_eq!(stage.place.fsck().code, Some(0));
}

#[test]
fn the_same_tree_gives_the_same_export_wherever_it_is_made() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let first = fs::read(&file).unwrap();
    // Its advisories go along only where somebody vouches for the file.
    let digest = Digest::of(&first).to_string();
    stage.place.json(&[&import(&file)[..], &["--digest", &digest]].concat());
    export(&stage, &[]);
    assert!(fs::read(&file).unwrap() == first, "at the registry, again");
    let again = stage.place.folder().join("again.tar");
    stage.place.json(&["export", again.to_str().unwrap(), "--source", "public"]);
    assert!(fs::read(&again).unwrap() == first, "at the mirror");
}

#[test]
fn what_is_new_since_a_checkpoint_is_all_that_is_carried() {
    let stage = carried();
    let (file, whole) = export(&stage, &[]);
    stage.place.json(&import(&file));
    let before = kept(&stage);

    stage.source.accept(&release(&stage.sigstore, "1.2.0"));
    let checkpoint = stage.place.data().join("sources/public/log/checkpoint");
    let (file, said) = export(&stage, &["--since", checkpoint.to_str().unwrap()]);
    assert_eq!((&said["entries"], &said["since"]), (&4.into(), &3.into()));
    assert!(said["sizeBytes"].as_u64() < whole["sizeBytes"].as_u64());
    let blobs = members(&file).into_iter().filter(|(path, _)| path.starts_with("v1/blobs/"));
    assert_eq!(blobs.count(), 1, "the new artifact");

    // Somebody who has less cannot use it, and is told.
    let other = Place::new(&stage.sigstore);
    let key = stage.key().to_string();
    configure(&other, ("public", stage.source.url(), &key), "offline", "namespaces = ['*']");
    let said = other.refused(&import(&file), 3);
    assert!(said.contains("E_EXPORT") && said.contains("begins at entry 3, and 0 are"), "{said}");

    assert!(kept(&stage) == before);
    assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 4);
    // The same again is no mistake.
    assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 4);
    let mirror = stage.place.serve();
    assert_eq!(index(&mirror.http, "/source/public").releases.len(), 3);
}

#[test]
fn an_export_in_which_somebody_changed_a_byte_is_refused_and_changes_nothing() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let honest = members(&file);
    let changed = stage.place.folder().join("changed.tar");
    let expected = |path: &str| match path {
        "EXPORT.json" => Code::Export,
        _ if path.starts_with("unsigned/") => Code::Export,
        "v1/log/checkpoint" => Code::Note,
        "v1/log.json" | "v1/removals" => Code::Registry,
        _ if path.starts_with("v1/blobs/") => Code::Digest,
        _ if path.starts_with("v1/log/tile/") => Code::LogTile,
        _ if path.starts_with("v1/log/checkpoints/") => Code::Note,
        _ if path.starts_with("v1/log/indexes/") => Code::Note,
        _ => Code::Export,
    };
    for (place, (path, bytes)) in honest.iter().enumerate() {
        // Made anew, it says what is there.
        if path == SEAL {
            continue;
        }
        // In a release, what is signed: the rest of it is not used.
        let evidence = b"\"evidence\":[";
        let signed = bytes.windows(evidence.len()).position(|window| window == evidence);
        let mut lie = honest.clone();
        lie[place].1[signed.map_or(bytes.len() / 2, |at| at + 400)] ^= 1;
        write(&lie, &changed);
        let refused = stage.place.run(&import(&changed));
        assert_eq!(refused.status.code(), Some(3), "{path}: {refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        let code = expected(path);
        assert!(said.starts_with(&format!("error[{code}]")), "{path}: {said}");
        assert_eq!(kept(&stage), [], "{path}");
    }
    assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 3);
}

/// Where a bit is flipped in each member: in its header, at the start, in the middle and at
/// the end of its bytes, and in what is between it and the next.
fn places(members: &Members) -> Vec<(usize, String)> {
    let (mut places, mut at) = (Vec::new(), 0);
    for (path, bytes) in members {
        let header = header(&path.parse().unwrap(), bytes.len() as u64).len();
        let (start, end) = (at + header, at + header + bytes.len());
        let next = end.next_multiple_of(512);
        let inside = [start, start + bytes.len() / 4, start + bytes.len() / 2, end - 1];
        let around = [at, at + 100, start - 1, end, next - 1];
        let all = inside.into_iter().chain(around.into_iter().filter(|place| *place < next));
        places.extend(all.map(|place| (place, format!("byte {} of {path}", place - at))));
        at = next;
    }
    places.extend([(at, "the end".to_owned()), (at + 1023, "the last byte".to_owned())]);
    places
}

#[test]
fn an_export_with_damage_anywhere_is_refused_needed_there_or_not() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let honest = fs::read(&file).unwrap();
    let damaged = stage.place.folder().join("damaged.tar");
    for (place, what) in places(&members(&file)) {
        let mut bytes = honest.clone();
        bytes[place] ^= 0x10;
        fs::write(&damaged, bytes).unwrap();
        let said = stage.place.refused(&import(&damaged), 3);
        let codes = [Code::Export, Code::Digest].map(|code| format!("error[{code}]"));
        assert!(codes.iter().any(|code| said.starts_with(code)), "{what}: {said}");
        let is_blob = said.starts_with(&codes[1]);
        assert!(!is_blob || what.contains("v1/blobs/"), "{what}: {said}");
        assert_eq!(kept(&stage), [], "{what}");
    }
    assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 3);
}

#[test]
fn an_export_that_lacks_anything_is_refused_and_changes_nothing() {
    let stage = carried();
    let (file, _) = export(&stage, &[]);
    let honest = members(&file);
    let lacking = stage.place.folder().join("lacking.tar");
    for (place, (path, _)) in honest.iter().enumerate() {
        // Nobody takes anything down by leaving out the list of it.
        if path == "v1/removals" {
            continue;
        }
        let mut lie = honest.clone();
        lie.remove(place);
        write(&lie, &lacking);
        let refused = stage.place.run(&import(&lacking));
        assert_eq!(refused.status.code(), Some(3), "{path}: {refused:?}");
        assert_eq!(kept(&stage), [], "{path}");
    }
    let bytes = fs::read(&file).unwrap();
    for len in [0, 511, 1000, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&lacking, &bytes[..len]).unwrap();
        let said = stage.place.refused(&import(&lacking), 3);
        assert!(said.starts_with("error[E_EXPORT]"), "{len} bytes: {said}");
    }
    assert_eq!(kept(&stage), []);
}

#[test]
fn an_export_of_another_log_is_refused() {
    let stage = carried();
    let (sigstore, other) = start();
    other.accept(&release(&sigstore, "9.9.9"));
    let theirs = Stage { sigstore: stage.sigstore, source: other, place: stage.place };
    let (file, _) = export(&theirs, &[]);
    let said = theirs.place.refused(&import(&file), 3);
    assert!(said.starts_with("error[E_LOG_KEY]"), "{said}");
    assert_eq!(kept(&theirs), []);
}

#[test]
fn what_was_taken_down_is_not_carried_and_not_missed() {
    let stage = carried();
    let takedown = ["takedown", NAME, "1.1.0", "--reason", "it was stolen"];
    let data = stage.source.data_dir();
    stage.place.json(&[&takedown[..], &["--data", data.to_str().unwrap()]].concat());
    let (file, said) = export(&stage, &[]);
    assert_eq!(said["withheld"], 1);
    stage.place.json(&import(&file));
    let mirror = stage.place.serve();
    let taken = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.1.0"));
    assert_eq!(taken.outcome(), (410, Some(Code::TakenDown)));
    let other = mirror.http.get(&format!("/source/public/v1/packages/{NAME}/1.0.0"));
    assert_eq!(other.status, 200);
}

#[test]
fn an_import_that_is_killed_at_any_step_converges() {
    // The first of each is in the trial, the second in earnest.
    for step in
        ["source-tiles:1", "source-applied:1", "source-tiles:2", "source-applied:2", "blob:9"]
    {
        let stage = carried();
        let (file, _) = export(&stage, &[]);
        let mut killed = stage.place.command("import");
        killed.args(&import(&file)[1..]);
        killed.env("MCPKG_REGISTRY_FAILPOINT", format!("{step}=abort"));
        let killed = killed.output().unwrap();
        assert_eq!(killed.status.code(), None, "{step} was reached: {killed:?}");
        assert_eq!(stage.place.json(&["mirror", "status"])["sources"][0]["entries"], 0, "{step}");
        assert_eq!(stage.place.json(&import(&file))["sources"][0]["entries"], 3, "{step}");
        assert!(!stage.place.data().join("import").exists(), "{step}");
        let mirror = stage.place.serve();
        assert_eq!(index(&mirror.http, "/source/public").releases.len(), 2, "{step}");
        assert!(mirror.terminate().success());
        let fsck = stage.place.fsck();
        assert_eq!(fsck.code, Some(0), "{step}: {fsck:?}");
    }
}
