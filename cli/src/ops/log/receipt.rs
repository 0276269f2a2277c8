//! Whether a release is in the log, as what it is.

use mcpkg_core::api::{Artifact, ReleaseDocument};
use mcpkg_core::evidence::Evidence;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::log::{
    Entry, IndexedEntry, Publish, Receipt, SignedCheckpoint, verify_consistency,
};
use mcpkg_core::publisher::Publisher;

use super::listed::Proved;
use super::{Contact, Distrust, KnownLog};
use crate::error::{Error, Result};

/// What a receipt is held to.
#[derive(Clone, Copy)]
pub enum Anchor<'a> {
    /// The checkpoint and the index that the registry has just shown.
    Contact(&'a Contact<'a>),
    /// What is known without asking: the log's key, and the newest checkpoint if
    /// that is of the same tree.
    Known(&'a KnownLog<'a>),
}

/// The entry that published a release, and its proof.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its index in the log.
    pub index: u64,
    /// What it says. All of it is what was verified.
    pub publish: Publish,
    /// The receipt, as it came.
    pub receipt: String,
}

/// Checks that the log has the release that `document` describes, of which
/// `evidence` is what its bundles prove, as nothing else.
pub fn check(
    document: &ReleaseDocument,
    evidence: &[Evidence],
    anchor: Anchor<'_>,
) -> Result<Logged> {
    let known = anchor.known();
    let context = format!("{}@{} is not proved to be logged", document.name, document.version);
    let log = &document.log;
    if log.receipt.is_empty() {
        return Err(Error::wrap(context)(Distrust::Empty("a receipt")));
    }
    let leaf = log.entry.get().as_bytes();
    let entry = Entry::parse(leaf).map_err(Error::wrap(context.clone()))?;
    let receipt: Receipt = log.receipt.parse().map_err(Error::wrap(context.clone()))?;
    let signed = receipt
        .verify(leaf, &known.receipt_trust())
        .map_err(|error| known.disbelieve(error, &receipt.checkpoint))?;
    goes_into(&signed, document, anchor)?;
    if let Anchor::Contact(contact) = anchor
        && let Some(expected) = contact.entry(&document.version)
        && expected != receipt.index
    {
        let found = receipt.index;
        return Err(Error::wrap(context)(Distrust::OtherEntry { expected, found }));
    }
    let words = IndexedEntry::of(receipt.index, &entry);
    let Entry::Publish(publish) = entry else {
        return Err(Error::wrap(context)(Distrust::Subject("kind")));
    };
    if let Some(part) = difference(&publish, document, evidence) {
        return Err(Error::wrap(context)(Distrust::Subject(part)));
    }
    // It is in the tree that the index is of, so the index has to list it.
    if let Anchor::Contact(contact) = anchor {
        let what = format!("{}@{}", document.name, document.version);
        let proved = Proved { what: &what, entry: &words, leaf, receipt: &log.receipt };
        if let Some(lie) = proved.lie(&contact.note, &contact.index.log.index) {
            return Err(known.found().keep(&lie));
        }
    }
    Ok(Logged { index: receipt.index, publish, receipt: log.receipt.clone() })
}

/// Checks that what is locked is what was logged, from the lock alone.
pub fn check_locked(server: &LockedServer, known: &KnownLog<'_>) -> Result<SignedCheckpoint> {
    let context =
        || format!("{}@{} is locked otherwise than it was logged", server.name, server.version);
    let (entry, log) = server.entry().zip(server.log.as_ref()).ok_or_else(|| upstream(server))?;
    let leaf = entry.leaf().map_err(Error::wrap(context()))?;
    let receipt: Receipt = log.receipt.parse().map_err(Error::wrap(context()))?;
    if receipt.index != log.entry {
        let (expected, found) = (log.entry, receipt.index);
        return Err(Error::wrap(context())(Distrust::OtherEntry { expected, found }));
    }
    receipt.verify(&leaf, &known.receipt_trust()).map_err(Error::wrap(context()))
}

/// That a server comes from no registry of ours, whose log could say something of it.
pub fn upstream(server: &LockedServer) -> Error {
    let release = server.upstream.as_ref().map(|it| it.release.clone()).unwrap_or_default();
    Error::FromUpstream { name: server.name.clone(), release }
}

impl<'a> Anchor<'a> {
    /// The log, as it is known.
    pub fn known(self) -> &'a KnownLog<'a> {
        match self {
            Self::Contact(contact) => &contact.known,
            Self::Known(known) => known,
        }
    }

    /// Checks that a receipt's tree is not another than the newest one of its size, nor
    /// larger than what the registry has just shown.
    pub(super) fn is_no_fork(self, signed: &SignedCheckpoint) -> Result<()> {
        let known = self.known();
        let newest = match self {
            Self::Contact(contact) => Some(&contact.checkpoint),
            Self::Known(known) => known.remembered(),
        };
        let Some(newest) = newest else { return Ok(()) };
        let (old, new) = (signed.tree(), newest.tree());
        if old.size == new.size && old.root != new.root {
            return Err(known.fork(newest, signed));
        }
        if matches!(self, Self::Contact(_)) && old.size > new.size {
            let sizes = Distrust::ReceiptAhead { receipt: old.size, checkpoint: new.size };
            return Err(known.distrust(sizes));
        }
        Ok(())
    }
}

/// Checks that the receipt's tree is the start of the one that is shown now.
fn goes_into(
    signed: &SignedCheckpoint,
    document: &ReleaseDocument,
    anchor: Anchor<'_>,
) -> Result<()> {
    anchor.is_no_fork(signed)?;
    let Anchor::Contact(Contact { checkpoint, known, .. }) = anchor else { return Ok(()) };
    let (old, new) = (signed.tree(), checkpoint.tree());
    match &document.log.consistency {
        None if old == new => Ok(()),
        None => Err(known.distrust(Distrust::Leap { from: old.size, to: new.size })),
        Some(proof) => verify_consistency(&old, &new, proof)
            .map_err(|error| known.disbelieve(error.into(), signed.note())),
    }
}

/// In what the entry differs from the release: a word, or nothing.
fn difference(
    publish: &Publish,
    document: &ReleaseDocument,
    evidence: &[Evidence],
) -> Option<&'static str> {
    let Publish { name, version, metadata, artifacts, evidence: bundles, publisher, time, .. } =
        publish;
    let sorted = |artifacts: &[Artifact]| {
        let mut artifacts = artifacts.to_vec();
        artifacts.sort_by_key(|artifact| (artifact.platform, artifact.digest));
        artifacts
    };
    let mut proved: Vec<_> = evidence.iter().map(|evidence| evidence.bundle).collect();
    let mut logged = bundles.clone();
    proved.sort_unstable();
    logged.sort_unstable();
    let is_signer =
        |evidence: &Evidence| Publisher::of(&evidence.signer).is_ok_and(|it| it == *publisher);
    [
        // Byte for byte: the entry is made again from the lock, which has this one.
        (name.as_str() == document.name.as_str(), "name"),
        (*version == document.version, "version"),
        (*metadata == document.metadata, "server.json"),
        (sorted(artifacts) == sorted(&document.artifacts), "artifact"),
        (logged == proved, "evidence"),
        (evidence.iter().any(is_signer), "publisher"),
        (*time == document.published_at, "time"),
    ]
    .into_iter()
    .find_map(|(is_same, part)| (!is_same).then_some(part))
}
