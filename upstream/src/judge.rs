//! Whether what an ecosystem attests of a release is enough.
//!
//! | ecosystem | enough is |
//! |---|---|
//! | npm | provenance by a workflow, **and** npm's own word that it took these bytes under this name |
//! | PyPI | provenance, or an upload's attestation, by a workflow |
//!
//! npm's word alone proves an upload and no source; provenance alone may be that of
//! anybody who calls their package so. PyPI signs nothing itself: which workflow may
//! upload a project is its word, over TLS, so the workflow is shown before it is trusted,
//! and pinned after.
//!
//! As [`mcpkg_core::policy::judge`] this reports every broken rule, and has no "warn".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::{Identity, Publisher};
use mcpkg_verify::{UpstreamEvidence, UpstreamKind};
use url::Url;

use crate::{Ecosystem, Package, Release};

/// What has to hold beyond what always holds.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// How long ago it must have been signed.
    pub min_age: SignedDuration,
    /// Releases that may be younger, each named by the user.
    pub accept_fresh: BTreeSet<Release>,
    /// Releases that nobody need attest, although others were, each named by the user.
    pub accept_unattested: BTreeSet<Release>,
    /// The publisher that is pinned, if the package is installed.
    pub pinned: Option<Publisher>,
    /// Publishers that may take its place, as [`Publisher::reference`] writes them.
    pub accept_publishers: BTreeSet<String>,
}

/// The decision about one release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a judgement that nobody looks at protects nobody"]
pub enum Judgement {
    /// Every rule holds.
    Attested {
        /// Whose workflow it was.
        publisher: Publisher,
        /// When the youngest of its evidence was signed.
        signed_at: Timestamp,
    },
    /// Nobody attests where it comes from.
    Unattested(Lack),
    /// At least one rule does not hold. Never empty.
    Refused(Vec<Refusal>),
}

/// What is missing of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// There is none at all.
    #[error("nobody attests who built it")]
    Everything,
    /// Only the registry says that it took it.
    #[error("the registry attests that it was uploaded, and nobody attests who built it")]
    Provenance,
    /// A workflow built it, and the registry does not say that it took that.
    #[error(
        "a workflow attests that it built it, and the registry does not attest that it took it"
    )]
    Acceptance,
}

/// Decides whether `evidence` is enough for `release`.
pub fn judge(
    release: &Release,
    evidence: &[UpstreamEvidence],
    terms: &Terms,
    now: Timestamp,
) -> Judgement {
    /// How far two honest clocks may be apart.
    const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

    let has = |kind| evidence.iter().any(|statement| statement.kind == kind);
    let is_built = has(UpstreamKind::Provenance) || has(UpstreamKind::Upload);
    let needs_acceptance = release.package().ecosystem() == Ecosystem::Npm;
    let lack = match (is_built, has(UpstreamKind::Acceptance)) {
        (false, false) => Some(Lack::Everything),
        (false, true) => Some(Lack::Provenance),
        (true, false) if needs_acceptance => Some(Lack::Acceptance),
        (true, _) => None,
    };
    if let Some(lack) = lack {
        // A workflow published it before, and now nobody says so. Who knows why names it.
        let is_lost = matches!(terms.pinned, Some(Publisher::Workflow(_)));
        return if is_lost && !terms.accept_unattested.contains(release) {
            Judgement::Refused(vec![Refusal::ProvenanceLost])
        } else {
            Judgement::Unattested(lack)
        };
    }

    let mut refusals = Vec::new();
    let by_jobs = evidence.iter().filter(|statement| statement.kind != UpstreamKind::Acceptance);
    let mut sole: Option<Publisher> = None;
    for statement in by_jobs {
        match Publisher::of(&statement.evidence.signer) {
            Err(reason) => refusals.push(Refusal::NoPublisher { reason }),
            Ok(publisher) => match &sole {
                None => sole = Some(publisher),
                Some(first) => refusals.extend(
                    first
                        .difference(&publisher)
                        .map(|difference| Refusal::SeveralPublishers { difference }),
                ),
            },
        }
    }
    if let (Some(publisher), Some(pinned)) = (&sole, &terms.pinned) {
        let reference = publisher.reference();
        if let Some(difference) = pinned.difference(publisher)
            && !terms.accept_publishers.contains(&reference)
        {
            refusals.push(Refusal::NotPinned { difference, reference });
        }
    }
    // The youngest counts, as for releases of our own.
    let signed_at = evidence.iter().map(|statement| statement.evidence.signed_at).max();
    if let Some(signed_at) = signed_at {
        let age = now.duration_since(signed_at).max(SignedDuration::ZERO);
        let is_fresh = age < terms.min_age && !terms.accept_fresh.contains(release);
        if is_fresh || signed_at > now + CLOCK_SKEW {
            refusals.push(Refusal::TooFresh { age, min_age: terms.min_age });
        }
    }
    match (sole, signed_at) {
        (Some(publisher), Some(signed_at)) if refusals.is_empty() => {
            Judgement::Attested { publisher, signed_at }
        }
        _ => Judgement::Refused(refusals),
    }
}

/// Who publishes a package of which nobody attests the source: whoever its registry lets
/// upload it. A later release by a workflow is then seen to be somebody else's.
pub fn uploader(package: &Package, registry: &Url) -> Publisher {
    let issuer = registry.as_str().trim_end_matches('/').to_owned();
    Publisher::Identity(Identity { issuer, subject: package.to_string() })
}
