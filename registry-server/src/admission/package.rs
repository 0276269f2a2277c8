//! All that is stored of a package, as far as decisions rest on it: in a number of queries
//! that does not grow with its versions.
//!
//! A package with a thousand versions is decided about whenever a policy changes, and
//! somebody waits for it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use mcpkg_core::api::{IndexLine, IndexLog};
use mcpkg_core::permissions::Permissions;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, PackageName};

use super::inspect::Inspection;
use super::stock::Reach;
use super::{AdmissionError, Stock};
use crate::blobs::blocking;
use crate::store::{Release, StoredVex};

/// What is stored of a package.
#[derive(Debug)]
pub(super) struct Package {
    /// Its releases, newest version first.
    pub(super) releases: Vec<Stored>,
    /// Whom its name is bound to.
    pub(super) bound: Publisher,
    /// What was said of advisories, oldest first.
    pub(super) vex: Vec<StoredVex>,
}

/// What is stored of a release.
#[derive(Debug)]
pub(super) struct Stored {
    /// The release.
    pub(super) release: Release,
    /// Its line in the index: status and rebuilds.
    pub(super) line: IndexLine,
    /// What its signed document says.
    pub(super) document: Document,
    /// What is in each artifact that was looked into.
    pub(super) inspections: Vec<Inspection>,
}

/// What the signed document of a release says, as far as policy asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    /// What it asks for.
    pub(super) permissions: Permissions,
    /// Whether it names an image.
    pub(super) has_image: bool,
    /// Why it cannot be read, if it cannot. A source may have logged what nobody can read:
    /// that is one release less, and no reason not to give out the others.
    pub(super) fault: Option<String>,
}

impl Document {
    fn of(read: Result<ServerJson, AdmissionError>) -> Self {
        match read {
            Ok(server) => Self {
                permissions: server.permissions().clone(),
                has_image: !server.images().is_empty(),
                fault: None,
            },
            Err(error) => Self { fault: Some(error.to_string()), ..Self::default() },
        }
    }
}

impl Stock {
    /// What is stored of a package at a time; `None` if there is no such package.
    pub(super) async fn package(
        &self,
        name: &PackageName,
        now: Timestamp,
        reach: Reach,
    ) -> Result<Option<Package>, AdmissionError> {
        let Some(listing) = self.store.package_index(name).await? else { return Ok(None) };
        let unsigned =
            IndexLog { index: String::new(), checkpoint: String::new(), consistency: None };
        let Some((index, _)) = listing.at(u64::MAX, now, unsigned) else { return Ok(None) };
        let mut found = self.store.releases_of(name).await?;
        let releases: Vec<(Release, IndexLine)> = index
            .releases
            .into_iter()
            .filter_map(|line| Some((found.remove(&line.version)?, line)))
            .collect();
        let mut documents = self.documents(name).await?;
        let artifacts = releases.iter().flat_map(|(release, _)| &release.artifacts);
        let artifacts: Vec<Digest> = artifacts.map(|artifact| artifact.digest).collect();
        let inspections = self.inspections_of(name, &artifacts, reach).await?;
        let stored = |(release, line): (Release, IndexLine)| {
            let artifacts = release.artifacts.iter();
            let document = documents
                .remove(&release.metadata)
                .unwrap_or_else(|| Document::of(Err(AdmissionError::Missing(release.metadata))));
            Stored {
                document,
                inspections: artifacts
                    .filter_map(|it| inspections.get(&it.digest).cloned())
                    .collect(),
                line,
                release,
            }
        };
        Ok(Some(Package {
            releases: releases.into_iter().map(stored).collect(),
            bound: index.publisher,
            vex: self.store.vex(name).await?,
        }))
    }

    /// What the signed documents of a package say, by their digests.
    async fn documents(
        &self,
        name: &PackageName,
    ) -> Result<HashMap<Digest, Document>, AdmissionError> {
        let stored = self.store.documents_of(name).await?;
        let blobs = self.blobs.clone();
        blocking(move || {
            let read = |blob: crate::store::StoredBlob| {
                let digest = blob.digest;
                let bytes = blobs.open_now(blob)?.read()?;
                let server = ServerJson::read_strict(&bytes).map_err(AdmissionError::from);
                Ok((digest, Document::of(server)))
            };
            stored.into_iter().map(read).collect()
        })
        .await
    }

    /// What is in each of these artifacts, all of one package, whose bytes are within
    /// reach. Those that nobody has looked into yet are, one after the other.
    async fn inspections_of(
        &self,
        name: &PackageName,
        artifacts: &[Digest],
        reach: Reach,
    ) -> Result<HashMap<Digest, Inspection>, AdmissionError> {
        let mut inspections = HashMap::new();
        let mut missing: BTreeSet<Digest> = artifacts.iter().copied().collect();
        let mut stale = Vec::new();
        for (digest, body) in self.store.inspections_of(name).await? {
            missing.remove(&digest);
            match serde_json::from_value(body) {
                Ok(inspection) => drop(inspections.insert(digest, inspection)),
                // One that an older version wrote is made again.
                Err(_) => stale.push(digest),
            }
        }
        if !missing.is_empty() {
            for blob in self.store.uninspected_of(name).await? {
                let digest = blob.digest;
                missing.remove(&digest);
                inspections.extend(self.look_into(blob).await?.map(|found| (digest, found)));
            }
        }
        if reach == Reach::Upstream {
            stale.extend(missing);
        }
        for digest in stale {
            let found = self.inspection(digest, reach).await?;
            inspections.extend(found.map(|found| (digest, found)));
        }
        Ok(inspections)
    }
}
