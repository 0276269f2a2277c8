//! The first inputs of the fuzz targets `note`, `receipt` and `tiles`.
//!
//! They are the vectors of `tests/vectors/log`, and scripts for a server of
//! tiles. `MCPKG_WRITE_SEEDS=1` makes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::log::{
    Entry, IndexNote, IndexedEntry, LogTrust, Receipt, SigningKey, TilePath, VerifierKey, follow,
    read_bundle,
};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{BINDING_V1, PackageStatement, REBUILD_V1, STATUS_V1};

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn vector(name: &str) -> Vec<u8> {
    fs::read(folder("tests/vectors/log").join(name)).unwrap()
}

fn key(name: &str) -> Vec<u8> {
    let keys: serde_json::Value = serde_json::from_slice(&vector("keys.json")).unwrap();
    keys[name].as_str().unwrap().as_bytes().to_vec()
}

/// What a server of tiles does: see the fuzz target.
fn script(size: u32, level: u8, index: u32, steps: &[u8]) -> Vec<u8> {
    [&size.to_be_bytes()[1..], &[level], &index.to_be_bytes()[1..], steps].concat()
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let bundle = vector("bundle");
    let leaf = read_bundle(&bundle).unwrap()[2].to_vec();
    vec![
        ("note/checkpoint", vector("checkpoint")),
        ("note/index", vector("index.note")),
        ("note/succession", vector("succession.note")),
        ("note/vkey", key("log")),
        ("note/cosigner", key("witness")),
        ("note/private", key("logPrivate")),
        ("receipt/plain", vector("receipt.tlog-proof")),
        ("receipt/extra", vector("receipt-extra.tlog-proof")),
        ("receipt/leaf", leaf),
        ("tiles/bundle", bundle),
        ("tiles/path", b"1/x001/x234/067.p/17".to_vec()),
        ("tiles/entries-path", b"entries/x273/000.p/112".to_vec()),
        ("tiles/honest", script(600, 0, 300, &[])),
        ("tiles/one-byte", script(600, 0, 300, &[1, 0, 0, 9, 1])),
        ("tiles/another", script(66_000, 0, 65_600, &[0, 5, 255, 0, 0, 0, 1])),
        ("tiles/third-level", script(66_100, 9, 12, &[0, 0, 0, 3, 7])),
        ("tiles/full", script(65_536, 16, 0, &[6])),
        ("tiles/beyond", script(257, 63, 1, &[2])),
    ]
}

#[test]
fn the_seeds_of_the_fuzz_targets_are_what_they_should_be() {
    let root = folder("fuzz/seeds");
    for (name, bytes) in seeds() {
        let path = root.join(name);
        if std::env::var_os("MCPKG_WRITE_SEEDS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        assert!(fs::read(&path).unwrap() == bytes, "{name} is another: MCPKG_WRITE_SEEDS=1");
    }
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let trust = LogTrust::new(read("note/vkey").parse().unwrap());
    trust.verify_checkpoint(&read("note/checkpoint")).unwrap();
    IndexNote::verify(&read("note/index"), &trust).unwrap();
    follow(&trust.key, &[read("note/succession")]).unwrap();
    read("note/cosigner").parse::<VerifierKey>().unwrap();
    read("note/private").parse::<SigningKey>().unwrap();
    for name in ["receipt/plain", "receipt/extra"] {
        let receipt: Receipt = read(name).parse().unwrap();
        receipt.verify(read("receipt/leaf").as_bytes(), &trust).unwrap();
    }
    for name in ["tiles/path", "tiles/entries-path"] {
        read(name).parse::<TilePath>().unwrap();
    }
}

#[test]
fn the_seeds_of_statements_are_read() {
    let root = folder("fuzz/seeds/statement");
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    for (name, kind) in
        [("status.json", STATUS_V1), ("binding.json", BINDING_V1), ("rebuild.json", REBUILD_V1)]
    {
        let value = serde_json::from_str(&read(name)).unwrap();
        PackageStatement::read(kind, &value).unwrap();
    }
    Entry::parse(read("entry.json").as_bytes()).unwrap();
    Publisher::from_reference(&read("reference")).unwrap();
    read("line").parse::<IndexedEntry>().unwrap();
}
