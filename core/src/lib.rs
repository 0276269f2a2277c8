//! What an MCP package is, and when to trust one.
//!
//! This crate is the vocabulary that the registry server and the `mcpkg`
//! command share. Everything in it is a value or a function of values: it
//! opens no file or socket, reads no clock, and cannot fail for any reason
//! that is not in its arguments. (`core/clippy.toml` holds us to that.)
//!
//! # Reading order
//!
//! 1. [`PackageName`], [`Version`] and [`Digest`] name a package, a release of
//!    it, and its exact bytes.
//! 2. [`evidence::Evidence`] is what a verified signature says.
//! 3. [`publisher::Publisher`] is who that makes the signer, and
//!    [`namespace::authorise`] whether they may use the name.
//! 4. [`policy::judge`] turns all of it into a [`policy::Verdict`]. That
//!    function is the security decision of this system. If you read only one,
//!    read it.

pub mod address;
pub mod advisory;
pub mod api;
pub mod archive;
mod code;
mod digest;
pub mod domain;
pub mod elsewhere;
pub mod event_stream;
pub mod evidence;
pub mod guard;
pub mod json;
pub mod lock;
pub mod log;
pub mod manifest;
mod name;
pub mod namespace;
pub mod official;
pub mod permissions;
mod platform;
pub mod policy;
pub mod project;
pub mod provenance;
pub mod publisher;
pub mod review;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod server_json;
pub mod statement;
pub mod surface;
pub mod tar;
pub mod template;
mod text;
mod version;
pub mod vex;

pub use code::{Code, Coded, UnknownCode};
pub use digest::{Digest, DigestError, TreeDigest, TreeHasher};
pub use name::{NameError, PackageName};
pub use platform::{Machine, Platform, PlatformError, System};
pub use version::{Version, VersionError};
