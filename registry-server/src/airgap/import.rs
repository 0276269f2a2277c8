//! Taking over what was carried here.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mcpkg_core::Digest;
use serde::Serialize;
use url::Url;

use super::folders::{clear, copy_files, copy_folder};
use super::offered::Offered;
use super::unpack::{Unpacked, unpack};
use super::{AirgapError, Manifest, OfferedRoot};
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

/// What was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenOver {
    /// What is here of the source now.
    #[serde(flatten)]
    pub statuses: SourceStatuses,
    /// What no log has signed; nothing where a folder was taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<UnsignedParts>,
}

/// What an export had that no log has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnsignedParts {
    /// The trust roots that it was verified with where it was made.
    pub trust_roots: Vec<OfferedRoot>,
    /// How many advisories there are.
    pub advisories: u64,
    /// How many documents say something of advisories.
    pub vex: usize,
    /// Whether these are used now: the operator has named the digest of the file.
    pub is_used: bool,
}

/// Takes over what `from` has of the source `name`: an export, or a folder with the same
/// files. What of it no log has signed is used if `vouched` is the digest of the file. No
/// server may run.
pub async fn import(
    mut config: Config,
    name: &SourceName,
    from: &Path,
    vouched: Option<Digest>,
) -> Result<TakenOver, StartError> {
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
    let taken = take(&mut config, source, &place, from, vouched).await;
    registry.close().await;
    taken.map_err(|error| StartError::Airgap {
        path: from.to_owned(),
        source: AirgapFailure::from(error),
    })
}

async fn take(
    config: &mut Config,
    source: SourceConfig,
    place: &Place,
    from: &Path,
    vouched: Option<Digest>,
) -> Result<TakenOver, AirgapError> {
    let trial = place.data.join(TRIAL);
    // What an import that was killed has left.
    clear(&trial)?;
    if from.is_dir() && vouched.is_none() {
        let (source, url) = take_over(source, place, from).await?;
        let statuses = close(&source, url).await?;
        return Ok(TakenOver { statuses, unsigned: None });
    }
    let (archive, unpacked) = (from.to_owned(), trial.join("unpacked"));
    let make = AirgapError::file("make", &unpacked);
    fs::create_dir_all(&unpacked).map_err(make)?;
    let to = unpacked.clone();
    let (manifest, digest, offered) = blocking(move || {
        let Unpacked { manifest, digest } = unpack(&archive, &to)?;
        let offered = Offered::read(&to, &manifest)?;
        Ok::<_, AirgapError>((manifest, digest, offered))
    })
    .await?;
    if let Some(expected) = vouched.filter(|expected| *expected != digest) {
        return Err(AirgapError::OtherFile { expected, found: digest });
    }
    let advisories = offered.try_advisories(config, &trial).await?;
    let trust_roots = try_out(source.clone(), place, &trial, &manifest, &offered).await?;
    // More is known against releases before there are more of them.
    let is_used = vouched.is_some();
    if is_used {
        offered.use_advisories(config).await?;
    }
    let (source, url) = take_over(source, place, &unpacked).await?;
    if is_used {
        offered.use_vex(source.store()).await?;
    }
    let statuses = close(&source, url).await?;
    clear(&trial)?;
    let vex = offered.vex_count();
    let unsigned = Some(UnsignedParts { trust_roots, advisories, vex, is_used });
    Ok(TakenOver { statuses, unsigned })
}

/// Takes over everything that is in `folder`.
async fn take_over(
    source: SourceConfig,
    place: &Place,
    folder: &Path,
) -> Result<(Arc<Source>, Option<Url>), AirgapError> {
    let url = source.url.clone();
    let source = open(source, place, folder).await?;
    if let Err(error) = source.take_all().await {
        source.store().close().await;
        return Err(error.into());
    }
    Ok((source, url))
}

/// What is here of `source` now, which nobody uses any more.
async fn close(source: &Source, url: Option<Url>) -> Result<SourceStatuses, AirgapError> {
    let status = described(source, url.as_ref()).await;
    source.store().close().await;
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

/// Follows the export that was unpacked in `trial` to its end with a copy of what is here,
/// and finds that it has all that it says, and that what was given out there can be
/// verified here. Gives the trust roots that it was verified with.
async fn try_out(
    source: SourceConfig,
    place: &Place,
    trial: &Path,
    manifest: &Manifest,
    offered: &Offered,
) -> Result<Vec<OfferedRoot>, AirgapError> {
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
    let source = open(source, &tried, &trial.join("unpacked")).await?;
    let result = is_whole(&source, manifest).await;
    let kept = offered.keep_roots(&source.trust().roots(), source.name(), place).await;
    let unverified = source.store().withheld_from(manifest.since).await;
    source.store().close().await;
    registry.close().await;
    result?;
    let (kept, unverified) = (kept?, unverified?);
    let entry = unverified.into_iter().find(|index| !manifest.withheld.contains(index));
    match (entry, kept.iter().find(|root| root.kept.is_some())) {
        (Some(entry), Some(root)) => Err(AirgapError::Untrusted { entry, root: root.fingerprint }),
        _ => Ok(kept),
    }
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

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.statuses)?;
        let Some(UnsignedParts { trust_roots, advisories, vex, is_used }) = &self.unsigned else {
            return Ok(());
        };
        for OfferedRoot { fingerprint, kept } in trust_roots {
            match kept {
                None => writeln!(f, "trust root {fingerprint}: as here")?,
                Some(path) => writeln!(
                    f,
                    "trust root {fingerprint}: not configured here, and not used; it is `{}`",
                    path.display()
                )?,
            }
        }
        if *advisories > 0 || *vex > 0 {
            let used = if *is_used {
                "used now"
            } else {
                "not used: name the digest that the exporter printed, with `--digest`"
            };
            writeln!(f, "{advisories} advisories, {vex} documents on them: {used}")?;
        }
        Ok(())
    }
}
