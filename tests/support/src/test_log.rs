//! A log of the test's own, which says whatever the test wants.

use std::convert::Infallible;

use mcpkg_core::log::{
    AddCheckpoint, Checkpoint, Hash, Node, SignedNote, SigningKey, Tree, consistency_proof, root,
};

/// A log whose entries are numbers. It can have any size at any time, and its
/// entries may be others than those of a log with the same key: a fork.
#[derive(Clone, Debug)]
pub struct TestLog {
    /// What it signs with.
    pub key: SigningKey,
    story: String,
}

impl TestLog {
    /// A log called `origin`, with a key that every log of that name has.
    pub fn new(origin: &str) -> Self {
        let seed = *Hash::leaf(origin.as_bytes()).as_bytes();
        let key = SigningKey::from_seed(origin, seed).expect("the origin is a key's name");
        Self { key, story: "one".to_owned() }
    }

    /// The same log, with other entries.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { key: self.key.clone(), story: "another".to_owned() }
    }

    /// The same log, with another key of the same name.
    #[must_use]
    pub fn rotated(&self) -> Self {
        let key = SigningKey::from_seed(self.key.name(), [7; 32]).expect("the name is one");
        Self { key, story: self.story.clone() }
    }

    /// The tree of the first `size` entries.
    pub fn tree(&self, size: u64) -> Tree {
        let Ok(root) = root(size, &mut |node| self.hash(node));
        Tree { size, root }
    }

    /// The signed checkpoint of that size.
    pub fn checkpoint(&self, size: u64) -> SignedNote {
        let origin = self.key.name().to_owned();
        let text = Checkpoint { origin, tree: self.tree(size) }.to_text();
        SignedNote::new(text.clone(), vec![self.key.sign(&text)])
    }

    /// The proof that one tree goes on from another.
    pub fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        let Ok(proof) = consistency_proof(old, new, &mut |node| self.hash(node));
        proof
    }

    /// What it asks of a witness.
    pub fn request(&self, old_size: u64, size: u64) -> AddCheckpoint {
        let proof = self.proof(old_size, size);
        AddCheckpoint { old_size, proof, checkpoint: self.checkpoint(size) }
    }

    fn hash(&self, node: Node) -> Result<Hash, Infallible> {
        let Node { level, index } = node;
        if level == 0 {
            return Ok(Hash::leaf(format!("{} {index}", self.story).as_bytes()));
        }
        let child = |index| self.hash(Node { level: level - 1, index });
        Ok(Hash::node(&child(2 * index)?, &child(2 * index + 1)?))
    }
}
