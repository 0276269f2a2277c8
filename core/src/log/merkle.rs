//! Trees and proofs.
//!
//! Proofs are verified by recomputing: every hash that is given is an input, and
//! the one thing believed is the root at the end of it.

use super::Hash;

/// The largest tree we accept: indices have to fit into a JSON number.
///
/// Source: RFC 8785 section 3.2.2.3 (numbers are IEEE 754 doubles).
pub const MAX_TREE_SIZE: u64 = 1 << 53;

/// How many leaves a tree has, and its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tree {
    /// The number of leaves.
    pub size: u64,
    /// The Merkle tree hash of all of them.
    pub root: Hash,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A tree that no log of ours will ever have.
    #[error("a tree of {0} entries is larger than any we accept")]
    Size(u64),
    /// The leaf lies beyond the tree.
    #[error("entry {index} is not in a tree of {size} entries")]
    Index {
        /// Which leaf.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The new tree is smaller than the old one.
    #[error("a tree of {new} entries does not go on from one of {old}")]
    Shrunk {
        /// The size from before.
        old: u64,
        /// The size that is said to follow.
        new: u64,
    },
    /// There are too few or too many hashes.
    #[error("the proof has {found} hashes, expected {expected}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many a proof for these sizes has.
        expected: usize,
    },
    /// The hashes give another root.
    #[error("the proof does not give the root of the tree of {size} entries")]
    Root {
        /// Of which tree.
        size: u64,
    },
}

impl Tree {
    /// The tree without leaves.
    pub fn empty() -> Self {
        Self { size: 0, root: Hash::empty_root() }
    }
}

/// Checks that `leaf` is the leaf at `index` of `tree`.
///
/// `proof` goes from the leaf's sibling up.
///
/// Source: RFC 9162 section 2.1.3.2.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    tree: &Tree,
    proof: &[Hash],
) -> Result<(), ProofError> {
    check_size(tree.size)?;
    if index >= tree.size {
        return Err(ProofError::Index { index, size: tree.size });
    }
    expect_len(proof, inclusion_len(index, tree.size))?;
    let (mut node, mut last) = (index, tree.size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if node & 1 == 1 || node == last {
            hash = Hash::node(sibling, &hash);
            // A node without a right sibling is its parent, and theirs.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if hash == tree.root { Ok(()) } else { Err(ProofError::Root { size: tree.size }) }
}

/// Checks that the leaves of `old` are the first leaves of `new`.
///
/// Source: RFC 9162 section 2.1.4.2; for an empty `old`, which that leaves out,
/// nothing is to be proved, by a proof of nothing.
pub fn verify_consistency(old: &Tree, new: &Tree, proof: &[Hash]) -> Result<(), ProofError> {
    check_size(old.size)?;
    check_size(new.size)?;
    if old.size > new.size {
        return Err(ProofError::Shrunk { old: old.size, new: new.size });
    }
    expect_len(proof, consistency_len(old.size, new.size))?;
    if old.size == 0 {
        let is_empty = old.root == Hash::empty_root();
        return if is_empty { Ok(()) } else { Err(ProofError::Root { size: 0 }) };
    }
    if old.size == new.size {
        let is_same = old.root == new.root;
        return if is_same { Ok(()) } else { Err(ProofError::Root { size: new.size }) };
    }
    // A complete old tree is a node of the new one, and not repeated in the proof.
    let (mut hashes, first) = if old.size.is_power_of_two() {
        (proof.iter(), old.root)
    } else {
        let mut hashes = proof.iter();
        let first = hashes.next().copied();
        (hashes, first.unwrap_or(old.root))
    };
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in &mut hashes {
        if node & 1 == 1 || node == last {
            old_hash = Hash::node(sibling, &old_hash);
            new_hash = Hash::node(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = Hash::node(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if old_hash != old.root {
        return Err(ProofError::Root { size: old.size });
    }
    if new_hash == new.root { Ok(()) } else { Err(ProofError::Root { size: new.size }) }
}

fn check_size(size: u64) -> Result<(), ProofError> {
    if size > MAX_TREE_SIZE { Err(ProofError::Size(size)) } else { Ok(()) }
}

fn expect_len(proof: &[Hash], expected: usize) -> Result<(), ProofError> {
    if proof.len() == expected {
        Ok(())
    } else {
        Err(ProofError::Length { found: proof.len(), expected })
    }
}

/// How many hashes prove the inclusion of `index` in a tree of `size`.
fn inclusion_len(index: u64, size: u64) -> usize {
    siblings(index, size).len()
}

/// How many hashes prove that a tree of `old` leaves is the start of one of `new`.
fn consistency_len(old: u64, new: u64) -> usize {
    consistency_ranges(old, new).len()
}

/// A complete subtree: the leaves `index * 2^level ..` and `2^level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The height of the subtree: 0 is a leaf.
    pub level: u8,
    /// Which of its height.
    pub index: u64,
}

/// Leaves one after the other, of which a proof needs the Merkle tree hash.
type Range = std::ops::Range<u64>;

/// The proof that the leaf at `index` is in the tree of the first `size` leaves.
/// `read` gives the hash of a complete subtree.
///
/// Source: RFC 9162 section 2.1.3.1.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    read: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    siblings(index, size).into_iter().map(|range| hash_of(range, read)).collect()
}

/// The proof that the first `old` leaves are the start of the first `new`.
///
/// Source: RFC 9162 section 2.1.4.1.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    read: &mut impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    consistency_ranges(old, new).into_iter().map(|range| hash_of(range, read)).collect()
}

/// The root of the tree of the first `size` leaves.
pub fn root<E>(size: u64, read: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(Hash::empty_root()) } else { hash_of(0..size, read) }
}

/// The ranges of the hashes of an inclusion proof, from the leaf up; none for a
/// leaf that is not there.
fn siblings(index: u64, size: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    if index >= size {
        return ranges;
    }
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The ranges of the hashes of a consistency proof, in its order; none where
/// there is nothing to prove.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    if old == 0 || old >= new {
        return ranges;
    }
    let (mut start, mut end) = (0, new);
    // Whether the old tree is more than what lies between start and its end.
    let mut is_old_root = true;
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        ranges.push(start..end);
    }
    ranges.reverse();
    ranges
}

