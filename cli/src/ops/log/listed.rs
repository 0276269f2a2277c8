//! Entries that are proved to be in the log, against the index that the log signed.

use mcpkg_core::Code;
use mcpkg_core::log::{IndexNote, IndexedEntry};

use super::evidence::Lie;

/// An entry about a package, and what proves that the log has it.
pub(super) struct Proved<'a> {
    /// What it is, for people.
    pub(super) what: &'a str,
    /// What a signed index has to say of it.
    pub(super) entry: &'a IndexedEntry,
    /// Its bytes.
    pub(super) leaf: &'a [u8],
    /// Its receipt, as it came. Whoever calls a log a liar has verified it.
    pub(super) receipt: &'a str,
}

impl<'a> Proved<'a> {
    /// Whether the index says of the entry what it is.
    pub(super) fn is_listed(&self, note: &IndexNote) -> bool {
        note.entry(self.entry.index) == Some(self.entry)
    }

    /// What `note`, signed as `index`, says that cannot be true: that the entry is not
    /// about the package, or that it is another thing than it is.
    pub(super) fn lie(&self, note: &IndexNote, index: &'a str) -> Option<Lie<'a>> {
        let (number, what) = (self.entry.index, self.what);
        let (what, proves) = match note.entry(number) {
            Some(signed) if signed == self.entry => return None,
            Some(signed) => (
                format!(
                    "the registry passes {what} off as something else: entry {number} of the log \
                     is `{}`, and the signed index says `{signed}`",
                    self.entry
                ),
                "The receipt proves that the entry is in the log, at its index. The signed\n\
                 index says of that index what the entry does not say. The log has signed\n\
                 both.",
            ),
            None => (
                format!(
                    "the registry hides {what}: it is entry {number} of the log, and the signed \
                     index leaves it out"
                ),
                "The receipt proves that the entry is in the log, at its index. The signed\n\
                 index lists every entry of the package in a larger or equal tree, and this\n\
                 index is none of them. The log has signed both.",
            ),
        };
        Some(Lie {
            code: Code::HiddenRelease,
            what,
            proves: proves.to_owned(),
            // An entry that was parsed is UTF-8.
            parts: vec![
                ("entry", std::str::from_utf8(self.leaf).unwrap_or_default()),
                ("receipt of the entry", self.receipt),
                ("signed index of the package", index),
            ],
        })
    }
}
