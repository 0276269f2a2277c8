//! Which files of a tree may be started: the one bit of a file's mode that is part of a
//! tree's digest.
//!
//! Windows has no such bit. There, what an archive said of it is kept in a file beside
//! the tree. Nobody has to trust that file: with a path too many or too few in it, the
//! tree is not the one that was pinned.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Whether a file's owner may execute it.
#[cfg(unix)]
pub fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

/// No file says so of itself, and what is packed on Windows has none that is.
#[cfg(not(unix))]
pub fn is_executable(_: &fs::Metadata) -> bool {
    false
}

/// The files of one tree that may be started, where they do not say it themselves.
pub(super) struct Executables(BTreeSet<String>);

impl Executables {
    /// Those of the tree at `root`.
    pub(super) fn of(root: &Path) -> io::Result<Self> {
        if cfg!(unix) {
            return Ok(Self(BTreeSet::new()));
        }
        match fs::read_to_string(beside(root)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(BTreeSet::new())),
            other => Ok(Self(other?.lines().map(str::to_owned).collect())),
        }
    }

    /// Whether the file at `path` in the tree is one of them.
    pub(super) fn has(&self, path: &str, metadata: &fs::Metadata) -> bool {
        is_executable(metadata) || self.0.contains(path)
    }
}

/// Remembers which files of the new tree at `root` may be started.
pub fn remember(root: &Path, paths: &[String]) -> io::Result<()> {
    if cfg!(unix) || paths.is_empty() {
        return Ok(());
    }
    fs::write(beside(root), paths.join("\n"))
}

/// Moves what is remembered of the tree at `from` to where the tree is going to be. To be
/// done before the tree itself is moved, which is never seen without it then.
pub(super) fn carry(from: &Path, to: &Path) -> io::Result<()> {
    if cfg!(unix) {
        return Ok(());
    }
    match fs::rename(beside(from), beside(to)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Not in the tree, whose files are the pinned ones and no others.
fn beside(root: &Path) -> PathBuf {
    root.with_extension("executable")
}
