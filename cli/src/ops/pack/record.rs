//! How the recipe gets from packing to signing: a file beside the artifacts.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use mcpkg_core::archive::ArchivePath;
use mcpkg_core::project::{BuildRecord, Recipe};
use mcpkg_core::provenance::ImportRecord;
use mcpkg_core::{Code, Digest};

use crate::atomic;
use crate::error::{Error, Result};

/// Leaves in `folder` how `artifact` was built, beside those that were built like
/// that before; or nothing, if it was packed as it was.
pub fn write_record(
    folder: &Path,
    built: Option<(Recipe, Option<ArchivePath>)>,
    artifact: Digest,
) -> Result<()> {
    let path = folder.join(BuildRecord::FILE);
    let Some((recipe, source)) = built else {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|source| Error::Write { path, source }),
        };
    };
    // One that cannot be read is of nothing that is here.
    let previous = read(&path).ok().flatten();
    let record = BuildRecord::with(previous, recipe, source, artifact);
    let mut json = serde_json::to_vec_pretty(&record).map_err(Error::Json)?;
    json.push(b'\n');
    atomic::write(&path, &json)
}

/// How the artifacts in `folder` were built, if that was declared.
///
/// # Errors
///
/// `E_BUILD` if the record is not of all of `artifacts`: then signing its recipe
/// would say of one that it was built in a way that it was not.
pub fn read_record(folder: &Path, artifacts: &[Digest]) -> Result<Option<BuildRecord>> {
    let path = folder.join(BuildRecord::FILE);
    let Some(record) = read(&path)?.filter(|_| !artifacts.is_empty()) else { return Ok(None) };
    if record.is_of(artifacts.iter().copied()) {
        return Ok(Some(record));
    }
    Err(unusable(&path, "it is of other artifacts than are here"))
}

/// Of what package of another ecosystem the artifact in `folder` was made, if it was.
///
/// # Errors
///
/// `E_BUILD` if the record is of another artifact than the one that is here.
pub fn read_import(folder: &Path, artifacts: &[Digest]) -> Result<Option<ImportRecord>> {
    let path = folder.join(ImportRecord::FILE);
    let Some(json) = read_at_most(&path, ImportRecord::MAX_BYTES)? else { return Ok(None) };
    let record: ImportRecord =
        serde_json::from_slice(&json).map_err(|error| unusable(&path, &error.to_string()))?;
    if artifacts == [record.artifact] {
        return Ok(Some(record));
    }
    Err(unusable(&path, "it is of another artifact than is here"))
}

fn read(path: &Path) -> Result<Option<BuildRecord>> {
    let Some(json) = read_at_most(path, BuildRecord::MAX_BYTES)? else { return Ok(None) };
    let record = serde_json::from_slice(&json);
    record.map(Some).map_err(|error| unusable(path, &error.to_string()))
}

fn read_at_most(path: &Path, max_bytes: usize) -> Result<Option<Vec<u8>>> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut json = Vec::new();
    file.take(max_bytes as u64 + 1).read_to_end(&mut json).map_err(failed)?;
    if json.len() > max_bytes {
        return Err(unusable(path, "it is too long"));
    }
    Ok(Some(json))
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Failed {
        context: format!("`{}` does not say how these artifacts were built", path.display()),
        code: Code::Build,
        hint: Some("pack them again, or remove the file to publish them without a recipe"),
        source: reason.to_owned().into(),
    }
}
