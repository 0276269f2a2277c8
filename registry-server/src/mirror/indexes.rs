//! The signed indexes of packages, which are the source's to sign.
//!
//! An index is of one tree. It is served only at the tree that is served, or nobody could
//! tell an index from yesterday from one that hides today. So each is fetched when
//! somebody asks for it at a tree for which it is not here; what was asked for once is
//! fetched again in the background when the tree has moved, a thousand at a time.
//!
//! If the source answers at a newer tree than ours, its log is followed there first.

use std::collections::HashMap;
use std::sync::Arc;

use mcpkg_core::api::{MAX_INDEXES, SignedIndexes};
use mcpkg_core::log::{IndexNote, IndexedEntry, Tree};
use mcpkg_core::{Code, PackageName};

use super::MirrorError;
use super::source::Source;
use crate::blobs::blocking;
use crate::config::SourceMode;
use crate::log::Snapshot;
use crate::store::HeldIndex;

/// How often a tree may move while indexes are fetched for it.
const ATTEMPTS: usize = 4;

impl Source {
    /// The signed index of a package at the tree of `snapshot`, byte for byte; `None` if
    /// another tree is served by now.
    ///
    /// # Errors
    ///
    /// [`MirrorError::Behind`] if there is none of that tree, and the source does not
    /// answer.
    pub(crate) async fn index_at(
        self: &Arc<Self>,
        name: &PackageName,
        snapshot: &Snapshot,
    ) -> Result<Option<String>, MirrorError> {
        if let Some(note) = self.held_at(name, snapshot.tree.size).await? {
            return Ok(Some(note));
        }
        let behind = || MirrorError::Behind { name: name.clone(), seen: snapshot.tree.size };
        if self.mode == SourceMode::Offline {
            return Err(behind());
        }
        let (source, only) = (Arc::clone(self), vec![name.clone()]);
        let work = || async move { source.pull_indexes(only).await.map_err(Arc::new) };
        if let Err(error) = self.index_pulls.run(name.clone(), work).await {
            return Err(self.none_of(behind(), MirrorError::Shared(error)));
        }
        match self.held_at(name, snapshot.tree.size).await? {
            // The source answered at an older tree, or not for this package.
            None if self.log.served().tree == snapshot.tree => Err(behind()),
            held => Ok(held),
        }
    }

    /// What it means that no index could be fetched: the source lies, or is away.
    fn none_of(&self, behind: MirrorError, error: MirrorError) -> MirrorError {
        let reason = error.inner() as &dyn std::error::Error;
        tracing::warn!(source = %self.name, error = reason, "no index could be fetched");
        if matches!(error.inner(), MirrorError::Index { .. }) { error } else { behind }
    }

    async fn held_at(&self, name: &PackageName, size: u64) -> Result<Option<String>, MirrorError> {
        let held = self.store.held_index(name).await?;
        Ok(held.filter(|held| held.size == size).map(|held| held.note))
    }

