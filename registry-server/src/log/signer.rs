//! What signs for a log of our own. Nothing that only reads has it.

use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::log::{Checkpoint, IndexNote, IndexedEntry, SignedNote, SigningKey, Tree};

/// The key of a log. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    key: Arc<SigningKey>,
}

impl Signer {
    pub(crate) fn new(key: SigningKey) -> Self {
        Self { key: Arc::new(key) }
    }

    /// The index of a package at `tree`, signed.
    pub(crate) fn sign_index(
        &self,
        name: &PackageName,
        entries: Vec<IndexedEntry>,
        tree: Tree,
    ) -> String {
        let origin = self.key.name().to_owned();
        let text = IndexNote { origin, name: name.clone(), tree, entries }.to_text();
        let line = self.key.sign(&text);
        SignedNote::new(text, vec![line]).to_string()
    }

    /// Signs a tree, and when that was.
    pub(super) fn sign(&self, tree: Tree, now: Timestamp) -> String {
        sign(&self.key, tree, now)
    }
}

/// The checkpoint of a tree, with the log's two signatures.
pub(super) fn sign(key: &SigningKey, tree: Tree, now: Timestamp) -> String {
    let text = Checkpoint { origin: key.name().to_owned(), tree }.to_text();
    let time_s = u64::try_from(now.as_second()).unwrap_or(0);
    let lines = vec![key.sign(&text), key.cosign(&text, time_s)];
    SignedNote::new(text, lines).to_string()
}
