//! Whether an entry of a source's log is given out: whether somebody who may has signed it.
//!
//! The same checks as when it was published, with the trust that is configured for the
//! source, and over bytes whose digests are in the proven entry. What fails is withheld
//! with its reason; only what says nothing about the entry (a broken connection, a busy
//! server) is a failure, and tried again.

use std::sync::Arc;

use jiff::Timestamp;
use mcpkg_core::api::{ReleaseDocument, Status};
use mcpkg_core::log::{Entry, LogTrust, Publish, Receipt};
use mcpkg_core::policy::{Candidate, Verdict, judge};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_core::statement::difference;
use mcpkg_core::{Code, Coded as _, Digest};
use mcpkg_verify::bundle::MAX_BYTES;
use mcpkg_verify::{ReleaseSubjects, verify_package_statement, verify_release};

use super::MirrorError;
use super::source::Source;
use super::upstream::{Resource, Upstream, UpstreamError};
use crate::blobs::{SmallBlob, blocking};
use crate::log::Edge;
use crate::store::{Holder, Shown, Withholding};

/// What is given out of an entry, or why nothing.
type Finding = Result<Shown, Withholding>;

/// Why a check could not be finished, or what came of it.
enum Obstacle {
    /// The entry is withheld.
    Withheld(Withholding),
    /// Nothing is known yet.
    Failed(MirrorError),
}

impl<E: Into<MirrorError>> From<E> for Obstacle {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Source {
    /// What is given out of `entry` at `index`, whose bytes are `leaf` and which is in
    /// the tree that ends with `edge`.
    pub(super) async fn finding(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        index: u64,
        entry: &Entry,
        leaf: Vec<u8>,
        edge: &Arc<Edge>,
    ) -> Result<Finding, MirrorError> {
        if let Some(withholding) = self.elsewhere(entry).await? {
            return Ok(Err(withholding));
        }
        let found = match entry {
            Entry::Publish(publish) => self.release(upstream, index, publish, leaf, edge).await,
            entry => self.statement(upstream, entry, edge).await,
        };
        match found {
            Ok(shown) => Ok(Ok(shown)),
            Err(Obstacle::Failed(error)) => Err(error),
            Err(Obstacle::Withheld(withholding)) => Ok(Err(withholding)),
        }
    }

    /// Why the package of `entry` does not come from this source, if it does not.
    async fn elsewhere(&self, entry: &Entry) -> Result<Option<Withholding>, MirrorError> {
        let name = entry.name();
        let elsewhere = || {
            let reason = format!("`{name}` comes from elsewhere, and this source offers it");
            Withholding::for_now(Code::NamespaceOwner, reason)
        };
        if !self.owns(name) {
            return Ok(Some(elsewhere()));
        }
        Ok(match self.registry.holder(name).await? {
            Holder::Signed | Holder::Published => Some(elsewhere()),
            Holder::Mirrored(claimant) if claimant != self.name.as_str() => {
                let reason = format!("`{name}` came from the source `{claimant}` before");
                Some(Withholding::for_now(Code::SourceChanged, reason))
            }
            Holder::Mirrored(_) | Holder::Source(_) | Holder::Nobody => None,
        })
    }

    async fn release(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        index: u64,
        publish: &Publish,
        leaf: Vec<u8>,
        edge: &Arc<Edge>,
    ) -> Result<Shown, Obstacle> {
        let document = upstream.release(&publish.name, &publish.version).await.map_err(unread)?;
        let (source, publish, edge) = (Arc::clone(self), publish.clone(), Arc::clone(edge));
        blocking(move || {
            source.receipt_holds(index, &document, &leaf, &edge)?;
            source.release_holds(&publish, &document)
        })
        .await
    }

    /// Whether the receipt that the source gives is one. Blocks.
    fn receipt_holds(
        &self,
        index: u64,
        document: &ReleaseDocument,
        leaf: &[u8],
        edge: &Edge,
    ) -> Result<(), Obstacle> {
        let refused = |code, reason: String| Obstacle::Withheld(Withholding::passing(code, reason));
        let receipt: Receipt =
            document.log.receipt.parse().map_err(|error: mcpkg_core::log::NoteError| {
                refused(error.code(), error.to_string())
            })?;
        // Witnesses vouch for the newest checkpoint, of which this one has to be the start.
        let trust = LogTrust { quorum: 0, ..(*self.log.trust()).clone() };
        let signed = receipt
            .verify(leaf, &trust)
            .map_err(|error| refused(error.code(), "its receipt does not prove it".to_owned()))?;
        let tree = signed.tree();
        if receipt.index != index || tree.size > edge.size() {
            let reason = "its receipt is of another entry".to_owned();
            return Err(refused(Code::LogSubject, reason));
        }
        if self.log.tree_of(tree.size, edge)? != tree {
            let reason = "its receipt is of a tree that the log has not grown from".to_owned();
            return Err(refused(Code::LogFork, reason));
        }
        Ok(())
    }

