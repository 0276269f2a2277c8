//! The one shape of a tar archive: what an export of a registry is carried in.
//!
//! An export goes to where there is no network, on whatever carries files, and is a tar
//! so that anybody can look into it with tools of their own. But tar has many dialects,
//! and readers that disagree about one (two names for a file, a size in two places) are
//! how something gets past whoever looked. So an export has one spelling:
//!
//! ```text
//! ┌ header ┬ bytes, zeros to 512 ┐ …  ┌ 1024 zeros ┐ end of file
//! └ of a member ─────────────────┘ …  └ the end ───┘
//! ```
//!
//! Members are plain files, in the order of the bytes of their paths, with nothing in
//! their header but path and size: no owner, no time, mode 0644. A path of more than 100
//! bytes has a pax record before it. That makes a header a function of path and size
//! ([`header`]), and it is how the reader checks one: what it read must be what the writer
//! would have written, to the byte. There is no second way to write an export that the
//! reader takes, and the same members are the same file on every machine.
//!
//! Nothing is compressed, so nothing grows: an export unpacks to less than its size.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Interchange Format".

mod error;
mod header;
mod path;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::TarError;
pub use header::header;
pub use path::{MAX_PATH_LEN, TarPath};
pub use read::Reader;
pub use write::Writer;

/// The unit that a tar is written in, in bytes.
const BLOCK: usize = 512;

/// How many zeros are after `size` bytes of a member.
const fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    // It is less than a block.
    #[expect(clippy::cast_possible_truncation, reason = "it is less than a block")]
    let padding = ((block - size % block) % block) as usize;
    padding
}
