//! The files of `tests/vectors/log`, whose README says where each is from. What
//! is not made by us is read, what we make is the same bytes.

use std::convert::Infallible;
use std::path::Path;

use mcpkg_core::log::{
    Checkpoint, Entry, Frontier, Hash, IndexNote, Level, LogTrust, Node, Receipt, SignedNote,
    SigningKey, Succession, TilePath, Tree, VerifierKey, consistency_proof, follow,
    inclusion_proof, read_bundle, read_tile, verify_consistency, verify_inclusion, write_bundle,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::grove::Grove;

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/log");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap()
}

fn json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&bytes(name)).unwrap()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Keys {
    log: VerifierKey,
    log_private: String,
    log_cosigner: VerifierKey,
    witness: VerifierKey,
    successor: VerifierKey,
}

fn trust(keys: &Keys) -> LogTrust {
    LogTrust { witnesses: vec![keys.witness.clone()], quorum: 1, ..LogTrust::new(keys.log.clone()) }
}

#[derive(Deserialize)]
struct Leaf {
    leaf: String,
    hash: Hash,
}

/// The log that the vectors are of.
fn grove() -> Grove {
    let leaves: Vec<Leaf> = json("leaves.json");
    Grove::new(leaves.into_iter().map(|it| it.leaf.into_bytes()).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    leaves: Vec<String>,
    empty_root: String,
    roots: Vec<String>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

fn hash(hex: &String) -> Hash {
    Hash::from_bytes(hex::decode(hex).unwrap().try_into().unwrap())
}

fn hashes(hex: &[String]) -> Vec<Hash> {
    hex.iter().map(hash).collect()
}

#[test]
fn roots_and_proofs_are_those_of_certificate_transparency() {
    let reference: Reference = json("rfc6962.json");
    let leaves: Vec<Vec<u8>> =
        reference.leaves.iter().map(|leaf| hex::decode(leaf).unwrap()).collect();
    let grove = Grove::new(leaves);
    let roots: Vec<Hash> = grove.trees().iter().map(|tree| tree.root).collect();
    assert_eq!(roots[0], hash(&reference.empty_root));
    assert_eq!(roots[1..], hashes(&reference.roots));

    let mut read = |node| Ok::<_, Infallible>(grove.node(node));
    for Inclusion { index, size, proof } in reference.inclusion {
        let proof = hashes(&proof);
        verify_inclusion(grove.leaf_hash(index), index, grove.tree(size), &proof).unwrap();
        assert_eq!(inclusion_proof(index, size, &mut read).unwrap(), proof, "{index} of {size}");
    }
    for Consistency { old, new, proof } in reference.consistency {
        let proof = hashes(&proof);
        verify_consistency(grove.tree(old), grove.tree(new), &proof).unwrap();
        assert_eq!(consistency_proof(old, new, &mut read).unwrap(), proof, "{old} to {new}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    source: String,
    vkey: VerifierKey,
    skey: Option<String>,
    note: String,
}

#[test]
fn notes_that_others_signed_hold_and_ours_are_the_same() {
    for Signed { source, vkey, skey, note } in json::<Vec<Signed>>("notes.json") {
        let signed = SignedNote::parse(note.as_bytes()).unwrap();
        assert_eq!(signed.verify(&[&vkey]).unwrap().len(), 1, "{source}");
        assert_eq!(signed.to_string(), note, "{source}");
        let Some(skey) = skey else { continue };
        let key: SigningKey = skey.parse().unwrap();
        assert_eq!((key.verifier(), key.to_text()), (vkey, skey), "{source}");
        let again = SignedNote::new(signed.text().to_owned(), vec![key.sign(signed.text())]);
        assert_eq!(again.to_string(), note, "{source}");
    }
}

#[test]
fn keys_are_those_of_go() {
    let keys: Keys = json("keys.json");
    let private: SigningKey = keys.log_private.parse().unwrap();
    let origin = keys.log.name();
    assert_eq!(private.verifier(), keys.log);
    assert_eq!(private.verifier().as_cosigner(), keys.log_cosigner);
    assert_eq!(private.to_text(), keys.log_private);
    for (name, seed, expected) in [
        (origin, 1, &keys.log),
        (origin, 3, &keys.successor),
        ("witness.example/w1", 2, &keys.witness),
    ] {
        let key = SigningKey::from_seed(name, [seed; 32]).unwrap().verifier();
        let is_same = key == *expected || key.as_cosigner() == *expected;
        assert!(is_same, "{key} is not {expected}");
    }
}

#[test]
fn an_entry_is_the_leaf_and_the_hash_that_go_makes_of_it() {
    let entries: Vec<Entry> = json("entries.json");
    let leaves: Vec<Leaf> = json("leaves.json");
    assert_eq!(entries.len(), leaves.len());
    for (entry, Leaf { leaf, hash }) in entries.iter().zip(&leaves) {
        assert_eq!(std::str::from_utf8(&entry.leaf().unwrap()).unwrap(), leaf);
        assert_eq!(Entry::parse(leaf.as_bytes()).unwrap(), *entry);
        assert_eq!(Hash::leaf(leaf.as_bytes()), *hash);
    }
}

#[test]
fn a_bundle_and_a_tile_are_those_of_go() {
    let (bundle, grove) = (bytes("bundle"), grove());
    let entries = read_bundle(&bundle).unwrap();
    assert_eq!(entries, (0..3).map(|index| grove.leaf(index)).collect::<Vec<_>>());
    assert_eq!(write_bundle(entries).unwrap(), bundle);

    let path: TilePath = "0/000.p/3".parse().unwrap();
    let hashes = read_tile(&path, &bytes("tile")).unwrap();
    assert_eq!(hashes, [0, 1, 2].map(|index| grove.leaf_hash(index)));
    assert_eq!(grove.tile(&path), bytes("tile"));
}

#[test]
fn a_checkpoint_of_go_holds_and_ours_is_the_same() {
    let (note, keys, grove) = (text("checkpoint"), json::<Keys>("keys.json"), grove());
    let checked = trust(&keys).verify_checkpoint(&note).unwrap();
    assert_eq!(checked.tree(), *grove.tree(3));
    assert_eq!(checked.signed_at().unwrap().to_string(), "2026-08-01T00:00:00Z");
    assert_eq!(checked.note(), note);

    let key: SigningKey = keys.log_private.parse().unwrap();
    let witness = SigningKey::from_seed("witness.example/w1", [2; 32]).unwrap();
    let text = Checkpoint { origin: keys.log.name().to_owned(), tree: *grove.tree(3) }.to_text();
    let time_s = u64::try_from(checked.signed_at().unwrap().as_second()).unwrap();
    let lines = vec![key.sign(&text), key.cosign(&text, time_s), witness.cosign(&text, time_s)];
    assert_eq!(SignedNote::new(text, lines).to_string(), note);
}

#[test]
fn a_receipt_of_go_holds_and_ours_is_the_same() {
    let (keys, grove) = (json::<Keys>("keys.json"), grove());
    let plain = text("receipt.tlog-proof");
    let receipt: Receipt = plain.parse().unwrap();
    let checked = receipt.verify(grove.leaf(2), &trust(&keys)).unwrap();
    assert_eq!(checked.tree(), *grove.tree(3));
    let ours = Receipt { index: 2, proof: grove.inclusion(2, 3), checkpoint: text("checkpoint") };
    assert_eq!((&receipt, receipt.to_string()), (&ours, plain));
    // What is extra is read over, and says nothing.
    assert_eq!(text("receipt-extra.tlog-proof").parse::<Receipt>().unwrap(), receipt);
}

#[test]
fn the_index_of_a_package_holds_and_ours_is_the_same() {
    let (note, keys, grove) = (text("index.note"), json::<Keys>("keys.json"), grove());
    let expected = IndexNote {
        origin: keys.log.name().to_owned(),
        name: "io.github.acme/weather".parse().unwrap(),
        tree: *grove.tree(3),
        entries: ["0 publish 1.0.0", "2 publish 1.1.0"].map(|it| it.parse().unwrap()).to_vec(),
    };
    assert_eq!(IndexNote::verify(&note, &trust(&keys)).unwrap(), expected);
    let (text, key) = (expected.to_text(), keys.log_private.parse::<SigningKey>().unwrap());
    let line = key.sign(&text);
    assert_eq!(SignedNote::new(text, vec![line]).to_string(), note);
}

#[test]
fn a_succession_holds_and_ours_is_the_same() {
    let (note, keys, grove) = (text("succession.note"), json::<Keys>("keys.json"), grove());
    let (newest, predecessors) = follow(&keys.log, std::slice::from_ref(&note)).unwrap();
    assert_eq!(newest, keys.successor);
    assert_eq!((&predecessors[0].key, predecessors[0].last), (&keys.log, *grove.tree(3)));
    let old: SigningKey = keys.log_private.parse().unwrap();
    let new = SigningKey::from_seed(keys.log.name(), [3; 32]).unwrap();
    assert_eq!(Succession::sign(&old, &new, *grove.tree(3)).to_string(), note);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TileRow {
    level: Option<u8>,
    index: u64,
    width: u16,
    path: String,
}

#[test]
fn the_paths_of_tiles_are_those_of_go() {
    for TileRow { level, index, width, path } in json::<Vec<TileRow>>("tile-paths.json") {
        let tile = TilePath { level: level.map_or(Level::Entries, Level::Hashes), index, width };
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse::<TilePath>().unwrap(), tile);
    }
}

/// The example of the specification: a tree of 70,000.
///
/// Source: C2SP tlog-tiles, "Partial Tiles".
#[test]
fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
    let widths = |level| -> Vec<u16> {
        let of_level = |index| TilePath::of_tree(level, index, 70_000);
        (0..).map_while(of_level).map(|path| path.width).collect()
    };
    for level in [Level::Entries, Level::Hashes(0)] {
        let (last, full) = (widths(level).pop(), widths(level).len() - 1);
        assert_eq!((full, last), (273, Some(112)), "{level:?}");
    }
    assert_eq!(widths(Level::Hashes(1)), [256, 17]);
    assert_eq!(widths(Level::Hashes(2)), [1]);
    assert_eq!(widths(Level::Hashes(3)), [0; 0]);
}

/// A tree is the same whichever complete subtrees it is put together from.
#[test]
fn a_tree_grown_by_subtrees_is_the_tree_grown_by_leaves() {
    let grove = Grove::of_size(600);
    let mut frontier = Frontier::new();
    for (level, index) in [(9, 0), (6, 8), (4, 36), (3, 74)] {
        frontier.push_subtree(level, grove.node(Node { level, index }));
    }
    assert_eq!(frontier.tree(), *grove.tree(600));
    assert_eq!(Frontier::new().tree(), Tree::empty());
}
