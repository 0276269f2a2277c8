//! From a folder to an artifact: the same tree gives the same bytes on any
//! machine, clock, locale and umask.

mod files;
mod record;
mod surface;

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Seek as _};
use std::path::{Path, PathBuf};

use mcpkg_core::archive::{self, Archive, Limits, Writer};
use mcpkg_core::manifest::{self, Manifest};
use mcpkg_core::provenance::{SERVER_JSON, artifact_file_name};
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, Platform, TreeDigest};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::atomic;
use crate::error::{Error, Result};
use crate::ops::fetch::{MANIFEST, read_manifest};
use crate::ops::{content, folders};

pub use self::record::{read_import, read_record, write_record};

/// A packed release: the artifact in a temporary file, and its metadata.
pub struct Packed {
    /// The canonical `server.json`.
    pub server_json: ServerJson,
    /// What it runs on.
    pub platform: Platform,
    /// The digest of the artifact.
    pub digest: Digest,
    /// The digest of the files in it.
    pub tree: TreeDigest,
    /// The artifact's length in bytes.
    pub size_bytes: u64,
    /// How many files are in it.
    pub file_count: usize,
    /// What its author should know, before others do.
    pub warnings: Vec<String>,
    file: tempfile::NamedTempFile,
}

impl Packed {
    /// Writes the artifact and the canonical `server.json` into `folder`.
    pub fn write(self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(self.file_name());
        atomic::create_folder(folder)?;
        let failed = |source| Error::Write { path: path.clone(), source };
        // The temporary file may be on another file system, so copy.
        let mut source = self.file.reopen().map_err(failed)?;
        let mut target = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        io::copy(&mut source, &mut target).map_err(failed)?;
        target.as_file().sync_all().map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let readable = fs::Permissions::from_mode(0o644);
            target.as_file().set_permissions(readable).map_err(failed)?;
        }
        target.persist(&path).map_err(|error| failed(error.error))?;
        atomic::write(&folder.join(SERVER_JSON), self.server_json.canonical())?;
        Ok(path)
    }

    /// The artifact, open at its start.
    pub fn reopen(&self) -> Result<File> {
        let failed = |source| Error::Read { path: self.file.path().to_owned(), source };
        self.file.reopen().map_err(failed)
    }

    /// What the artifact's file is called.
    pub fn file_name(&self) -> String {
        artifact_file_name(self.server_json.name(), self.server_json.version(), self.platform)
    }
}

/// Packs `folder`, with the `server.json` at this path or else the one in it, and
/// what the file `surface` says that the server shows. Files in `out`, if that is below the folder, are left out.
pub fn pack(
    folder: &Path,
    server_json: Option<&Path>,
    surface: Option<&Path>,
    platform: Option<Platform>,
    out: &Path,
) -> Result<Packed> {
    let server_json = read_server_json(folder, server_json, surface)?;
    pack_as(folder, server_json, platform, Some(out))
}

/// The metadata of a release that needs no artifact: there is no manifest in `folder`, and
/// `server.json` names an image or a remote server. `None` if that is not so.
///
/// # Errors
///
/// If nobody could use what it names; or if `out` has artifacts in it, which would be
/// published with it.
pub fn metadata(
    folder: &Path,
    server_json: Option<&Path>,
    surface: Option<&Path>,
    out: &Path,
) -> Result<Option<ServerJson>> {
    if folder.join(MANIFEST).exists() {
        return Ok(None);
    }
    let server_json = read_server_json(folder, server_json, surface)?;
    if server_json.images().is_empty() && server_json.remotes().is_empty() {
        return Ok(None);
    }
    content::elsewhere(&server_json)?;
    let others = fs::read_dir(out).into_iter().flatten().flatten();
    let is_artifact = |path: &PathBuf| path.extension().is_some_and(|it| it == "mcpb");
    match others.map(|entry| entry.path()).find(is_artifact) {
        Some(path) => Err(Error::Setting {
            message: format!(
                "`{}` would be published with a release that has no artifact",
                path.display()
            ),
            hint: "remove it, or name another folder with `--out`",
        }),
        None => Ok(Some(server_json)),
    }
}

