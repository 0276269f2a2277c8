//! Blobs: bytes under their digest, on disk.
//!
//! ```text
//! <data>/staging/<random>                 being written; emptied at start
//! <data>/blobs/sha256/<2 digits>/<64 digits>
//! ```
//!
//! # Writing
//!
//! A blob is written to a file in `staging/`, on the same file system, and
//! synced; then it is renamed to its place and the folder synced. A crash
//! leaves a file in `staging/`, or a blob that no release refers to. Neither
//! is visible: only what the database knows is served.
//!
//! A blob that exists is replaced by the same bytes. That costs nothing, and
//! it mends one that rotted.
//!
//! # Reading
//!
//! Disks lie. Every blob has, in the database, the digest of each of its
//! chunks, and no chunk leaves before it was hashed: see [`chunk`] and
//! [`read`].

mod batch;
mod chunk;
mod cursor;
mod read;
mod staging;
mod survey;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use mcpkg_core::{Code, Coded, Digest};

pub(crate) use batch::SmallBlob;
pub(crate) use chunk::{CHUNK_BYTES, ChunkDigests, ChunkHasher};
pub(crate) use read::BlobReader;
pub(crate) use staging::{Staged, blocking};

/// The blobs of a registry. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    staging: PathBuf,
    /// Files that were found damaged, by when they were written: refused at once
    /// until they are put again, here or from a backup. Only large ones need it.
    damaged: Mutex<HashMap<Digest, SystemTime>>,
    /// Held while a blob is put in its place or swept away, so that a blob
    /// cannot be swept between being put again and being referred to.
    places: Mutex<()>,
}

/// Why a blob could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// The bytes on disk are not, or no longer, the blob.
    #[error("the stored blob {digest} is damaged: {reason}")]
    Damaged {
        /// Which blob.
        digest: Digest,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file system refused.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Blobs {
    /// The blobs under `data`; their folders are made if missing, and what an
    /// earlier run left in `staging/` is removed.
    ///
    /// The caller makes sure that no other process uses `data`.
    pub(crate) fn open(data: &Path) -> Result<Self, BlobError> {
        let blobs = Self::at(data);
        let Inner { root, staging, .. } = &*blobs.inner;
        for folder in [root, staging] {
            fs::create_dir_all(folder).map_err(failed_to("make", folder))?;
        }
        for entry in fs::read_dir(staging).map_err(failed_to("read", staging))? {
            let path = entry.map_err(failed_to("read", staging))?.path();
            fs::remove_file(&path).map_err(failed_to("remove", &path))?;
        }
        Ok(blobs)
    }

    /// The blobs under `data`, to be looked at only.
    pub(crate) fn at(data: &Path) -> Self {
        Self {
            inner: Arc::new(Inner {
                root: data.join("blobs").join("sha256"),
                staging: data.join("staging"),
                damaged: Mutex::default(),
                places: Mutex::default(),
            }),
        }
    }

    /// Where a blob is.
    pub(crate) fn path(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.inner.root.join(&hex[..2]).join(&hex)
    }

    /// Puts a staged blob in its place. After this, it survives a crash.
    ///
    /// Blocks.
    pub(crate) fn put(&self, staged: Staged) -> Result<(), BlobError> {
        let path = self.path(staged.digest());
        let folder = path.parent().unwrap_or(&self.inner.root).to_owned();
        let digest = staged.digest();
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(failed_to("make", &folder))?;
            sync_folder(&self.inner.root)?;
        }
        let guard = lock(&self.inner.places);
        staged.move_to(&path)?;
        drop(guard);
        sync_folder(&folder)?;
        lock(&self.inner.damaged).remove(&digest);
        Ok(())
    }

    /// Remembers that the file of a blob is damaged.
    fn condemn(&self, digest: Digest, modified: SystemTime) {
        lock(&self.inner.damaged).insert(digest, modified);
    }

    fn is_condemned(&self, digest: Digest, modified: SystemTime) -> bool {
        lock(&self.inner.damaged).get(&digest) == Some(&modified)
    }

    /// Every file among the blobs, with its digest where its name is one.
    ///
    /// Blocks.
    pub(crate) fn files(&self) -> Result<Vec<BlobFile>, BlobError> {
        let mut files = Vec::new();
        let root = &self.inner.root;
        for folder in entries(root)? {
            if !folder.is_dir() {
                files.push(BlobFile::new(folder));
                continue;
            }
            files.extend(entries(&folder)?.into_iter().map(BlobFile::new));
        }
        Ok(files)
    }

    /// Removes a blob that no release refers to, unless it is younger than
    /// `before` by now. Says whether it did.
    ///
    /// Blocks.
    pub(crate) fn sweep(&self, digest: Digest, before: SystemTime) -> Result<bool, BlobError> {
        let path = self.path(digest);
        let _guard = lock(&self.inner.places);
        let modified = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) => modified,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed_to("read", &path)(error)),
        };
        if modified >= before {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(failed_to("remove", &path))?;
        Ok(true)
    }
}

impl Blobs {
    /// Begins the time after which a blob is swept that nothing refers to any more.
    ///
    /// Blocks.
    pub(crate) fn retire(&self, digest: Digest) -> Result<(), BlobError> {
        let path = self.path(digest);
        let _guard = lock(&self.inner.places);
        let set = File::options().append(true).open(&path);
        match set.and_then(|file| file.set_modified(SystemTime::now())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed_to("date", &path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// A file among the blobs.
#[derive(Clone, Debug)]
pub(crate) struct BlobFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Which blob its name says it is; `None` for a file that is not ours.
    pub(crate) digest: Option<Digest>,
}

impl BlobFile {
    fn new(path: PathBuf) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().and_then(|folder| folder.file_name());
        let digest = Digest::from_hex(name).ok().filter(|_| {
            folder.is_some_and(|folder| Some(folder) == name.get(..2).map(AsRef::as_ref))
        });
        Self { path, digest }
    }

    /// When it was written.
    pub(crate) fn modified(&self) -> Result<SystemTime, BlobError> {
        fs::metadata(&self.path)
            .and_then(|metadata| metadata.modified())
            .map_err(failed_to("read", &self.path))
    }
}

impl Coded for BlobError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code::Blob,
            Self::File { .. } => Code::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Damaged { .. } => {
                "the registry's operator runs `mcpkg-registry fsck` and restores the blob; \
                 publishing the same release again mends it too"
            }
            Self::File { source, .. } if is_full(source) => "make room on the registry's disk",
            Self::File { .. } => "check that the registry may read and write its data folder",
        })
    }
}

impl BlobError {
    /// Whether there is no room left.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::File { source, .. } if is_full(source))
    }
}

/// Whether a write failed because there is no room, by whatever measure.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Makes the error for an `action` on `path` that failed.
pub(crate) fn failed_to(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let path = path.to_owned();
    move |source| BlobError::File { action, path, source }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(failed_to("read", folder))
        .map(|paths: Vec<PathBuf>| paths)?;
    paths.sort();
    Ok(paths)
}

/// Makes a rename in `folder` survive a power cut.
fn sync_folder(folder: &Path) -> Result<(), BlobError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(failed_to("sync", folder))
}

/// Locks a mutex whose data stay whole whatever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
