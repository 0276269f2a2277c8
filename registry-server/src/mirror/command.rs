//! What an operator does with sources from the command line.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use mcpkg_core::{Digest, PackageName};
use serde::Serialize;
use url::Url;

use super::{DATABASE, MirrorError, Place, SOURCES, Source, SourceName};
use crate::blobs::Blobs;
use crate::config::{Config, SourceConfig};
use crate::log::{LogFiles, size_of};
use crate::server::{self, lock};
use crate::start_error::{MirrorFailure, StartError, StorageError};
use crate::store::{Fetch, Store};

/// What is here of the sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatuses {
    /// Each of them.
    pub sources: Vec<SourceStatus>,
}

/// What is here of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// What it is called.
    pub name: String,
    /// Whether it is asked.
    pub mode: String,
    /// Where it is.
    pub url: Option<String>,
    /// The names that come from it.
    pub namespaces: Vec<String>,
    /// How many entries of its log are served.
    pub entries: u64,
    /// How many of them are not given out.
    pub withheld: u64,
    /// What proves a lie of it.
    pub evidence: Vec<PathBuf>,
}

/// Who fetched some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchList {
    /// Which bytes.
    pub digest: Digest,
    /// Who, the last first.
    pub fetches: Vec<Fetch>,
}

/// A package that may come from another source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// Which one.
    pub name: PackageName,
    /// Whether it came from a source before.
    pub was_claimed: bool,
}

/// What is here of each source, also beside a running server.
pub async fn source_statuses(config: &Config) -> Result<SourceStatuses, StartError> {
    let mut sources = Vec::new();
    for source in &config.sources {
        sources.push(status(config, source).await?);
    }
    Ok(SourceStatuses { sources })
}

async fn status(config: &Config, source: &SourceConfig) -> Result<SourceStatus, StartError> {
    let folder = config.data.join(SOURCES).join(source.name.as_str());
    let failed = |error: StorageError| StartError::Storage { path: folder.clone(), source: error };
    let files = LogFiles::at_folder(&folder, &config.data.join("staging"));
    let note = files.checkpoint().map_err(|error| failed(error.into()))?;
    let database = folder.join(DATABASE);
    let withheld = if database.is_file() {
        let wait = config.limits.database();
        let counted = async {
            let store = Store::open_read_only(&database, wait).await?;
            let count = store.count_withheld().await;
            store.close().await;
            count
        };
        counted.await.map_err(|error| failed(error.into()))?
    } else {
        0
    };
    let entries = std::fs::read_dir(folder.join("evidence")).into_iter().flatten();
    let mut evidence: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    evidence.sort();
    Ok(SourceStatus {
        name: source.name.to_string(),
        mode: source.mode.to_string(),
        url: source.url.as_ref().map(ToString::to_string),
        namespaces: source.namespaces.iter().map(ToString::to_string).collect(),
        entries: note.as_deref().map_or(0, size_of),
        withheld,
        evidence,
    })
}

/// Follows the sources, or the one of this name, now. No server may run.
pub async fn sync(
    mut config: Config,
    only: Option<&SourceName>,
) -> Result<SourceStatuses, StartError> {
    let sources = std::mem::take(&mut config.sources);
    let is_wanted = |it: &SourceConfig| only.is_none_or(|only| it.name == *only);
    if !sources.iter().any(is_wanted) {
        return Err(unknown(only));
    }
    let (wanted, others): (Vec<_>, Vec<_>) = sources.into_iter().partition(is_wanted);
    config.sources = others;
    take(&config, wanted).await
}