/// The largest power of two that is smaller than `len`, which is at least 2.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// The Merkle tree hash of a range that starts where a subtree of its size can.
fn hash_of<E>(range: Range, read: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut frontier = Frontier::default();
    for node in complete_subtrees(range) {
        frontier.push_subtree(node.level, read(node)?);
    }
    Ok(frontier.root())
}

/// The complete subtrees that a range consists of, largest first.
fn complete_subtrees(range: Range) -> impl Iterator<Item = Node> {
    let Range { mut start, end } = range;
    std::iter::from_fn(move || {
        let left = end.checked_sub(start).filter(|&left| left > 0)?;
        let level = left.ilog2();
        let node = Node { level: u8::try_from(level).unwrap_or(u8::MAX), index: start >> level };
        start += 1 << level;
        Some(node)
    })
}

/// The right edge of a tree that grows: all that is needed to append to it and to
/// know its root. Its memory is the logarithm of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    // The roots of the complete subtrees that the tree consists of, largest
    // first: one for each bit of `size` that is set.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose complete subtrees, largest first, have
    /// these roots; `None` if there are not as many as `size` has bits.
    pub fn from_subtrees(size: u64, subtrees: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (subtrees.len() == expected).then_some(Self { size, subtrees })
    }

    /// The frontier of a tree whose complete subtrees `read` knows.
    pub fn read<E>(size: u64, read: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        let subtrees = complete_subtrees(0..size).map(read).collect::<Result<_, E>>()?;
        Ok(Self { size, subtrees })
    }

    /// The roots of the complete subtrees, largest first.
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends a complete subtree of `2^level` leaves. The tree so far has to be a
    /// multiple of that; otherwise what follows is no tree of the RFC.
    pub fn push_subtree(&mut self, level: u8, hash: Hash) {
        let mut hash = hash;
        let mut carry = 1_u64 << level;
        while self.size & carry != 0 {
            if let Some(left) = self.subtrees.pop() {
                hash = Hash::node(&left, &hash);
            }
            self.size &= !carry;
            carry <<= 1;
        }
        self.size |= carry;
        self.subtrees.push(hash);
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| Hash::node(&left, &right))
            .unwrap_or_else(Hash::empty_root)
    }

    /// Size and root.
    pub fn tree(&self) -> Tree {
        Tree { size: self.size, root: self.root() }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// The leaves of the Certificate Transparency reference tests, and the root
    /// after each.
    ///
    /// Source: google/certificate-transparency, `merkle_tree_test.cc`.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaf(i: u64) -> Hash {
        Hash::leaf(&i.to_be_bytes())
    }

    /// Reads a tree of all leaves by hashing them anew.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of a reader")]
    fn read(node: Node) -> Result<Hash, Infallible> {
        let width = 1_u64 << node.level;
        let mut frontier = Frontier::new();
        (node.index * width..(node.index + 1) * width).for_each(|i| frontier.push(leaf(i)));
        Ok(frontier.root())
    }

    #[test]
    fn roots_are_those_of_the_reference() {
        let mut frontier = Frontier::new();
        for (leaf, root) in LEAVES.iter().zip(ROOTS) {
            frontier.push(Hash::leaf(&hex::decode(leaf).unwrap()));
            assert_eq!(hex::encode(frontier.root().as_bytes()), root);
        }
    }

    #[test]
    fn every_proof_of_a_small_tree_holds_and_no_other() {
        let trees: Vec<Tree> = (0..=70)
            .scan(Frontier::new(), |frontier, i| {
                let tree = frontier.tree();
                frontier.push(leaf(i));
                Some(tree)
            })
            .collect();
        for tree in &trees {
            for index in 0..tree.size {
                let proof = inclusion_proof(index, tree.size, &mut read).unwrap();
                verify_inclusion(leaf(index), index, tree, &proof).unwrap();
                let other = verify_inclusion(leaf(index + 1), index, tree, &proof).unwrap_err();
                assert_eq!(other, ProofError::Root { size: tree.size });
            }
            for old in &trees[..=usize::try_from(tree.size).unwrap()] {
                let proof = consistency_proof(old.size, tree.size, &mut read).unwrap();
                verify_consistency(old, tree, &proof).unwrap();
                let forged = Tree { size: old.size, root: leaf(0xbad) };
                assert!(verify_consistency(&forged, tree, &proof).is_err());
            }
            assert_eq!(Frontier::read(tree.size, &mut read).unwrap().tree(), *tree);
        }
    }
}
