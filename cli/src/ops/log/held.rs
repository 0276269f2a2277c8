//! The receipts on this machine, and what they forbid a registry to say.
//!
//! A registry that signs an index without a release or a yank, or shows a log from
//! before it, may do so unnoticed by everybody who never saw it. Whoever has its
//! receipt can prove it.

use mcpkg_core::api::PackageIndex;
use mcpkg_core::log::{
    Checkpoint, Entry, EntryKind, IndexNote, IndexedEntry, LogError, Receipt, SignedCheckpoint,
    SignedNote, Tree,
};
use mcpkg_core::{Code, PackageName};

use super::evidence::Lie;
use super::listed::Proved;
use super::{Distrust, KnownLog};
use crate::agents::Scope;
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::places::Places;
use crate::store::Store;

/// An entry that this machine has a receipt for.
pub(super) struct Held {
    name: PackageName,
    /// What it is, for people.
    what: String,
    entry: IndexedEntry,
    leaf: Vec<u8>,
    receipt: Receipt,
    /// The receipt as it is kept.
    text: String,
    tree: Tree,
    /// Whether it is installed from this registry, and not only kept.
    is_locked: bool,
}

impl Held {
    /// The releases from `source` that are locked, for the user or the project;
    /// and those of `name` that were ever installed, with what was stated about them
    /// by then.
    pub(super) fn all(
        source: &RegistryConfig,
        places: &Places,
        name: &PackageName,
    ) -> Result<Vec<Self>> {
        let mut held = Vec::new();
        let locks =
            [LockFile::read(Scope::User, places)?, LockFile::read_project(&places.project)?];
        for file in &locks {
            for server in file.lock.servers().filter(|it| it.registry == source.url.as_str()) {
                let context = || format!("the receipt of {} in the lock is not one", server.name);
                let Some((entry, log)) = server.entry().zip(server.log.as_ref()) else { continue };
                let leaf = entry.leaf().map_err(Error::wrap(context()))?;
                let text = log.receipt.clone();
                let locked = Self::new(&entry, leaf, text, true);
                held.push(locked.map_err(Error::wrap(context()))?);
            }
        }
        // What was installed once is kept beside the files, and is as good a proof.
        // A document that was damaged proves nothing; `verify` finds it.
        for document in Store::new(places).releases_of(name)? {
            let statements = document.statements.into_iter().map(|it| (it.entry, it.receipt));
            let release = (document.log.entry, document.log.receipt);
            for (leaf, text) in std::iter::once(release).chain(statements) {
                let leaf = leaf.get().as_bytes().to_vec();
                let Ok(entry) = Entry::parse(&leaf) else { continue };
                held.extend(Self::new(&entry, leaf, text, false));
            }
        }
        Ok(held)
    }

    fn new(entry: &Entry, leaf: Vec<u8>, text: String, is_locked: bool) -> Result<Self, LogError> {
        let receipt: Receipt = text.parse()?;
        let note = SignedNote::parse(receipt.checkpoint.as_bytes())?;
        let tree = Checkpoint::parse(note.text())?.tree;
        let name = entry.name().clone();
        let entry = IndexedEntry::of(receipt.index, entry);
        let what = match &entry.kind {
            EntryKind::Publish(version) => format!("{name}@{version}"),
            _ => format!("`{entry}` of {name}"),
        };
        Ok(Self { name, what, entry, leaf, receipt, text, tree, is_locked })
    }

    /// Whether it is an installed release of `name`.
    pub(super) fn is_locked_as(&self, name: &PackageName) -> bool {
        self.is_locked && self.name == *name
    }

    /// Whether its receipt is by a key that the log may have had before the one that
    /// is pinned.
    pub(super) fn is_by_an_unknown_key(&self, known: &KnownLog<'_>) -> bool {
        let found = known.receipt_trust().verify_checkpoint(&self.receipt.checkpoint);
        matches!(found, Err(LogError::Key { .. }))
    }

    /// Checks that the registry stands by this receipt.
    ///
    /// # Errors
    ///
    /// [`Code::Rollback`] if the log is smaller than when it gave the receipt,
    /// [`Code::LogFork`] if it is another one, [`Code::HiddenRelease`] if the
    /// index leaves the entry out or calls it something else.
    pub(super) fn check(
        &self,
        index: &PackageIndex,
        note: &IndexNote,
        checkpoint: &SignedCheckpoint,
        known: &KnownLog<'_>,
    ) -> Result<()> {
        let tree = checkpoint.tree();
        let is_of_the_package = self.name == note.name;
        let is_rolled_back = self.tree.size > tree.size;
        let is_forked = self.tree.size == tree.size && self.tree.root != tree.root;
        let is_hidden = is_of_the_package && !self.proved().is_listed(note);
        let is_at_stake = is_rolled_back || is_forked || is_hidden;
        let is_installed = is_of_the_package && self.is_locked;
        if !(is_at_stake || is_installed) {
            return Ok(());
        }
        // Nobody is accused on the word of a file that anybody may have written.
        let signed = match self.receipt.verify(&self.leaf, &known.receipt_trust()) {
            // A receipt of another log says nothing of this one; unless it is of
            // what this one is about to replace.
            Err(LogError::Key { .. }) if !is_installed => return Ok(()),
            other => {
                other.map_err(Error::wrap(format!("the receipt of {} does not hold", self.what)))?
            }
        };
        if is_forked {
            return Err(known.fork(&signed, checkpoint));
        }
        if is_rolled_back {
            return Err(known.found().keep(&self.rollback(&signed, checkpoint)));
        }
        if is_of_the_package && let Some(lie) = self.proved().lie(note, &index.log.index) {
            return Err(known.found().keep(&lie));
        }
        let Some(version) = self.entry.kind.version().filter(|_| is_installed) else {
            return Ok(());
        };
        let is_shown = index
            .releases
            .iter()
            .any(|line| line.entry == self.receipt.index && line.version == *version);
        if is_shown {
            return Ok(());
        }
        let (version, entry) = (version.clone(), self.receipt.index);
        Err(known.distrust(Distrust::Missing { version, entry }))
    }

    fn proved(&self) -> Proved<'_> {
        Proved { what: &self.what, entry: &self.entry, leaf: &self.leaf, receipt: &self.text }
    }

    fn rollback<'a>(
        &'a self,
        signed: &'a SignedCheckpoint,
        checkpoint: &'a SignedCheckpoint,
    ) -> Lie<'a> {
        let what = &self.what;
        let (had, has) = (signed.tree().size, checkpoint.tree().size);
        Lie {
            code: Code::Rollback,
            what: format!(
                "the registry shows a log of {has} entries, from before {what}, which is in one \
                 of {had}"
            ),
            proves: "The first checkpoint is from the receipt of a release. The second is what\n\
                     the registry shows now as its newest, and it is of a smaller tree. If it was\n\
                     signed later (the line with the time), then the log has gone back. If not,\n\
                     somebody shows an old state of the log as the newest."
                .to_owned(),
            parts: vec![
                ("checkpoint of the receipt", signed.note()),
                ("checkpoint that is shown now", checkpoint.note()),
            ],
        }
    }
}
