//! What came of a rebuild, as plain data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::evidence::SourceCommit;
use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::Recipe;
use mcpkg_core::statement::{BuildsOn, RebuildResult, RebuildStatement, RebuiltArtifact};
use mcpkg_core::{Code, Coded, Digest, PackageName, Platform, TreeDigest, Version};
use serde::Serialize;

use super::compare::Difference;
use crate::error::{Error, Result};
use crate::ops::build::Confinement;

/// The result of one rebuild of one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RebuildOutcome {
    /// In one word.
    pub result: RebuildResult,
    /// The package.
    pub name: PackageName,
    /// The release.
    pub version: Version,
    /// What the artifact runs on.
    pub platform: Platform,
    /// The entry of the registry's log that published the release.
    pub entry: u64,
    /// The digest of the release's `server.json`.
    pub metadata: Digest,
    /// The digest of the artifact.
    pub artifact: Digest,
    /// The digest of the artifact's files.
    pub tree_expected: TreeDigest,
    /// The digest of the files that came out here, if it could be built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree_found: Option<TreeDigest>,
    /// What was built.
    pub source: SourceCommit,
    /// How.
    pub recipe: Recipe,
    /// Who says that this is how.
    pub recipe_origin: RecipeOrigin,
    /// What was kept from the build.
    pub confinement: Confinement,
    /// The machine that it was built on, if it is of a kind that we know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub built_on: Option<Platform>,
    /// The tools of the recipe, as they say their versions.
    pub tools: BTreeMap<ProgramName, String>,
    /// Every file that differs, by its path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Why it could not be built, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Where what the build said is kept.
    pub log: PathBuf,
}

impl RebuildOutcome {
    /// That it could not be built, as an error.
    pub fn error(&self) -> Error {
        let message = self.failure.as_ref().map(|failure| failure.message.clone());
        Error::Failed {
            context: format!("{}@{} could not be built", self.name, self.version),
            code: Code::Build,
            hint: Some("that says nothing of the release yet: the log tells why it failed here"),
            source: message.unwrap_or_default().into(),
        }
    }

    /// What can be stated about it, unless nothing was built: that says nothing of the
    /// release yet.
    pub fn statement(&self, builds_on: BuildsOn) -> Option<RebuildStatement> {
        let built = self.tree_found?;
        let (platform, published) = (self.platform, self.tree_expected);
        Some(RebuildStatement {
            name: self.name.clone(),
            version: self.version.clone(),
            result: self.result,
            artifacts: vec![RebuiltArtifact { platform, published, built }],
            commit: self.source.commit.clone(),
            builds_on,
        })
    }
}

/// Where a recipe is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RecipeOrigin {
    /// It was signed with the release.
    Signed,
    /// It is in the source at the signed commit, and the release does not say that
    /// it was built with it.
    Committed,
}

/// Why a build came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The stable code: `E_BUILD`.
    pub code: Code,
    /// What happened, and why.
    pub message: String,
    /// The end of what the build said.
    pub log_end: String,
}

impl Failure {
    /// How many lines of the log are repeated.
    const LINES: usize = 20;
    /// How many bytes of it at most.
    const BYTES: usize = 4096;

    /// The failure with this cause, of a build with this log.
    pub(super) fn of<E: Coded + std::error::Error>(error: &E, log: &Path) -> Result<Self> {
        let unreadable = |source| Error::Read { path: log.to_owned(), source };
        let said = fs::read(log).map_err(unreadable)?;
        let end = &said[said.len().saturating_sub(Self::BYTES)..];
        let end = String::from_utf8_lossy(end);
        let lines: Vec<&str> = end.lines().collect();
        let last = &lines[lines.len().saturating_sub(Self::LINES)..];
        let mut message = error.to_string();
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        for cause in causes {
            message = format!("{message}: {cause}");
        }
        Ok(Self { code: Code::Build, message, log_end: last.join("\n") })
    }
}
