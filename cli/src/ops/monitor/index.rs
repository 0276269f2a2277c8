//! Whether the signed index of a package is what its entries amount to.

use std::collections::BTreeMap;

use mcpkg_core::api::PackageIndex;
use mcpkg_core::log::{
    Frontier, IndexNote, LogError, LoggedPackage, TilePath, Tree, VerifiedTiles, verify_consistency,
};
use mcpkg_core::{Code, Coded as _, PackageName, Version};

use super::alarm::Hidden;
use super::{Alarm, Fork, Monitor, Setback};
use crate::error::{Error, Result};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Something that is wrong with an index.
struct Flaw {
    what: String,
    code: Code,
    hidden: Option<u64>,
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
        let hidden = hidden.map(|entry| Box::new(Hidden { name: name.clone(), entry, note }));
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
        compare(package, &note, &index, self.size())
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
) -> std::result::Result<(), Flaw> {
    if let Some(last) = package.entries.last().filter(|&&last| last >= note.tree.size) {
        let what =
            format!("it is of a tree of {} entries, and entry {last} is missing", note.tree.size);
        return Err(Flaw::new(Code::Rollback, what));
    }
    let missing = package.entries.iter().find(|it| note.entries.binary_search(it).is_err());
    if let Some(missing) = missing {
        let what = format!("the registry signed that entry {missing} is not about it, and it is");
        return Err(Flaw { hidden: Some(*missing), ..Flaw::new(Code::HiddenRelease, what) });
    }
    let is_known = |&&entry: &&u64| entry < size;
    let mut known = note.entries.iter().take_while(is_known);
    if let Some(extra) = known.find(|it| package.entries.binary_search(it).is_err()) {
        let what = format!("the registry signed that entry {extra} is about it, and it is not");
        return Err(Flaw::new(Code::LogSubject, what));
    }
    if let Some(difference) = package.publisher.difference(&index.publisher) {
        let what = format!(
            "it names another publisher than the log: {} is `{}`, and the log has `{}`",
            difference.what, difference.found, difference.bound
        );
        return Err(Flaw::new(Code::Publisher, what));
    }
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
        let is_newer = line.entry >= size && note.entries.binary_search(&line.entry).is_ok();
        !is_ours && !is_newer
    });
    match stray {
        Some(line) => {
            let what = format!("it shows {}, which the log does not have", line.version);
            Err(Flaw::new(Code::LogSubject, what))
        }
        None => Ok(()),
    }
}
