//! The in-toto statement in a bundle: is it of a kind we know, and about what?
//!
//! Sources: [in-toto Statement v1][statement], [SLSA provenance v1][slsa].
//!
//! [statement]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
//! [slsa]: https://slsa.dev/spec/v1.0/provenance

mod wire;

use mcpkg_core::evidence::{BuildClaims, Statement};
use mcpkg_core::project::Recipe;
use mcpkg_core::provenance::{
    IMPORT_BUILD_TYPE, PACK_BUILD_TYPE, PAYLOAD_TYPE, SLSA_V1, STATEMENT_V1, TREE_SUFFIX,
};
use mcpkg_core::{Digest, PackageName, TreeDigest, Version};
use sigstore_verify::types::{Artifact, ArtifactDigest, HashAlgorithm};
use sigstore_verify::{Policy, VerificationResult};

use self::wire::{BuildDefinition, SourceParameter, WirePredicate, WireStatement, WireSubject};
use crate::bundle::ParsedBundle;
use crate::{TrustRoot, VerifyError};

/// Something that has to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An artifact's bytes.
    Artifact(Digest),
    /// An artifact's bytes by their SHA-512, as npm attests them.
    ArtifactSha512([u8; 64]),
    /// The canonical `server.json`.
    Metadata(Digest),
    /// The listing of an artifact's files.
    Tree(TreeDigest),
    /// The bytes of the log entry that a statement builds upon.
    Entry(Digest),
}

/// What kind of statement is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// SLSA provenance v1 of a build type we know: what a release carries.
    Provenance,
    /// Any predicate that package registries are known to publish: SLSA
    /// provenance, and the publish attestations of npm, PyPI and conda.
    Ecosystem,
    /// Anything, a bare signature over a blob included.
    Blob,
}

/// The most subjects that one statement may have. A release has at most 33.
pub const MAX_SUBJECTS: usize = 1024;

const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";
const BUILD_TYPES: [&str; 4] = [
    PACK_BUILD_TYPE,
    IMPORT_BUILD_TYPE,
    // `actions/attest-build-provenance`, and what npm used before it.
    "https://actions.github.io/buildtypes/workflow/v1",
    "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
];
const ECOSYSTEM_PREDICATES: [&str; 5] = [
    SLSA_V1,
    "https://slsa.dev/provenance/v0.2",
    "https://github.com/npm/attestation/tree/main/specs/publish/v0.1",
    "https://docs.pypi.org/attestations/publish/v1",
    "https://schemas.conda.org/attestations-publish-1.schema.json",
];

impl Subject {
    pub(crate) fn digest(&self) -> SubjectDigest {
        match self {
            Self::Artifact(digest) | Self::Metadata(digest) | Self::Entry(digest) => {
                SubjectDigest::Sha256(*digest)
            }
            Self::ArtifactSha512(digest) => SubjectDigest::Sha512(*digest),
            Self::Tree(tree) => SubjectDigest::Sha256(tree.of_listing()),
        }
    }

    pub(crate) fn missing(&self) -> VerifyError {
        let (what, expected) = match self {
            Self::Metadata(expected) => return VerifyError::Metadata { expected: *expected },
            Self::Artifact(digest) => ("the artifact", digest.to_string()),
            Self::ArtifactSha512(digest) => {
                ("the artifact", format!("sha512:{}", hex::encode(digest)))
            }
            Self::Tree(tree) => ("the file tree", tree.to_string()),
            Self::Entry(digest) => ("the log entry that it builds upon,", digest.to_string()),
        };
        VerifyError::Subject { what, expected }
    }
}

/// A digest that a statement can name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectDigest {
    Sha256(Digest),
    Sha512([u8; 64]),
}

