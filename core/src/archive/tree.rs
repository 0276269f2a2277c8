//! Whether the paths of an archive can be one tree on every file system.

use std::collections::HashMap;

use super::error::ArchiveError;
use super::path::{ArchivePath, shown};

/// The files and folders seen so far, by [`ArchivePath::fold_key`].
#[derive(Debug, Default)]
pub(super) struct PathTree {
    nodes: HashMap<String, Node>,
    // The folder of the newest file, which is most often that of the next one.
    folder: String,
}

#[derive(Debug)]
struct Node {
    spelled: String,
    is_file: bool,
}

impl PathTree {
    /// Adds a file and the folders it is in.
    ///
    /// Refuses a path that is another one's file or folder when case and
    /// normalisation are folded. That includes folders alone: `Lib/a` and
    /// `lib/b` are two folders here and one there.
    pub(super) fn insert(&mut self, path: &ArchivePath) -> Result<(), ArchiveError> {
        let (path, key) = (path.as_str(), path.fold_key());
        let folder_len = path.rfind('/').unwrap_or(0);
        if path[..folder_len] != self.folder {
            // Folding works within parts, so slash matches slash.
            let ends = |text: &str| text.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
            for (end, key_end) in ends(path).into_iter().zip(ends(&key)) {
                self.insert_node(&path[..end], &key[..key_end], false)?;
            }
            path[..folder_len].clone_into(&mut self.folder);
        }
        self.insert_node(path, &key, true)
    }

    fn insert_node(&mut self, path: &str, key: &str, is_file: bool) -> Result<(), ArchiveError> {
        let Some(node) = self.nodes.get(key) else {
            self.nodes.insert(key.to_owned(), Node { spelled: path.to_owned(), is_file });
            return Ok(());
        };
        if node.is_file != is_file {
            return Err(ArchiveError::FileAsFolder { path: shown(path.as_bytes()) });
        }
        if !is_file && node.spelled == path {
            return Ok(());
        }
        let (path, other) = (shown(path.as_bytes()), shown(node.spelled.as_bytes()));
        if key == "manifest.json" {
            return Err(ArchiveError::TwoManifests { path, other });
        }
        Err(ArchiveError::Collision { path, other })
    }
}
