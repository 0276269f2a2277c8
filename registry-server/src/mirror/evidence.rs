//! What proves a lie of a source, kept for those who have to be shown it.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::log::Tree;

use super::MirrorError;
use super::source::Source;
use crate::durable;
use crate::log::size_of;

impl Source {
    /// Where what proves a lie of the source is kept.
    pub(super) fn evidence(&self) -> PathBuf {
        self.folder.join("evidence")
    }

    /// That the source's log has signed two stories, with what proves it.
    pub(super) fn fork(&self, ours: &str, theirs: &str, seen: Tree, found: Tree) -> MirrorError {
        match self.keep_evidence("fork", ours, theirs) {
            Ok(evidence) => MirrorError::Fork { seen, found, evidence },
            Err(error) => error,
        }
    }

    /// Keeps two signed checkpoints, of which one has to be a lie or the other old.
    pub(super) fn keep_evidence(
        &self,
        kind: &str,
        ours: &str,
        theirs: &str,
    ) -> Result<PathBuf, MirrorError> {
        let folder = self.evidence();
        let path = folder.join(format!("{kind}-{}-{}.txt", size_of(ours), size_of(theirs)));
        let text = format!("{ours}\n\n{theirs}");
        let write = fs::create_dir_all(&folder)
            .and_then(|()| durable::replace(&folder, &path, text.as_bytes()));
        write.map_err(|source| MirrorError::Write { path: path.clone(), source })?;
        Ok(path)
    }
}

/// Whether the folder of a source has the proof of a fork.
pub(super) fn proof_of_fork(evidence: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(evidence).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fork-"))
    })
}
