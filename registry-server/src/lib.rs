//! The registry server: stores signed MCP packages and serves them.
//!
//! # Layers
//!
//! A request goes down this list, and nothing calls back up it.
//!
//! | module | knows about | does not know about |
//! |---|---|---|
//! | `net` | connections | requests |
//! | `routes`, `extract`, `error` | HTTP, JSON | SQL, files |
//! | `publish`, `documents` | what has to happen, in which order | SQL, files |
//! | `store` | SQL, rows | HTTP, files |
//! | `blobs` | files, and that disks lie | HTTP, SQL |
//! | core, verify | packages, evidence, policy | anything outside them |
//!
//! A release is immutable once published. That is enforced at the bottom, by
//! triggers in `migrations/sqlite/`, and not by the code above it. [`fsck`]
//! checks the invariants from outside.
//!
//! There are no accounts. Whoever can show evidence that a name's owner signed
//! a release may publish it, and anybody may read.

mod app;
mod blobs;
mod cache;
mod conditional;
mod config;
mod documents;
mod error;
mod extract;
mod failpoint;
pub mod fsck;
mod limits;
mod net;
mod publish;
mod range;
mod routes;
mod server;
mod store;

pub use config::{
    Config, ConfigError, ConfigFile, DEFAULT_DATA, DEFAULT_LISTEN, Overrides, TrustRootFile,
};
pub use limits::Limits;
pub use server::{Running, StartError, StorageError, start};
