//! `server.json`: what a package says about itself.
//!
//! The MCP registry's schema has had six editions, and real documents break
//! all of them. So there are two readers, for two purposes:
//!
//! - [`ServerJson::read_strict`] reads what is published to a registry of ours.
//!   It takes the current edition only, refuses what it does not know, and
//!   gives the canonical bytes that are signed.
//! - [`ForeignServerJson::read_lenient`] reads what came from elsewhere. It
//!   takes every edition and whatever has a clear meaning, and says what is
//!   off as a list of [`Oddity`].
//!
//! How to *start* the server of an artifact stands in neither: that is the manifest's,
//! inside the artifact (see [`crate::manifest`]). Where there is no artifact, the
//! document itself says what there is instead (see [`crate::elsewhere`]).
//!
//! Sources: `DESIGN.md` section 5; the [schemas], 2025-07-09 to 2025-12-11.
//!
//! [schemas]: https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json

mod error;
mod foreign;
mod foreign_package;
mod image;
mod input;
mod link;
mod oddity;
mod published;
mod reader;
mod remote;

pub use error::ServerJsonError;
pub use foreign::{ForeignRepository, ForeignServerJson};
pub use foreign_package::{Argument, ArgumentKind, ForeignPackage, ForeignRemote, Transport};
pub use image::{ImageReference, ImageReferenceError, PackagedImage};
pub use input::{Input, InputFormat, NamedInput};
pub(crate) use link::check_remote;
pub use oddity::{Edition, Oddity};
pub use published::{Icon, Repository, ServerJson};
pub use remote::{Remote, RemoteKind};

/// The longest `server.json` that is read, in bytes.
///
/// Of 118 real ones the largest has 4,470 bytes; this leaves room for a few
/// hundred remotes or variables.
pub const MAX_LEN: usize = 256 * 1024;

/// The value of `$schema` in what we publish.
pub const SCHEMA: &str =
    "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// The key of `_meta` whose object a publisher may fill.
pub const PUBLISHER_META: &str = "io.modelcontextprotocol.registry/publisher-provided";

/// The key of [`PUBLISHER_META`] that holds our extension.
pub const EXTENSION: &str = "mcpkg";

/// The most bytes that [`PUBLISHER_META`] may take, in canonical form.
///
/// Source: the MCP registry, which refuses more.
pub const MAX_PUBLISHER_META: usize = 4096;

#[cfg(test)]
mod tests;
