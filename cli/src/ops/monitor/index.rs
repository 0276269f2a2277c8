//! Whether the signed index of a package is what its entries amount to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mcpkg_core::api::PackageIndex;
use mcpkg_core::log::{
    EntryKind, Frontier, IndexNote, IndexedEntry, LogError, LoggedPackage, TilePath, Tree,
    VerifiedTiles, verify_consistency,
};
use mcpkg_core::{Code, Coded as _, PackageName, Version};

use super::alarm::Hidden;
use super::follow::CLOCK_SKEW;
use super::{Alarm, Fork, Monitor, Setback};
use crate::error::{Error, Result};
use crate::ops::log::agreement;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Something that is wrong with an index.
struct Flaw {
    what: String,
    code: Code,
    hidden: Option<(u64, Option<IndexedEntry>)>,
    source: Option<Source>,
}

impl Flaw {
    fn new(code: Code, what: impl Into<String>) -> Self {
        Self { what: what.into(), code, hidden: None, source: None }
    }

    fn of(what: &str, error: LogError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)), ..Self::new(Code::Note, what) }
    }

    fn of_error(what: &str, error: Error) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)), ..Self::new(Code::Note, what) }
    }

    fn about(self, name: &PackageName) -> Alarm {
        self.signed_as("", name)
    }

    /// The same, with the index as the log has signed it.
    fn signed_as(self, note: &str, name: &PackageName) -> Alarm {
        let Self { what, code, hidden, source } = self;
        let (name, note) = (name.clone(), note.to_owned());
        let hidden = hidden
            .map(|(entry, instead)| Box::new(Hidden { name: name.clone(), entry, instead, note }));
        Alarm::Index { name, what, code, hidden, source }
    }
}

impl Monitor {
    /// Compares the index of `name`, as the registry answered, with the entries
    /// that were verified. It may be of a tree before or after the newest that was
    /// seen; what both know has to be the same. One that is right is not asked for
    /// again until the package has another entry.
    ///
    /// # Errors
    ///
    /// [`Alarm::Index`], [`Alarm::Fork`], or [`Setback::Trouble`] if the registry
    /// did not answer.
    pub fn index<F>(
        &mut self,
        name: &PackageName,
        answer: Result<PackageIndex>,
        tiles: &mut VerifiedTiles<F>,
        now: Timestamp,
    ) -> std::result::Result<(), Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let Some(package) = self.state.replay.package(name) else { return Ok(()) };
        let index = match answer {
            Ok(index) => index,
            Err(error) if error.code() == Code::NotFound => {
                let what = "the log has entries of it, and the registry does not show it";
                let flaw = Flaw::of_error(what, error);
                return Err(Flaw { code: Code::HiddenRelease, ..flaw }.about(name).into());
            }
            Err(error) if error.is_refusal() => {
                let what = "the registry's answer cannot be used";
                return Err(Flaw::of_error(what, error).about(name).into());
            }
            Err(error) => return Err(Setback::Trouble(Box::new(error))),
        };
        let note = IndexNote::verify(&index.log.index, &self.trust)
            .map_err(|error| Flaw::of("it is not signed by the log", error).about(name))?;
        if note.name != *name {
            let what = format!("the signed index is that of `{}`", note.name);
            return Err(Flaw::new(Code::LogSubject, what).about(name).into());
        }
        self.same_story(name, &note, &index, tiles)?;
        compare(package, &note, &index, self.size(), now)
            .map_err(|flaw| flaw.signed_as(&index.log.index, name))?;
        self.state.changed.remove(name);
        Ok(())
    }

    /// The tree of the index is of the log that was followed.
    fn same_story<F>(
        &self,
        name: &PackageName,
        note: &IndexNote,
        index: &PackageIndex,
        tiles: &mut VerifiedTiles<F>,
    ) -> std::result::Result<(), Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let seen = self.seen();
        let found = note.tree;
        let is_same = if found.size <= seen.size {
            let again = if found.size == seen.size {
                seen
            } else {
                Frontier::read(found.size, &mut |node| tiles.hash(node))?.tree()
            };
            again == found
        } else {
            let proof = index.log.consistency.as_deref().unwrap_or_default();
            self.goes_on(&seen, &found, &index.log.checkpoint, proof)
                .map_err(|flaw| flaw.about(name))?
        };
        if is_same {
            return Ok(());
        }
        let seen_note = self.state.checkpoint.as_ref().map_or("", |seen| seen.note.as_str());
        let notes = [seen_note.to_owned(), index.log.index.clone()];
        Err(Alarm::Fork(Box::new(Fork { seen, found, notes })).into())
    }

    /// Whether the newer tree `found` of an index goes on from `seen`.
    fn goes_on(
        &self,
        seen: &Tree,
        found: &Tree,
        checkpoint: &str,
        proof: &[mcpkg_core::log::Hash],
    ) -> std::result::Result<bool, Flaw> {
        let checkpoint = self
            .trust
            .verify_checkpoint(checkpoint)
            .map_err(|error| Flaw::of("the checkpoint beside it cannot be believed", error))?;
        if checkpoint.tree() != *found {
            let what = "the checkpoint beside it is of another tree";
            return Err(Flaw::new(Code::LogSubject, what));
        }
        verify_consistency(seen, found, proof).map(|()| true).map_err(|error| {
            Flaw::of("it is of a newer tree, which was not shown to go on from ours", error.into())
        })
    }
}

