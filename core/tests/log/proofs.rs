//! Proofs of another shape than theirs, and sizes at the limits of what there is.

use mcpkg_core::Coded as _;
use mcpkg_core::log::{
    Hash, LogError, MAX_TREE_SIZE, ProofError, Tree, verify_consistency, verify_inclusion,
};

use crate::grove::Grove;

const SIZE: u64 = 77;

fn other() -> Hash {
    Hash::from_bytes([7; 32])
}

/// `proof` in every other shape: a node more, a node less, two swapped, none.
fn reshaped(proof: &[Hash]) -> Vec<(String, Vec<Hash>)> {
    let mut rows = vec![("empty".to_owned(), Vec::new())];
    for place in 0..=proof.len() {
        // A node that is there already, and one that is not.
        for extra in proof.first().copied().into_iter().chain([other()]) {
            let mut longer = proof.to_vec();
            longer.insert(place, extra);
            rows.push((format!("one more at {place}"), longer));
        }
    }
    for place in 0..proof.len() {
        let mut shorter = proof.to_vec();
        shorter.remove(place);
        rows.push((format!("none at {place}"), shorter));
        for with in 0..place {
            let mut swapped = proof.to_vec();
            swapped.swap(place, with);
            rows.push((format!("{place} and {with} swapped"), swapped));
        }
    }
    rows.retain(|(_, other)| other != proof);
    rows
}

#[test]
fn an_inclusion_proof_of_another_shape_is_refused() {
    let grove = Grove::of_size(SIZE);
    let tree = grove.tree(SIZE);
    for index in 0..SIZE {
        let proof = grove.inclusion(index, SIZE);
        for (what, forged) in reshaped(&proof) {
            let expected = match forged.len() {
                found if found == proof.len() => ProofError::Root { size: SIZE },
                found => ProofError::Length { found, expected: proof.len() },
            };
            let refused = verify_inclusion(grove.leaf_hash(index), index, tree, &forged);
            assert_eq!(refused, Err(expected), "{index}: {what}");
        }
    }
}

#[test]
fn a_consistency_proof_of_another_shape_is_refused() {
    let grove = Grove::of_size(SIZE);
    let new = grove.tree(SIZE);
    for old in grove.trees() {
        let proof = grove.consistency(old.size, SIZE);
        for (what, forged) in reshaped(&proof) {
            let refused = verify_consistency(old, new, &forged).unwrap_err();
            let is_expected = match forged.len() {
                found if found == proof.len() => matches!(refused, ProofError::Root { .. }),
                found => refused == ProofError::Length { found, expected: proof.len() },
            };
            assert!(is_expected, "{} to {SIZE}: {what}: {refused}", old.size);
        }
    }
}

/// The proof of one place is no proof of any other, whatever its length.
#[test]
fn a_proof_holds_for_its_own_place_only() {
    let grove = Grove::of_size(SIZE);
    let tree = grove.tree(SIZE);
    for index in 0..SIZE {
        let proof = grove.inclusion(index, SIZE);
        for claimed in (0..SIZE).filter(|&claimed| claimed != index) {
            let leaf = grove.leaf_hash(index);
            assert!(verify_inclusion(leaf, claimed, tree, &proof).is_err(), "{index}, {claimed}");
            let leaf = grove.leaf_hash(claimed);
            assert!(verify_inclusion(leaf, index, tree, &proof).is_err(), "{claimed}, {index}");
        }
        for size in (0..SIZE).filter(|&size| size != SIZE) {
            let tree = Tree { size, root: tree.root };
            let refused = verify_inclusion(grove.leaf_hash(index), index, &tree, &proof);
            // A shorter tree that has the entry at the same depth needs the same
            // hashes in the same order: the size is then held by the signature.
            let is_same_path = path(index, size) == path(index, SIZE);
            assert_eq!(refused.is_ok(), is_same_path, "{index} of {size}");
        }
    }
}

/// On which side the siblings of a leaf are, from the leaf up.
fn path(index: u64, size: u64) -> Option<Vec<bool>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end, mut sides) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + ((end - start).next_power_of_two() / 2);
        sides.push(index < middle);
        if index < middle { end = middle } else { start = middle }
    }
    Some(sides)
}

/// A proof that has `levels` hashes, of a leaf in a tree that is all guesses.
fn guessed(index: u64, size: u64, levels: usize) -> Result<(), ProofError> {
    let tree = Tree { size, root: other() };
    verify_inclusion(other(), index, &tree, &vec![other(); levels])
}

