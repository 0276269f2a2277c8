//! A Merkle tree, as RFC 6962 section 2.1 defines it.
//!
//! Written from the definitions, which are recursive and slow: a root costs as
//! many hashes as there are leaves. The proofs are checked by code that is not
//! ours, in `every_leaf_of_every_small_tree_is_proved`.

use sigstore_merkle::hash_children;
use sigstore_types::Sha256Hash;

/// The largest power of two below `count`, where a tree of that many leaves
/// splits in two. `count` is at least 2.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

/// The root over leaf hashes, of which there is at least one (section 2.1).
pub(super) fn root(leaves: &[Sha256Hash]) -> Sha256Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    hash_children(&root(left), &root(right))
}

/// The audit path of one leaf, from the leaf up (section 2.1.1).
pub(super) fn path(leaves: &[Sha256Hash], index: usize) -> Vec<Sha256Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (path(left, index), right)
    } else {
        (path(right, index - middle), left)
    };
    path.push(root(sibling));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_small_tree_is_proved() {
        let leaves: Vec<Sha256Hash> = (0..50).map(|n| sigstore_merkle::hash_leaf(&[n])).collect();
        for size in 1..=leaves.len() {
            let leaves = &leaves[..size];
            for (index, leaf) in leaves.iter().enumerate() {
                let (path, root) = (path(leaves, index), root(leaves));
                let (index, size) = (index as u64, size as u64);
                sigstore_merkle::verify_inclusion_proof(leaf, index, size, &path, &root).unwrap();
            }
        }
    }
}
