//! What a verified signature says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::archive::ArchivePath;
use crate::project::Recipe;

/// What one Sigstore bundle proves, after every signature, certificate,
/// timestamp and log proof in it held.
///
/// This is plain data. Only `mcpkg-verify` makes it from a bundle; whether it
/// is *enough* is for [`crate::policy::judge`] to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// The digest of the bundle itself, as text without surrounding white space.
    pub bundle: Digest,
    /// The SHA-256 digests that the signature covers: the statement's subjects,
    /// or the one blob that a message signature is over.
    pub subjects: Vec<Digest>,
    /// Who signed.
    pub signer: Signer,
    /// When they signed: the earliest time that a timestamp authority or the
    /// transparency log vouches for.
    pub signed_at: Timestamp,
    /// Where the signature stands in Sigstore's transparency log.
    pub log: LogEntry,
    /// What was attested, or `None` for a bare signature over a blob.
    pub statement: Option<Statement>,
}

/// The identity in a signing certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signer {
    /// The OpenID Connect issuer that vouched for the identity, as a URL.
    pub issuer: String,
    /// The certificate's subject alternative name: a workflow's URL or an
    /// e-mail address.
    pub subject: String,
    /// What the issuer said about the build, where the signer is a CI job.
    pub build: Option<BuildClaims>,
}

/// The claims that Fulcio copies from a CI job's token into the certificate.
///
/// Each field is one extension; the numbers are the last arc of its object
/// identifier, `1.3.6.1.4.1.57264.1.n`. An absent extension is `None`: nothing
/// is filled in.
///
/// Source: Fulcio's `docs/oid-info.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildClaims {
    /// The workflow that signed, with its ref (9).
    pub build_signer_uri: Option<String>,
    /// `github-hosted` or `self-hosted` (11).
    pub runner_environment: Option<String>,
    /// The repository that was built, as a URL (12).
    pub source_repository: Option<String>,
    /// The commit that was built, in hex (13).
    pub source_commit: Option<String>,
    /// The git ref that was built (14).
    pub source_ref: Option<String>,
    /// The repository's number, which outlives renames (15).
    pub source_repository_id: Option<String>,
    /// The repository's owner, as a URL (16).
    pub source_owner: Option<String>,
    /// The owner's number, which a recycled account name does not inherit (17).
    pub source_owner_id: Option<String>,
    /// The top-level workflow, with its ref (18).
    pub build_config_uri: Option<String>,
    /// The event that started the build (20).
    pub trigger: Option<String>,
    /// The run, as a URL to look at (21).
    pub run_uri: Option<String>,
    /// `public` or `private`, when it was signed (22).
    pub source_visibility: Option<String>,
    /// The deployment environment that the job ran in (23).
    pub environment: Option<String>,
}

/// A place in a transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogEntry {
    /// The log's key id, in hex.
    pub log_id: String,
    /// The entry's index in that log.
    pub index: u64,
}

/// The parts of an in-toto statement that decisions rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// The predicate's type, a URI that we know.
    pub predicate_type: String,
    /// How it was built: the SLSA build type, a URI.
    pub build_type: Option<String>,
    /// What ran the build: the SLSA builder's id.
    pub builder: Option<String>,
    /// The source that it says was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceCommit>,
    /// How it was built, so that others can build it again. Only our own build
    /// type says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// The source folder, from the root of its repository; `None` is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ArchivePath>,
    /// The names of all external parameters of the build, sorted: those that
    /// whoever started it could choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
}

/// A commit of a git repository.
///
/// In a statement this is the build's own word; see [`Evidence::source`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceCommit {
    /// The repository's URL, `https://…`, without `git+` before and `.git` after it.
    pub repository: String,
    /// The commit, in lower-case hex.
    pub commit: String,
    /// The ref that it was found at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
}

impl Evidence {
    /// The source that was built: what the CI's issuer certified, where it did,
    /// and else what the statement says.
    ///
    /// A statement that names another commit of the certified repository is no
    /// evidence (`mcpkg-verify` refuses it), so the two never contradict.
    pub fn source(&self) -> Option<SourceCommit> {
        let certified = self.signer.build.as_ref().and_then(|build| {
            Some(SourceCommit {
                repository: build.source_repository.clone()?,
                commit: build.source_commit.clone()?,
                git_ref: build.source_ref.clone(),
            })
        });
        certified.or_else(|| self.statement.as_ref()?.source.clone())
    }
}