impl SubjectDigest {
    /// Checks the bundle's cryptography over this digest.
    pub(crate) fn verify_with(
        &self,
        root: &TrustRoot,
        parsed: &ParsedBundle,
        policy: &impl Policy,
    ) -> Result<VerificationResult, VerifyError> {
        let digest = match self {
            Self::Sha256(digest) => {
                ArtifactDigest::new(HashAlgorithm::Sha2256, digest.as_bytes().to_vec())
            }
            Self::Sha512(digest) => ArtifactDigest::new(HashAlgorithm::Sha2512, digest.to_vec()),
        };
        let digest = digest.map_err(|error| VerifyError::Malformed(Box::new(error)))?;
        root.verifier()
            .verify(Artifact::from(digest), &parsed.bundle, policy)
            .map_err(|error| VerifyError::Sigstore(Box::new(error)))
    }
}

/// A statement of a kind that was expected. Who made it is not known here.
pub(crate) struct CheckedStatement {
    wire: WireStatement,
}

impl CheckedStatement {
    pub(crate) fn read(
        payload_type: &str,
        payload: &[u8],
        attestation: Attestation,
    ) -> Result<Self, VerifyError> {
        expect("payload type", payload_type, &[PAYLOAD_TYPE], "an in-toto statement")?;
        let wire: WireStatement =
            serde_json::from_slice(payload).map_err(VerifyError::Statement)?;
        let count = wire.subject.len();
        if count > MAX_SUBJECTS {
            return Err(VerifyError::TooMuch {
                what: "subjects",
                found: count,
                limit: MAX_SUBJECTS,
            });
        }
        match attestation {
            Attestation::Provenance => {
                expect("statement type", &wire.kind, &[STATEMENT_V1], STATEMENT_V1)?;
                expect("predicate type", &wire.predicate_type, &[SLSA_V1], SLSA_V1)?;
                let build = wire.predicate.build_definition.as_ref();
                let build_type = build.map_or("", |build| build.build_type.as_str());
                expect("build type", build_type, &BUILD_TYPES, "a build type that is known here")?;
            }
            Attestation::Ecosystem | Attestation::Blob => {
                let kinds = [STATEMENT_V1, STATEMENT_V01];
                expect("statement type", &wire.kind, &kinds, "an in-toto statement")?;
                if attestation == Attestation::Ecosystem {
                    let known = "a predicate that package registries publish";
                    expect("predicate type", &wire.predicate_type, &ECOSYSTEM_PREDICATES, known)?;
                }
            }
        }
        Ok(Self { wire })
    }

    pub(crate) fn names(&self, digest: &SubjectDigest) -> bool {
        self.digests().any(|named| named == *digest)
    }

    /// What it calls the things that have this digest.
    pub(crate) fn names_of(&self, digest: &SubjectDigest) -> Vec<&str> {
        let has_it = |subject: &&WireSubject| subject.digests().any(|named| named == *digest);
        self.wire.subject.iter().filter(has_it).map(|subject| subject.name.as_str()).collect()
    }

    pub(crate) fn predicate_type(&self) -> &str {
        &self.wire.predicate_type
    }

    pub(crate) fn any_digest(&self) -> Option<SubjectDigest> {
        self.digests().next()
    }

    pub(crate) fn sha256_subjects(&self) -> Vec<Digest> {
        self.digests()
            .filter_map(|digest| match digest {
                SubjectDigest::Sha256(digest) => Some(digest),
                SubjectDigest::Sha512(_) => None,
            })
            .collect()
    }

    /// What the statement says the tree of `artifact` is, if it says so.
    ///
    /// Our own statements name it `<file name>.tree`. Statements that other
    /// tools make over the same files do not, which is no fault.
    pub(crate) fn tree_of(&self, artifact: &Digest) -> Option<Digest> {
        let sha256 = |subject: &WireSubject| {
            subject.digest.sha256.as_deref().and_then(|hex| Digest::from_hex(hex).ok())
        };
        let name =
            &self.wire.subject.iter().find(|subject| sha256(subject) == Some(*artifact))?.name;
        let tree = format!("{name}{TREE_SUFFIX}");
        self.wire.subject.iter().find(|subject| subject.name == tree).and_then(sha256)
    }

