//! Taking over what was carried here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::unpack::unpack;
use super::{AirgapError, Manifest};
use crate::blobs::{Blobs, blocking};
use crate::config::{Config, SourceConfig};
use crate::log::{LogFiles, size_of};
use crate::mirror::upstream::{Folder, Upstream};
use crate::mirror::{Place, SOURCES, Source, SourceName, SourceStatuses, described};
use crate::server::{self, lock};
use crate::start_error::{AirgapFailure, StartError};
use crate::store::Store;

/// The folder of what was fetched of trust roots, in the data folder.
const TRUST: &str = "trust";

/// Where an export is unpacked and tried, in the data folder.
const TRIAL: &str = "import";

/// Takes over what `from` has of the source `name`: an export, or a folder with the same
/// files. No server may run.
pub async fn import(
    mut config: Config,
    name: &SourceName,
    from: &Path,
) -> Result<SourceStatuses, StartError> {
    let sources = std::mem::take(&mut config.sources);
    let all = sources.iter().map(|it| (it.name.clone(), it.namespaces.clone())).collect();
    let Some(source) = sources.into_iter().find(|it| it.name == *name) else {
        return Err(StartError::NoSource(name.to_string()));
    };
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    fs::create_dir_all(&data).map_err(unusable)?;
    let _lock = lock(&data)?;
    let failed = |source| StartError::Storage { path: data.clone(), source };
    let registry = Store::open(&data.join(server::DATABASE), config.limits.database())
        .await
        .map_err(|error| failed(error.into()))?;
    let blobs = Blobs::open(&data).map_err(|error| failed(error.into()))?;
    let place = config.place_with(all, registry.clone(), blobs);
    let taken = take(source, &place, from).await;
    registry.close().await;
    taken.map_err(|error| StartError::Airgap {
        path: from.to_owned(),
        source: AirgapFailure::from(error),
    })
}

async fn take(
    source: SourceConfig,
    place: &Place,
    from: &Path,
) -> Result<SourceStatuses, AirgapError> {
    let trial = place.data.join(TRIAL);
    // What an import that was killed has left.
    clear(&trial)?;
    let folder = if from.is_dir() {
        from.to_owned()
    } else {
        let (archive, unpacked) = (from.to_owned(), trial.join("unpacked"));
        let make = AirgapError::file("make", &unpacked);
        fs::create_dir_all(&unpacked).map_err(make)?;
        let to = unpacked.clone();
        let manifest = blocking(move || unpack(&archive, &to)).await?;
        try_out(source.clone(), place, &trial, &unpacked, &manifest).await?;
        unpacked
    };
    let url = source.url.clone();
    let source = open(source, place, &folder).await?;
    let taken = source.take_all().await;
    let status = described(&source, url.as_ref()).await;
    source.store().close().await;
    taken?;
    clear(&trial)?;
    Ok(SourceStatuses { sources: vec![status?] })
}

async fn open(
    source: SourceConfig,
    place: &Place,
    folder: &Path,
) -> Result<Arc<Source>, AirgapError> {
    let upstream: Arc<dyn Upstream> = Arc::new(Folder::new(folder.to_owned()));
    Ok(Arc::new(Source::open(source, Some(upstream), place).await?))
}

/// Follows an export to its end with a copy of what is here, and finds that it has all that
/// it says.
async fn try_out(
    source: SourceConfig,
    place: &Place,
    trial: &Path,
    unpacked: &Path,
    manifest: &Manifest,
) -> Result<(), AirgapError> {
    let origin = source.log_key.name().to_owned();
    if manifest.origin != origin {
        let found = manifest.origin.clone();
        return Err(AirgapError::OtherLog { expected: origin, found });
    }
    let data = trial.join("trial");
    let (folder, copy) = (place.data.join(SOURCES).join(source.name.as_str()), data.clone());
    let here = size_here(&folder, &place.data)?;
    if manifest.since > here {
        return Err(AirgapError::Gap { since: manifest.since, here });
    }
    let (name, real) = (source.name.clone(), place.data.clone());
    blocking(move || {
        copy_folder(&real.join(TRUST), &copy.join(TRUST))?;
        copy_folder(&folder, &copy.join(SOURCES).join(name.as_str()))?;
        copy_files(&real, &copy, |name| name.starts_with(server::DATABASE))
    })
    .await?;
    let registry = Store::open(&data.join(server::DATABASE), place.wait).await?;
    let blobs = Blobs::open(&data)?;
    let owners = Arc::clone(&place.owners);
    let tried = Place { data, wait: place.wait, registry: registry.clone(), blobs, owners };
    let source = open(source, &tried, unpacked).await?;
    let result = is_whole(&source, manifest).await;
    source.store().close().await;
    registry.close().await;
    result
}

/// Whether following has led to the tree that the export says, and left nothing open.
async fn is_whole(source: &Arc<Source>, manifest: &Manifest) -> Result<(), AirgapError> {
    source.take_all().await?;
    source.confirm_key().await?;
    if source.tree() != manifest.tree() {
        return Err(AirgapError::Malformed {
            path: super::manifest::PATH.to_owned(),
            reason: "says another tree than its checkpoint".to_owned(),
        });
    }
    if let Some(name) = source.store().package_without_index(manifest.size).await? {
        let (path, reason) = (format!("v1/log/indexes/{name}"), "is missing".to_owned());
        return Err(AirgapError::Malformed { path, reason });
    }
    let is_excused = |index: &u64| *index < manifest.since || manifest.withheld.contains(index);
    let withheld = source.store().withheld_for_now(u32::MAX).await?;
    if let Some(&index) = withheld.iter().find(|index| !is_excused(index)) {
        return Err(AirgapError::Incomplete(index));
    }
    let lacking = source.store().entries_without_artifact().await?;
    match lacking.iter().find(|index| !is_excused(index)) {
        Some(&index) => Err(AirgapError::Incomplete(index)),
        None => Ok(()),
    }
}

/// How many entries of the source in `folder` are served.
fn size_here(folder: &Path, data: &Path) -> Result<u64, AirgapError> {
    let files = LogFiles::at_folder(folder, &data.join("staging"));
    Ok(files.checkpoint()?.as_deref().map_or(0, size_of))
}

fn clear(folder: &Path) -> Result<(), AirgapError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(AirgapError::file("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Copies a folder with everything in it; nothing if there is none.
fn copy_folder(from: &Path, to: &Path) -> Result<(), AirgapError> {
    copy_files(from, to, |_| true)?;
    for path in entries(from)?.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap_or_default();
        copy_folder(&path, &to.join(name))?;
    }
    Ok(())
}

/// Copies the files of a folder that are wanted.
fn copy_files(from: &Path, to: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<(), AirgapError> {
    fs::create_dir_all(to).map_err(AirgapError::file("make", to))?;
    for path in entries(from)?.into_iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default();
        if is_wanted(&name.to_string_lossy()) {
            fs::copy(&path, to.join(name)).map_err(AirgapError::file("copy", &path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, AirgapError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(AirgapError::file("read", folder)),
    }
}
