//! Whether a release in the log is served, and signed by who the log says.

use jiff::Timestamp;
use mcpkg_core::api::{Artifact, ReleaseDocument, Status};
use mcpkg_core::log::{
    Entry, Frontier, LogError, LogTrust, Publish, Receipt, TilePath, Tree, VerifiedTiles,
};
use mcpkg_core::policy::Policy;
use mcpkg_core::{Code, Coded as _, Digest};
use mcpkg_verify::TrustStore;

use super::{Alarm, Monitor, Setback};
use crate::error::{Error, Result};
use crate::ops::release::{self, Terms};

/// How long a release may be asked for in vain before that is an alarm: who wants
/// to hide one need not say *no*.
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Whom to believe about who signed a release.
#[derive(Debug)]
pub struct Judge<'a> {
    /// The Sigstore instances.
    pub trust: &'a TrustStore,
    /// The rules of the registry.
    pub policy: Policy,
    /// The time.
    pub now: Timestamp,
}

impl Monitor {
    /// The entries from `first` on whose release was not yet seen to be good.
    pub fn unchecked(&self, first: u64) -> Vec<(u64, Publish)> {
        let unchecked = self.state.unchecked.range(first..);
        unchecked.map(|(&index, it)| (index, it.publish.clone())).collect()
    }

    /// Compares the release of entry `index` with what the registry answered.
    /// What is good is not asked for again.
    ///
    /// # Errors
    ///
    /// [`Alarm::Release`] if it is not served, is not what the log says, or is
    /// signed by nobody who may; [`Setback::Trouble`] if the registry did not
    /// answer, which may last a day.
    pub fn release<F>(
        &mut self,
        index: u64,
        answer: Result<ReleaseDocument>,
        judge: &Judge<'_>,
        tiles: &mut VerifiedTiles<F>,
    ) -> std::result::Result<(), Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let Some(unchecked) = self.state.unchecked.get(&index) else { return Ok(()) };
        let publish = &unchecked.publish;
        let alarm = |what, code, source: Option<Error>| {
            let (name, version) = (publish.name.clone(), publish.version.clone());
            let source = source.map(Box::new);
            Setback::from(Alarm::Release { index, name, version, what, code, source })
        };
        let document = answered(answer, unchecked.since, judge.now, alarm)?;
        if let Some(what) = difference(publish, &document) {
            return Err(alarm(what, Code::LogSubject, None));
        }
        let tree = self.receipt(index, publish, &document).map_err(|flaw| match flaw {
            Flaw::Other(what) => alarm(what, Code::LogSubject, None),
            Flaw::Unproved(error) => {
                let code = error.code();
                let context = format!("the receipt of entry {index} cannot be used");
                let what = "its receipt does not prove its entry";
                alarm(what, code, Some(Error::wrap(context)(error)))
            }
        })?;
        let seen = self.seen();
        if tree.size > seen.size {
            // It cannot be told yet, and will be asked for again when it can.
            return Ok(());
        }
        if Frontier::read(tree.size, &mut |node| tiles.hash(node))?.tree() != tree {
            let what = "its receipt is of a tree that the log has not grown from";
            return Err(alarm(what, Code::LogFork, None));
        }
        let asked = (&publish.name, &publish.version);
        // Whether it is old enough, was withdrawn since, or was built again is not the
        // question.
        let (accepts_yanked, now) = (true, judge.now);
        let terms = Terms { policy: &judge.policy, locked: None, accepts_yanked, now };
        let judged =
            release::verify_evidence(&document, asked, judge.trust).and_then(|(_, evidence)| {
                release::decide(&document, &evidence, &[], Status::Active, terms)
            });
        let found = match judged {
            Ok((publisher, _)) => publisher,
            Err(error) => {
                let code = error.code();
                return Err(alarm("its evidence does not hold", code, Some(error)));
            }
        };
        if publish.publisher.difference(&found).is_some() {
            let what = "it is signed by another than the log says";
            return Err(alarm(what, Code::Publisher, None));
        }
        self.state.unchecked.remove(&index);
        Ok(())
    }

    /// The tree that the receipt proves the entry to be in.
    fn receipt(
        &self,
        index: u64,
        publish: &Publish,
        document: &ReleaseDocument,
    ) -> std::result::Result<Tree, Flaw> {
        let leaf = Entry::Publish(publish.clone()).leaf().map_err(LogError::from)?;
        if document.log.entry.get().as_bytes() != leaf {
            return Err(Flaw::Other("the registry shows another entry for it"));
        }
        let receipt: Receipt = document.log.receipt.parse().map_err(LogError::from)?;
        if receipt.index != index {
            return Err(Flaw::Other("its receipt is of another entry"));
        }
        // Witnesses vouch for the newest checkpoint, of which this one has to be the
        // start; the oldest receipts may be from before there were any.
        let trust = LogTrust { quorum: 0, ..self.trust.clone() };
        Ok(receipt.verify(&leaf, &trust)?.tree())
    }
}

