//! What is attested of a package, fetched and verified.

use mcpkg_core::Digest;
use mcpkg_verify::{UpstreamEvidence, UpstreamKind, UpstreamSubject, verify_upstream};

use super::{Importer, Statement, Trust};
use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::{Ecosystem, Integrity, Release, npm, pypi};

impl Importer {
    /// Fetches what is attested of a closure's root, and verifies all of it. Nothing is an
    /// answer, and a statement that does not hold is an error.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Evidence`], [`UpstreamError::OtherPublisher`], and those of fetching.
    pub fn evidence(&self, closure: &Closure) -> Result<Vec<Statement>> {
        self.statements(closure, |_| true)
    }

    /// The same, as far as a lock pins it: the statements of these digests, and all of them.
    /// What is attested since then is no part of the artifact.
    ///
    /// # Errors
    ///
    /// Those of [`Self::evidence`], and [`UpstreamError::Gone`].
    pub fn pinned_evidence(&self, closure: &Closure, digests: &[Digest]) -> Result<Vec<Statement>> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let statements = self.statements(closure, |digest| digests.contains(&digest))?;
        if statements.len() == digests.len() {
            return Ok(statements);
        }
        Err(UpstreamError::Gone(closure.root().release.clone()))
    }

    /// The statements about a closure's root whose digest is wanted, in an order of ours: what
    /// an artifact carries does not depend on that in which a registry answers.
    fn statements(
        &self,
        closure: &Closure,
        is_wanted: impl Fn(Digest) -> bool,
    ) -> Result<Vec<Statement>> {
        let mut statements =
            self.fetched(closure.root(), |bundle| is_wanted(Digest::of(bundle)))?;
        statements.sort_by_key(|it| (it.evidence.kind, it.evidence.evidence.bundle));
        statements.dedup_by_key(|it| it.evidence.evidence.bundle);
        Ok(statements)
    }

    fn fetched(&self, root: &Member, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<Statement>> {
        match root.release.package().ecosystem() {
            Ecosystem::Npm => {
                npm::evidence::bundles(&root.release, &self.sources.npm, &self.client)?
                    .into_iter()
                    .filter(|bundle| is_wanted(bundle))
                    .map(|bundle| self.verified(root, bundle))
                    .collect()
            }
            Ecosystem::PyPi => {
                pypi::evidence::attestations(root, &self.sources.pypi, &self.client)?
                    .into_iter()
                    .filter(|stated| is_wanted(&stated.bundle))
                    .map(|stated| {
                        let statement = self.verified(root, stated.bundle)?;
                        let signer = &statement.evidence.evidence.signer;
                        if stated.publisher.is(signer.build.as_ref()) {
                            return Ok(statement);
                        }
                        Err(UpstreamError::OtherPublisher {
                            release: root.release.clone(),
                            found: signer.subject.clone(),
                            stated: stated.publisher.to_string(),
                        })
                    })
                    .collect()
            }
        }
    }

    fn verified(&self, root: &Member, bundle: Vec<u8>) -> Result<Statement> {
        let evidence = verify(&root.release, &root.place, root.integrity, &bundle, &self.trust)?;
        Ok(Statement { bundle, evidence })
    }
}

/// What a statement says, and who says it.
pub fn in_words(statement: &UpstreamEvidence) -> String {
    let by = &statement.evidence.signer.subject;
    match statement.kind {
        UpstreamKind::Provenance => format!("built by {by}"),
        UpstreamKind::Upload => format!("uploaded by {by}"),
        UpstreamKind::Acceptance => "taken by the registry, which signed for it".to_owned(),
    }
}

/// Verifies a statement about one file of another ecosystem.
pub(crate) fn verify(
    release: &Release,
    place: &str,
    integrity: Integrity,
    bundle: &[u8],
    trust: &Trust,
) -> Result<UpstreamEvidence> {
    let subject = match integrity {
        Integrity::Sha512(sha512) => UpstreamSubject::Npm {
            name: release.package().name(),
            version: release.version(),
            sha512,
        },
        Integrity::Sha256(sha256) => UpstreamSubject::PyPi { file: place, sha256 },
    };
    verify_upstream(subject, bundle, &trust.roots, &trust.keys).map_err(|source| {
        UpstreamError::Evidence { release: release.clone(), source: Box::new(source) }
    })
}
