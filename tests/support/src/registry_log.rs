//! A log in memory, which signs whatever a test wants signed.
//!
//! With the key of a registry it is that registry, in the hands of somebody who
//! lies; with the registry's own entries, it lies from some entry on.

use std::convert::Infallible;

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::log::{
    Checkpoint, Entry, EntryKind, Frontier, Hash, IndexNote, IndexedEntry, Node, Receipt,
    SignedNote, SigningKey, Tree, consistency_proof, inclusion_proof,
};

/// Leaves, and the key that signs their tree.
#[derive(Clone, Debug)]
pub struct RegistryLog {
    /// What it signs with.
    pub key: SigningKey,
    /// The bytes of its entries.
    pub leaves: Vec<Vec<u8>>,
}

impl RegistryLog {
    /// An empty log with this key.
    pub fn new(key: SigningKey) -> Self {
        Self { key, leaves: Vec::new() }
    }

    /// Appends an entry, and gives its index.
    pub fn push(&mut self, entry: &Entry) -> u64 {
        self.push_leaf(entry.leaf().expect("the entry can be logged"))
    }

    /// Appends the bytes of an entry.
    pub fn push_leaf(&mut self, leaf: Vec<u8>) -> u64 {
        self.leaves.push(leaf);
        self.size() - 1
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The tree of the first `size` entries.
    pub fn tree(&self, size: u64) -> Tree {
        let mut frontier = Frontier::new();
        for leaf in self.leaves.iter().take(index(size)) {
            frontier.push(Hash::leaf(leaf));
        }
        frontier.tree()
    }

    /// The checkpoint of all entries, signed at `time`.
    pub fn checkpoint(&self, time: Timestamp) -> String {
        self.checkpoint_of(self.tree(self.size()), time)
    }

    /// A checkpoint of any tree, signed at `time`.
    pub fn checkpoint_of(&self, tree: Tree, time: Timestamp) -> String {
        let text = Checkpoint { origin: self.key.name().to_owned(), tree }.to_text();
        let lines = vec![self.key.sign(&text), self.key.cosign(&text, seconds(time))];
        SignedNote::new(text, lines).to_string()
    }

    /// A signed index of all entries, which says that these are about `name`.
    pub fn index(&self, name: &PackageName, entries: &[u64]) -> String {
        self.index_of(self.tree(self.size()), name, entries)
    }

    /// A signed index of any tree.
    pub fn index_of(&self, tree: Tree, name: &PackageName, entries: &[u64]) -> String {
        self.index_saying(tree, name, entries.iter().map(|&index| self.indexed(index)).collect())
    }

    /// What an index says of an entry: of one that cannot be read, that it published the
    /// version in it, and of one that is not there, that it bound the name.
    pub fn indexed(&self, index: u64) -> IndexedEntry {
        let leaf = self.leaves.get(usize::try_from(index).expect("it is in memory"));
        let Some(leaf) = leaf else { return IndexedEntry { index, kind: EntryKind::Binding } };
        if let Ok(entry) = Entry::parse(leaf) {
            return IndexedEntry::of(index, &entry);
        }
        let value: serde_json::Value = serde_json::from_slice(leaf).unwrap_or_default();
        let version = value["version"].as_str().and_then(|text| text.parse().ok());
        let kind = version.map_or(EntryKind::Binding, EntryKind::Publish);
        IndexedEntry { index, kind }
    }

    /// A signed index of any tree, in any words.
    pub fn index_saying(
        &self,
        tree: Tree,
        name: &PackageName,
        entries: Vec<IndexedEntry>,
    ) -> String {
        let origin = self.key.name().to_owned();
        let note = IndexNote { origin, name: name.clone(), tree, entries };
        let text = note.to_text();
        let line = self.key.sign(&text);
        SignedNote::new(text, vec![line]).to_string()
    }

    /// The receipt of an entry, in the tree of the first `size` entries.
    pub fn receipt(&self, entry: u64, size: u64, time: Timestamp) -> String {
        let Ok(proof) = inclusion_proof::<Infallible>(entry, size, &mut |node| Ok(self.hash(node)));
        let checkpoint = self.checkpoint_of(self.tree(size), time);
        Receipt { index: entry, proof, checkpoint }.to_string()
    }

    /// The proof that the tree of `old` entries is the start of the one of `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        let Ok(proof) = consistency_proof::<Infallible>(old, new, &mut |node| Ok(self.hash(node)));
        proof
    }

    /// The hash of a complete subtree.
    pub fn hash(&self, node: Node) -> Hash {
        let first = index(node.index << node.level);
        let mut frontier = Frontier::new();
        for leaf in &self.leaves[first..first + (1 << node.level)] {
            frontier.push(Hash::leaf(leaf));
        }
        frontier.root()
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).expect("it is after 1970")
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("it is in memory")
}
