//! The security decision: is this evidence enough to trust this release?
//!
//! [`judge`] is the one place where that is decided, for the server before it
//! accepts a release and for the command before it installs one. It holds what
//! can never be configured away (somebody with authority signed exactly this,
//! and it is the same somebody as before) and a few typed settings.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::Status;
use crate::domain::DomainProof;
use crate::evidence::Evidence;
use crate::namespace::{AllowedIdentity, NamePattern, NamespaceError, NamespaceRule, authorise};
use crate::publisher::{Difference, Publisher, PublisherError};
use crate::statement::RebuildResult;
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
    /// Publishers that may take the place of the pinned one, each named by the user, as
    /// [`Publisher::reference`] writes them.
    pub accept_publishers: BTreeSet<String>,
    /// Who has to have built releases again.
    pub rebuilds: Vec<RebuildRule>,
    /// External parameters of builds that are known, beyond [`KNOWN_PARAMETERS`].
    pub build_parameters: BTreeSet<String>,
}

/// The external parameters of the build types that we know.
///
/// They are what whoever starts a build can choose, so one that nobody here knows may
/// have decided what was built.
///
/// Source: SLSA provenance v1, "externalParameters"; `schemas/README.md` for ours;
/// GitHub's and slsa-framework's build types `workflow/v1`.
pub const KNOWN_PARAMETERS: [&str; 8] =
    ["build", "inputs", "name", "source", "upstream", "vars", "version", "workflow"];

/// How many of which identities have to have built a release again, with the same files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebuildRule {
    /// Which packages this is about.
    pub pattern: NamePattern,
    /// How many of them suffice.
    pub required: usize,
    /// Whose rebuilds count. That of the release's own publisher never does.
    pub by: Vec<AllowedIdentity>,
}

/// A rebuild, of which the signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRebuild {
    /// Who built the release again.
    pub rebuilder: Publisher,
    /// What came of it.
    pub result: RebuildResult,
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

    /// The parameters of the builds that nobody here knows, each once.
    fn unknown_parameters(&self, evidence: &[Evidence]) -> Vec<Refusal> {
        let statements = evidence.iter().filter_map(|evidence| evidence.statement.as_ref());
        let all: BTreeSet<_> = statements.flat_map(|statement| &statement.parameters).collect();
        let is_known =
            |name: &str| KNOWN_PARAMETERS.contains(&name) || self.build_parameters.contains(name);
        all.into_iter()
            .filter(|name| !is_known(name))
            .map(|name| Refusal::UnknownParameter { parameter: name.clone() })
            .collect()
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
    /// What the domain of the namespace said when the name was bound, if that was asked.
    pub authority: Option<&'a DomainProof>,
    /// Who built it again, the last word of each.
    pub rebuilds: &'a [VerifiedRebuild],
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
    /// There is no evidence any more: other releases of the package had it.
    #[error("the release carries no provenance, and earlier ones of this package do")]
    ProvenanceLost,
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
        "the publisher changed since you installed this package: {what} was `{bound}` and is `{found}`; the release is by `{reference}`",
        what = .difference.what, bound = .difference.bound, found = .difference.found
    )]
    NotPinned {
        /// In what they differ.
        difference: Difference,
        /// Who signed instead, as [`Publisher::reference`] writes it.
        reference: String,
    },
    /// The release is too young.
    #[error("the release was signed or published {} ago, and policy asks for {}", hours(*age), hours(*min_age))]
    TooFresh {
        /// How long ago it was signed.
        age: SignedDuration,
        /// What policy asks for.
        min_age: SignedDuration,
    },
    /// Too few have built it again, and found the same files.
    #[error(
        "{found} of the {required} rebuilds that policy asks for are there; missing are those by {}",
        .missing.join(", ")
    )]
    TooFewRebuilds {
        /// How many there are.
        found: usize,
        /// How many there have to be.
        required: usize,
        /// Whose are not there, or did not find the same files.
        missing: Vec<String>,
    },
    /// The build took a parameter that nobody here knows.
    #[error("the build took an external parameter that is not known here: `{}`", .parameter.escape_debug())]
    UnknownParameter {
        /// Its name.
        parameter: String,
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
        let reference = publisher.reference();
        if let Some(difference) = difference(candidate.pinned)
            && !policy.accept_publishers.contains(&reference)
        {
            refusals.push(Refusal::NotPinned { difference, reference });
        }
        if let Err(reason) =
            authorise(candidate.name, publisher, &policy.namespaces, candidate.authority)
        {
            refusals.push(Refusal::NoAuthority { reason });
        }
    }
    refusals.extend(policy.unknown_parameters(candidate.evidence));
    if candidate.status == Status::Yanked {
        refusals.push(Refusal::Yanked);
    }
    let rules = policy.rebuilds.iter().filter(|rule| rule.pattern.matches(candidate.name));
    refusals
        .extend(rules.filter_map(|rule| rule.shortfall(candidate.rebuilds, publisher.as_ref())));
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
        let had_some = candidate.bound.is_some() || candidate.pinned.is_some();
        return vec![if had_some { Refusal::ProvenanceLost } else { Refusal::Unsigned }];
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

