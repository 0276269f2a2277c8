//! What `mcpkg pack` made, on its way to a registry.
//!
//! Whatever signs it, and whatever the registry answers, is verified by the code that verifies
//! a release before it is installed: one that cannot be installed is no use to anybody.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcpkg_core::evidence::Evidence;
use mcpkg_core::log::Publish;
use mcpkg_core::provenance::{Provenance, SERVER_JSON};
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, Platform, TreeDigest};
use mcpkg_verify::{ReleaseSubjects, TrustStore, verify_release};

use super::sign::Signer;
use super::{content, folders, pack};
use crate::error::{Error, Result};
use crate::ops::log::Distrust;
use crate::registry::{Published, Registry, Upload};
use crate::ui::Ui;

/// What is to be published: one folder.
pub struct Packed {
    /// What is signed of the server.
    pub server_json: ServerJson,
    /// What its users will miss, a sentence each.
    pub unasked: BTreeSet<String>,
    folder: PathBuf,
    // In the order of their file names.
    artifacts: Vec<Artifact>,
}

type Artifact = (PathBuf, Platform, Digest, TreeDigest);

impl Packed {
    /// What is in `folder`.
    ///
    /// # Errors
    ///
    /// If nothing of it could be published: an artifact that cannot be inspected, a
    /// `server.json` that cannot be read, or one that names nothing to run where there is no
    /// artifact.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SERVER_JSON);
        let server_json = ServerJson::read_strict(&read(&path)?)
            .map_err(Error::wrap(format!("`{}` cannot be published", path.display())))?;
        let failed = |source| Error::Read { path: folder.to_owned(), source };
        let (mut artifacts, mut unasked) = (Vec::new(), BTreeSet::new());
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "mcpb") {
                let file = File::open(&path)
                    .map_err(|source| Error::Read { path: path.clone(), source })?;
                let inspected = pack::inspect(file, &path)?;
                unasked.extend(folders::unasked(&inspected.manifest, server_json.permissions()));
                artifacts.push((path, inspected.platform, inspected.digest, inspected.tree));
            }
        }
        artifacts.sort();
        Ok(Self { server_json, unasked, folder: folder.to_owned(), artifacts })
    }

    /// Refuses one that nobody could run.
    pub fn check(&self) -> Result<()> {
        if self.artifacts.is_empty() {
            // Then it is the metadata that says what runs, and it has to say it.
            content::elsewhere(&self.server_json)?;
        }
        Ok(())
    }

    /// Its bundle, signed by `signer`.
    pub fn sign(&self, signer: &Signer) -> Result<Vec<u8>> {
        let digests: Vec<_> = self.artifacts.iter().map(|(_, _, digest, _)| *digest).collect();
        let record = pack::read_record(&self.folder, &digests)?;
        let import = pack::read_import(&self.folder, &digests)?;
        let claims = signer.build_claims();
        let subjects = self.subjects();
        let provenance = Provenance {
            name: self.server_json.name(),
            version: self.server_json.version(),
            metadata: self.server_json.digest(),
            artifacts: &subjects,
            build: claims.as_ref(),
            recipe: record.as_ref().map(|record| &record.recipe),
            path: record.as_ref().and_then(|record| record.path.as_ref()),
        };
        let statement = match &import {
            Some(import) => import.statement(&provenance),
            None => provenance.statement(),
        };
        signer.sign(statement.to_string().as_bytes())
    }

    /// Verifies that these bundles are about it; `failed` says what is not done otherwise.
    pub fn verify(
        &self,
        bundles: &[Vec<u8>],
        trust: &TrustStore,
        failed: &str,
    ) -> Result<Vec<Evidence>> {
        let roots = trust.for_name(self.server_json.name()).map_err(Error::wrap(failed))?;
        let artifacts = self.artifacts.iter().map(|(_, _, digest, tree)| (*digest, Some(*tree)));
        let subjects = ReleaseSubjects {
            name: self.server_json.name().clone(),
            version: self.server_json.version().clone(),
            metadata: self.server_json.digest(),
            artifacts: artifacts.collect(),
        };
        let bundles: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        verify_release(&subjects, &bundles, &roots).map_err(Error::wrap(failed))
    }

    /// Uploads it, and uploads the same again where the registry could not answer or its
    /// answer was lost: it takes a release once, however often it comes.
    pub fn upload(&self, bundles: &[Vec<u8>], client: &Registry, ui: Ui) -> Result<Published> {
        let paths: Vec<&Path> = self.artifacts.iter().map(|(path, ..)| path.as_path()).collect();
        let server_json = self.server_json.canonical();
        let upload = Upload { server_json, bundles, artifacts: &paths };
        for wait in WAITS {
            match client.publish(&upload, &ui) {
                Err(error) if error.is_passing() => {
                    ui.warn(format!("{error}; sending it again in {} s", wait.as_secs()));
                    std::thread::sleep(wait);
                }
                result => return result,
            }
        }
        client.publish(&upload, &ui)
    }

    /// Checks that what was logged is what was sent, and not only what was answered.
    pub fn check_logged(&self, publish: &Publish) -> Result<()> {
        let server_json = &self.server_json;
        let logged = publish.artifacts.iter();
        let mut logged: Vec<_> = logged.map(|it| (it.platform, it.digest, it.tree)).collect();
        let mut sent = self.subjects();
        sent.sort_unstable();
        logged.sort_unstable();
        let is_named =
            publish.name == *server_json.name() && publish.version == *server_json.version();
        let part = if !is_named {
            "name"
        } else if publish.metadata != server_json.digest() {
            "server.json"
        } else if sent != logged {
            "artifact"
        } else {
            return Ok(());
        };
        let context = "the registry logged something else than was sent";
        Err(Error::wrap(context)(Distrust::Subject(part)))
    }

    fn subjects(&self) -> Vec<(Platform, Digest, TreeDigest)> {
        self.artifacts
            .iter()
            .map(|(_, platform, digest, tree)| (*platform, *digest, *tree))
            .collect()
    }
}

/// How long to wait before the same is sent again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// The log of the public-good Rekor (version 1), which has a page for each entry.
///
/// Source: its `trusted_root.json`, `tlogs[0].logId`.
const PUBLIC_REKOR: &str = "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d";

/// Where people can look at what was signed, and at the build that it was signed in.
pub fn places_to_look(evidence: &[Evidence]) -> Vec<String> {
    let runs = evidence.iter().filter_map(|it| it.signer.build.as_ref()?.run_uri.clone());
    let entries = evidence.iter().filter(|it| it.log.log_id == PUBLIC_REKOR);
    let entries =
        entries.map(|it| format!("https://search.sigstore.dev/?logIndex={}", it.log.index));
    runs.chain(entries).collect()
}

/// A file of the folder, or a bundle that was made elsewhere.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
