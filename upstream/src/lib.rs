//! Artifacts of what npm and PyPI have, with the evidence that they publish.
//!
//! Most MCP servers are on npm and PyPI, and start by fetching, unseen, whatever the newest
//! of a hundred packages is that day (`npx`, `uvx`). This crate makes of such a package
//! what the rest of mcpkg knows: one artifact with everything in it, pinned to the byte,
//! whose origin anybody can check again.
//!
//! ```text
//! npm:@acme/weather@^1 ──> npm or pip, which choose ──> lock ──> each file, fetched by us and
//!                                                        │       held to its digest
//!   the registry's attestations ──> verify, judge <──────┘            │
//!                                        └──────> artifact <──────────┘
//! ```
//!
//! # Reading order
//!
//! 1. [`Reference`] is what a user asks for, [`Release`] one release.
//! 2. [`npm`] and [`pypi`]: how each ecosystem chooses ([`npm::lock`], [`pypi::report`]), what
//!    it attests, and how its files are laid out. [`mod@tar`] and [`mod@gzip`] read what strangers
//!    packed.
//! 3. [`Importer`] has the steps; [`judge()`] decides whether the evidence is enough.
//! 4. [`carried`] reads all of it back out of an artifact; [`pinned`] out of a lock, so that the
//!    same artifact can be made again.
//! 5. [`Listing`] is what there is to move to.
//!
//! # What never happens
//!
//! - No script of a package runs, and no source distribution is built.
//! - Nothing is fetched from elsewhere than the registry that is configured and, for PyPI, the
//!   server of its files; no redirect is followed.
//! - No byte is unpacked before it has the digest that the lock pins.
//! - Nothing that the ecosystem's tool fetched is used: it chooses, and we fetch.

pub mod carried;
mod closure;
mod document;
mod error;
pub mod fetch;
pub mod gzip;
mod import;
mod integrity;
mod judge;
mod listing;
pub mod npm;
pub mod pinned;
pub mod pypi;
mod reference;
mod sbom;
mod server;
pub mod tar;
mod tools;
mod tree;
pub mod tuf;

pub use closure::{Closure, Member};
pub use document::{Origin, OriginFile};
pub use error::{Result, UpstreamError};
pub use import::{Importer, Made, Sources, Statement, Trust, in_words, version};
pub use integrity::{Integrity, IntegrityError};
pub use judge::{Judgement, Lack, Terms, judge, uploader};
pub use listing::{Listed, Listing};
pub use reference::{Ecosystem, Package, Reference, ReferenceError, Release, Requirement};
pub use sbom::cyclonedx;
pub use tools::{PASSED, Tools};
