//! The index of a package as the log signs it.
//!
//! A log proves what is in it, and not that nothing else is. So the registry
//! signs, for each package and at a tree, which entries are the package's. One
//! that leaves an entry out has signed a lie, and whoever has the entry's receipt
//! can prove it: entry, receipt and index are all the proof there is to it.
//!
//! ```text
//! mcpkg.dev/index@v1
//! <origin>
//! <name of the package>
//! <tree size>
//! <root>
//! <index of its first entry>
//! <index of its second entry>
//! …
//!
//! — <origin> <signature>
//! ```

use std::fmt::Write as _;

use super::checkpoint::{LogTrust, tree};
use super::note::{NoteError, SignedNote, lines, number};
use super::{LogError, Tree};
use crate::PackageName;

const HEADER: &str = "mcpkg.dev/index@v1";

/// Which entries of a tree are about a package: these, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexNote {
    /// Of which log.
    pub origin: String,
    /// Of which package, in the case of its first release.
    pub name: PackageName,
    /// At which tree.
    pub tree: Tree,
    /// The indices of its entries, each larger than the one before.
    pub entries: Vec<u64>,
}

impl IndexNote {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let Self { origin, name, tree, entries } = self;
        let mut text = format!("{HEADER}\n{origin}\n{name}\n{}\n{}\n", tree.size, tree.root);
        for index in entries {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{index}");
        }
        text
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        const WHAT: &str = "the index of a package";
        let malformed = || NoteError::Content(WHAT);
        let mut lines = lines(text)?;
        if lines.next() != Some(HEADER) {
            return Err(malformed().into());
        }
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or_else(malformed);
        let origin = line()?.to_owned();
        let name = line()?.parse().map_err(|_| malformed())?;
        let tree = tree(line()?, line()?, WHAT)?;
        let mut entries: Vec<u64> = Vec::new();
        for line in lines {
            let index = number(line).filter(|&index| index < tree.size).ok_or_else(malformed)?;
            if entries.last().is_some_and(|&last| last >= index) {
                return Err(malformed().into());
            }
            entries.push(index);
        }
        Ok(Self { origin, name, tree, entries })
    }

    /// Reads a signed index of the log that `trust` is about.
    pub fn verify(note: &str, trust: &LogTrust) -> Result<Self, LogError> {
        let signed = SignedNote::parse(note.as_bytes())?;
        let index = Self::parse(signed.text())?;
        if index.origin != trust.origin() {
            return Err(LogError::key(&trust.key, &index.origin));
        }
        signed.verify(&[&trust.key])?;
        Ok(index)
    }
}
