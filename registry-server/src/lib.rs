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
//! | `authority` | asking domains who may publish | HTTP of ours, SQL |
//! | `trust` | whose signatures count, and fetching that | HTTP of ours, SQL |
//! | `log` | the tree, its keys, and what is true | HTTP, SQL |
//! | `blobs` | files, and that disks lie | HTTP, SQL |
//! | [`witness`] | other logs: a server of its own | the rest of this one |
//! | core, verify | packages, evidence, policy | anything outside them |
//!
//! The log is the truth, and the database an index of it: see `log`.
//!
//! A release is immutable once published. That is enforced at the bottom, by
//! triggers in `migrations/sqlite/`, and not by the code above it. [`fsck`]
//! checks the invariants from outside.
//!
//! There are no accounts. Whoever can show evidence that a name's owner signed
//! a release may publish it, and anybody may read.

mod app;
mod authority;
mod backup;
mod blobs;
mod cache;
mod conditional;
mod config;
mod documents;
mod durable;
mod error;
mod extract;
mod failpoint;
pub mod fsck;
mod key_file;
mod limits;
mod log;
mod net;
mod publish;
mod range;
mod replay;
mod routes;
mod server;
mod store;
mod trust;
pub mod witness;

pub use authority::AuthorityConfig;
pub use backup::Copied;
pub use config::{
    Config, ConfigError, ConfigFile, DEFAULT_DATA, DEFAULT_LISTEN, LogConfig, LogFile, Overrides,
    TrustError, TrustFile, TrustKeyFile, TrustRootFile, TrustUpdate,
};
pub use key_file::KeyFileError;
pub use limits::Limits;
#[cfg(feature = "generate")]
pub use log::{GeneratedRelease, generate, time_proofs};
pub use log::{LogAction, Managed, WitnessFile};
pub use server::{Running, StartError, StorageError, backup, manage, rebuild, restore, start};
pub use trust::TrustConfig;
