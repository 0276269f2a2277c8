//! The content store: what was verified, unpacked, by what is in it.
//!
//! ```text
//! $XDG_DATA_HOME/mcpkg/
//!   staging/<random>/         what is not trusted yet; emptied of what a crash left
//!   trees/<tree digest, hex>/ the files of an artifact, named by what they are
//!   trees/<…>.executable      on Windows: which of them may be started
//!   releases/<metadata digest, hex>.json   the release document, evidence included
//! ```
//!
//! A tree is made in staging, hashed while it is written, and moved into place
//! with one rename. Its name is its content, so two processes that install the
//! same thing at once make the same folder, and whoever comes second is done.
//! The files are not synced one by one: a power cut that loses some is found
//! by the next launch, which hashes all of them, and mended by an install.

mod executable;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::{Digest, PackageName, TreeDigest, TreeHasher};
use sha2::Digest as _;

use self::executable::Executables;
pub use self::executable::{is_executable, remember as remember_executables};
use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The content store of this user.
pub struct Store {
    root: PathBuf,
    locks: PathBuf,
}

/// A folder for what is not trusted yet. It vanishes when dropped.
pub struct Staging {
    // Held while the folder is in use, so that nobody else sweeps it away. Let go of
    // before the folder: Windows removes none that has an open file in it.
    _lock: File,
    folder: tempfile::TempDir,
}

impl Staging {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new file for a download.
    pub fn file(&self) -> Result<(PathBuf, File)> {
        let path = self.path().join("artifact.mcpb");
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok((path, file))
    }

    /// Where to unpack.
    pub fn tree(&self) -> PathBuf {
        self.path().join("tree")
    }
}

impl Store {
    /// The store of this user.
    pub fn new(places: &Places) -> Self {
        Self { root: places.data.clone(), locks: places.locks() }
    }

    /// Where the files of `tree` are, or would be.
    pub fn tree_path(&self, tree: TreeDigest) -> PathBuf {
        self.root.join("trees").join(tree.to_hex())
    }

    /// A new staging folder. Sweeps away those that nobody uses any more.
    pub fn stage(&self) -> Result<Staging> {
        let parent = self.root.join("staging");
        atomic::create_folder(&parent)?;
        atomic::create_folder(&self.locks)?;
        let failed = |source| Error::Write { path: parent.clone(), source };
        // While this is held nobody else makes or sweeps folders, so a folder
        // whose own lock is free was left behind, whatever state it is in.
        let door = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.locks.join("staging"))
            .map_err(failed)?;
        door.lock().map_err(failed)?;
        sweep(&parent);
        let folder =
            tempfile::Builder::new().prefix("install-").tempdir_in(&parent).map_err(failed)?;
        let lock = File::create_new(folder.path().join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Staging { _lock: lock, folder })
    }

    /// Moves a tree from staging into place. If it is there already, that one
    /// is kept when its files are still right, and replaced when they are not.
    pub fn keep(&self, unpacked: &Path, tree: TreeDigest) -> Result<()> {
        let path = self.tree_path(tree);
        let failed = |source| Error::Write { path: path.clone(), source };
        let parent = self.root.join("trees");
        atomic::create_folder(&parent)?;
        if path.exists() {
            if hash_tree(&path).is_ok_and(|found| found == tree) {
                return Ok(());
            }
            // Damaged: out of the way first, so that nothing starts from it.
            fs::rename(&path, unpacked.with_file_name("damaged")).map_err(failed)?;
        }
        executable::carry(unpacked, &path).map_err(failed)?;
        match fs::rename(unpacked, &path) {
            // Somebody else was faster with the very same content.
            Err(_) if path.exists() => Ok(()),
            Err(source) => Err(failed(source)),
            Ok(()) => atomic::sync_folder(&parent),
        }
    }

    /// Checks the files of `tree` on disk, each byte of each.
    pub fn check(&self, tree: TreeDigest) -> Result<PathBuf> {
        let path = self.tree_path(tree);
        if !path.is_dir() {
            return Err(Error::NotInStore { path });
        }
        let found = hash_tree(&path)?;
        if found == tree { Ok(path) } else { Err(Error::TreeMismatch { expected: tree, found }) }
    }

    /// Keeps a release document, for verifying again without the registry.
    pub fn keep_release(&self, document: &ReleaseDocument) -> Result<()> {
        let json = serde_json::to_vec(document).map_err(Error::Json)?;
        atomic::write(&self.release_path(document.metadata), &json)
    }

    /// The release document that was kept. Nothing in it is believed unchecked.
    pub fn release(&self, metadata: Digest) -> Result<ReleaseDocument> {
        let path = self.release_path(metadata);
        let json = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotInStore { path });
            }
            other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        serde_json::from_slice(&json).map_err(|error| Error::Nonsense {
            url: path.display().to_string(),
            reason: error.to_string(),
        })
    }

    /// The release documents of a package that were kept, installed or not.
    ///
    /// One that cannot be read as such is left out.
    pub fn releases_of(&self, name: &PackageName) -> Result<Vec<ReleaseDocument>> {
        let folder = self.root.join("releases");
        let failed = |source| Error::Read { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut documents = Vec::new();
        for entry in entries {
            let json = fs::read(entry.map_err(failed)?.path()).map_err(failed)?;
            documents.extend(
                serde_json::from_slice::<ReleaseDocument>(&json)
                    .ok()
                    .filter(|document| document.name == *name),
            );
        }
        Ok(documents)
    }

    fn release_path(&self, metadata: Digest) -> PathBuf {
        self.root.join("releases").join(format!("{}.json", metadata.to_hex()))
    }
}