/// What the registry answered, or why that is an alarm: it has to show what is in its
/// log, and who wants to hide something need not say *no*.
pub(super) fn answered<T>(
    answer: Result<T>,
    since: Timestamp,
    now: Timestamp,
    alarm: impl Fn(&'static str, Code, Option<Error>) -> Setback,
) -> std::result::Result<T, Setback> {
    let error = match answer {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    Err(if error.code() == Code::NotFound {
        let what = "it is in the log, and the registry does not show it";
        alarm(what, Code::HiddenRelease, Some(error))
    } else if error.is_refusal() {
        let code = error.code();
        alarm("the registry's answer cannot be used", code, Some(error))
    } else if now.duration_since(since) > PATIENCE {
        let what = "it is in the log, and the registry has not shown it for a day";
        alarm(what, Code::HiddenRelease, Some(error))
    } else {
        Setback::Trouble(Box::new(error))
    })
}

/// What is wrong with a receipt.
enum Flaw {
    /// It is about something else.
    Other(&'static str),
    /// It proves nothing.
    Unproved(LogError),
}

impl From<LogError> for Flaw {
    fn from(error: LogError) -> Self {
        Self::Unproved(error)
    }
}

/// The first way in which a document is not what the log says was published.
fn difference(publish: &Publish, document: &ReleaseDocument) -> Option<&'static str> {
    let sorted = |artifacts: &[Artifact]| {
        let mut artifacts = artifacts.to_vec();
        artifacts.sort_by_key(|artifact| artifact.platform);
        artifacts
    };
    let bundles = || document.evidence.iter();
    let digests = |digests: &mut dyn Iterator<Item = Digest>| {
        let mut digests: Vec<Digest> = digests.collect();
        digests.sort();
        digests
    };
    let logged = digests(&mut publish.evidence.iter().copied());
    let rows = [
        (
            (&publish.name, &publish.version) == (&document.name, &document.version),
            "the registry shows another release in its place",
        ),
        (
            publish.metadata == document.metadata,
            "the registry shows another server.json than the log has",
        ),
        (
            sorted(&publish.artifacts) == sorted(&document.artifacts),
            "the registry shows other artifacts than the log has",
        ),
        (
            logged == digests(&mut bundles().map(|it| it.digest)),
            "the registry shows other evidence than the log has",
        ),
        (
            bundles().all(|it| Digest::of(it.bundle.get().trim().as_bytes()) == it.digest),
            "the registry shows evidence that is not what its digest says",
        ),
        (
            publish.publisher.difference(&document.publisher).is_none(),
            "the registry names another publisher than the log has",
        ),
        (
            publish.time == document.published_at,
            "the registry dates it otherwise than the log does",
        ),
    ];
    rows.into_iter().find(|(is_same, _)| !is_same).map(|(_, what)| what)
}
