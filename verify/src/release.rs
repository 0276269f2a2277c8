//! Verifying all of a release's evidence at once.

use mcpkg_core::evidence::Evidence;
use mcpkg_core::{Digest, PackageName, TreeDigest, Version};

use crate::bundle::ParsedBundle;
use crate::statement::{Attestation, Subject, SubjectDigest};
use crate::{VerifyError, Vouchers};

/// What the evidence of one release has to be over.
#[derive(Clone, Debug)]
pub struct ReleaseSubjects {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// The digest of the canonical `server.json`.
    pub metadata: Digest,
    /// Each artifact with the tree that was found in it, or `None` where the
    /// artifact itself is not at hand (it is on another platform).
    pub artifacts: Vec<(Digest, Option<TreeDigest>)>,
}

/// Verifies every bundle of a release, by any one of `vouchers`.
///
/// A release has one artifact or several, and its bundles may come from several
/// CI jobs: each bundle has to be over the `server.json` and over at least one
/// of the artifacts, and together they have to cover all of them. A tree that a
/// bundle names beside an artifact has to be the one in it, and a statement of
/// ours names the release that it is of.
///
/// # Errors
///
/// The first bundle that fails decides, with the reason that the *last* of the
/// roots, or of the keys, gave. An artifact that no bundle covers is [`VerifyError::Subject`];
/// so is a release without any bundle that covers something.
pub fn verify_release(
    release: &ReleaseSubjects,
    bundles: &[&[u8]],
    vouchers: &Vouchers,
) -> Result<Vec<Evidence>, VerifyError> {
    let evidence = bundles
        .iter()
        .map(|bundle| verify_bundle(release, &ParsedBundle::read(bundle)?, vouchers))
        .collect::<Result<Vec<_>, _>>()?;
    let covered = |artifact: &Digest| {
        evidence.iter().any(|evidence: &Evidence| evidence.subjects.contains(artifact))
    };
    match release.artifacts.iter().find(|(artifact, _)| !covered(artifact)) {
        Some((artifact, _)) if !bundles.is_empty() => Err(Subject::Artifact(*artifact).missing()),
        // No bundle at all is not a broken bundle: `judge` says what is missing.
        _ => Ok(evidence),
    }
}

fn verify_bundle(
    release: &ReleaseSubjects,
    parsed: &ParsedBundle,
    vouchers: &Vouchers,
) -> Result<Evidence, VerifyError> {
    let statement = parsed.statement(Attestation::Provenance)?;
    if let Some(statement) = &statement {
        statement.is_of(&release.name, &release.version)?;
    }
    let named = |digest: Digest| {
        statement.as_ref().is_some_and(|found| found.names(&SubjectDigest::Sha256(digest)))
    };
    let mut subjects = Vec::new();
    for &(artifact, tree) in release.artifacts.iter().filter(|(artifact, _)| named(*artifact)) {
        subjects.push(Subject::Artifact(artifact));
        let stated = statement.as_ref().and_then(|found| found.tree_of(&artifact));
        if let (Some(stated), Some(tree)) = (stated, tree)
            && stated != tree.of_listing()
        {
            return Err(Subject::Tree(tree).missing());
        }
    }
    // A bundle that covers none of the artifacts attests another release.
    if let (true, Some((artifact, _))) = (subjects.is_empty(), release.artifacts.first()) {
        subjects.push(Subject::Artifact(*artifact));
    }
    subjects.push(Subject::Metadata(release.metadata));

    vouchers.verify_parsed(&subjects, Attestation::Provenance, parsed)
}
