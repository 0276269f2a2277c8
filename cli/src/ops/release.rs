//! From a release document, which a registry may have made up, to a release
//! that somebody with authority signed.
//!
//! Two steps, so that there is something to show in between: [`read`] verifies what is
//! signed, and [`SignedRelease::judge`] decides.

use jiff::Timestamp;
use mcpkg_core::api::{ReleaseDocument, Status};
use mcpkg_core::elsewhere::{Elsewhere, Pinned};
use mcpkg_core::evidence::Evidence;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::log::{Entry, Receipt};
use mcpkg_core::policy::{Candidate, Policy, Verdict, VerifiedRebuild, judge};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, PackageName, Platform, Version};
use mcpkg_verify::{ReleaseSubjects, TrustStore, verify_release};

use crate::error::{Error, Result};
use crate::ops::log::{Anchor, Contact, Distrust, Logged, receipt, statement as logged};
use crate::ops::statement::AtHand;
use crate::ops::statement::binding::{Bindings, Published};
use crate::ops::statement::release::Since;

/// A release that somebody signed. Whether they may, and whether that is enough, is
/// still to be judged.
pub struct SignedRelease {
    /// What the registry sent.
    pub document: ReleaseDocument,
    /// The signed metadata.
    pub server_json: ServerJson,
    /// What its bundles prove.
    pub evidence: Vec<Evidence>,
    /// What was stated about it since.
    pub since: Since,
    /// The changes of the package's publisher.
    pub bindings: Bindings,
}

/// A release that was judged and found trusted.
pub struct TrustedRelease {
    /// What the registry sent. Of it, the digests, `server.json` and bundles are
    /// now known to be what was signed; the rest is the registry's own word.
    pub document: ReleaseDocument,
    /// The signed metadata.
    pub server_json: ServerJson,
    /// What its bundles prove.
    pub evidence: Vec<Evidence>,
    /// What was stated about it since.
    pub since: Since,
    /// The changes of the package's publisher.
    pub bindings: Bindings,
    /// Who published it.
    pub publisher: Publisher,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The entry that published it.
    pub log: Logged,
}

/// What is decided upon beside the release itself.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// What has to hold.
    pub policy: &'a Policy,
    /// What the user has installed under this name, if anything: its publisher is
    /// pinned, and if it is the same version its content is too.
    pub locked: Option<&'a LockedServer>,
    /// Whether one that was yanked may pass, because it is only looked at.
    pub accepts_yanked: bool,
    /// The time.
    pub now: Timestamp,
}

/// Checks that `document` is the release that was asked for, and verifies its evidence
/// and everything that was stated about it since.
///
/// `anchor` is what the log is held to.
///
/// # Errors
///
/// The first contradiction or failed check.
pub fn read(
    mut document: ReleaseDocument,
    asked: (&PackageName, &Version),
    trust: &TrustStore,
    anchor: Anchor<'_>,
) -> Result<SignedRelease> {
    let (server_json, evidence) = verify_evidence(&document, asked, trust)?;
    let receipt = document.log.receipt.parse::<Receipt>().ok();
    let leaf = Digest::of(document.log.entry.get().as_bytes());
    // Not proved yet, and used for nothing that is not refused if they are not the ones
    // that the receipt proves.
    let mut at_hand = AtHand::new();
    at_hand.extend(receipt.iter().map(|receipt| (receipt.index, leaf)));
    let bindings = match anchor {
        Anchor::Contact(contact) => Bindings::read(contact, &at_hand, trust)?,
        Anchor::Known(_) => Bindings::none(),
    };
    let stated = logged::of_release(&document, anchor)?;
    let publisher = publisher_of(&evidence);
    let start = match (&receipt, &publisher, anchor) {
        // Offline nobody says whom the name was bound to since. The registry was asked
        // when the release was kept.
        (Some(receipt), Some(publisher), Anchor::Contact(_)) => {
            Some(Published { index: receipt.index, time: document.published_at, publisher })
        }
        _ => None,
    };
    let since =
        Since::verify(&stated, &document.artifacts, start, &bindings, &at_hand, trust, anchor)?;
    // Both say it, and only what is signed counts.
    let is_all_known = stated.len() == document.statements.len();
    if is_all_known && document.status != since.status {
        let (version, shown, signed) = (document.version, document.status, since.status);
        return Err(anchor.known().distrust(Distrust::Status { version, shown, signed }));
    }
    // What is newer than the checkpoint was not looked at, so it is not kept either.
    document.status = since.status;
    document.statements.retain(|it| {
        let index = it.receipt.parse::<Receipt>().ok().map(|receipt| receipt.index);
        stated.iter().any(|stated| Some(stated.index) == index)
    });
    Ok(SignedRelease { document, server_json, evidence, since, bindings })
}

/// Whether the publisher of a release still stands by it, in words if not: from the
/// signed index, and then with the reason from what they signed.
pub fn remark(
    contact: &mut Contact<'_>,
    version: &Version,
    trust: &TrustStore,
) -> Result<Option<String>> {
    if contact.status(version) == Status::Active {
        return Ok(None);
    }
    let document = contact.release(version)?;
    let name = contact.index.name.clone();
    let signed = read(document, (&name, version), trust, Anchor::Contact(contact))?;
    Ok(signed.since.remark(version))
}

