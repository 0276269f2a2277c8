//! From one checkpoint to the next, entry by entry.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{
    Frontier, Hash, Level, LogError, LogTrust, SignedCheckpoint, TILE_WIDTH, TilePath, Tree,
    VerifiedTiles, read_bundle,
};

use super::state::Seen;
use super::{Alarm, Finding, Fork, Monitor, Setback};

/// How old a log's newest signature may be. A registry signs every hour, so a day
/// is long past a restart and a weekend's outage is worth a look.
///
/// Source: `DESIGN.md` section 7.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How far two honest clocks may be apart.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

impl Monitor {
    /// Looks at a checkpoint: whether the log signed it, and whether its tree goes
    /// on from the newest that was seen. If so it is the newest now, and its tiles
    /// are returned for [`Self::take`].
    ///
    /// # Errors
    ///
    /// [`Alarm::Checkpoint`] if it is not signed by those who have to;
    /// [`Alarm::Fork`] or [`Alarm::Shrunk`] if its tree does not go on from the
    /// other, with both notes; whatever `fetch` fails with.
    pub fn observe<F>(&mut self, note: &str, fetch: F) -> Result<VerifiedTiles<F>, Setback>
    where
        F: FnMut(&TilePath) -> Result<Vec<u8>, Setback>,
    {
        // By the newest key alone: with an older one somebody could show the log as
        // it was when that was retired.
        let current = LogTrust { predecessors: Vec::new(), ..self.trust.clone() };
        let checkpoint = current.verify_checkpoint(note).map_err(|error| {
            // Worse than a key that nobody knows is one that should have stopped.
            match self.trust.verify_checkpoint(note) {
                Err(retired @ LogError::Retired { .. }) => Alarm::Checkpoint(retired),
                _ => Alarm::Checkpoint(error),
            }
        })?;
        let found = checkpoint.tree();
        let mut tiles = VerifiedTiles::new(found, fetch);
        if let Some(seen) = &self.state.checkpoint {
            let fork = |found| {
                let notes = [seen.note.clone(), note.to_owned()];
                Box::new(Fork { seen: seen.tree(), found, notes })
            };
            if found.size < seen.size {
                return Err(Alarm::Shrunk(fork(found)).into());
            }
            // The tree that was seen, made again from the tiles of the new one.
            let again = if found.size == seen.size {
                found
            } else {
                Frontier::read(seen.size, &mut |node| tiles.hash(node))?.tree()
            };
            if again != seen.tree() {
                return Err(Alarm::Fork(fork(found)).into());
            }
        }
        self.remember(&checkpoint);
        Ok(tiles)
    }

    /// Whether the checkpoint that is remembered is by this log.
    ///
    /// # Errors
    ///
    /// [`LogError::Key`] if it is by another.
    pub fn recognise(&self) -> Result<(), LogError> {
        let Some(seen) = &self.state.checkpoint else { return Ok(()) };
        // It was vouched for when it was seen, by the witnesses of then.
        let trust = LogTrust { quorum: 0, ..self.trust.clone() };
        trust.verify_checkpoint(&seen.note).map(drop)
    }

    /// Keeps a checkpoint. Of one tree it is the one that is shown now, whenever it
    /// was signed: how fresh a log is must not rest on what it showed before, least
    /// of all on a signature from the future.
    fn remember(&mut self, checkpoint: &SignedCheckpoint) {
        let Tree { size, root } = checkpoint.tree();
        let (signed_at, note) = (checkpoint.signed_at(), checkpoint.note().to_owned());
        self.state.checkpoint = Some(Seen { size, root, signed_at, note });
    }

    /// The bundle that holds the next entry to be verified; `None` when all that
    /// the newest checkpoint covers are.
    pub fn next_bundle(&self) -> Option<TilePath> {
        let (size, seen) = (self.size(), self.seen().size);
        if size >= seen {
            return None;
        }
        TilePath::of_tree(Level::Entries, size / TILE_WIDTH, seen)
    }

    /// Verifies the entries of a bundle, `path`, that were not yet, and judges each.
    /// `tiles` are those that [`Self::observe`] returned.
    ///
    /// # Errors
    ///
    /// [`Alarm::Entries`] if the entries do not belong to the signed tree, and
    /// [`Alarm::Tile`] if that cannot be told because the tiles do not either.
    pub fn take<F>(
        &mut self,
        path: &TilePath,
        bundle: &[u8],
        tiles: &mut VerifiedTiles<F>,
        now: Timestamp,
    ) -> Result<Vec<Finding>, Setback>
    where
        F: FnMut(&TilePath) -> Result<Vec<u8>, Setback>,
    {
        let start = path.index * TILE_WIDTH;
        let first = self.size();
        let wrong = || Alarm::Entries { first, last: start + u64::from(path.width) - 1 };
        let entries = match read_bundle(bundle) {
            Ok(entries) if entries.len() == usize::from(path.width) => entries,
            _ => return Err(wrong().into()),
        };
        let known = first.checked_sub(start).and_then(|known| usize::try_from(known).ok());
        let new = known.and_then(|known| entries.get(known..)).ok_or_else(wrong)?;

        let mut frontier = self.state.frontier.clone();
        for leaf in new {
            frontier.push(Hash::leaf(leaf));
        }
        let seen = self.seen();
        // At the end of the tree the root itself decides. Before it, the complete
        // subtrees so far have to be those of the signed tree.
        let is_signed = if frontier.size() == seen.size {
            frontier.tree() == seen
        } else {
            Frontier::read(frontier.size(), &mut |node| tiles.hash(node))? == frontier
        };
        if !is_signed {
            return Err(wrong().into());
        }
        self.state.frontier = frontier;
        Ok((first..).zip(new).flat_map(|(index, leaf)| self.entry(index, leaf, now)).collect())
    }

    /// Whether the newest checkpoint says that the log is alive.
    ///
    /// # Errors
    ///
    /// [`Alarm::Stale`], [`Alarm::Undated`] or [`Alarm::Future`].
    pub fn freshness(&self, now: Timestamp) -> Result<(), Alarm> {
        let Some(seen) = &self.state.checkpoint else { return Ok(()) };
        match seen.signed_at {
            None => Err(Alarm::Undated),
            Some(signed_at) if signed_at > now + CLOCK_SKEW => Err(Alarm::Future { signed_at }),
            Some(signed_at) if now.duration_since(signed_at) > STALE_AFTER => {
                Err(Alarm::Stale { signed_at })
            }
            Some(_) => Ok(()),
        }
    }
}
