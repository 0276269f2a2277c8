//! `mcpkg-registry gc`: letting go of what a source has and can give again.
//!
//! Own releases are for ever, and so is everything small: documents, evidence, the log.
//! What goes are artifacts of sources that are online, of releases that are neither among
//! the newest of their package nor young. Whoever asks for one afterwards waits until it
//! is fetched again; nobody is refused.
//!
//! ```text
//! row in the source's index ─ gone ─> file ─ needed by another index? ─ kept
//!                                           ─ a server runs here?     ─ swept by it, after a while
//!                                           ─ else                    ─ gone now
//! ```
//!
//! A file goes only when nothing refers to it, as with what an unfinished publish leaves,
//! and while a server runs only that server removes files: it alone knows what it is about
//! to refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::{Digest, PackageName, Platform, Version};
use serde::Serialize;

use crate::blobs::{Blobs, blocking};
use crate::config::{Config, RetentionFile, SourceMode};
use crate::mirror::databases;
use crate::server::{self, lock};
use crate::start_error::{StartError, StorageError};
use crate::store::{CachedArtifact, Store};

/// Whether anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GcMode {
    /// It is only said.
    DryRun,
    /// It is done.
    Collect,
}

/// What becomes of the bytes of an artifact that is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// They are freed now.
    Freed,
    /// The server that runs here frees them after the grace period.
    Later,
    /// They stay: something else needs them.
    Shared,
}

/// An artifact that is let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectedArtifact {
    /// The source that has it.
    pub source: String,
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// What becomes of its bytes.
    pub fate: Fate,
}

/// What was let go, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// The artifacts.
    pub artifacts: Vec<CollectedArtifact>,
    /// How many files nothing referred to, such as unfinished publishes leave.
    pub leftovers: usize,
    /// How many bytes are freed now, leftovers included.
    pub freed_bytes: u64,
    /// How many a running server frees later.
    pub later_bytes: u64,
}

/// Everything that may refer to a blob.
struct Indexes {
    own: Option<Store>,
    sources: Vec<(String, Store)>,
}

/// Lets go of what the configuration does not want to be kept.
///
/// # Errors
///
/// What was let go before stays so; nothing that is needed was touched.
pub async fn gc(config: &Config, mode: GcMode) -> Result<Collected, StartError> {
    // Held until the end, so that no server starts meanwhile.
    let held = match lock(&config.data) {
        Ok(held) => Some(held),
        Err(StartError::InUse(_)) => None,
        Err(error) => return Err(error),
    };
    let failed = |source: StorageError| StartError::Storage { path: config.data.clone(), source };
    let collected = collect(config, mode, held.as_ref()).await.map_err(failed)?;
    drop(held);
    Ok(collected)
}

/// `held` is the lock of the data folder, if no server has it.
async fn collect(
    config: &Config,
    mode: GcMode,
    held: Option<&File>,
) -> Result<Collected, StorageError> {
    let is_alone = held.is_some();
    let indexes = Indexes::open(config, mode).await?;
    let blobs = Blobs::at(&config.data);
    let is_dry_run = mode == GcMode::DryRun;
    let mut collected = Collected {
        is_dry_run,
        artifacts: Vec::new(),
        leftovers: 0,
        freed_bytes: 0,
        later_bytes: 0,
    };
    if let Some(retention) = &config.retention {
        for source in config.sources.iter().filter(|it| it.mode == SourceMode::Online) {
            let name = source.name.as_str();
            let Some(store) = indexes.source(name) else { continue };
            for artifact in unwanted(store.artifacts().await?, retention, Timestamp::now()) {
                let digest = artifact.digest;
                if !is_old(&blobs, digest, hours(retention.grace_hours.into())).await? {
                    continue;
                }
                let is_shared = indexes.is_needed(digest, Some(name)).await?;
                let fate = match (is_shared, is_alone) {
                    (true, _) => Fate::Shared,
                    (false, true) => Fate::Freed,
                    (false, false) => Fate::Later,
                };
                if mode == GcMode::Collect {
                    store.forget_artifact(digest).await?;
                    let blobs = blobs.clone();
                    blocking(move || match fate {
                        Fate::Freed => blobs.sweep(digest, SystemTime::now()).map(drop),
                        Fate::Later => blobs.retire(digest),
                        Fate::Shared => Ok(()),
                    })
                    .await?;
                }
                collected.add(name, artifact, fate);
            }
        }
    }
    if is_alone {
        let sweep_after = config.limits.sweep_after();
        sweep_leftovers(&indexes, &blobs, sweep_after, &mut collected).await?;
    }
    indexes.close().await;
    Ok(collected)
}

/// The artifacts that are here and need not be. One that a release needs that is kept is
/// kept, whichever other release has it too.
fn unwanted(
    artifacts: Vec<CachedArtifact>,
    retention: &RetentionFile,
    now: Timestamp,
) -> Vec<CachedArtifact> {
    let mut newest: BTreeMap<PackageName, BTreeSet<Version>> = BTreeMap::new();
    for artifact in &artifacts {
        newest.entry(artifact.name.clone()).or_default().insert(artifact.version.clone());
    }
    let days = SignedDuration::from_hours(24 * i64::from(retention.keep_days));
    let is_kept = |artifact: &CachedArtifact| {
        let versions = newest.get(&artifact.name).into_iter().flatten().rev();
        let mut first = versions.take(retention.keep_newest as usize);
        first.any(|version| *version == artifact.version)
            || now.duration_since(artifact.published_at) < days
    };
    let kept: BTreeSet<Digest> =
        artifacts.iter().filter(|it| is_kept(it)).map(|it| it.digest).collect();
    let mut seen = BTreeSet::new();
    artifacts
        .into_iter()
        .filter(|it| it.is_here && !kept.contains(&it.digest) && seen.insert(it.digest))
        .collect()
}