#[test]
fn sizes_at_the_limits_are_judged_before_any_hash() {
    let max = MAX_TREE_SIZE;
    let root = |size| ProofError::Root { size };
    let index = |index, size| ProofError::Index { index, size };
    let len = |found, expected| ProofError::Length { found, expected };
    for (of, size, levels, expected) in [
        (0, 0, 0, index(0, 0)),
        (u64::MAX, 0, 0, index(u64::MAX, 0)),
        (0, 1, 0, root(1)), // this guess at a leaf is no root of itself
        (0, 1, 1, len(1, 0)),
        (1, 1, 0, index(1, 1)),
        (600, 600, 10, index(600, 600)),
        (u64::MAX, 600, 10, index(u64::MAX, 600)),
        (0, max, 53, root(max)),
        (max - 1, max, 53, root(max)),
        (0, max, 52, len(52, 53)),
        (0, max, 54, len(54, 53)),
        (max, max, 53, index(max, max)),
        (0, max + 1, 54, ProofError::Size(max + 1)),
        (0, 1 << 63, 63, ProofError::Size(1 << 63)),
        (0, u64::MAX, 64, ProofError::Size(u64::MAX)),
    ] {
        let refused = if size == 1 && levels == 0 && of == 0 {
            let tree = Tree { size, root: Hash::from_bytes([8; 32]) };
            verify_inclusion(other(), of, &tree, &[])
        } else {
            guessed(of, size, levels)
        };
        assert_eq!(refused, Err(expected), "{of} of {size}, {levels} hashes");
    }
}

#[test]
fn a_consistency_proof_at_the_limits_is_judged_before_any_hash() {
    let max = MAX_TREE_SIZE;
    let tree = |size| Tree { size, root: other() };
    let shrunk = |old, new| ProofError::Shrunk { old, new };
    let len = |found, expected| ProofError::Length { found, expected };
    for (old, new, levels, expected) in [
        // A root of the empty tree that is not the hash of nothing.
        (tree(0), tree(0), 0, ProofError::Root { size: 0 }),
        (tree(0), tree(1), 0, ProofError::Root { size: 0 }),
        (Tree::empty(), tree(1), 1, len(1, 0)),
        (tree(1), Tree::empty(), 0, shrunk(1, 0)),
        (tree(2), tree(1), 0, shrunk(2, 1)),
        (tree(1), tree(2), 0, len(0, 1)),
        (tree(600), tree(601), 0, len(0, 5)),
        (tree(5), tree(5), 1, len(1, 0)),
        (tree(1), tree(max), 53, ProofError::Root { size: max }),
        (tree(1), tree(max), 52, len(52, 53)),
        (tree(max - 1), tree(max), 54, ProofError::Root { size: max - 1 }),
        (tree(max), tree(max - 1), 0, shrunk(max, max - 1)),
        (tree(1), tree(max + 1), 54, ProofError::Size(max + 1)),
        (tree(max + 1), tree(max + 1), 0, ProofError::Size(max + 1)),
        (tree(1 << 63), tree(1 << 63), 0, ProofError::Size(1 << 63)),
        (tree(0), tree(u64::MAX), 0, ProofError::Size(u64::MAX)),
    ] {
        let refused = verify_consistency(&old, &new, &vec![other(); levels]);
        assert_eq!(refused, Err(expected), "{} to {}, {levels} hashes", old.size, new.size);
    }
    // What there is to prove, by a proof of nothing.
    verify_consistency(&Tree::empty(), &tree(max), &[]).unwrap();
    verify_consistency(&tree(max), &tree(max), &[]).unwrap();
}

#[test]
fn the_same_size_with_another_root_is_refused() {
    let grove = Grove::of_size(SIZE);
    let forged = Tree { size: SIZE, root: other() };
    for (old, new) in [(grove.tree(SIZE), &forged), (&forged, grove.tree(SIZE))] {
        let refused = verify_consistency(old, new, &[]);
        assert_eq!(refused, Err(ProofError::Root { size: SIZE }));
    }
}

#[test]
fn every_refused_proof_has_the_code_of_proofs() {
    for error in [
        ProofError::Size(1 << 63),
        ProofError::Index { index: 1, size: 1 },
        ProofError::Shrunk { old: 2, new: 1 },
        ProofError::Length { found: 1, expected: 0 },
        ProofError::Root { size: 1 },
    ] {
        assert_eq!(LogError::from(error).code().as_str(), "E_LOG_PROOF");
    }
}
