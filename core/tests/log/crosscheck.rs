//! Ours against `ct-merkle` and `sigstore-merkle`, which share no code with us or
//! with each other. `ct-merkle` makes and checks proofs, `sigstore-merkle` checks.
//!
//! For every size to 600: the root, the proof of every index, and the proof from
//! every older size are the same bytes as `ct-merkle`'s, and each of the three
//! accepts them.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use mcpkg_core::log::{Hash, Tree, verify_consistency, verify_inclusion};
use sha2::Sha256;
use sigstore_merkle::{verify_consistency_proof, verify_inclusion_proof};
use sigstore_types::Sha256Hash;

use crate::grove::{Grove, LARGEST};

type CtTree = MemoryBackedTree<Sha256, Vec<u8>>;

/// `ct-merkle`'s tree of every size to 600, with ours.
fn grow(mut at_each_size: impl FnMut(&Grove, &CtTree, u64)) {
    let grove = Grove::of_size(LARGEST);
    let mut theirs = CtTree::new();
    for size in 0..=LARGEST {
        at_each_size(&grove, &theirs, size);
        if size < LARGEST {
            theirs.push(grove.leaf(size).to_vec());
        }
    }
}

fn ct_root(tree: &Tree) -> RootHash<Sha256> {
    RootHash::new((*tree.root.as_bytes()).into(), tree.size)
}

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn hashes(proof: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = proof.as_chunks::<32>();
    assert!(rest.is_empty());
    hashes.iter().copied().map(Hash::from_bytes).collect()
}

fn sigstore(hash: &Hash) -> Sha256Hash {
    Sha256Hash::new(*hash.as_bytes())
}

fn sigstore_proof(proof: &[Hash]) -> Vec<Sha256Hash> {
    proof.iter().map(sigstore).collect()
}

#[test]
fn roots_are_those_of_ct_merkle_at_every_size() {
    grow(|grove, theirs, size| {
        assert_eq!(theirs.root().as_bytes()[..], *grove.tree(size).root.as_bytes(), "{size}");
    });
}

#[test]
fn every_inclusion_proof_is_made_and_accepted_alike() {
    let mut count = 0;
    grow(|grove, theirs, size| {
        let tree = grove.tree(size);
        for index in 0..size {
            let ours = grove.inclusion(index, size);
            let made_there = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(hashes(made_there.as_bytes()), ours, "{index} of {size}");

            verify_inclusion(grove.leaf_hash(index), index, tree, &hashes(made_there.as_bytes()))
                .unwrap();
            let leaf = grove.leaf(index).to_vec();
            let proof = InclusionProof::try_from_bytes(bytes(&ours)).unwrap();
            ct_root(tree).verify_inclusion(&leaf, index, &proof).unwrap();
            let (leaf, root) = (sigstore(&grove.leaf_hash(index)), sigstore(&tree.root));
            verify_inclusion_proof(&leaf, index, size, &sigstore_proof(&ours), &root).unwrap();
            count += 1;
        }
    });
    assert_eq!(count, 600 * 601 / 2);
}

#[test]
fn every_consistency_proof_is_made_and_accepted_alike() {
    let mut count = 0;
    grow(|grove, theirs, size| {
        let new = grove.tree(size);
        // Neither the RFC nor `ct-merkle` has a proof from the empty tree.
        for old in &grove.trees()[1..=usize::try_from(size).unwrap()] {
            let ours = grove.consistency(old.size, size);
            let made_there = theirs.prove_consistency(usize::try_from(size - old.size).unwrap());
            assert_eq!(hashes(made_there.as_bytes()), ours, "{} to {size}", old.size);

            verify_consistency(old, new, &hashes(made_there.as_bytes())).unwrap();
            let proof = ConsistencyProof::try_from_bytes(bytes(&ours)).unwrap();
            ct_root(new).verify_consistency(&ct_root(old), &proof).unwrap();
            let (old_root, new_root) = (sigstore(&old.root), sigstore(&new.root));
            let proof = sigstore_proof(&ours);
            verify_consistency_proof(old.size, size, &proof, &old_root, &new_root).unwrap();
            count += 1;
        }
    });
    assert_eq!(count, 600 * 601 / 2);
}
