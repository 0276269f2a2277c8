//! The files of an artifact that is being made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use mcpkg_core::archive::{ArchiveError, ArchivePath, LimitError, Limits, Packed, Writer};
use mcpkg_core::{Digest, TreeDigest};
use tempfile::TempDir;

use crate::Release;
use crate::error::{Result, UpstreamError};
use crate::tools::empty_folder;

/// Files by their path in the artifact. They wait in a folder, so memory stays flat.
#[derive(Debug)]
pub(crate) struct Tree {
    // Whose files, for errors.
    release: Release,
    folder: TempDir,
    files: BTreeMap<ArchivePath, Waiting>,
    bytes: u64,
}

#[derive(Debug)]
struct Waiting {
    file: PathBuf,
    is_executable: bool,
    digest: Digest,
}

impl Tree {
    /// An empty one, for the artifact of `release`.
    pub(crate) fn new(release: Release) -> Result<Self> {
        Ok(Self { release, folder: empty_folder()?, files: BTreeMap::new(), bytes: 0 })
    }

    /// Adds a file. Another with the same path has to be the same file.
    pub(crate) fn add(
        &mut self,
        path: ArchivePath,
        is_executable: bool,
        content: &[u8],
    ) -> Result<()> {
        let digest = Digest::of(content);
        if let Some(other) = self.files.get(&path) {
            // Several wheels may bring the same empty `__init__.py`.
            if other.digest == digest && other.is_executable == is_executable {
                return Ok(());
            }
            let path = path.to_string();
            return Err(self.archive(ArchiveError::Collision { other: path.clone(), path }));
        }
        let (found, allowed) = (self.files.len() as u64 + 1, Limits::ENTRIES);
        if found > allowed {
            return Err(self.archive(LimitError::Entries { found, allowed }.into()));
        }
        self.bytes += content.len() as u64;
        if self.bytes > Limits::INFLATED_BYTES {
            let (found, allowed) = (self.bytes, Limits::INFLATED_BYTES);
            return Err(self.archive(LimitError::Inflated { found, allowed }.into()));
        }
        let file = self.folder.path().join(self.files.len().to_string());
        fs::write(&file, content)
            .map_err(|source| UpstreamError::File { path: file.clone(), source })?;
        self.files.insert(path, Waiting { file, is_executable, digest });
        Ok(())
    }

    /// Adds a file of our own making.
    pub(crate) fn add_own(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let path = path.parse().map_err(|error| self.archive(ArchiveError::Path(error)))?;
        self.add(path, false, content)
    }

    /// What is at `path`, if there is something.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(waiting) = path.parse().ok().and_then(|path: ArchivePath| self.files.get(&path))
        else {
            return Ok(None);
        };
        let failed = |source| UpstreamError::File { path: waiting.file.clone(), source };
        fs::read(&waiting.file).map(Some).map_err(failed)
    }

    /// The paths, sorted.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(ArchivePath::as_str)
    }

    /// The files, sorted by their path, with their digest and whether they are executable.
    pub(crate) fn listing(&self) -> impl Iterator<Item = (&str, Digest, bool)> {
        self.files.iter().map(|(path, it)| (path.as_str(), it.digest, it.is_executable))
    }

    /// Packs them into the file at `path`.
    pub(crate) fn pack(&self, path: &Path) -> Result<(TreeDigest, u64)> {
        let failed = |source| UpstreamError::File { path: path.to_owned(), source };
        let file = File::create(path).map_err(failed)?;
        let mut writer = Writer::new(BufWriter::new(file), &Limits::default());
        for (path, waiting) in &self.files {
            let mut content = File::open(&waiting.file)
                .map_err(|source| UpstreamError::File { path: waiting.file.clone(), source })?;
            writer
                .add(path, waiting.is_executable, &mut content)
                .map_err(|error| self.archive(error))?;
        }
        let Packed { tree, size_bytes, .. } =
            writer.finish().map_err(|error| self.archive(error))?;
        Ok((tree, size_bytes))
    }

    fn archive(&self, source: ArchiveError) -> UpstreamError {
        UpstreamError::Archive { release: self.release.clone(), source: Box::new(source) }
    }
}