/// Follows these sources.
async fn take(config: &Config, wanted: Vec<SourceConfig>) -> Result<SourceStatuses, StartError> {
    let data = config.data.clone();
    let unusable = |source| StartError::Data { path: data.clone(), source };
    std::fs::create_dir_all(&data).map_err(unusable)?;
    let _lock = lock(&data)?;
    let failed = |source| StartError::Storage { path: data.clone(), source };
    let registry = Store::open(&data.join(server::DATABASE), config.limits.database())
        .await
        .map_err(|error| failed(error.into()))?;
    let blobs = Blobs::open(&data).map_err(|error| failed(error.into()))?;
    let place = place_of(config, &wanted, registry.clone(), blobs);
    let mut sources = Vec::new();
    for config in wanted {
        let name = config.name.clone();
        let url = config.url.clone();
        let source = Source::open(config, None, &place)
            .await
            .map_err(|error| StartError::Source { name: name.clone(), source: error.into() })?;
        let source = Arc::new(source);
        let taken = source.take_turn().await;
        let status = described(&source, url.as_ref()).await;
        source.store.close().await;
        let failed = |error: MirrorError| StartError::Mirror {
            name: name.clone(),
            source: MirrorFailure::from(error),
        };
        taken.map_err(failed)?;
        sources.push(status.map_err(failed)?);
    }
    registry.close().await;
    Ok(SourceStatuses { sources })
}

fn place_of(config: &Config, wanted: &[SourceConfig], registry: Store, blobs: Blobs) -> Place {
    let all = config.sources.iter().chain(wanted);
    let sources = all.map(|it| (it.name.clone(), it.namespaces.clone())).collect();
    config.place_with(sources, registry, blobs)
}

/// What is here of `source`, which is at `url`.
pub(crate) async fn described(
    source: &Source,
    url: Option<&Url>,
) -> Result<SourceStatus, MirrorError> {
    let document = source.document().await?;
    Ok(SourceStatus {
        name: document.name,
        mode: document.mode,
        url: url.map(ToString::to_string),
        namespaces: document.namespaces.iter().map(ToString::to_string).collect(),
        entries: document.tree_size,
        withheld: document.withheld,
        evidence: Vec::new(),
    })
}

/// Who fetched the bytes of `digest`, also beside a running server.
pub async fn fetches(config: &Config, digest: Digest) -> Result<FetchList, StartError> {
    let failed = |error: crate::store::StoreError| StartError::Storage {
        path: config.data.clone(),
        source: error.into(),
    };
    let database = config.data.join(server::DATABASE);
    let store = Store::open_read_only(&database, config.limits.database()).await.map_err(failed)?;
    let fetches = store.fetches(digest).await.map_err(failed)?;
    store.close().await;
    Ok(FetchList { digest, fetches })
}

/// Lets a package come from another source than before. No server may run.
pub async fn release_claim(config: &Config, name: &PackageName) -> Result<Released, StartError> {
    let data = config.data.clone();
    let _lock = lock(&data)?;
    let failed = |error: crate::store::StoreError| StartError::Storage {
        path: data.clone(),
        source: error.into(),
    };
    let database = data.join(server::DATABASE);
    let store = Store::open(&database, config.limits.database()).await.map_err(failed)?;
    let was_claimed = store.release_claim(name).await.map_err(failed)?;
    store.close().await;
    Ok(Released { name: name.clone(), was_claimed })
}

fn unknown(name: Option<&SourceName>) -> StartError {
    StartError::NoSource(name.map_or_else(String::new, ToString::to_string))
}

impl fmt::Display for SourceStatuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for SourceStatus { name, mode, url, namespaces, entries, withheld, evidence } in
            &self.sources
        {
            let url = url.as_deref().unwrap_or("no address");
            writeln!(f, "{name}: {mode}, {url}, {}", namespaces.join(" "))?;
            writeln!(f, "    {entries} entries, {withheld} of them withheld")?;
            for path in evidence {
                writeln!(f, "    evidence: {}", path.display())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for FetchList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fetches.is_empty() {
            writeln!(f, "nobody has fetched {}", self.digest)?;
        }
        for Fetch { source, who, first_at, last_at, times } in &self.fetches {
            let source = if source.is_empty() { "its own" } else { source };
            writeln!(f, "{last_at}  {who}  {times} times since {first_at}, from {source}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, was_claimed } = self;
        let what = if *was_claimed { "may come from another source now" } else { "came from none" };
        write!(f, "{name} {what}")
    }
}
