//! Whether what is stated about a package is shown, and signed by who the log says.

use mcpkg_core::api::LoggedStatement;
use mcpkg_core::log::{Entry, Frontier, LogError, LogTrust, Receipt, TilePath, VerifiedTiles};
use mcpkg_core::{Code, Coded as _, Digest};

use super::release::answered;
use super::{Alarm, Judge, Monitor, Setback, Unproved};
use crate::error::{Error, Result};
use crate::ops::log::statement::Stated;
use crate::ops::statement::{self, AtHand};

impl Monitor {
    /// The entries from `first` on that state something which was not yet seen to be
    /// signed.
    pub fn unproved(&self, first: u64) -> Vec<(u64, Unproved)> {
        self.state.unproved.range(first..).map(|(&index, it)| (index, it.clone())).collect()
    }

    /// Compares the statement of entry `index` with what the registry answered: all that
    /// is stated about the same thing. What is good is not asked for again.
    ///
    /// Whoever has the whole log has the entry before it too, so that here everything
    /// about a statement is proved.
    ///
    /// # Errors
    ///
    /// [`Alarm::Statement`] if it is not served, is not what the log says, or is signed
    /// by another; [`Setback::Trouble`] if the registry did not answer, which may last a
    /// day.
    pub fn statement<F>(
        &mut self,
        index: u64,
        answer: Result<&[LoggedStatement]>,
        judge: &Judge<'_>,
        tiles: &mut VerifiedTiles<F>,
    ) -> std::result::Result<(), Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let Some(Unproved { entry, before, since }) = self.state.unproved.get(&index) else {
            return Ok(());
        };
        let alarm = |what, code, source: Option<Error>| {
            let (name, source) = (entry.name().clone(), source.map(Box::new));
            Setback::from(Alarm::Statement { index, name, what, code, source })
        };
        let shown = answered(answer, *since, judge.now, alarm)?;
        let is_it = |it: &&LoggedStatement| {
            it.receipt.parse::<Receipt>().is_ok_and(|receipt| receipt.index == index)
        };
        let Some(shown) = shown.iter().find(is_it) else {
            let what = "it is in the log, and the registry does not show it";
            return Err(alarm(what, Code::HiddenRelease, None));
        };
        let bundle = shown.bundle.bundle.get().trim().as_bytes();
        let leaf = entry.leaf().map_err(|error| {
            let context = format!("entry {index} cannot be written again");
            alarm("it is no entry", error.code(), Some(Error::wrap(context)(error)))
        })?;
        if shown.entry.get().as_bytes() != leaf {
            return Err(alarm("the registry shows another entry", Code::LogSubject, None));
        }
        if evidence(entry) != Some(Digest::of(bundle)) {
            return Err(alarm("the registry shows other evidence", Code::LogSubject, None));
        }

        // As with a release: its receipt may be from before there were witnesses.
        let trust = LogTrust { quorum: 0, ..self.trust.clone() };
        let unproved = |error: LogError| {
            let (code, context) = (error.code(), format!("the receipt of entry {index}"));
            let what = "its receipt does not prove it";
            alarm(what, code, Some(Error::wrap(context)(error)))
        };
        let receipt: Receipt =
            shown.receipt.parse().map_err(|error| unproved(LogError::from(error)))?;
        let tree = receipt.verify(&leaf, &trust).map_err(unproved)?.tree();
        if tree.size > self.seen().size {
            // It cannot be told yet, and will be asked for again when it can.
            return Ok(());
        }
        if Frontier::read(tree.size, &mut |node| tiles.hash(node))?.tree() != tree {
            let what = "its receipt is of a tree that the log has not grown from";
            return Err(alarm(what, Code::LogFork, None));
        }

        let stated = Stated { index, entry: entry.clone(), leaf, bundle: bundle.to_vec() };
        let at_hand: AtHand = entry.previous().zip(*before).into_iter().collect();
        statement::verify(&stated, &at_hand, judge.trust, &trust).map_err(|error| {
            let code = error.code();
            alarm("it is not what somebody signed", code, Some(error))
        })?;
        self.state.unproved.remove(&index);
        Ok(())
    }
}

/// The digest of the bundle that an entry names, if it names one.
fn evidence(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::Publish(_) => None,
        Entry::Status(change) => Some(change.evidence),
        Entry::Binding(change) => Some(change.evidence),
        Entry::Rebuild(rebuild) => Some(rebuild.evidence),
    }
}
