//! The one reader and the one writer of artifacts.
//!
//! An artifact is an MCPB bundle: a ZIP. A ZIP says everything twice, in a
//! *local header* before each file and in the *central directory* at the end,
//! and readers differ in which of the two they believe. What one program
//! checks is then not what another one unpacks, so [`Layout::read`] accepts an
//! archive only if every reader must see the same files in it:
//!
//! ```text
//! 0 ─┬───────┬──────┬───────┬──────┬─────────┬─────────┬────────────┬─ end of file
//!    │ local │ data │ local │ data │ central │ central │ end record │
//!    └───────┴──────┴───────┴──────┴─────────┴─────────┴────────────┘
//! ```
//!
//! Each byte of the file belongs to exactly one of these, in this order. The
//! two headers of a file agree in every field. All of that is checked before
//! anything is inflated; while a file is inflated, its stated size and CRC-32
//! must hold to the byte.
//!
//! # What other tools write, and what we make of it
//!
//! | written by | what | here |
//! |---|---|---|
//! | `mcpb pack` (fflate) | compression hints in flag bits 1 and 2 | accepted, they mean nothing |
//! | Info-ZIP, yazl | extra fields for times (0x5455) and owners (0x7875) | accepted, we unpack neither |
//! | anything that writes to a pipe | a data descriptor after a deflated file | accepted if it repeats the central directory, and the local header does too where it is not zero |
//! | any, on Windows | made on DOS (0), without Unix permissions | accepted, no file is executable |
//! | any, on Unix | made on Unix (3) | executable if any of the three x bits is set |
//! | Info-ZIP | entries for folders | refused: they are no files |
//! | `mcpb sign` | `MCPB_SIG_V1` after the end | refused, with advice |
//! | any | every other extra field, comments, zip64, encryption, disks | refused |
//!
//! `tests/vectors/archive/` holds an archive of each tool that was at hand.
//!
//! # Reading order
//!
//! 1. [`ArchivePath`] is what a file in an archive may be called.
//! 2. [`Layout`] is the walk described above.
//! 3. [`Archive`] reads the files of a layout.
//! 4. [`Writer`] packs, so that one tree always gives one sequence of bytes.
//!
//! Source: [PKWARE APPNOTE.TXT 6.3.10][appnote], sections 4.3 to 4.5; RFC 1951.
//!
//! [appnote]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

mod deflate;
mod entry;
mod error;
mod extra;
mod flaw;
mod inflate;
mod layout;
mod limits;
mod local;
mod path;
mod read;
mod record;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use entry::{Entry, EntryKind};
pub use error::ArchiveError;
pub use flaw::{EntryFlaw, LimitError, ZipFlaw};
pub use layout::Layout;
pub use limits::Limits;
pub(crate) use path::shown;
pub use path::{ArchivePath, PathError, PathProblem};
pub use read::{Archive, EntryReader};
pub use write::{Packed, Writer};