    /// Whether a release is the one of the entry, and signed by who the entry says. Blocks.
    fn release_holds(
        &self,
        publish: &Publish,
        document: &ReleaseDocument,
    ) -> Result<Shown, Obstacle> {
        let refused = |code, reason: String| Obstacle::Withheld(Withholding::lasting(code, reason));
        let unlike = |code, reason: &str| Obstacle::Withheld(Withholding::passing(code, reason));
        let metadata = document.server_json.get().as_bytes();
        if Digest::of(metadata) != publish.metadata {
            let reason = "the source shows another server.json than its log has";
            return Err(unlike(Code::Metadata, reason));
        }
        let server = ServerJson::read_strict(metadata)
            .map_err(|error| refused(error.code(), error.to_string()))?;
        if (server.name(), server.version()) != (&publish.name, &publish.version) {
            let reason = "its server.json is of another release".to_owned();
            return Err(refused(Code::Metadata, reason));
        }
        let shown: Vec<&[u8]> =
            document.evidence.iter().map(|it| it.bundle.get().trim().as_bytes()).collect();
        let of_entry = |digest: &Digest| shown.iter().find(|it| Digest::of(it) == *digest).copied();
        let bundles: Option<Vec<&[u8]>> = publish.evidence.iter().map(of_entry).collect();
        let bundles = bundles.ok_or_else(|| {
            unlike(Code::Attestation, "the source does not show the evidence that its log has")
        })?;

        let vouchers = self
            .trust
            .for_name(&publish.name)
            .map_err(|error| refused(error.code(), error.to_string()))?;
        let artifacts = publish.artifacts.iter();
        let subjects = ReleaseSubjects {
            name: publish.name.clone(),
            version: publish.version.clone(),
            metadata: publish.metadata,
            artifacts: artifacts.map(|it| (it.digest, Some(it.tree))).collect(),
        };
        let evidence = verify_release(&subjects, &bundles, &vouchers)
            .map_err(|error| refused(error.code(), error.to_string()))?;
        let digests: Vec<Digest> = publish.artifacts.iter().map(|it| it.digest).collect();
        let candidate = Candidate {
            name: &publish.name,
            version: &publish.version,
            metadata: publish.metadata,
            artifacts: &digests,
            evidence: &evidence,
            published_at: None,
            status: Status::Active,
            // The database knows whom the name was bound to at this entry.
            bound: None,
            pinned: None,
            authority: publish.authority.as_ref(),
            rebuilds: &[],
        };
        let found = match judge(&self.policy, &candidate, Timestamp::now()) {
            Verdict::Trusted { publisher, .. } => publisher,
            Verdict::Refused(refusals) => {
                let code = refusals.first().map_or(Code::Attestation, mcpkg_core::Coded::code);
                let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                return Err(refused(code, reasons.join("; ")));
            }
        };
        if publish.publisher.difference(&found).is_some() {
            let reason = "it is signed by another than the log says".to_owned();
            return Err(refused(Code::Publisher, reason));
        }
        let blobs = std::iter::once(metadata).chain(bundles).map(SmallBlob::new).collect();
        Ok(Shown {
            title: server.title().unwrap_or_default().to_owned(),
            description: server.description().to_owned(),
            server_json: String::from_utf8_lossy(server.canonical()).into_owned(),
            blobs,
        })
    }

    async fn statement(
        self: &Arc<Self>,
        upstream: &dyn Upstream,
        entry: &Entry,
        edge: &Arc<Edge>,
    ) -> Result<Shown, Obstacle> {
        let (digest, said_by) = match entry {
            Entry::Publish(_) => return Ok(Shown::default()),
            Entry::Status(change) => (change.evidence, &change.publisher),
            Entry::Binding(change) => (change.evidence, &change.signer),
            Entry::Rebuild(rebuild) => (rebuild.evidence, &rebuild.rebuilder),
        };
        let bundle =
            upstream.bytes(&Resource::Blob(digest), MAX_BYTES as u64).await.map_err(unread)?;
        let found = Digest::of(&bundle);
        if found != digest {
            return Err(unread(UpstreamError::Digest { expected: digest, found }));
        }
        let (source, entry, edge) = (Arc::clone(self), entry.clone(), Arc::clone(edge));
        let said_by = said_by.clone();
        blocking(move || source.statement_holds(&entry, &bundle, &said_by, &edge)).await
    }

    /// Whether somebody signed what `entry` says, where it is, and is whom it names.
    /// Blocks.
    fn statement_holds(
        &self,
        entry: &Entry,
        bundle: &[u8],
        said_by: &Publisher,
        edge: &Edge,
    ) -> Result<Shown, Obstacle> {
        let refused = |code, reason: String| Obstacle::Withheld(Withholding::lasting(code, reason));
        let previous = entry.previous().filter(|&previous| previous < edge.size());
        let previous = previous.ok_or_else(|| {
            refused(Code::LogSubject, "it builds upon an entry that is not there".to_owned())
        })?;
        let before = Digest::of(&self.log.entry_in(previous, edge)?);
        let vouchers = self
            .trust
            .for_name(entry.name())
            .map_err(|error| refused(error.code(), error.to_string()))?;
        let (evidence, statement) = verify_package_statement(bundle, before, &vouchers)
            .map_err(|error| refused(error.code(), error.to_string()))?;
        let signer = Publisher::of(&evidence.signer)
            .map_err(|reason| refused(Code::Publisher, reason.to_string()))?;
        if said_by.difference(&signer).is_some() {
            let reason = "it is signed by another than the log says".to_owned();
            return Err(refused(Code::Publisher, reason));
        }
        match difference(entry, &statement, &signer, &self.log.trust()) {
            None => Ok(Shown { blobs: vec![SmallBlob::new(bundle)], ..Shown::default() }),
            Some(part) => {
                let reason = format!("it is not what was signed: the {part} differs");
                Err(refused(Code::LogSubject, reason))
            }
        }
    }
}

/// What it means that something could not be read.
fn unread(error: UpstreamError) -> Obstacle {
    if error.is_passing() {
        return Obstacle::Failed(error.into());
    }
    let (code, reason) = (error.code(), error.to_string());
    Obstacle::Withheld(Withholding::for_now(code, reason))
}
