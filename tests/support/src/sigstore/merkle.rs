//! A Merkle tree, as RFC 6962 section 2.1 defines it.
//!
//! Written from the definitions, which are recursive. The hashes of complete
//! subtrees are kept, because they never change, and thousands of signatures
//! would otherwise wait for each other's leaves to be hashed again. The proofs are
//! checked by code that is not ours, in `every_leaf_of_every_small_tree_is_proved`.

use std::ops::Range;

use sigstore_merkle::hash_children;
use sigstore_types::Sha256Hash;

/// The leaves of a tree, and what was made of them.
#[derive(Default)]
pub(super) struct Tree {
    /// The hashes of the complete subtrees of `2^level` leaves, one after the other.
    levels: Vec<Vec<Sha256Hash>>,
}

/// The largest power of two below `count`, where a tree of that many leaves
/// splits in two. `count` is at least 2.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}

impl Tree {
    /// How many leaves there are.
    pub(super) fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Adds the hash of a leaf.
    pub(super) fn push(&mut self, leaf: Sha256Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            let &[.., left, right] = hashes.as_slice() else { return };
            if hashes.len() % 2 == 1 {
                return;
            }
            hash = hash_children(&left, &right);
        }
    }

    /// The root over all leaves, of which there is at least one (section 2.1).
    pub(super) fn root(&self) -> Sha256Hash {
        self.root_of(0..self.len())
    }

    /// The audit path of one leaf, from the leaf up (section 2.1.1).
    pub(super) fn path(&self, index: usize) -> Vec<Sha256Hash> {
        self.path_in(0..self.len(), index)
    }

    fn root_of(&self, range: Range<usize>) -> Sha256Hash {
        // Such a range starts where a subtree of its size does: only what is right
        // of every split can be incomplete.
        if range.len().is_power_of_two() {
            return self.levels[range.len().ilog2() as usize][range.start / range.len()];
        }
        let middle = range.start + split(range.len());
        hash_children(&self.root_of(range.start..middle), &self.root_of(middle..range.end))
    }

    fn path_in(&self, range: Range<usize>, index: usize) -> Vec<Sha256Hash> {
        if range.len() == 1 {
            return Vec::new();
        }
        let middle = range.start + split(range.len());
        let (left, right) = (range.start..middle, middle..range.end);
        let (mut path, sibling) = if index < middle {
            (self.path_in(left, index), right)
        } else {
            (self.path_in(right, index), left)
        };
        path.push(self.root_of(sibling));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_small_tree_is_proved() {
        let leaves: Vec<Sha256Hash> = (0..50).map(|n| sigstore_merkle::hash_leaf(&[n])).collect();
        let mut tree = Tree::default();
        for size in 1..=leaves.len() {
            tree.push(leaves[size - 1]);
            assert_eq!(tree.len(), size);
            for (index, leaf) in leaves[..size].iter().enumerate() {
                let (path, root) = (tree.path(index), tree.root());
                let (index, size) = (index as u64, size as u64);
                sigstore_merkle::verify_inclusion_proof(leaf, index, size, &path, &root).unwrap();
            }
        }
    }
}
