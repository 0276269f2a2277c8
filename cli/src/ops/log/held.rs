//! The receipts on this machine, and what they forbid a registry to say.
//!
//! A registry that signs an index without a release, or shows a log from before
//! it, may do so unnoticed by everybody who never saw the release. Whoever has
//! its receipt can prove it.

use mcpkg_core::api::PackageIndex;
use mcpkg_core::log::{
    Checkpoint, Entry, IndexNote, LogError, Receipt, SignedCheckpoint, SignedNote, Tree,
};
use mcpkg_core::{Code, PackageName, Version};

use super::evidence::Lie;
use super::{Distrust, KnownLog};
use crate::agents::Scope;
use crate::config::RegistryConfig;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::places::Places;
use crate::store::Store;

/// A release that this machine has a receipt for.
pub(super) struct Held {
    name: PackageName,
    version: Version,
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
    /// and those of `name` that were ever installed.
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
                let leaf = server.entry().leaf().map_err(Error::wrap(context()))?;
                let (name, version) = (server.name.clone(), server.version.clone());
                let text = server.log.receipt.clone();
                held.push(
                    Self::new(name, version, leaf, text, true).map_err(Error::wrap(context()))?,
                );
            }
        }
        // What was installed once is kept beside the files, and is as good a proof.
        // A document that was damaged proves nothing; `verify` finds it.
        for document in Store::new(places).releases_of(name)? {
            let leaf = document.log.entry.get().as_bytes().to_vec();
            let Ok(Entry::Publish(publish)) = Entry::parse(&leaf) else { continue };
            let text = document.log.receipt;
            held.extend(Self::new(publish.name, publish.version, leaf, text, false));
        }
        Ok(held)
    }

    fn new(
        name: PackageName,
        version: Version,
        leaf: Vec<u8>,
        text: String,
        is_locked: bool,
    ) -> Result<Self, LogError> {
        let receipt: Receipt = text.parse()?;
        let note = SignedNote::parse(receipt.checkpoint.as_bytes())?;
        let tree = Checkpoint::parse(note.text())?.tree;
        Ok(Self { name, version, leaf, receipt, text, tree, is_locked })
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
    /// index leaves the release out.
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
        let is_hidden = is_of_the_package && !note.entries.contains(&self.receipt.index);
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
            other => other.map_err(Error::wrap(format!(
                "the receipt of {}@{} in the lock does not hold",
                self.name, self.version
            )))?,
        };
        if is_forked {
            return Err(known.fork(&signed, checkpoint));
        }
        if is_rolled_back {
            return Err(known.found().keep(&self.rollback(&signed, checkpoint)));
        }
        if is_hidden {
            return Err(known.found().keep(&self.hidden(&index.log.index)));
        }
        let is_listed = index
            .releases
            .iter()
            .any(|line| line.entry == self.receipt.index && line.version == self.version);
        if is_listed {
            return Ok(());
        }
        let (version, entry) = (self.version.clone(), self.receipt.index);
        Err(known.distrust(Distrust::Missing { version, entry }))
    }

    fn rollback<'a>(
        &'a self,
        signed: &'a SignedCheckpoint,
        checkpoint: &'a SignedCheckpoint,
    ) -> Lie<'a> {
        let Self { name, version, .. } = self;
        let (had, has) = (signed.tree().size, checkpoint.tree().size);
        Lie {
            code: Code::Rollback,
            what: format!(
                "the registry shows a log of {has} entries, from before {name}@{version}, which \
                 is in one of {had}"
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

    fn hidden<'a>(&'a self, index: &'a str) -> Lie<'a> {
        let Self { name, version, receipt, .. } = self;
        Lie {
            code: Code::HiddenRelease,
            what: format!(
                "the registry hides {name}@{version}: it is entry {} of the log, and the signed \
                 index leaves it out",
                receipt.index
            ),
            proves: "The receipt proves that the entry is in the log, at its index. The signed\n\
                     index lists every entry of the package in a larger or equal tree, and this\n\
                     index is none of them. The log has signed both."
                .to_owned(),
            // An entry that was parsed is UTF-8.
            parts: vec![
                ("entry", std::str::from_utf8(&self.leaf).unwrap_or_default()),
                ("receipt of the entry", &self.text),
                ("signed index of the package", index),
            ],
        }
    }
}
