//! The security decision: is this evidence enough to trust this release?
//!
//! [`judge`] is the one place where that is decided, for the server before it
//! accepts a release and for the command before it installs one. It holds what
//! can never be configured away (somebody with authority signed exactly this,
//! and it is the same somebody as before) and a few typed settings.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::api::Status;
use crate::evidence::Evidence;
use crate::namespace::{NamespaceError, NamespaceRule, authorise};
use crate::publisher::{Difference, Publisher, PublisherError};
use crate::{Code, Coded, Digest, PackageName, Version};

/// What has to hold beyond what always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long ago a release must have been signed and published.
    pub min_age: SignedDuration,
    /// Releases that may be younger, each named by the user.
    pub accept_fresh: BTreeSet<(PackageName, Version)>,
    /// Who may publish in namespaces that no forge vouches for.
    pub namespaces: Vec<NamespaceRule>,
}

impl Policy {
    /// How old a release from a public registry must be by default.
    ///
    /// In May 2026, 84 releases of one project carried *valid* provenance from a
    /// poisoned pipeline (CVE-2026-45321); they were found within hours. A day
    /// is what it costs to let others find such a thing first.
    pub const PUBLIC_MIN_AGE: SignedDuration = SignedDuration::from_hours(24);

    /// How far two honest clocks may be apart. A signature from further in the
    /// future than this is refused, whatever the minimum age and its exceptions.
    const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

    /// The policy for installing from a public registry.
    #[must_use]
    pub fn public() -> Self {
        Self { min_age: Self::PUBLIC_MIN_AGE, ..Self::default() }
    }

    /// The policy for a registry that one's own organisation runs, and for a
    /// registry that decides about a publish: no minimum age.
    #[must_use]
    pub fn private() -> Self {
        Self::default()
    }
}

/// The release that is judged, and what is already known of its package.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// Which release of it.
    pub version: &'a Version,
    /// The digest of the canonical `server.json`.
    pub metadata: Digest,
    /// The digest of each artifact; empty for a release of remotes only.
    pub artifacts: &'a [Digest],
    /// What the release's bundles prove.
    pub evidence: &'a [Evidence],
    /// When the registry says that it accepted it, where one is asked. Its word
    /// can make a release younger and not older.
    pub published_at: Option<Timestamp>,
    /// Whether the publisher still stands by it.
    pub status: Status,
    /// The publisher that the registry bound the name to, if it has a release.
    pub bound: Option<&'a Publisher>,
    /// The publisher that this user's lock pins, if it has the package.
    pub pinned: Option<&'a Publisher>,
}

/// The decision about one release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody looks at protects nobody"]
pub enum Verdict {
    /// Every rule holds.
    Trusted {
        /// Who published it.
        publisher: Publisher,
        /// When the youngest of its evidence was signed.
        signed_at: Timestamp,
    },
    /// At least one rule does not hold. Never empty.
    Refused(Vec<Refusal>),
}

/// A rule that does not hold, with what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase", tag = "rule")]
pub enum Refusal {
    /// There is no evidence at all.
    #[error("the release carries no provenance")]
    Unsigned,
    /// No evidence covers this artifact.
    #[error("no evidence attests the artifact {artifact}")]
    NotAttested {
        /// The artifact.
        artifact: Digest,
    },
    /// No evidence covers the `server.json`.
    #[error("the evidence {bundle} is over another server.json than {metadata}")]
    OtherMetadata {
        /// The bundle that does not cover it.
        bundle: Digest,
        /// The digest of the `server.json` that was presented.
        metadata: Digest,
    },
    /// The signer is nobody who could publish.
    #[error("the signer cannot be a publisher: {reason}")]
    NoPublisher {
        /// Why not.
        reason: PublisherError,
    },
    /// The release's bundles have different signers.
    #[error(
        "the bundles of this release have different signers: {what} is `{bound}` in one and `{found}` in another",
        what = .difference.what, bound = .difference.bound, found = .difference.found
    )]
    SeveralPublishers {
        /// In what they differ.
        difference: Difference,
    },
    /// The publisher does not own the namespace.
    #[error("{reason}")]
    NoAuthority {
        /// Who does, and who signed.
        reason: NamespaceError,
    },
    /// The publisher is not the one that the registry bound the name to.
    #[error(
        "the package is bound to another publisher: its {what} is `{bound}`, and this was signed by `{found}`",
        what = .difference.what, bound = .difference.bound, found = .difference.found
    )]
    NotBound {
        /// In what they differ.
        difference: Difference,
    },
    /// The publisher is not the one that the user's lock pins.
    #[error(
        "the publisher changed since you installed this package: {what} was `{bound}` and is `{found}`",
        what = .difference.what, bound = .difference.bound, found = .difference.found
    )]
    NotPinned {
        /// In what they differ.
        difference: Difference,
    },
    /// The release is too young.
    #[error("the release was signed or published {} ago, and policy asks for {}", hours(*age), hours(*min_age))]
    TooFresh {
        /// How long ago it was signed.
        age: SignedDuration,
        /// What policy asks for.
        min_age: SignedDuration,
    },
    /// The publisher withdrew the release.
    #[error("the release was yanked by its publisher")]
    Yanked,
}

