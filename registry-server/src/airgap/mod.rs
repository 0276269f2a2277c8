//! Carrying a registry over to where there is no network.
//!
//! ```text
//! registry or mirror ── export ──> one file ── carried ──> import ──> a mirror, offline
//! ```
//!
//! An export is a tar in its one spelling ([`mcpkg_core::tar`]) with the files of a source
//! at their addresses, so that importing is following a log, with every check that this
//! has, and not another way in:
//!
//! | member | what |
//! |---|---|
//! | `EXPORT.json` | [`Manifest`]: of which log, up to where, and since when |
//! | `unsigned/trust-roots/<fingerprint>.json` | what the exporter verifies with |
//! | `unsigned/advisories/…`, `unsigned/vex.json` | what is known against releases |
//! | `v1/blobs/<digest>` | artifacts, and the evidence of statements |
//! | `v1/log.json`, `v1/log/checkpoint` | which log, and the tree that this is |
//! | `v1/log/tile/entries/…` | the entries |
//! | `v1/log/checkpoints/…` | the checkpoints that receipts end with |
//! | `v1/log/indexes/<namespace>/<name>` | the signed index of each package, at that tree |
//! | `v1/packages/<namespace>/<name>/<version>` | releases with their evidence |
//! | `v1/removals` | what an operator has taken down |
//! | `whole.sha256` | [`seal`]: a digest of all of the above |
//!
//! The same registry at the same tree, with the same trust roots and advisories, gives the
//! same bytes. Since a checkpoint, it has only
//! what is new, and the signed indexes, which are new whenever the tree is.
//!
//! Nothing of an export is believed. It is unpacked in a folder of its own, and followed
//! there to its end by a copy of what the mirror has; only then is it taken over. What is
//! missing or wrong is found before anything of the mirror was written. What no log has
//! signed is not used for being there: see [`offered`].

mod error;
mod export;
mod folders;
mod hashing;
mod import;
mod manifest;
mod offered;
mod seal;
mod unpack;
mod unsigned;

pub(crate) use error::AirgapError;
pub use export::{Exported, export};
pub use import::{TakenOver, UnsignedParts, import};
pub(crate) use manifest::Manifest;
pub use offered::OfferedRoot;
