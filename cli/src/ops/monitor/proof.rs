//! The files that prove an alarm to somebody who did not see it.

use std::path::PathBuf;

use jiff::Timestamp;
use mcpkg_core::Code;
use mcpkg_core::log::{
    Level, Receipt, TILE_WIDTH, TilePath, VerifiedTiles, inclusion_proof, read_bundle,
};

use super::alarm::{Fork, Hidden};
use super::watch::tile;
use super::{Setback, Watch};
use crate::error::Result;
use crate::ops::log::evidence::{Found, Lie};

impl Watch<'_> {
    /// Keeps two notes of the log that contradict each other.
    pub(super) fn prove_fork(&self, fork: &Fork, now: Timestamp) -> Result<PathBuf> {
        let Fork { seen, found, notes: [first, second] } = fork;
        let proves = if seen.size == found.size {
            "The log has signed two roots for one size. It shows its users different\n\
             histories. No honest log ever does."
        } else {
            "A log only grows. If the smaller tree was signed after the larger one (the line\n\
             with the time), then the log has gone back. Else compare the two: ask the log\n\
             for the consistency proof from the smaller tree to the larger. If the one does\n\
             not begin with the other there is none, whatever it answers."
        };
        self.save_proof(
            &Lie {
                code: Code::LogFork,
                what: format!(
                    "the log signed a tree of {} entries with the root {}, and one of {} entries \
                     with the root {}",
                    seen.size, seen.root, found.size, found.root
                ),
                proves: proves.to_owned(),
                parts: vec![("what was seen before", first), ("what is shown now", second)],
            },
            now,
        )
    }

    /// Keeps the signed index of a package that leaves an entry out, with the entry
    /// and a receipt for it. Gives nothing if the log does not serve the entry any
    /// more: then that will be an alarm too.
    pub(super) fn prove_hidden<F>(
        &self,
        hidden: &Hidden,
        tiles: &mut VerifiedTiles<F>,
        now: Timestamp,
    ) -> Result<Option<PathBuf>>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let Ok(Some((leaf, receipt))) = self.receipt(hidden.entry, tiles) else { return Ok(None) };
        let Hidden { name, entry, instead, .. } = hidden;
        let (what, proves) = match instead {
            None => (
                format!("the signed index of `{name}` leaves out entry {entry} of the log"),
                "The receipt proves that the entry is in the log, at its index, and the entry\n\
                 names the package. The signed index lists every entry of the package up to\n\
                 its tree, and this one lies within that tree and is not listed. The log has\n\
                 signed both.",
            ),
            Some(instead) => (
                format!("the signed index of `{name}` says `{instead}`, which the entry is not"),
                "The receipt proves that the entry is in the log, at its index. The signed\n\
                 index says of that index what the entry does not say. The log has signed\n\
                 both.",
            ),
        };
        let lie = Lie {
            code: Code::HiddenRelease,
            what,
            proves: proves.to_owned(),
            parts: vec![
                ("entry", &leaf),
                ("receipt of the entry", &receipt),
                ("signed index of the package", &hidden.note),
            ],
        };
        self.save_proof(&lie, now).map(Some)
    }

    /// An entry with its receipt, both from what the log serves, and checked.
    fn receipt<F>(
        &self,
        index: u64,
        tiles: &mut VerifiedTiles<F>,
    ) -> std::result::Result<Option<(String, String)>, Setback>
    where
        F: FnMut(&TilePath) -> std::result::Result<Vec<u8>, Setback>,
    {
        let seen = self.monitor.seen().size;
        let bundle = TilePath::of_tree(Level::Entries, index / TILE_WIDTH, seen);
        let (Some(bundle), Some(note)) = (bundle, self.monitor.seen_note()) else {
            return Ok(None);
        };
        let bytes = tile(self.registry, &bundle)?;
        let entries = read_bundle(&bytes)?;
        let place = usize::try_from(index % TILE_WIDTH).ok();
        let Some(leaf) = place.and_then(|place| entries.get(place).copied()) else {
            return Ok(None);
        };
        let proof = inclusion_proof(index, seen, &mut |node| tiles.hash(node))?;
        let receipt = Receipt { index, proof, checkpoint: note.to_owned() };
        let holds = receipt.verify(leaf, self.monitor.trust()).is_ok();
        let text = String::from_utf8(leaf.to_vec()).ok().filter(|_| holds);
        Ok(text.map(|leaf| (leaf, receipt.to_string())))
    }

    fn save_proof(&self, lie: &Lie<'_>, now: Timestamp) -> Result<PathBuf> {
        let (places, registry) = (self.places, &self.source.url);
        Found { places, registry, trust: self.monitor.trust(), now }.save(lie)
    }
}
