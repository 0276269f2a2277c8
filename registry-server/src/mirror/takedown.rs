//! `mcpkg-registry takedown`: no longer giving out a release, and who has it already.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use mcpkg_core::api::Removal;
use mcpkg_core::{PackageName, Version};
use serde::Serialize;

use super::source::second;
use super::{DATABASE, FetchList, RemovalList, SOURCES, SourceName};
use crate::config::Config;
use crate::server;
use crate::start_error::StartError;
use crate::store::{Store, StoreError};

/// What was taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenDown {
    /// The release.
    pub name: PackageName,
    /// Which one.
    pub version: Version,
    /// The source that it is from; none for one of the registry's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it was not before.
    pub is_new: bool,
    /// Whether there is such a release; if not, there will be none.
    pub is_here: bool,
    /// Who fetched each of its artifacts from here.
    pub fetched: Vec<FetchList>,
}

/// Takes a release down, be it one of the registry's own or of a source. A running server
/// learns it in seconds.
pub async fn take_down(
    config: &Config,
    source: Option<&SourceName>,
    name: &PackageName,
    version: &Version,
    reason: &str,
) -> Result<TakenDown, StartError> {
    let staging = config.data.join("staging");
    let opened = match source {
        None => RemovalList::open(&config.data, &staging),
        Some(source) if config.sources.iter().all(|it| it.name != *source) => {
            return Err(StartError::NoSource(source.to_string()));
        }
        Some(source) => {
            let folder = config.data.join(SOURCES).join(source.as_str());
            RemovalList::open_source(&folder, &staging)
        }
    };
    let removal = Removal {
        name: name.clone(),
        version: version.clone(),
        reason: reason.to_owned(),
        removed_at: second(Timestamp::now()),
    };
    let is_new = opened
        .and_then(|list| list.add(removal))
        .map_err(|source| StartError::Data { path: config.data.clone(), source })?;
    let fetched = fetched(config, source, name, version)
        .await
        .map_err(|error| StartError::Storage { path: config.data.clone(), source: error.into() })?;
    Ok(TakenDown {
        name: name.clone(),
        version: version.clone(),
        source: source.map(ToString::to_string),
        is_new,
        is_here: fetched.is_some(),
        fetched: fetched.unwrap_or_default(),
    })
}

/// Who fetched the artifacts of a release; `None` if there is none.
async fn fetched(
    config: &Config,
    source: Option<&SourceName>,
    name: &PackageName,
    version: &Version,
) -> Result<Option<Vec<FetchList>>, StoreError> {
    let own = config.data.join(server::DATABASE);
    let index = match source {
        None => own.clone(),
        Some(source) => config.data.join(SOURCES).join(source.as_str()).join(DATABASE),
    };
    if !own.is_file() || !index.is_file() {
        return Ok(None);
    }
    let store = look_at(config, &index).await?;
    let release = store.find_release(name, version).await;
    store.close().await;
    let Some(release) = release? else { return Ok(None) };
    let from = source.map(ToString::to_string).unwrap_or_default();
    let store = look_at(config, &own).await?;
    let mut lists = Vec::new();
    for artifact in release.artifacts {
        let mut fetches = store.fetches(artifact.digest).await?;
        fetches.retain(|fetch| fetch.source == from);
        lists.push(FetchList { digest: artifact.digest, fetches });
    }
    store.close().await;
    Ok(Some(lists))
}

async fn look_at(config: &Config, database: &Path) -> Result<Store, StoreError> {
    Store::open_read_only(database, config.limits.database()).await
}

impl fmt::Display for TakenDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, source, is_new, is_here, fetched } = self;
        let what = if *is_new { "is taken down" } else { "was taken down before" };
        let of = source.as_ref().map(|source| format!(" of {source}")).unwrap_or_default();
        writeln!(f, "{name}@{version}{of} {what}; its entry stays in the log")?;
        if !is_here {
            writeln!(f, "no such release is here yet")?;
        }
        fetched.iter().try_for_each(|list| write!(f, "{list}"))
    }
}