/// Removes files that nothing refers to and whose time is over.
async fn sweep_leftovers(
    indexes: &Indexes,
    blobs: &Blobs,
    sweep_after: Duration,
    collected: &mut Collected,
) -> Result<(), StorageError> {
    let listed = blobs.clone();
    for file in blocking(move || listed.files()).await? {
        let Some(digest) = file.digest else { continue };
        // A dry run has let nothing go, so these are not among them.
        if indexes.is_needed(digest, None).await? || !is_old(blobs, digest, sweep_after).await? {
            continue;
        }
        let size_bytes = std::fs::metadata(&file.path).map_or(0, |it| it.len());
        if !collected.is_dry_run {
            let blobs = blobs.clone();
            blocking(move || blobs.sweep(digest, SystemTime::now())).await?;
        }
        collected.leftovers += 1;
        collected.freed_bytes += size_bytes;
    }
    Ok(())
}

/// Whether a file has been here for longer than `age`.
async fn is_old(blobs: &Blobs, digest: Digest, age: Duration) -> Result<bool, StorageError> {
    let path = blobs.path(digest);
    let before = SystemTime::now().checked_sub(age);
    let modified = blocking(move || {
        Ok::<_, std::convert::Infallible>(std::fs::metadata(path).and_then(|it| it.modified()).ok())
    });
    let Ok(modified) = modified.await;
    Ok(modified.zip(before).is_some_and(|(modified, before)| modified < before))
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(3600))
}

impl Indexes {
    async fn open(config: &Config, mode: GcMode) -> Result<Self, StorageError> {
        let wait = config.limits.database();
        let own = config.data.join(server::DATABASE);
        let own = if own.exists() { Some(Store::open_read_only(&own, wait).await?) } else { None };
        let mut sources = Vec::new();
        for path in databases(&config.data) {
            let folder = path.parent().and_then(|folder| folder.file_name());
            let name = folder.unwrap_or_default().to_string_lossy().into_owned();
            let store = match mode {
                GcMode::DryRun => Store::open_read_only(&path, wait).await?,
                GcMode::Collect => Store::open_source(&path, wait).await?,
            };
            sources.push((name, store));
        }
        Ok(Self { own, sources })
    }

    fn source(&self, name: &str) -> Option<&Store> {
        self.sources.iter().find(|(it, _)| it == name).map(|(_, store)| store)
    }

    /// Whether something refers to a blob, be it a source that is not configured any
    /// more; not counting `but`.
    async fn is_needed(&self, digest: Digest, but: Option<&str>) -> Result<bool, StorageError> {
        for (name, store) in &self.sources {
            if but != Some(name) && store.has_blob(digest).await? {
                return Ok(true);
            }
        }
        match &self.own {
            Some(own) => Ok(own.has_blob(digest).await?),
            None => Ok(false),
        }
    }

    async fn close(&self) {
        for store in self.sources.iter().map(|(_, store)| store).chain(&self.own) {
            store.close().await;
        }
    }
}

impl Collected {
    fn add(&mut self, source: &str, artifact: CachedArtifact, fate: Fate) {
        let CachedArtifact { name, version, platform, digest, size_bytes, .. } = artifact;
        match fate {
            Fate::Freed => self.freed_bytes += size_bytes,
            Fate::Later => self.later_bytes += size_bytes,
            Fate::Shared => (),
        }
        let source = source.to_owned();
        self.artifacts.push(CollectedArtifact {
            source,
            name,
            version,
            platform,
            digest,
            size_bytes,
            fate,
        });
    }
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.artifacts {
            let fate = match it.fate {
                Fate::Freed => "freed",
                Fate::Later => "freed later, by the server that runs",
                Fate::Shared => "not freed, something else needs it",
            };
            let (source, name, version, platform) =
                (&it.source, &it.name, &it.version, it.platform);
            writeln!(
                f,
                "{source}: {name}@{version} for {platform}, {} bytes: {fate}",
                it.size_bytes
            )?;
        }
        let verb = if self.is_dry_run { "would be" } else { "were" };
        let (count, leftovers) = (self.artifacts.len(), self.leftovers);
        write!(f, "{count} artifacts {verb} let go, and {leftovers} leftovers; ")?;
        write!(f, "{} bytes freed now, {} later", self.freed_bytes, self.later_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(version: &str, age_days: i64, digest: &[u8]) -> CachedArtifact {
        CachedArtifact {
            name: "acme/weather".parse().unwrap(),
            version: version.parse().unwrap(),
            published_at: Timestamp::now() - SignedDuration::from_hours(24 * age_days),
            platform: Platform::Any,
            digest: Digest::of(digest),
            size_bytes: 1,
            is_here: true,
        }
    }

    #[test]
    fn what_is_new_young_or_needed_twice_is_kept() {
        let retention = RetentionFile { keep_newest: 2, keep_days: 30, grace_hours: 1 };
        let artifacts = vec![
            artifact("1.0.0", 400, b"a"),
            artifact("1.1.0", 300, b"b"),
            // The same bytes as a release that is kept.
            artifact("1.2.0", 200, b"d"),
            // Old by its version, and yet young.
            artifact("1.2.1", 3, b"c"),
            artifact("2.0.0", 100, b"d"),
            artifact("2.1.0", 90, b"e"),
            CachedArtifact { is_here: false, ..artifact("0.9.0", 500, b"f") },
        ];
        let found = unwanted(artifacts, &retention, Timestamp::now());
        let versions: Vec<String> = found.iter().map(|it| it.version.to_string()).collect();
        assert_eq!(versions, ["1.0.0", "1.1.0"]);
    }
}
