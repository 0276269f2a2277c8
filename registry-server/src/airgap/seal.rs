//! The seal of an export: a digest of everything else in it, as its last member.
//!
//! Not every byte of an export is signed: a release's document says things that nobody needs
//! to believe, and a flipped bit in one of those would be passed over. A file that carries
//! damage somewhere is not one to take the rest from, so all of it has to be what was
//! written. That is all that the seal says: whoever changes an export on its way can make
//! another seal, and gains nothing by it.
//!
//! ```text
//! whole.sha256    sha256:<of "<sha256 of a member, hex>  <its path>\n", for each, in order>
//! ```
//!
//! The lines are those of `sha256sum`, so that it can be checked with that. It comes last, so
//! that neither side reads anything twice, or keeps it: `EXPORT.json`, which comes first, is
//! written before the rest is read.

use mcpkg_core::Digest;
use mcpkg_core::tar::TarPath;
use sha2::{Digest as _, Sha256};

/// The member that has it. Every other path sorts before it.
pub(super) const PATH: &str = "whole.sha256";

/// The digest of the members so far.
#[derive(Debug, Default)]
pub(super) struct Seal(Sha256);

impl Seal {
    /// Adds the next member.
    pub(super) fn add(&mut self, path: &TarPath, digest: Digest) {
        self.0.update(format!("{}  {path}\n", digest.to_hex()));
    }

    /// What the last member says: all of it, to the byte.
    pub(super) fn to_text(&self) -> String {
        format!("{}\n", Digest::from_bytes(self.0.clone().finalize().into()))
    }
}
