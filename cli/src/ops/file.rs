//! An artifact's file, with the evidence and the `server.json` that go with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::api::Status;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::policy::{Candidate, Policy, Verdict, judge};
use mcpkg_core::provenance::SERVER_JSON;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_verify::{ReleaseSubjects, TrustStore, verify_release};

use crate::error::{Error, Result};
use crate::ops::pack::{self, Inspected};

/// An artifact that came without a registry.
pub struct Artifact {
    path: PathBuf,
    inspected: Inspected,
    server_json: ServerJson,
    bundles: Vec<Vec<u8>>,
}

impl Artifact {
    /// The artifact at `path`, what was signed of it, and the bundles that say so.
    ///
    /// # Errors
    ///
    /// If one of them cannot be used, or the first two do not agree.
    pub fn read(path: &Path, server_json: Option<&Path>, bundles: &[PathBuf]) -> Result<Self> {
        let file =
            File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let inspected = pack::inspect(file, path)?;
        let beside = path.with_file_name(SERVER_JSON);
        let server_json_path = server_json.unwrap_or(&beside);
        let unusable = |path: &Path| format!("`{}` cannot be used", path.display());
        let server_json = ServerJson::read_strict(&read(server_json_path)?)
            .map_err(Error::wrap(unusable(server_json_path)))?;
        inspected.manifest.agrees_with(&server_json).map_err(Error::wrap(unusable(path)))?;
        let bundles = bundles.iter().map(|path| read(path)).collect::<Result<_>>()?;
        Ok(Self { path: path.to_owned(), inspected, server_json, bundles })
    }

    /// Whose it is.
    pub fn name(&self) -> &PackageName {
        self.server_json.name()
    }

    /// Who signed it, if that is enough.
    ///
    /// # Errors
    ///
    /// If the bundles do not hold, or policy refuses what they prove.
    pub fn judge(
        &self,
        trust: &TrustStore,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Publisher, Vec<Evidence>)> {
        let (name, version) = (self.server_json.name(), self.server_json.version());
        let unverified = format!("`{}` could not be verified", self.path.display());
        let roots = trust.for_name(name).map_err(Error::wrap(unverified.clone()))?;
        let subjects = ReleaseSubjects {
            name: name.clone(),
            version: version.clone(),
            metadata: self.server_json.digest(),
            artifacts: vec![(self.inspected.digest, Some(self.inspected.tree))],
        };
        let bundles: Vec<&[u8]> = self.bundles.iter().map(Vec::as_slice).collect();
        let evidence =
            verify_release(&subjects, &bundles, &roots).map_err(Error::wrap(unverified))?;
        let candidate = Candidate {
            name,
            version,
            metadata: self.server_json.digest(),
            artifacts: &[self.inspected.digest],
            evidence: &evidence,
            published_at: None,
            status: Status::Active,
            bound: None,
            pinned: None,
            authority: None,
            rebuilds: &[],
        };
        match judge(policy, &candidate, now) {
            Verdict::Refused(refusals) => Err(Error::Refused(refusals)),
            Verdict::Trusted { publisher, .. } => Ok((publisher, evidence)),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