impl RebuildRule {
    /// What is missing, if anything.
    fn shortfall(
        &self,
        rebuilds: &[VerifiedRebuild],
        publisher: Option<&Publisher>,
    ) -> Option<Refusal> {
        // One identity counts once, however often it is listed or has spoken.
        let mut counted: Vec<&Publisher> = Vec::new();
        let mut missing = Vec::new();
        for allowed in &self.by {
            let is_theirs = |rebuild: &&VerifiedRebuild| {
                rebuild.result == RebuildResult::Identical
                    && allowed.is(&rebuild.rebuilder)
                    && publisher.is_none_or(|it| it.difference(&rebuild.rebuilder).is_some())
                    && !counted.iter().any(|it| it.difference(&rebuild.rebuilder).is_none())
            };
            match rebuilds.iter().find(is_theirs) {
                Some(rebuild) => counted.push(&rebuild.rebuilder),
                None => missing.push(allowed.to_string()),
            }
        }
        let (found, required) = (counted.len(), self.required);
        (found < required).then_some(Refusal::TooFewRebuilds { found, required, missing })
    }
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
            Self::ProvenanceLost => Code::ProvenanceLost,
            Self::NotAttested { .. } => Code::Attestation,
            Self::OtherMetadata { .. } => Code::Metadata,
            Self::NoPublisher { reason: PublisherError::Event(_) } => Code::OidcEvent,
            Self::NoAuthority { reason: NamespaceError::Recycled { .. } } => Code::PublisherId,
            Self::NoAuthority { .. } => Code::Namespace,
            Self::NotBound { difference } | Self::NotPinned { difference, .. }
                if difference.is_recycled =>
            {
                Code::PublisherId
            }
            Self::NoPublisher { .. } | Self::SeveralPublishers { .. } | Self::NotBound { .. } => {
                Code::Publisher
            }
            Self::NotPinned { .. } => Code::IdentityChanged,
            Self::TooFresh { .. } => Code::TooFresh,
            Self::TooFewRebuilds { .. } => Code::Rebuilds,
            Self::UnknownParameter { .. } => Code::SlsaParameter,
            Self::Yanked => Code::Yanked,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unsigned => {
                "only signed releases can be installed; ask the author to publish from CI"
            }
            Self::ProvenanceLost => {
                "do not use it; ask the author why this release was not published from CI"
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
                "find out from the author whether they moved; `--accept-publisher <identity>`, with the whole identity named above, accepts the new one"
            }
            Self::TooFresh { .. } => {
                "wait, or name this one release: `--accept-fresh <name>@<version>`"
            }
            Self::UnknownParameter { .. } => {
                "find out what it does; `build_parameters` in the configuration makes it known"
            }
            Self::TooFewRebuilds { .. } => {
                "wait until they have built it again, or do it: `mcpkg rebuild <name>@<version> --attest`"
            }
            Self::Yanked => "choose another version",
        })
    }
}

#[cfg(test)]
mod tests;
