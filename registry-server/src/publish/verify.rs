//! Is it what its author signed, and may they publish it?

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, Status};
use mcpkg_core::domain::DomainProof;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::policy::{Candidate, Verdict, judge};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, Platform, TreeDigest};
use mcpkg_verify::{ReleaseSubjects, verify_release};

use super::inspect::inspect;
use super::{Bundle, Metadata, PublishError};
use crate::access::Caller;
use crate::app::App;
use crate::blobs::{Staged, blocking};
use crate::policy::Action;

/// A release that may be published.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) metadata: Metadata,
    pub(super) bundles: Vec<Bundle>,
    /// Each artifact with what was found in it, in the order of their platforms.
    pub(super) artifacts: Vec<(Artifact, Staged)>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) publisher: Publisher,
    /// What the domain of the namespace said of them, where that decides.
    pub(super) authority: Option<DomainProof>,
}

/// A release of which the signer may publish it, before its artifacts are here.
#[derive(Debug)]
pub(super) struct Signed {
    metadata: Metadata,
    bundles: Vec<Bundle>,
    authority: Option<DomainProof>,
}

impl App {
    /// Verifies the bundles over the `server.json` alone, and judges who signed:
    /// all that can be known before the artifacts are here.
    pub(super) async fn verify_signer(
        &self,
        caller: &Caller,
        metadata: Metadata,
        bundles: Vec<Bundle>,
    ) -> Result<Signed, PublishError> {
        self.refuse_name_of_a_source(metadata.server.name()).await?;
        let bound = self.store.binding(metadata.server.name(), Timestamp::now()).await?;
        let app = self.clone();
        let (metadata, bundles, evidence) = blocking(move || {
            let evidence = app.evidence_for(&metadata, &bundles, &[])?;
            Ok::<_, PublishError>((metadata, bundles, evidence))
        })
        .await?;
        let authority = if let Some(bound) = &bound {
            bound.authority.clone()
        } else {
            let asked = self.domain_of_the_signer(metadata.server.name(), &evidence).await;
            self.hide(caller, metadata.server.name(), asked)?
        };
        let (server, authority_of_name) = (&metadata.server, authority.as_ref());
        let is_hidden = !self.may_read(caller, server.name());
        if is_hidden {
            // As if nobody had published it: what there is is told to those alone whose
            // name it is.
            let judged = self.judge(server, &[], &evidence, None, authority_of_name);
            judged.map_err(|_| PublishError::Hidden(server.name().clone()))?;
        }
        let bound = bound.map(|binding| binding.bound);
        let publisher = self.judge(server, &[], &evidence, bound.as_ref(), authority_of_name)?;
        if is_hidden {
            self.refuse_taken(server).await?;
        }
        self.permit_signer(caller, &publisher, Action::Publish, server.name()).await?;
        Ok(Signed { metadata, bundles, authority })
    }

    /// Verifies all of a release, off the async threads and not many at once.
    pub(super) async fn verify_release(
        &self,
        Signed { metadata, bundles, authority }: Signed,
        artifacts: Vec<Staged>,
    ) -> Result<Verified, PublishError> {
        let bound = self.store.bound_publisher(metadata.server.name(), Timestamp::now()).await?;
        let _permit = self.verifications.acquire().await.map_err(|_| PublishError::Busy)?;
        let app = self.clone();
        blocking(move || {
            let artifacts = inspect_all(&metadata, artifacts)?;
            let subjects: Vec<(Digest, TreeDigest)> =
                artifacts.iter().map(|(artifact, _)| (artifact.digest, artifact.tree)).collect();
            let evidence = app.evidence_for(&metadata, &bundles, &subjects)?;
            let digests: Vec<Digest> = subjects.iter().map(|&(digest, _)| digest).collect();
            let publisher = app.judge(
                &metadata.server,
                &digests,
                &evidence,
                bound.as_ref(),
                authority.as_ref(),
            )?;
            Ok(Verified { metadata, bundles, artifacts, evidence, publisher, authority })
        })
        .await
    }

    /// What `bundles` prove, each of them.
    fn evidence_for(
        &self,
        metadata: &Metadata,
        bundles: &[Bundle],
        artifacts: &[(Digest, TreeDigest)],
    ) -> Result<Vec<Evidence>, PublishError> {
        let roots = self.trust.for_name(metadata.server.name())?;
        let subjects = ReleaseSubjects {
            name: metadata.server.name().clone(),
            version: metadata.server.version().clone(),
            metadata: metadata.server.digest(),
            artifacts: artifacts.iter().map(|&(digest, tree)| (digest, Some(tree))).collect(),
        };
        let bundles: Vec<&[u8]> = bundles.iter().map(|bundle| bundle.bytes.as_slice()).collect();
        Ok(verify_release(&subjects, &bundles, &roots)?)
    }

    /// Who publishes, if they may.
    pub(super) fn judge(
        &self,
        server: &ServerJson,
        artifacts: &[Digest],
        evidence: &[Evidence],
        bound: Option<&Publisher>,
        authority: Option<&DomainProof>,
    ) -> Result<Publisher, PublishError> {
        let candidate = Candidate {
            name: server.name(),
            version: server.version(),
            metadata: server.digest(),
            artifacts,
            evidence,
            published_at: None,
            status: Status::Active,
            bound,
            pinned: None,
            authority,
            rebuilds: &[],
        };
        match judge(&self.policy, &candidate, Timestamp::now()) {
            Verdict::Trusted { publisher, .. } => Ok(publisher),
            Verdict::Refused(refusals) => Err(PublishError::Refused(refusals)),
        }
    }
}

/// Looks into every artifact, and refuses a set of which two fit one machine.
fn inspect_all(
    metadata: &Metadata,
    staged: Vec<Staged>,
) -> Result<Vec<(Artifact, Staged)>, PublishError> {
    let server = &metadata.server;
    if staged.is_empty() && server.remotes().is_empty() && server.images().is_empty() {
        return Err(PublishError::Nothing);
    }
    let mut artifacts = Vec::with_capacity(staged.len());
    for mut staged in staged {
        artifacts.push((inspect(&mut staged, &metadata.server)?, staged));
    }
    artifacts.sort_by_key(|(artifact, _)| artifact.platform);
    // `any` sorts first, so it is beside another if there is another.
    for pair in artifacts.windows(2) {
        let [one, other] = [pair[0].0.platform, pair[1].0.platform];
        if one == other || one == Platform::Any {
            return Err(PublishError::SamePlatform { one: other, other: one });
        }
    }
    Ok(artifacts)
}