    /// Checks that a statement of our own build type is of this release, which
    /// it names in its parameters. This tells evidence of another release from
    /// evidence over an edited `server.json`.
    pub(crate) fn is_of(&self, name: &PackageName, version: &Version) -> Result<(), VerifyError> {
        let Some(build) = &self.wire.predicate.build_definition else { return Ok(()) };
        if ![PACK_BUILD_TYPE, IMPORT_BUILD_TYPE].contains(&build.build_type.as_str()) {
            return Ok(());
        }
        let text = |name| build.parameter::<String>(name).ok().flatten().unwrap_or_default();
        let (stated_name, stated_version) = (text("name"), text("version"));
        if stated_name.eq_ignore_ascii_case(name.as_str()) && stated_version == version.to_string()
        {
            return Ok(());
        }
        Err(VerifyError::OtherRelease {
            stated: short(&format!("{stated_name}@{stated_version}")),
            expected: format!("{name}@{version}"),
        })
    }

    /// Checks that the predicate tells the certificate's story: the commit it
    /// says was built is the one that the CI's issuer vouched for. A workflow
    /// writes its own predicate, so on its own that commit is only a claim.
    pub(crate) fn agrees_with(&self, claims: &BuildClaims) -> Result<(), VerifyError> {
        let Some(build) = &self.wire.predicate.build_definition else { return Ok(()) };
        let (Some(repository), Some(commit)) = (&claims.source_repository, &claims.source_commit)
        else {
            return Ok(());
        };
        for dependency in &build.resolved_dependencies {
            if dependency.repository() != repository {
                continue;
            }
            if let Some(stated) = &dependency.digest.git_commit
                && stated != commit
            {
                return Err(VerifyError::Disagreement {
                    what: "the source commit",
                    stated: short(stated),
                    certified: short(commit),
                });
            }
        }
        Ok(())
    }

    /// What decisions rest on.
    ///
    /// The recipe and the source folder are parameters of our own build type,
    /// which is versioned: one that cannot be read is a malformed statement, and
    /// not one without a recipe.
    pub(crate) fn into_summary(self) -> Result<Statement, VerifyError> {
        let WirePredicate { build_definition: build, run_details } = self.wire.predicate;
        let ours = build.as_ref().filter(|build| build.build_type == PACK_BUILD_TYPE);
        let recipe = ours.map(|build| build.parameter::<Recipe>("build")).transpose();
        let source = ours.map(|build| build.parameter::<SourceParameter>("source")).transpose();
        Ok(Statement {
            predicate_type: self.wire.predicate_type,
            recipe: recipe.map_err(VerifyError::Statement)?.flatten(),
            path: source.map_err(VerifyError::Statement)?.flatten().map(|source| source.path),
            source: build.as_ref().and_then(BuildDefinition::source),
            parameters: build
                .iter()
                .flat_map(|build| build.external_parameters.keys().cloned())
                .collect(),
            build_type: build.map(|build| build.build_type),
            builder: run_details.map(|run| run.builder.id),
        })
    }

    fn digests(&self) -> impl Iterator<Item = SubjectDigest> {
        self.wire.subject.iter().flat_map(WireSubject::digests)
    }
}

impl WireSubject {
    fn digests(&self) -> impl Iterator<Item = SubjectDigest> {
        let sha256 = self.digest.sha256.as_deref();
        let sha512 = self.digest.sha512.as_deref();
        let sha256 = sha256.and_then(|hex| Digest::from_hex(hex).ok()).map(SubjectDigest::Sha256);
        let sha512 = sha512
            .and_then(|hex| hex::decode(hex).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(SubjectDigest::Sha512);
        sha256.into_iter().chain(sha512)
    }
}

fn expect(
    what: &'static str,
    found: &str,
    allowed: &[&str],
    expected: &'static str,
) -> Result<(), VerifyError> {
    if allowed.contains(&found) {
        Ok(())
    } else {
        Err(VerifyError::Kind { what, found: short(found), expected })
    }
}

/// Text from a stranger, cut to what a message can hold.
fn short(text: &str) -> String {
    text.chars().take(120).collect::<String>().escape_debug().to_string()
}