/// Compares what the registry signed and shows of a package with what its entries
/// amount to, in a log of which `size` entries are known.
fn compare(
    package: &LoggedPackage,
    note: &IndexNote,
    index: &PackageIndex,
    size: u64,
    now: Timestamp,
) -> std::result::Result<(), Flaw> {
    is_signed(package, note, size)?;
    is_published_by(package, note, index, size, now)?;
    let shown: BTreeMap<&Version, u64> =
        index.releases.iter().map(|line| (&line.version, line.entry)).collect();
    for (version, entry) in &package.releases {
        match shown.get(version) {
            Some(shown) if shown == entry => {}
            Some(shown) => {
                let what = format!("it shows entry {shown} for {version}, and the log has {entry}");
                return Err(Flaw::new(Code::LogSubject, what));
            }
            None => {
                let what = format!("it does not show {version}, which entry {entry} published");
                return Err(Flaw::new(Code::HiddenRelease, what));
            }
        }
    }
    // A release that nothing in the log published, or that was never signed to be.
    let stray = index.releases.iter().find(|line| {
        let is_ours = package.releases.get(&line.version) == Some(&line.entry);
        let is_newer = line.entry >= size && note.entry(line.entry).is_some();
        !is_ours && !is_newer
    });
    if let Some(line) = stray {
        let what = format!("it shows {}, which the log does not have", line.version);
        return Err(Flaw::new(Code::LogSubject, what));
    }
    // And the status, the rebuilds and the changes of publisher.
    agreement::check(index, note).map_err(|reason| {
        let code = reason.code();
        Flaw { source: Some(Box::new(reason)), ..Flaw::new(code, "it is not what was signed") }
    })
}

/// Compares what was signed, entry by entry.
fn is_signed(
    package: &LoggedPackage,
    note: &IndexNote,
    size: u64,
) -> std::result::Result<(), Flaw> {
    if let Some(last) = package.entries.last().filter(|last| last.index >= note.tree.size) {
        let what = format!(
            "it is of a tree of {} entries, and entry {} is missing",
            note.tree.size, last.index
        );
        return Err(Flaw::new(Code::Rollback, what));
    }
    let differs = |entry: &&IndexedEntry| note.entry(entry.index) != Some(entry);
    if let Some(entry) = package.entries.iter().find(differs) {
        let number = entry.index;
        let instead = note.entry(number).cloned();
        let what = match &instead {
            Some(instead) => {
                format!("the registry signed that `{instead}`, and the log has `{entry}`")
            }
            None => format!("the registry signed that entry {number} is not about it, and it is"),
        };
        let hidden = Some((number, instead));
        return Err(Flaw { hidden, ..Flaw::new(Code::HiddenRelease, what) });
    }
    let is_ours = |entry: &&IndexedEntry| {
        package.entries.binary_search_by_key(&entry.index, |it| it.index).is_ok()
    };
    let mut known = note.entries.iter().take_while(|entry| entry.index < size);
    match known.find(|entry| !is_ours(entry)) {
        Some(extra) => {
            let what = format!(
                "the registry signed that entry {} is about it, and it is not",
                extra.index
            );
            Err(Flaw::new(Code::LogSubject, what))
        }
        None => Ok(()),
    }
}

/// Compares whom it names as the publisher, of now and announced, as far as the entries
/// are known.
fn is_published_by(
    package: &LoggedPackage,
    note: &IndexNote,
    index: &PackageIndex,
    size: u64,
    now: Timestamp,
) -> std::result::Result<(), Flaw> {
    let has_changed_since =
        note.entries.iter().any(|it| it.index >= size && it.kind == EntryKind::Binding);
    if has_changed_since {
        return Ok(());
    }
    let announced = package.announced.as_ref();
    // Around the moment itself, two honest clocks may differ in which of them it is.
    let due = announced.filter(|it| it.effective <= now + CLOCK_SKEW);
    let is_due = due.is_some_and(|it| it.publisher.difference(&index.publisher).is_none());
    if let Some(difference) = package.publisher.difference(&index.publisher).filter(|_| !is_due) {
        let what = format!(
            "it names another publisher than the log: {} is `{}`, and the log has `{}`",
            difference.what, difference.found, difference.bound
        );
        return Err(Flaw::new(Code::Publisher, what));
    }
    let shown = index.announced.as_ref();
    if shown == announced || (shown.is_none() && due.is_some()) {
        return Ok(());
    }
    let what = match (shown, announced) {
        (None, Some(announced)) => {
            format!("it does not show that entry {} announced another publisher", announced.entry)
        }
        _ => "it shows another announcement of a publisher than the log has".to_owned(),
    };
    let code = if shown.is_none() { Code::HiddenRelease } else { Code::Publisher };
    Err(Flaw::new(code, what))
}