/// [`read`] and [`SignedRelease::judge`].
pub fn check(
    document: ReleaseDocument,
    asked: (&PackageName, &Version),
    trust: &TrustStore,
    anchor: Anchor<'_>,
    terms: Terms<'_>,
) -> Result<TrustedRelease> {
    read(document, asked, trust, anchor)?.judge(anchor, terms)
}

impl SignedRelease {
    /// Judges the release, and demands that the log has it as what was verified.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with every rule of the policy that does not hold; or what the
    /// log does not prove.
    pub fn judge(self, anchor: Anchor<'_>, terms: Terms<'_>) -> Result<TrustedRelease> {
        let Self { document, server_json, evidence, since, bindings } = self;
        let (name, version) = (&document.name, &document.version);
        if let Some(locked) = terms.locked
            && locked.version == *version
            && !is_same_content(locked, &document, &server_json)
        {
            return Err(Error::Replaced { name: name.clone(), version: version.clone() });
        }
        // That another platform's files can be built again says nothing of these.
        let wanted = Platform::choose(&document.artifacts, |it| it.platform, Platform::current());
        let rebuilds = since.verified_rebuilds(wanted.map(|artifact| artifact.platform));
        let status = if terms.accepts_yanked { Status::Active } else { since.status };
        let (_, signed_at) = decide(&document, &evidence, &rebuilds, status, terms)?;
        let log = receipt::check(&document, &evidence, anchor)?;
        // That of the entry is one of those that the evidence proves, in the spelling
        // that was logged.
        let publisher = log.publish.publisher.clone();
        Ok(TrustedRelease {
            document,
            server_json,
            evidence,
            since,
            bindings,
            publisher,
            signed_at,
            log,
        })
    }

    /// Who signed it, if that is one publisher.
    pub fn publisher(&self) -> Option<Publisher> {
        publisher_of(&self.evidence)
    }

    /// What the user should know of it, whatever is decided: that it was withdrawn, and
    /// what is known of a publisher who is not the one that `locked` pins.
    pub fn remarks(&self, locked: Option<&LockedServer>) -> Vec<String> {
        let mut remarks = Vec::new();
        remarks.extend(self.since.remark(&self.document.version));
        let (Some(locked), Some(found)) = (locked, self.publisher()) else { return remarks };
        if locked.publisher.difference(&found).is_some() {
            remarks.push(self.bindings.explain(&locked.publisher, &found));
        }
        remarks
    }
}

/// Checks that `document` is the release that was asked for, and verifies its evidence.
/// Gives the signed metadata, and what the bundles prove.
pub fn verify_evidence(
    document: &ReleaseDocument,
    asked: (&PackageName, &Version),
    trust: &TrustStore,
) -> Result<(ServerJson, Vec<Evidence>)> {
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
    Ok((server_json, evidence))
}

/// Judges what was verified. Gives who published it, and when it was signed.
///
/// # Errors
///
/// [`Error::Refused`] with every rule of the policy that does not hold.
pub fn decide(
    document: &ReleaseDocument,
    evidence: &[Evidence],
    rebuilds: &[VerifiedRebuild],
    status: Status,
    terms: Terms<'_>,
) -> Result<(Publisher, Timestamp)> {
    let artifacts: Vec<_> = document.artifacts.iter().map(|artifact| artifact.digest).collect();
    // As the entry has it, which has to be proved to be logged elsewhere.
    let authority = match Entry::parse(document.log.entry.get().as_bytes()) {
        Ok(Entry::Publish(publish)) => publish.authority,
        _ => None,
    };
    let candidate = Candidate {
        name: &document.name,
        version: &document.version,
        metadata: document.metadata,
        artifacts: &artifacts,
        evidence,
        // Held to the log's time elsewhere: a release is as old as the later of when
        // it was signed and when it was logged.
        published_at: Some(document.published_at),
        status,
        bound: None,
        pinned: terms.locked.map(|locked| &locked.publisher),
        authority: authority.as_ref(),
        rebuilds,
    };
    match judge(terms.policy, &candidate, terms.now) {
        Verdict::Refused(refusals) => Err(Error::Refused(refusals)),
        Verdict::Trusted { publisher, signed_at } => Ok((publisher, signed_at)),
    }
}

/// The one publisher that signed all of `evidence`. Where there is none the release is
/// refused when it is judged.
fn publisher_of(evidence: &[Evidence]) -> Option<Publisher> {
    Publisher::of(&evidence.first()?.signer).ok()
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
fn is_same_content(
    locked: &LockedServer,
    document: &ReleaseDocument,
    server_json: &ServerJson,
) -> bool {
    let is_signed = |pinned: &Pinned| {
        Elsewhere::of(server_json).is_ok_and(|elsewhere| elsewhere.pinned() == *pinned)
    };
    locked.metadata == document.metadata
        && locked.elsewhere.as_ref().is_none_or(is_signed)
        && locked.artifacts.len() == document.artifacts.len()
        && locked.artifacts.iter().all(|pinned| {
            document.artifacts.iter().any(|artifact| {
                (artifact.platform, artifact.digest, artifact.tree)
                    == (pinned.platform, pinned.digest, pinned.tree)
            })
        })
}
