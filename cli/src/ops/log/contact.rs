//! What a registry says of a package, held to what is known of its log.

use mcpkg_core::api::{PackageIndex, ReleaseDocument};
use mcpkg_core::log::{IndexNote, SignedCheckpoint};
use mcpkg_core::{Code, PackageName, Version};

use super::evidence::Lie;
use super::held::Held;
use super::{Distrust, KnownLog, freshness};
use crate::error::{Error, Result};
use crate::registry::Registry;

/// The index of a package that was accepted, and the checkpoint it is of.
pub struct Contact<'a> {
    /// The index. Its lines are the entries of the signed index.
    pub index: PackageIndex,
    /// What the user should look at.
    pub warnings: Vec<String>,
    pub(super) known: KnownLog<'a>,
    pub(super) checkpoint: SignedCheckpoint,
    registry: &'a Registry,
}

impl<'a> Contact<'a> {
    /// Asks `registry` for the index of `name`, and believes it only if its log
    /// goes on from what is known, and hides nothing that this machine has a
    /// receipt for. The checkpoint is remembered then.
    pub fn new(
        mut known: KnownLog<'a>,
        registry: &'a Registry,
        name: &PackageName,
    ) -> Result<Self> {
        let held = Held::all(known.source, known.places, name)?;
        let exclusive = known.exclusive()?;
        let index = match registry.index(name, known.seen()) {
            // Nothing is signed that would prove it, but it is as good as hidden.
            Err(Error::Problem(problem))
                if problem.code == Code::NotFound
                    && held.iter().any(|held| held.is_locked_as(name)) =>
            {
                return Err(known.distrust(Distrust::Gone(name.clone())));
            }
            other => other?,
        };
        let log = &index.log;
        let checkpoint = known.check(&log.checkpoint, log.consistency.as_deref(), registry)?;
        if held.iter().any(|held| held.is_locked_as(name) && held.is_by_an_unknown_key(&known)) {
            known.learn(registry)?;
        }
        let note = signed_index(&index, name, &checkpoint, &known)?;
        for held in &held {
            held.check(&index, &note, &checkpoint, &known)?;
        }
        lines_agree(&index, &note).map_err(|reason| known.distrust(reason))?;
        let stale = freshness::check(&checkpoint, known.now);
        let stale = stale.map_err(|reason| known.distrust(reason))?;
        let succeeded = known.remember(Some(&checkpoint))?;
        drop(exclusive);
        let warnings = stale.into_iter().chain(succeeded).collect();
        Ok(Self { index, warnings, known, checkpoint, registry })
    }

    /// Asks for the document of one release, with the proof that its receipt's
    /// tree is the start of the checkpoint's.
    ///
    /// What it says is still to be checked; but if its receipt is by a key that
    /// the log had before and that is not known, that is made up for here.
    pub fn release(&mut self, version: &Version) -> Result<ReleaseDocument> {
        let size = self.checkpoint.tree().size;
        let document = self.registry.release(&self.index.name, version, Some(size))?;
        self.warnings.extend(self.known.learn_signer(&document, self.registry)?);
        Ok(document)
    }

    /// The entry that the index names for a release.
    pub(super) fn entry(&self, version: &Version) -> Option<u64> {
        self.index.releases.iter().find(|line| line.version == *version).map(|line| line.entry)
    }
}

/// Checks the signed index: of this package, and of the checkpoint's tree.
fn signed_index(
    index: &PackageIndex,
    name: &PackageName,
    checkpoint: &SignedCheckpoint,
    known: &KnownLog<'_>,
) -> Result<IndexNote> {
    let log = &index.log;
    if log.index.is_empty() {
        return Err(known.distrust(Distrust::Empty("a signed index")));
    }
    let note = IndexNote::verify(&log.index, known.trust()).map_err(Error::wrap(known.label()))?;
    for found in [&note.name, &index.name] {
        if found != name {
            let (expected, found) = (name.clone(), found.clone());
            return Err(known.distrust(Distrust::OtherPackage { expected, found }));
        }
    }
    let tree = checkpoint.tree();
    if note.tree.size != tree.size {
        let sizes = Distrust::OtherTree { index: note.tree.size, checkpoint: tree.size };
        return Err(known.distrust(sizes));
    }
    if note.tree.root != tree.root {
        return Err(known.found().keep(&Lie {
            code: Code::LogFork,
            what: format!("the log has two different trees of {} entries", tree.size),
            proves: "The log has signed two roots for one size, one in a checkpoint and one in\n\
                     the index of a package. No honest log ever does."
                .to_owned(),
            parts: vec![("checkpoint", checkpoint.note()), ("signed index", &log.index)],
        }));
    }
    Ok(note)
}

/// Checks that the lines are the entries of the signed index, each once.
///
/// The lines themselves are not signed: what they say of a release beyond its
/// entry is held to the release document.
fn lines_agree(index: &PackageIndex, note: &IndexNote) -> Result<(), Distrust> {
    let mut missing = note.entries.clone();
    for line in &index.releases {
        let Some(at) = missing.iter().position(|&entry| entry == line.entry) else {
            return Err(Distrust::Unlogged { version: line.version.clone(), entry: line.entry });
        };
        missing.remove(at);
    }
    missing.first().map_or(Ok(()), |&entry| Err(Distrust::Unlisted(entry)))
}
