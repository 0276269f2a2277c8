//! From a release document, which a registry may have made up, to a release
//! that somebody with authority signed.

use jiff::Timestamp;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::{Candidate, Policy, Verdict, judge};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, PackageName, Version};
use mcpkg_verify::{ReleaseSubjects, TrustStore, verify_release};

use crate::error::{Error, Result};
use crate::ops::log::{Anchor, Logged, receipt};

/// A release that was judged and found trusted.
pub struct TrustedRelease {
    /// What the registry sent. Of it, the digests, `server.json` and bundles are
    /// now known to be what was signed; the rest is the registry's own word.
    pub document: ReleaseDocument,
    /// The signed metadata.
    pub server_json: ServerJson,
    /// What its bundles prove.
    pub evidence: Vec<Evidence>,
    /// Who published it.
    pub publisher: Publisher,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The entry that published it.
    pub log: Logged,
}

/// What the evidence of a release document says, whatever the log does.
pub struct JudgedRelease {
    /// The signed metadata.
    pub server_json: ServerJson,
    /// What its bundles prove.
    pub evidence: Vec<Evidence>,
    /// Who published it.
    pub publisher: Publisher,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// Checks that `document` is the release that was asked for, verifies its
/// evidence, judges it, and demands that the log has it as what was verified.
///
/// `locked` and the errors are as with [`judge_evidence`]; `anchor` is what the
/// receipt is held to.
pub fn check(
    document: ReleaseDocument,
    asked: (&PackageName, &Version),
    trust: &TrustStore,
    policy: &Policy,
    locked: Option<&LockedServer>,
    anchor: Anchor<'_>,
    now: Timestamp,
) -> Result<TrustedRelease> {
    let judged = judge_evidence(&document, asked, trust, policy, locked, now)?;
    let JudgedRelease { server_json, evidence, signed_at, .. } = judged;
    let log = receipt::check(&document, &evidence, anchor)?;
    // That of the entry is one of those that the evidence proves, in the spelling
    // that was logged.
    let publisher = log.publish.publisher.clone();
    Ok(TrustedRelease { document, server_json, evidence, publisher, signed_at, log })
}

/// Checks that `document` is the release that was asked for, verifies its
/// evidence, and judges it. Whether the log has it is for the caller to see.
///
/// `locked` is what the user has installed under this name, if anything: its
/// publisher is pinned, and if it is the same version its content is too.
///
/// # Errors
///
/// The first contradiction or failed check; or [`Error::Refused`] with every
/// rule of the policy that does not hold.
pub fn judge_evidence(
    document: &ReleaseDocument,
    asked: (&PackageName, &Version),
    trust: &TrustStore,
    policy: &Policy,
    locked: Option<&LockedServer>,
    now: Timestamp,
) -> Result<JudgedRelease> {
    let (name, version) = asked;
    let contradiction = |what: &str| Error::Contradiction {
        name: name.clone(),
        version: version.clone(),
        what: what.to_owned(),
    };
    if document.name != *name || document.version != *version {
        return Err(contradiction("it is another release"));
    }
    let text = document.server_json.get().as_bytes();
    if Digest::of(text) != document.metadata {
        return Err(contradiction("its server.json is not the one its digest names"));
    }
    let server_json = ServerJson::read_strict(text)
        .map_err(Error::wrap(format!("the server.json of {name}@{version} cannot be used")))?;
    if server_json.canonical() != text {
        return Err(contradiction("its server.json is not in canonical form"));
    }
    if server_json.name() != name || server_json.version() != version {
        return Err(contradiction("its server.json is of another release"));
    }
    if let Some(locked) = locked
        && locked.version == *version
        && !is_same_content(locked, document)
    {
        return Err(Error::Replaced { name: name.clone(), version: version.clone() });
    }

    let bundles: Vec<&[u8]> =
        document.evidence.iter().map(|evidence| evidence.bundle.get().as_bytes()).collect();
    let subjects = ReleaseSubjects {
        name: name.clone(),
        version: version.clone(),
        metadata: document.metadata,
        // The trees are the registry's word until the artifact is here. A
        // statement that names another is refused already.
        artifacts: document
            .artifacts
            .iter()
            .map(|artifact| (artifact.digest, Some(artifact.tree)))
            .collect(),
    };
    let unverified = || format!("{name}@{version} could not be verified");
    let roots = trust.for_name(name).map_err(Error::wrap(unverified()))?;
    let evidence =
        verify_release(&subjects, &bundles, &roots).map_err(Error::wrap(unverified()))?;

    let artifacts: Vec<_> = document.artifacts.iter().map(|artifact| artifact.digest).collect();
    let candidate = Candidate {
        name,
        version,
        metadata: document.metadata,
        artifacts: &artifacts,
        evidence: &evidence,
        // Held to the log's time below: a release is as old as the later of when
        // it was signed and when it was logged.
        published_at: Some(document.published_at),
        status: document.status,
        bound: None,
        pinned: locked.map(|locked| &locked.publisher),
    };
    match judge(policy, &candidate, now) {
        Verdict::Refused(refusals) => Err(Error::Refused(refusals)),
        Verdict::Trusted { publisher, signed_at } => {
            Ok(JudgedRelease { server_json, evidence, publisher, signed_at })
        }
    }
}

impl TrustedRelease {
    /// The source commit that the certificate vouches for, in hex.
    pub fn commit(&self) -> Option<&str> {
        self.evidence
            .iter()
            .find_map(|evidence| evidence.signer.build.as_ref()?.source_commit.as_deref())
    }

    /// The CI run that built it, as a URL.
    pub fn run_uri(&self) -> Option<&str> {
        self.evidence.iter().find_map(|evidence| evidence.signer.build.as_ref()?.run_uri.as_deref())
    }

    /// The source repository, as a URL.
    pub fn repository(&self) -> Option<&str> {
        match &self.publisher {
            Publisher::Workflow(workflow) => Some(&workflow.repository),
            Publisher::Identity(_) => None,
        }
    }
}

/// Whether the document has what the lock pinned. The order of artifacts and
/// which bundles attest them may differ; the content may not.
fn is_same_content(locked: &LockedServer, document: &ReleaseDocument) -> bool {
    locked.metadata == document.metadata
        && locked.artifacts.len() == document.artifacts.len()
        && locked.artifacts.iter().all(|pinned| {
            document.artifacts.iter().any(|artifact| {
                (artifact.platform, artifact.digest, artifact.tree)
                    == (pinned.platform, pinned.digest, pinned.tree)
            })
        })
}