/// Decides whether `policy` allows the release that `candidate` describes.
///
/// Reports *every* broken rule, not the first, so that a user sees all of it at
/// once. There is no "warn": a rule that may be ignored is not a rule.
pub fn judge(policy: &Policy, candidate: &Candidate<'_>, now: Timestamp) -> Verdict {
    let mut refusals = Vec::new();

    refusals.extend(coverage(candidate));
    let publisher = match sole_publisher(candidate.evidence) {
        Ok(publisher) => publisher,
        Err(refusal) => {
            refusals.extend(refusal);
            None
        }
    };
    if let Some(publisher) = &publisher {
        let difference = |known: Option<&Publisher>| known?.difference(publisher);
        if let Some(difference) = difference(candidate.bound) {
            refusals.push(Refusal::NotBound { difference });
        }
        if let Some(difference) = difference(candidate.pinned) {
            refusals.push(Refusal::NotPinned { difference });
        }
        if let Err(reason) = authorise(candidate.name, publisher, &policy.namespaces) {
            refusals.push(Refusal::NoAuthority { reason });
        }
    }
    if candidate.status == Status::Yanked {
        refusals.push(Refusal::Yanked);
    }
    // The youngest signature counts: an old bundle beside a new one must not
    // make the new one look old.
    let signed_at = candidate.evidence.iter().map(|evidence| evidence.signed_at).max();
    if let Some(signed_at) = signed_at {
        // What was signed long ago and shown to nobody is as fresh as new.
        let seen_at = candidate.published_at.map_or(signed_at, |at| at.max(signed_at));
        let age = now.duration_since(seen_at).max(SignedDuration::ZERO);
        let is_accepted =
            policy.accept_fresh.contains(&(candidate.name.clone(), candidate.version.clone()));
        let is_from_the_future = signed_at > now + Policy::CLOCK_SKEW;
        if is_from_the_future || (age < policy.min_age && !is_accepted) {
            refusals.push(Refusal::TooFresh { age, min_age: policy.min_age });
        }
    }

    match (publisher, signed_at) {
        (Some(publisher), Some(signed_at)) if refusals.is_empty() => {
            Verdict::Trusted { publisher, signed_at }
        }
        _ => Verdict::Refused(refusals),
    }
}

/// Every bundle is over this `server.json`, and every artifact is in a bundle.
fn coverage(candidate: &Candidate<'_>) -> Vec<Refusal> {
    if candidate.evidence.is_empty() {
        return vec![Refusal::Unsigned];
    }
    let metadata = candidate.metadata;
    let strays = candidate
        .evidence
        .iter()
        .filter(|evidence| !evidence.subjects.contains(&metadata))
        .map(|evidence| Refusal::OtherMetadata { bundle: evidence.bundle, metadata });
    let orphans = candidate
        .artifacts
        .iter()
        .filter(|artifact| {
            !candidate.evidence.iter().any(|evidence| evidence.subjects.contains(artifact))
        })
        .map(|&artifact| Refusal::NotAttested { artifact });
    strays.chain(orphans).collect()
}

/// The one publisher that signed all of `evidence`, or none if there is none.
fn sole_publisher(evidence: &[Evidence]) -> Result<Option<Publisher>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut sole: Option<Publisher> = None;
    for evidence in evidence {
        match (Publisher::of(&evidence.signer), &sole) {
            (Err(reason), _) => refusals.push(Refusal::NoPublisher { reason }),
            (Ok(publisher), None) => sole = Some(publisher),
            (Ok(publisher), Some(first)) => {
                if let Some(difference) = first.difference(&publisher) {
                    refusals.push(Refusal::SeveralPublishers { difference });
                }
            }
        }
    }
    if refusals.is_empty() { Ok(sole) } else { Err(refusals) }
}

/// A duration in words: `5 h`, or `12 min` below an hour.
fn hours(duration: SignedDuration) -> String {
    match duration.as_hours() {
        0 => format!("{} min", duration.as_mins().max(0)),
        hours => format!("{hours} h"),
    }
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Unsigned => Code::Provenance,
            Self::NotAttested { .. } => Code::Attestation,
            Self::OtherMetadata { .. } => Code::Metadata,
            Self::NoPublisher { reason: PublisherError::Event(_) } => Code::OidcEvent,
            Self::NoAuthority { .. } => Code::Namespace,
            Self::NotBound { difference } | Self::NotPinned { difference }
                if difference.is_recycled =>
            {
                Code::PublisherId
            }
            Self::NoPublisher { .. } | Self::SeveralPublishers { .. } | Self::NotBound { .. } => {
                Code::Publisher
            }
            Self::NotPinned { .. } => Code::IdentityChanged,
            Self::TooFresh { .. } => Code::TooFresh,
            Self::Yanked => Code::Yanked,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unsigned => {
                "only signed releases can be installed; ask the author to publish from CI"
            }
            Self::NotAttested { .. } | Self::OtherMetadata { .. } => {
                "do not use it; what the registry serves is not what the author signed"
            }
            Self::NoPublisher { reason: PublisherError::Event(_) } => {
                "publish from a workflow that runs on `push` or `release`"
            }
            Self::NoPublisher { .. } | Self::SeveralPublishers { .. } => {
                "publish from one workflow of the package's own repository"
            }
            Self::NoAuthority { reason: NamespaceError::Unknown(_) } => {
                "list who may publish in this namespace in the configuration of the registry"
            }
            Self::NoAuthority { .. } => {
                "only that account's workflows publish under this name; do not use what others sign"
            }
            Self::NotBound { .. } => {
                "publish from the repository, workflow, environment and kind of ref that published the first release"
            }
            Self::NotPinned { .. } => {
                "find out from the author whether they moved; `mcpkg remove` and a new install accept the new publisher"
            }
            Self::TooFresh { .. } => {
                "wait, or name this one release: `--accept-fresh <name>@<version>`"
            }
            Self::Yanked => "choose another version",
        })
    }
}

#[cfg(test)]
mod tests;