/// Packs `folder` as a release of which the metadata is known.
pub fn pack_as(
    folder: &Path,
    server_json: ServerJson,
    platform: Option<Platform>,
    out: Option<&Path>,
) -> Result<Packed> {
    let manifest_bytes = manifest_bytes(folder, platform)?;
    let manifest_path = folder.join(MANIFEST);
    let context = || format!("`{}` cannot be packed", manifest_path.display());
    let manifest = Manifest::read(&manifest_bytes).map_err(Error::wrap(context()))?;
    manifest.agrees_with(&server_json).map_err(Error::wrap(context()))?;
    let files = files::collect(folder, out)?;
    manifest
        .check_against_paths(files.iter().map(|file| file.path.as_str()))
        .map_err(Error::wrap(context()))?;

    let failed = |source| Error::Write { path: PathBuf::from("a temporary file"), source };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    let mut writer = Writer::new(BufWriter::new(file.as_file_mut()), &Limits::default());
    let file_count = files.len();
    for entry in files {
        let context = || format!("`{}` cannot be packed", entry.source.display());
        if entry.path.as_str() == MANIFEST {
            let mut manifest = Cursor::new(&manifest_bytes);
            writer.add(&entry.path, false, &mut manifest).map_err(Error::wrap(context()))?;
            continue;
        }
        let mut source = File::open(&entry.source)
            .map_err(|source| Error::Read { path: entry.source.clone(), source })?;
        writer
            .add(&entry.path, entry.is_executable, &mut source)
            .map_err(Error::wrap(context()))?;
    }
    let archive::Packed { output, tree, .. } = writer.finish().map_err(Error::wrap(context()))?;
    output.into_inner().map_err(|error| failed(error.into_error()))?;
    let (digest, size_bytes) = hash(file.as_file_mut()).map_err(failed)?;
    check(file.reopen().map_err(failed)?, tree, folder)?;
    Ok(Packed {
        warnings: folders::unasked(&manifest, server_json.permissions()),
        platform: manifest.platform(),
        server_json,
        digest,
        tree,
        size_bytes,
        file_count,
        file,
    })
}

/// Reads back what was written, as every registry and client will. A folder
/// that makes an archive they refuse is better refused here.
fn check(file: File, tree: TreeDigest, folder: &Path) -> Result<()> {
    let context = || format!("`{}` makes no valid artifact", folder.display());
    let mut archive = Archive::read(file, &Limits::default()).map_err(Error::wrap(context()))?;
    let found = archive.tree_digest().map_err(Error::wrap(context()))?;
    if found == tree { Ok(()) } else { Err(Error::TreeMismatch { expected: tree, found }) }
}

fn read_server_json(
    folder: &Path,
    path: Option<&Path>,
    surface: Option<&Path>,
) -> Result<ServerJson> {
    let path = path.map_or_else(|| folder.join(SERVER_JSON), Path::to_owned);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Setting {
                message: format!("there is no `{}`", path.display()),
                hint: "write one: {\"$schema\": \"https://static.modelcontextprotocol.io/schemas/\
                       2025-12-11/server.schema.json\", \"name\": \"io.github.<you>/<server>\", \
                       \"description\": \"…\", \"version\": \"1.0.0\"}",
            });
        }
        other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
    };
    let context = || format!("`{}` cannot be published", path.display());
    let read = ServerJson::read_strict(&bytes).map_err(Error::wrap(context()))?;
    match surface {
        Some(surface) => surface::add(&read, surface),
        None => Ok(read),
    }
}

/// The manifest as it is packed: as it is on disk, unless it has to be told
/// which platform this artifact is for.
fn manifest_bytes(folder: &Path, platform: Option<Platform>) -> Result<Vec<u8>> {
    let path = folder.join(MANIFEST);
    let failed = |source| Error::Read { path: path.clone(), source };
    // A link could lead anywhere, and a pipe could keep us waiting.
    let metadata = fs::symlink_metadata(&path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(files::not_regular(&path));
    }
    let bytes = fs::read(&path).map_err(failed)?;
    let Some(platform) = platform else { return Ok(bytes) };
    let context = || format!("`{}` cannot be packed", path.display());
    if Manifest::read(&bytes).map_err(Error::wrap(context()))?.platform() == platform {
        return Ok(bytes);
    }
    let mut manifest: Value = serde_json::from_slice(&bytes).map_err(Error::Json)?;
    if let Some(fields) = manifest.as_object_mut() {
        let meta = fields.entry("_meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            meta.insert(manifest::EXTENSION.to_owned(), json!({ "platform": platform }));
        }
    }
    let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(Error::Json)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn hash(file: &mut File) -> io::Result<(Digest, u64)> {
    file.rewind()?;
    let mut hasher = sha2::Sha256::new();
    let size_bytes = io::copy(file, &mut hasher)?;
    Ok((Digest::from_bytes(hasher.finalize().into()), size_bytes))
}

/// What an artifact's file is, found by reading it.
pub struct Inspected {
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The digest of the files in it.
    pub tree: TreeDigest,
    /// Its manifest.
    pub manifest: Manifest,
}

/// Reads the artifact in `file`, structure and contents, and unpacks nothing.
pub fn inspect(mut file: File, path: &Path) -> Result<Inspected> {
    let context = || format!("`{}` is no artifact that can be used", path.display());
    let (digest, _) =
        hash(&mut file).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mut archive = Archive::read(file, &Limits::default()).map_err(Error::wrap(context()))?;
    let manifest = read_manifest(&mut archive, path)?;
    let tree = archive.tree_digest().map_err(Error::wrap(context()))?;
    Ok(Inspected { platform: manifest.platform(), digest, tree, manifest })
}
