//! A log small enough to keep all of it, and every tree it ever was.

use std::convert::Infallible;

use mcpkg_core::log::{
    Frontier, Hash, Level, Node, TilePath, Tree, consistency_proof, inclusion_proof,
};

/// The largest tree that the tests of every size grow.
pub(crate) const LARGEST: u64 = 600;

/// Leaves, and the hash of every complete subtree of them.
pub(crate) struct Grove {
    leaves: Vec<Vec<u8>>,
    // By level, from the leaves up.
    nodes: Vec<Vec<Hash>>,
    // By size.
    trees: Vec<Tree>,
}

impl Grove {
    /// The log of `size` leaves that all of these tests use.
    pub(crate) fn of_size(size: u64) -> Self {
        Self::new((0..size).map(|index| format!("leaf {index}").into_bytes()).collect())
    }

    /// A log of these leaves.
    ///
    /// The hashes of nodes are made here from the definition, and the roots by the
    /// code that is tested.
    pub(crate) fn new(leaves: Vec<Vec<u8>>) -> Self {
        let mut frontier = Frontier::new();
        let mut trees = vec![frontier.tree()];
        let mut nodes: Vec<Vec<Hash>> = vec![Vec::new()];
        for leaf in &leaves {
            frontier.push(Hash::leaf(leaf));
            trees.push(frontier.tree());
            nodes[0].push(Hash::leaf(leaf));
        }
        while nodes.last().unwrap().len() > 1 {
            let (pairs, _) = nodes.last().unwrap().as_chunks::<2>();
            let parents = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
            nodes.push(parents);
        }
        Self { leaves, nodes, trees }
    }

    /// The tree of the first `size` leaves.
    pub(crate) fn tree(&self, size: u64) -> &Tree {
        &self.trees[usize::try_from(size).unwrap()]
    }

    /// All trees, from the empty one.
    pub(crate) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    pub(crate) fn leaf(&self, index: u64) -> &[u8] {
        &self.leaves[usize::try_from(index).unwrap()]
    }

    pub(crate) fn leaf_hash(&self, index: u64) -> Hash {
        self.node(Node { level: 0, index })
    }

    /// The hash of a complete subtree.
    pub(crate) fn node(&self, node: Node) -> Hash {
        self.nodes[usize::from(node.level)][usize::try_from(node.index).unwrap()]
    }

    /// The complete subtrees of the tree of the first `size` leaves.
    pub(crate) fn nodes(&self, size: u64) -> Vec<Node> {
        let levels = 0..u8::try_from(self.nodes.len()).unwrap();
        let of_level = |level| (0..size >> level).map(move |index| Node { level, index });
        levels.flat_map(of_level).collect()
    }

    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        inclusion_proof(index, size, &mut |node| Ok::<_, Infallible>(self.node(node))).unwrap()
    }

    pub(crate) fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency_proof(old, new, &mut |node| Ok::<_, Infallible>(self.node(node))).unwrap()
    }

    /// The bytes of a tile of hashes, as wide as its path says.
    pub(crate) fn tile(&self, path: &TilePath) -> Vec<u8> {
        let Level::Hashes(level) = path.level else { panic!("{path} has no hashes") };
        let first = path.index * 256;
        let hashes = first..first + u64::from(path.width);
        hashes.flat_map(|index| *self.node(Node { level: level * 8, index }).as_bytes()).collect()
    }

    /// All tiles of hashes that a tree of `size` is served as.
    pub(crate) fn tile_paths(size: u64) -> Vec<TilePath> {
        (0..3)
            .flat_map(|level| (0..).map_while(move |index| path(Level::Hashes(level), index, size)))
            .collect()
    }

    /// All bundles of entries that a tree of `size` is served as.
    pub(crate) fn bundle_paths(size: u64) -> Vec<TilePath> {
        (0..).map_while(|index| path(Level::Entries, index, size)).collect()
    }
}

fn path(level: Level, index: u64, size: u64) -> Option<TilePath> {
    TilePath::of_tree(level, index, size)
}

/// The sizes at which everything is changed: all of them if the environment says
/// so, and `some` otherwise.
pub(crate) fn sizes(some: &[u64]) -> Vec<u64> {
    if std::env::var_os("MCPKG_EVERY_SIZE").is_some() {
        (1..=LARGEST).collect()
    } else {
        some.to_vec()
    }
}

/// `bytes` with one bit of the byte at `place` the other way round. Which bit
/// depends on the place, so that all eight have their turn.
pub(crate) fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1 << (place % 8);
    bytes
}
