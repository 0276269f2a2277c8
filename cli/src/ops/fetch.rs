//! Bringing an artifact here, and finding out what is in it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use mcpkg_core::api::Artifact;
use mcpkg_core::archive::{Archive, ArchiveError, Limits};
use mcpkg_core::manifest::{self, Manifest};
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Code, Digest, TreeDigest, TreeHasher};
use sha2::Digest as _;

use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::store::{self, Staging, Store};
use crate::ui::Ui;

/// The name of the manifest in an artifact.
pub const MANIFEST: &str = "manifest.json";

/// An artifact that was unpacked into staging, and is what was signed.
pub struct Unpacked {
    /// Its manifest.
    pub manifest: Manifest,
    staging: Staging,
    tree: TreeDigest,
}

impl Unpacked {
    /// Where its files are until they are kept.
    pub fn folder(&self) -> PathBuf {
        self.staging.tree()
    }

    /// Moves the files into the content store.
    pub fn keep(self, store: &Store) -> Result<()> {
        store.keep(&self.staging.tree(), self.tree)
    }
}

/// Unpacks an artifact that was made here, `file` in `staging`, and holds its files to
/// `tree`.
pub fn take(staging: Staging, path: &Path, tree: TreeDigest) -> Result<Unpacked> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let (found, manifest) = unpack(file, path, &staging.tree())?;
    if found != tree {
        return Err(Error::TreeMismatch { expected: tree, found });
    }
    Ok(Unpacked { manifest, staging, tree })
}

/// Downloads `artifact`, checks that it is the one that was signed, and unpacks
/// it into staging. Nothing leaves staging here.
pub fn fetch(
    registry: &Registry,
    artifact: &Artifact,
    server_json: &ServerJson,
    store: &Store,
    ui: &Ui,
) -> Result<Unpacked> {
    let staging = store.stage()?;
    let manifest =
        fetch_into(registry, artifact, server_json, staging.file()?, &staging.tree(), ui)?;
    Ok(Unpacked { manifest, staging, tree: artifact.tree })
}

/// The same, into the empty file given and the new folder `target`. Nobody may
/// use what is there until this has returned.
pub fn fetch_into(
    registry: &Registry,
    artifact: &Artifact,
    server_json: &ServerJson,
    (path, mut file): (PathBuf, File),
    target: &Path,
    ui: &Ui,
) -> Result<Manifest> {
    // The size is the registry's word, and so is how much it may send.
    if artifact.size_bytes > Limits::ARCHIVE_BYTES {
        return Err(Error::TooLarge { found: artifact.size_bytes, limit: Limits::ARCHIVE_BYTES });
    }
    registry.download(artifact.digest, artifact.size_bytes, &mut file, ui)?;
    let (tree, manifest) = unpack(file, &path, target)?;
    if tree != artifact.tree {
        return Err(Error::TreeMismatch { expected: artifact.tree, found: tree });
    }
    check_manifest(&manifest, artifact, server_json)?;
    Ok(manifest)
}

fn check_manifest(
    manifest: &Manifest,
    artifact: &Artifact,
    server_json: &ServerJson,
) -> Result<()> {
    manifest
        .agrees_with(server_json)
        .map_err(Error::wrap("the artifact is not what its server.json describes"))?;
    if manifest.platform() == artifact.platform {
        Ok(())
    } else {
        Err(Error::WrongPlatform { path: MANIFEST.into(), found: manifest.platform() })
    }
}

/// Unpacks `file` into the new folder `target`, hashing as it writes.
///
/// The archive's structure, paths and sizes were all checked by the reader
/// before the first byte is inflated; checksums hold or this fails.
pub fn unpack(file: File, path: &Path, target: &Path) -> Result<(TreeDigest, Manifest)> {
    let context = || format!("`{}` is no artifact that can be used", path.display());
    let mut archive = Archive::read(file, &Limits::default()).map_err(Error::wrap(context()))?;
    let manifest = read_manifest(&mut archive, path)?;
    fs::create_dir(target).map_err(|source| Error::Write { path: target.to_owned(), source })?;
    let mut tree = TreeHasher::default();
    let mut executables = Vec::new();
    let mut folder_made = String::new();
    archive
        .for_each_file(|entry, content| {
            let name = entry.path().as_str();
            let destination = target.join(name);
            let failed = |source| Unpack::Write { path: destination.clone(), source };
            // Entries of one folder mostly follow one another.
            if let Some((folder, _)) = name.rsplit_once('/')
                && folder != folder_made
            {
                fs::create_dir_all(target.join(folder)).map_err(failed)?;
                folder.clone_into(&mut folder_made);
            }
            let mut file = create(&destination, entry.is_executable()).map_err(failed)?;
            let mut hasher = sha2::Sha256::new();
            while let Some(chunk) = content.next_chunk()? {
                hasher.update(chunk);
                file.write_all(chunk).map_err(failed)?;
            }
            let digest = Digest::from_bytes(hasher.finalize().into());
            tree.add(name, digest, entry.is_executable());
            if entry.is_executable() {
                executables.push(name.to_owned());
            }
            Ok(())
        })
        .map_err(|error| match error {
            Unpack::Archive(error) => Error::wrap(context())(error),
            Unpack::Write { path, source } => Error::Write { path, source },
        })?;
    store::remember_executables(target, &executables)
        .map_err(|source| Error::Write { path: target.to_owned(), source })?;
    Ok((tree.finish(), manifest))
}

/// Reads the manifest of an archive, and checks it against the archive's files.
pub fn read_manifest<R: io::Read + io::Seek>(
    archive: &mut Archive<R>,
    path: &Path,
) -> Result<Manifest> {
    let context = || format!("`{}` is no artifact that can be used", path.display());
    let bytes = archive
        .read_file(MANIFEST, manifest::MAX_LEN as u64)
        .map_err(Error::wrap(context()))?
        .ok_or_else(|| Error::Failed {
            context: context(),
            code: Code::Manifest,
            hint: Some("pack it with `mcpkg pack`"),
            source: "it holds no manifest.json".into(),
        })?;
    let manifest = Manifest::read(&bytes).map_err(Error::wrap(context()))?;
    manifest
        .check_against_paths(archive.entries().iter().map(|entry| entry.path().as_str()))
        .map_err(Error::wrap(context()))?;
    Ok(manifest)
}

/// What can go wrong while files are visited.
enum Unpack {
    Archive(ArchiveError),
    Write { path: PathBuf, source: io::Error },
}

impl From<ArchiveError> for Unpack {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

#[cfg(unix)]
fn create(path: &Path, is_executable: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Not writable, so that a server does not change itself by accident.
    let mode = if is_executable { 0o555 } else { 0o444 };
    File::options().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: bool) -> io::Result<File> {
    File::create_new(path)
}
