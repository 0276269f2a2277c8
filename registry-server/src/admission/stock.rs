//! What there is to decide about: releases of one place, and their bytes.

use std::path::PathBuf;
use std::sync::Arc;

use mcpkg_core::Digest;
use mcpkg_core::server_json::ServerJson;

use super::AdmissionError;
use super::inspect::{Inspection, inspect};
use crate::blobs::{Blobs, blocking};
use crate::config::Config;
use crate::mirror::{DATABASE, SOURCES, Source, SourceName};
use crate::policy::Place;
use crate::store::{Release, Store, StoreError, StoredBlob};

/// Releases of one place, and their bytes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Stock {
    /// The source, or the registry itself.
    pub(crate) source: String,
    /// What is published.
    pub(crate) store: Store,
    /// The bytes of it.
    pub(crate) blobs: Blobs,
    /// Where bytes can be fetched that are not here.
    pub(crate) upstream: Option<Arc<Source>>,
}

/// How far is gone for the bytes of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only what is here counts.
    Here,
    /// What is not here is fetched.
    Upstream,
}

/// Where the index of a registry's log is, or that of a source of it.
pub(super) fn database_of(config: &Config, source: Option<&SourceName>) -> PathBuf {
    match source {
        None => config.data.join(crate::server::DATABASE),
        Some(name) => config.data.join(SOURCES).join(name.as_str()).join(DATABASE),
    }
}

impl Stock {
    /// What `config` has, to look only, also beside a running server.
    pub(super) async fn open_read_only(
        config: &Config,
        source: Option<&SourceName>,
    ) -> Result<Self, StoreError> {
        let path = database_of(config, source);
        Ok(Self {
            source: source.map_or(Place::OWN, SourceName::as_str).to_owned(),
            store: Store::open_read_only(&path, config.limits.database()).await?,
            blobs: Blobs::at(&config.data),
            upstream: None,
        })
    }

    /// What is in each artifact whose bytes are within reach.
    pub(super) async fn inspections(
        &self,
        release: &Release,
        reach: Reach,
    ) -> Result<Vec<Inspection>, AdmissionError> {
        let mut inspections = Vec::new();
        for artifact in &release.artifacts {
            inspections.extend(self.inspection(artifact.digest, reach).await?);
        }
        Ok(inspections)
    }

    /// A blob of a release, if its bytes are within reach.
    pub(super) async fn blob(
        &self,
        digest: Digest,
        reach: Reach,
    ) -> Result<Option<StoredBlob>, AdmissionError> {
        let here = self.store.find_blob(digest).await?;
        let (None, Reach::Upstream, Some(source)) = (&here, reach, &self.upstream) else {
            return Ok(here);
        };
        Ok(source.blob(digest).await.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%digest, error, "an artifact could not be fetched to be looked into");
            None
        }))
    }

    /// What is in an artifact, if its bytes are within reach.
    pub(super) async fn inspection(
        &self,
        digest: Digest,
        reach: Reach,
    ) -> Result<Option<Inspection>, AdmissionError> {
        if let Some(known) = self.store.inspection(digest).await? {
            // One that an older version wrote is made again.
            if let Ok(inspection) = serde_json::from_value(known) {
                return Ok(Some(inspection));
            }
        }
        match self.blob(digest, reach).await? {
            Some(blob) => self.look_into(blob).await,
            None => Ok(None),
        }
    }

    /// Looks into an artifact, and keeps what is in it.
    pub(super) async fn look_into(
        &self,
        blob: StoredBlob,
    ) -> Result<Option<Inspection>, AdmissionError> {
        let (digest, blobs) = (blob.digest, self.blobs.clone());
        let looked = blocking(move || {
            let cursor = blobs.open_now(blob)?.into_cursor();
            Ok::<_, AdmissionError>(inspect(cursor))
        });
        match looked.await? {
            Ok(inspection) => {
                let body = serde_json::to_value(&inspection).unwrap_or_default();
                // Whoever only reads looks again the next time.
                if let Err(error) = self.store.keep_inspection(digest, &body).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(%digest, error, "what is in an artifact was not kept");
                }
                Ok(Some(inspection))
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%digest, error, "an artifact could not be looked into");
                Ok(None)
            }
        }
    }

    /// The signed `server.json` of a release.
    pub(crate) async fn server_json(
        &self,
        release: &Release,
    ) -> Result<ServerJson, AdmissionError> {
        let missing = || AdmissionError::Missing(release.metadata);
        let blob = self.store.find_blob(release.metadata).await?.ok_or_else(missing)?;
        let blobs = self.blobs.clone();
        let bytes = blocking(move || blobs.open_now(blob)?.read()).await?;
        Ok(ServerJson::read_strict(&bytes)?)
    }
}