    /// The signed indexes of these packages, all of one tree, which is the newest.
    pub(crate) async fn indexes(
        self: &Arc<Self>,
        names: &[PackageName],
    ) -> Result<SignedIndexes, MirrorError> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.log.served();
            let (mut indexes, mut missing) = (Vec::new(), Vec::new());
            let known = self.store.entries_of(names).await?;
            for (name, entries) in known {
                if entries.first().is_none_or(|first| first.index >= snapshot.tree.size) {
                    continue;
                }
                match self.held_at(&name, snapshot.tree.size).await? {
                    Some(note) => indexes.push(note),
                    None => missing.push(name),
                }
            }
            let Some(first) = missing.first() else {
                return Ok(SignedIndexes { checkpoint: snapshot.checkpoint.clone(), indexes });
            };
            let (name, seen) = (first.clone(), snapshot.tree.size);
            let behind = MirrorError::Behind { name, seen };
            if self.mode == SourceMode::Offline {
                return Err(behind);
            }
            if let Err(error) = self.pull_indexes(missing).await {
                return Err(self.none_of(behind, error));
            }
        }
        let seen = self.log.served().tree.size;
        let name = names.first().cloned().ok_or(MirrorError::Never)?;
        Err(MirrorError::Behind { name, seen })
    }

    /// Fetches the signed indexes of these packages, and keeps them.
    pub(super) async fn pull_indexes(
        self: &Arc<Self>,
        names: Vec<PackageName>,
    ) -> Result<(), MirrorError> {
        let Some(upstream) = self.upstream() else { return Err(MirrorError::Never) };
        let SignedIndexes { checkpoint, indexes } = upstream.indexes(&names).await?;
        let signed = self.believe(upstream, &checkpoint).await?;
        let tree = signed.tree();
        if tree.size > self.log.served().tree.size {
            self.follow_now(Some(checkpoint)).await?;
        }
        self.is_ours(tree).await?;
        let entries: HashMap<PackageName, Vec<IndexedEntry>> =
            self.store.entries_of(&names).await?.into_iter().collect();
        let trust = self.log.trust();
        let held = blocking(move || {
            let mut held = Vec::with_capacity(indexes.len());
            for note in indexes {
                let index = IndexNote::verify(&note, &trust)?;
                let logged = entries.get(&index.name).map_or(&[][..], Vec::as_slice);
                is_what_was_logged(&index, logged, tree)?;
                held.push(HeldIndex { name: index.name, size: tree.size, note });
            }
            Ok::<_, MirrorError>(held)
        })
        .await?;
        Ok(self.store.hold_indexes(&held).await?)
    }

    /// Fetches the index of every package again that was asked for, for the tree that is
    /// served now.
    pub(super) async fn renew_indexes(self: &Arc<Self>) -> Result<(), MirrorError> {
        let most = u32::try_from(MAX_INDEXES).unwrap_or(u32::MAX);
        loop {
            let size = self.log.served().tree.size;
            let names = self.store.outdated_indexes(size, most).await?;
            if names.is_empty() {
                return Ok(());
            }
            let count = names.len();
            self.pull_indexes(names).await?;
            if self.store.outdated_indexes(size, most).await?.len() >= count {
                // The source leaves some out: whoever asks for one will be told.
                return Ok(());
            }
        }
    }

    /// Fetches the indexes of all packages: for a copy that nobody will ask for more.
    pub(super) async fn hold_all_indexes(self: &Arc<Self>) -> Result<(), MirrorError> {
        let most = u32::try_from(MAX_INDEXES).unwrap_or(u32::MAX);
        let mut after = None;
        loop {
            let names = self.store.packages_after(after.as_ref(), most).await?;
            let Some(last) = names.last().cloned() else { return Ok(()) };
            self.pull_indexes(names).await?;
            after = Some(last);
        }
    }

    /// Whether a tree that the source has signed is the start of ours.
    async fn is_ours(&self, tree: Tree) -> Result<(), MirrorError> {
        let log = self.log.clone();
        let served = self.log.served().tree.size;
        let ours = blocking(move || {
            let edge = log.edge();
            if tree.size > edge.size() { Ok(None) } else { log.tree_of(tree.size, &edge).map(Some) }
        })
        .await?;
        let first = served.min(tree.size);
        if ours == Some(tree) { Ok(()) } else { Err(MirrorError::Entries { first, last: served }) }
    }
}

/// Whether a signed index lists exactly the entries of the package that its tree has.
pub(crate) fn is_what_was_logged(
    index: &IndexNote,
    logged: &[IndexedEntry],
    tree: Tree,
) -> Result<(), MirrorError> {
    let refused = |what, code| Err(MirrorError::Index { name: index.name.clone(), what, code });
    if index.tree != tree {
        return refused("it is of another tree", Code::LogProof);
    }
    let in_tree: Vec<&IndexedEntry> = logged.iter().filter(|it| it.index < tree.size).collect();
    if in_tree.len() > index.entries.len() {
        return refused("it leaves out an entry", Code::HiddenRelease);
    }
    if in_tree.into_iter().ne(&index.entries) {
        return refused("it says something else of an entry", Code::LogSubject);
    }
    Ok(())
}
