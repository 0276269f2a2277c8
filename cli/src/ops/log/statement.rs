//! Whether what is stated about a package is in the log, as that.
//!
//! What the log's key can show is checked here: that the statement's entry is in the
//! log and says what the signed index says. Who signed the statement is checked in
//! [`crate::ops::statement`].
//!
//! A statement comes without a proof that its receipt's tree is the start of the newest
//! one. It needs none for what it decides: that its entry is in the newest tree, and
//! what it amounts to, the signed index of that tree says. Two trees of one size are
//! found here all the same.

use std::collections::BTreeMap;

use mcpkg_core::api::{LoggedStatement, ReleaseDocument};
use mcpkg_core::log::{Entry, EntryKind, IndexedEntry, Receipt};
use mcpkg_core::{Digest, PackageName};

use super::listed::Proved;
use super::{Anchor, Distrust, agreement};
use crate::error::{Error, Result};

/// The most statements about one release, and the most changes of a package's
/// publisher, that are read. Each takes about a millisecond to verify.
pub const MAX_STATEMENTS: usize = 512;

/// A statement that the log has.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The index of its entry.
    pub index: u64,
    /// What the entry says.
    pub entry: Entry,
    /// The entry's bytes.
    pub leaf: Vec<u8>,
    /// The bundle, of which the entry has the digest. Nothing else is known of it.
    pub bundle: Vec<u8>,
}

/// The statements of a release document, in the order of the log: exactly those that
/// the signed index lists for the release, where there is one to ask.
pub fn of_release(document: &ReleaseDocument, anchor: Anchor<'_>) -> Result<Vec<Stated>> {
    let (name, version) = (&document.name, &document.version);
    let found = all(name, &document.statements, anchor)?;
    let is_about_it = |kind: &EntryKind| {
        matches!(kind, EntryKind::Status(..) | EntryKind::Rebuild(..))
            && kind.version() == Some(version)
    };
    if let Some(stray) = found.values().map(Stated::words).find(|it| !is_about_it(&it.kind)) {
        return Err(anchor.known().distrust(Distrust::Unlogged(stray)));
    }
    if let Anchor::Contact(contact) = anchor {
        let listed = contact.note.entries.iter().filter(|entry| is_about_it(&entry.kind));
        complete(listed, &found).map_err(|reason| contact.known.distrust(reason))?;
    }
    Ok(found.into_values().collect())
}

/// Every change of the package's publisher that the index of `contact` lists, in the
/// order of the log.
pub fn bindings(contact: &super::Contact<'_>) -> Result<Vec<Stated>> {
    let index = &contact.index;
    let found = all(&index.name, &index.bindings, Anchor::Contact(contact))?;
    let is_binding = |entry: &&IndexedEntry| entry.kind == EntryKind::Binding;
    complete(contact.note.entries.iter().filter(is_binding), &found)
        .map_err(|reason| contact.known.distrust(reason))?;
    Ok(found.into_values().collect())
}

/// Checks that each entry that is listed was found.
fn complete<'a>(
    mut listed: impl Iterator<Item = &'a IndexedEntry>,
    found: &BTreeMap<u64, Stated>,
) -> Result<(), Distrust> {
    match listed.find(|entry| !found.contains_key(&entry.index)) {
        Some(missing) => Err(Distrust::Unlisted(missing.index)),
        None => Ok(()),
    }
}

fn all(
    name: &PackageName,
    statements: &[LoggedStatement],
    anchor: Anchor<'_>,
) -> Result<BTreeMap<u64, Stated>> {
    let (found, limit) = (statements.len(), MAX_STATEMENTS);
    if found > limit {
        return Err(anchor.known().distrust(Distrust::TooMany { found, limit }));
    }
    let mut all = BTreeMap::new();
    for statement in statements {
        let index = agreement::place(statement).map_err(|it| anchor.known().distrust(it))?;
        // What was stated between two answers is for the next time: the checkpoint that
        // was accepted does not cover it.
        if matches!(anchor, Anchor::Contact(contact) if index >= contact.note.tree.size) {
            continue;
        }
        let stated = logged(name, statement, anchor)?;
        let words = stated.words();
        if all.insert(index, stated).is_some() {
            return Err(anchor.known().distrust(Distrust::Unlogged(words)));
        }
    }
    Ok(all)
}

/// Checks that `statement` is in the log, as an entry about `name` that is neither left
/// out of the signed index nor passed off there as something else.
pub fn logged(
    name: &PackageName,
    statement: &LoggedStatement,
    anchor: Anchor<'_>,
) -> Result<Stated> {
    let known = anchor.known();
    let context = format!("a statement about {name} is not proved to be logged");
    if statement.receipt.is_empty() {
        let reason = Distrust::Empty("the receipt of a statement");
        return Err(Error::wrap(context)(reason));
    }
    let leaf = statement.entry.get().as_bytes();
    let entry = Entry::parse(leaf).map_err(Error::wrap(context.clone()))?;
    let receipt: Receipt = statement.receipt.parse().map_err(Error::wrap(context.clone()))?;
    let signed = receipt
        .verify(leaf, &known.receipt_trust())
        .map_err(|error| known.disbelieve(error, &receipt.checkpoint))?;
    anchor.is_no_fork(&signed)?;

    let index = receipt.index;
    let stated = Stated {
        index,
        leaf: leaf.to_vec(),
        bundle: statement.bundle.bundle.get().trim().as_bytes().to_vec(),
        entry,
    };
    let digest = Digest::of(&stated.bundle);
    let part = match stated.evidence() {
        _ if *stated.entry.name() != *name => Some("name"),
        None => Some("kind"),
        Some(evidence) if evidence != digest || statement.bundle.digest != digest => {
            Some("evidence")
        }
        Some(_) => None,
    };
    if let Some(part) = part {
        return Err(Error::wrap(context)(Distrust::Statement { index, part }));
    }
    if let Anchor::Contact(contact) = anchor {
        let words = stated.words();
        let what = format!("`{words}` of {name}");
        let proved = Proved { what: &what, entry: &words, leaf, receipt: &statement.receipt };
        if let Some(lie) = proved.lie(&contact.note, &contact.index.log.index) {
            return Err(known.found().keep(&lie));
        }
        // It builds upon the package's entry before it, of which there is one.
        let before = contact.note.entries.iter().rev().find(|entry| entry.index < index);
        if before.map(|entry| entry.index) != stated.entry.previous() {
            let part = "previous entry";
            return Err(Error::wrap(context)(Distrust::Statement { index, part }));
        }
    }
    Ok(stated)
}

impl Stated {
    /// What a signed index has to say of it.
    pub fn words(&self) -> IndexedEntry {
        IndexedEntry::of(self.index, &self.entry)
    }

    /// The digest of its bundle; none for a release, which has several.
    fn evidence(&self) -> Option<Digest> {
        match &self.entry {
            Entry::Publish(_) => None,
            Entry::Status(change) => Some(change.evidence),
            Entry::Binding(change) => Some(change.evidence),
            Entry::Rebuild(rebuild) => Some(rebuild.evidence),
        }
    }
}
