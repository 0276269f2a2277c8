//! Proofs of which one byte is another one: in a hash of the proof, in the leaf,
//! or in a root.

use mcpkg_core::log::{Hash, ProofError, Tree, verify_consistency, verify_inclusion};

use crate::grove::{Grove, LARGEST, sizes};

/// Around powers of two, where proofs change their shape, and one in between.
const SOME: [u64; 16] = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 32, 33, 64, 65, 100, 129];

/// Calls `check` with each byte of `hashes` changed, one at a time, and says how
/// many there were.
fn each_byte_changed(hashes: &[Hash], mut check: impl FnMut(&[Hash])) -> u64 {
    let mut changed = hashes.to_vec();
    for place in 0..hashes.len() {
        for byte in 0..Hash::LEN {
            let mut bytes = *hashes[place].as_bytes();
            bytes[byte] ^= 1 << ((place + byte) % 8);
            changed[place] = Hash::from_bytes(bytes);
            check(&changed);
        }
        changed[place] = hashes[place];
    }
    hashes.len() as u64 * Hash::LEN as u64
}

#[test]
fn no_byte_of_any_inclusion_proof_can_be_another() {
    let grove = Grove::of_size(LARGEST);
    let mut count = 0;
    for size in sizes(&SOME) {
        let tree = grove.tree(size);
        let refusal = Err(ProofError::Root { size });
        for index in 0..size {
            let (leaf, proof) = (grove.leaf_hash(index), grove.inclusion(index, size));
            count += each_byte_changed(&proof, |forged| {
                assert_eq!(verify_inclusion(leaf, index, tree, forged), refusal, "{index}, {size}");
            });
            count += each_byte_changed(&[leaf], |leaf| {
                assert_eq!(verify_inclusion(leaf[0], index, tree, &proof), refusal);
            });
            count += each_byte_changed(&[tree.root], |root| {
                let tree = Tree { size, root: root[0] };
                assert_eq!(verify_inclusion(leaf, index, &tree, &proof), refusal);
            });
        }
    }
    eprintln!("{count} changed bytes of inclusion proofs refused");
}

#[test]
fn no_byte_of_any_consistency_proof_can_be_another() {
    let grove = Grove::of_size(LARGEST);
    let mut count = 0;
    for size in sizes(&SOME) {
        let new = grove.tree(size);
        for old in &grove.trees()[1..=usize::try_from(size).unwrap()] {
            // Which of the two roots is missed first depends upon the byte.
            let is_refused = |result| {
                let at_old = Err(ProofError::Root { size: old.size });
                result == at_old || result == Err(ProofError::Root { size })
            };
            let proof = grove.consistency(old.size, size);
            count += each_byte_changed(&proof, |forged| {
                assert!(is_refused(verify_consistency(old, new, forged)), "{} {size}", old.size);
            });
            count += each_byte_changed(&[old.root], |root| {
                let old = Tree { size: old.size, root: root[0] };
                assert!(is_refused(verify_consistency(&old, new, &proof)), "{} {size}", old.size);
            });
            count += each_byte_changed(&[new.root], |root| {
                let new = Tree { size, root: root[0] };
                let refused = verify_consistency(old, &new, &proof);
                assert_eq!(refused, Err(ProofError::Root { size }), "{}", old.size);
            });
        }
    }
    eprintln!("{count} changed bytes of consistency proofs refused");
}
