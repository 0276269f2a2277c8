//! In what a release differs from the newest one that is given out.

use std::collections::{BTreeMap, BTreeSet};

use mcpkg_core::api::Artifact;
use mcpkg_core::review::{
    ChangedPublisher, Difference, FileFacts, FilesDifference, Outcome, added_and_removed,
    changed_tools,
};
use mcpkg_core::{PackageName, Version};

use super::facts::Facts;
use super::inspect::{Inspection, files};
use super::stock::Reach;
use super::{AdmissionError, Stock};
use crate::blobs::blocking;
use crate::store::{Given, Release};

impl Stock {
    /// The newest release of a package that is given out, other than `version`: one
    /// before it if there is one, else the newest of all.
    pub(super) fn newest_admitted(given: &[Given], version: &Version) -> Option<Version> {
        let is_admitted = |it: &&Given| {
            it.judged.as_ref().is_some_and(|it| it.decision.outcome == Outcome::Admitted)
        };
        let admitted: Vec<&Version> = given
            .iter()
            .filter(is_admitted)
            .map(|it| &it.version)
            .filter(|it| *it != version)
            .collect();
        let before = admitted.iter().filter(|it| **it < version).max();
        before.or_else(|| admitted.iter().max()).map(|version| (*version).clone())
    }

    /// In what the release of `facts` differs from that of `before`.
    pub(super) async fn difference(
        &self,
        name: &PackageName,
        facts: &Facts,
        before: Option<&Facts>,
    ) -> Result<Difference, AdmissionError> {
        let Some(release) = self.store.find_release(name, &facts.version).await? else {
            return Ok(Difference::default());
        };
        let other = match before {
            Some(before) => self.store.find_release(name, &before.version).await?,
            None => None,
        };
        let mut unknown = Vec::new();
        let now = self.seen(&release, &mut unknown).await?;
        let then = match &other {
            Some(other) => self.seen(other, &mut unknown).await?,
            None => Seen::default(),
        };
        let ids = |facts: &Facts| facts.advisories.iter().map(|it| it.id.clone()).collect();
        let [advisories_added, advisories_removed] =
            added_and_removed(&ids(facts), &before.map(ids).unwrap_or_default());
        let [licences_added, licences_removed] =
            added_and_removed(&licences(facts), &before.map(licences).unwrap_or_default());
        let [dependencies_added, dependencies_removed] = added_and_removed(&now.parts, &then.parts);
        let [elsewhere_added, elsewhere_removed] =
            added_and_removed(&now.elsewhere, &then.elsewhere);
        let asked = before.map(|it| it.permissions.clone()).unwrap_or_default();
        let publisher = before.filter(|it| it.publisher.difference(&facts.publisher).is_some());
        Ok(Difference {
            since: other.map(|it| it.version),
            publisher: publisher.map(|before| ChangedPublisher {
                before: before.publisher.clone(),
                now: facts.publisher.clone(),
            }),
            permissions_added: facts.permissions.beyond(&asked),
            permissions_removed: asked.beyond(&facts.permissions),
            tools: changed_tools(&then.surfaces, &now.surfaces),
            advisories_added,
            advisories_removed,
            licences_added,
            licences_removed,
            elsewhere_added,
            elsewhere_removed,
            dependencies_added,
            dependencies_removed,
            files: files_between(&then.files, &now.files),
            unknown,
        })
    }

    /// What of a release is compared. What is not here is said in `unknown`.
    async fn seen(
        &self,
        release: &Release,
        unknown: &mut Vec<String>,
    ) -> Result<Seen, AdmissionError> {
        let server = self.server_json(release).await?;
        let parts = parts_of(&self.inspections(release, Reach::Upstream).await?);
        let images = server.images().iter().map(|it| format!("image {}", it.reference));
        let remotes = server.remotes().iter().map(|it| format!("remote {}", it.url));
        let elsewhere = images.chain(remotes).collect();
        let surfaces = server.surface().to_vec();
        let mut seen = Seen { surfaces, parts, elsewhere, files: BTreeMap::new() };
        for artifact in &release.artifacts {
            match self.files_of(artifact).await? {
                Some(files) => drop(seen.files.insert(artifact.platform.to_string(), files)),
                None => unknown.push(format!(
                    "the files of {} for {} cannot be fetched to compare them",
                    release.version, artifact.platform
                )),
            }
        }
        Ok(seen)
    }

    async fn files_of(
        &self,
        artifact: &Artifact,
    ) -> Result<Option<BTreeMap<String, FileFacts>>, AdmissionError> {
        let Some(blob) = self.blob(artifact.digest, Reach::Upstream).await? else {
            return Ok(None);
        };
        let blobs = self.blobs.clone();
        let read = blocking(move || {
            let cursor = blobs.open_now(blob)?.into_cursor();
            Ok::<_, AdmissionError>(files(cursor)?)
        });
        read.await.map(Some)
    }
}

/// What of a release is compared.
#[derive(Debug, Default)]
struct Seen {
    surfaces: Vec<mcpkg_core::surface::Surface>,
    parts: BTreeSet<String>,
    elsewhere: BTreeSet<String>,
    files: BTreeMap<String, BTreeMap<String, FileFacts>>,
}

fn parts_of(inspections: &[Inspection]) -> BTreeSet<String> {
    inspections.iter().flat_map(|it| &it.parts).map(ToString::to_string).collect()
}

fn licences(facts: &Facts) -> BTreeSet<String> {
    facts.licences.union(&facts.carried_licences).cloned().collect()
}

/// The files of each platform that either has. A platform that only one has is all new,
/// or all gone.
fn files_between(
    before: &BTreeMap<String, BTreeMap<String, FileFacts>>,
    now: &BTreeMap<String, BTreeMap<String, FileFacts>>,
) -> BTreeMap<String, FilesDifference> {
    let none = BTreeMap::new();
    let platforms: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let between = |platform: &String| {
        let of = |files: &BTreeMap<String, BTreeMap<String, FileFacts>>| {
            files.get(platform).unwrap_or(&none).clone()
        };
        FilesDifference::between(&of(before), &of(now))
    };
    platforms
        .into_iter()
        .map(|platform| (platform.clone(), between(platform)))
        .filter(|(_, difference)| !difference.is_empty())
        .collect()
}