/// Removes the staging folders of processes that are gone.
///
/// Failures are no matter: what is left is swept the next time.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_used = File::open(entry.path().join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        if !is_used {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The tree digest of the files below `root`, as they are on disk now.
///
/// Anything but a regular file (a link, a pipe, a device) is an error: the
/// store makes none, so somebody else did. Hashes on as many threads as there
/// are cores, because this stands in the way of every launch.
pub fn hash_tree(root: &Path) -> Result<TreeDigest> {
    let mut tree = TreeHasher::default();
    for ((path, is_executable), digest) in hash_files(root)? {
        tree.add(path, digest, is_executable);
    }
    Ok(tree.finish())
}

/// Every file below `root`: its path, whether it is executable, and its digest.
///
/// # Errors
///
/// As [`hash_tree`].
pub fn hash_files(root: &Path) -> Result<Vec<((String, bool), Digest)>> {
    let files = listing(root)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let next = AtomicUsize::new(0);
    let hash_some = || -> Result<Vec<(usize, Digest)>> {
        let mut buffer = vec![0; 128 * 1024];
        let mut hashed = Vec::new();
        while let Some((index, (path, _))) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, files.get(at)?)))
        {
            hashed.push((index, hash_file(&root.join(path), &mut buffer)?));
        }
        Ok(hashed)
    };
    let digests = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(hash_some)).collect();
        let mut all = hash_some()?;
        for worker in workers {
            // A panic in a worker is a defect of ours: pass it on.
            all.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, Error>(all)
    })?;
    Ok(digests.into_iter().map(|(index, digest)| (files[index].clone(), digest)).collect())
}

/// Every file below `root`: its path, and whether it is executable.
///
/// # Errors
///
/// As [`hash_tree`].
pub fn listing(root: &Path) -> Result<Vec<(String, bool)>> {
    let executables =
        Executables::of(root).map_err(|source| Error::Read { path: root.to_owned(), source })?;
    let mut files = Vec::new();
    collect(root, "", &executables, &mut files)?;
    Ok(files)
}

fn collect(
    folder: &Path,
    prefix: &str,
    executables: &Executables,
    files: &mut Vec<(String, bool)>,
) -> Result<()> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let unexpected = |what: &str| Error::Failed {
            context: format!("`{}` is {what}, which no artifact holds", entry.path().display()),
            code: mcpkg_core::Code::Tree,
            hint: Some("it was not started; `mcpkg install <name>` puts the pinned files back"),
            source: "the unpacked files were changed".into(),
        };
        let name = name.to_str().ok_or_else(|| unexpected("not named in UTF-8"))?;
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        // `file_type` does not follow links.
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            collect(&entry.path(), &path, executables, files)?;
        } else if kind.is_file() {
            let metadata = entry.metadata().map_err(failed)?;
            let is_executable = executables.has(&path, &metadata);
            files.push((path, is_executable));
        } else {
            return Err(unexpected("no regular file"));
        }
    }
    Ok(())
}

fn hash_file(path: &Path, buffer: &mut [u8]) -> Result<Digest> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = sha2::Sha256::new();
    loop {
        match file.read(buffer).map_err(failed)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    type Change = fn(&Path);

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("lib")).unwrap();
        fs::write(root.path().join("manifest.json"), "{}").unwrap();
        fs::write(root.path().join("lib/run"), "#!").unwrap();
        fs::set_permissions(root.path().join("lib/run"), fs::Permissions::from_mode(0o755))
            .unwrap();
        root
    }

    #[test]
    fn the_digest_on_disk_is_the_digest_of_the_listing() {
        let mut expected = TreeHasher::default();
        expected.add("manifest.json", Digest::of(b"{}"), false);
        expected.add("lib/run", Digest::of(b"#!"), true);
        assert_eq!(hash_tree(tree().path()).unwrap(), expected.finish());
    }

    #[test]
    fn every_change_to_a_tree_is_seen() {
        let original = hash_tree(tree().path()).unwrap();
        let changes: [(&str, Change); 5] = [
            ("changed", |root| fs::write(root.join("manifest.json"), "{ }").unwrap()),
            ("added", |root| fs::write(root.join("new"), "").unwrap()),
            ("removed", |root| fs::remove_file(root.join("manifest.json")).unwrap()),
            ("renamed", |root| fs::rename(root.join("lib"), root.join("bin")).unwrap()),
            ("executable", |root| {
                let path = root.join("manifest.json");
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }),
        ];
        for (what, change) in changes {
            let root = tree();
            change(root.path());
            assert_ne!(hash_tree(root.path()).unwrap(), original, "{what}");
        }
        let root = tree();
        symlink("/etc/passwd", root.path().join("link")).unwrap();
        let error = hash_tree(root.path()).unwrap_err();
        assert_eq!(mcpkg_core::Coded::code(&error).as_str(), "E_TREE");
    }
}
