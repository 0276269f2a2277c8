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
//! | `publish`, `documents`, `official` | what has to happen, in which order | SQL, files |
//! | `store` | SQL, rows | HTTP, files |
//! | `admission` | which releases are given out | HTTP, SQL |
//! | `access` | who asks, by which token, and whether they may | SQL, files |
//! | `audit` | what is remembered of who did what | HTTP, SQL |
//! | `authority` | asking domains who may publish | HTTP of ours, SQL |
//! | `policy` | who may do what, and what may come in | HTTP, SQL |
//! | `trust` | whose signatures count, and fetching that | HTTP of ours, SQL |
//! | `mirror` | other registries, followed by their logs | HTTP of ours |
//! | `log` | the tree, its keys, and what is true | HTTP, SQL |
//! | `blobs` | files, and that disks lie | HTTP, SQL |
//! | `webhook` | telling others what happens | HTTP of ours, SQL |
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
//! a release may publish it, and anybody may read; unless `[access]` says whose tokens
//! readers have to show, or a policy forbids more.

mod access;
mod admission;
mod airgap;
mod app;
mod audit;
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
mod gc;
mod hangup;
mod import;
mod key_file;
mod limits;
mod log;
mod mirror;
mod net;
mod official;
mod openapi;
mod policy;
mod publish;
mod range;
mod replay;
mod routes;
mod server;
mod start_error;
mod store;
mod trust;
mod webhook;
pub mod witness;

pub use admission::{
    ExplainError, Explanation, ImportError, Imported, Said, SimulatedChange, Simulation, explain,
    import_advisories, import_signed_vex, import_vex, simulate,
};
#[cfg(feature = "generate")]
pub use admission::{Judging, JudgingError};
pub use airgap::{Exported, OfferedRoot, TakenOver, UnsignedParts, export, import};
pub use audit::{AuditError, export as export_audit};
pub use authority::AuthorityConfig;
pub use backup::Copied;
pub use config::{
    AccessFile, AdmissionFile, Anonymous, AuditFile, ClientCertificates, Config, ConfigError,
    ConfigFile, DEFAULT_DATA, DEFAULT_LISTEN, Dpop, EventKind, EventKindError, ForwardedHeader,
    ImportConfig, ImportConfigError, IssuerConfig, IssuerFile, Judged, LogConfig, LogFile,
    LoginFile, OfficialConfig, Overrides, PolicyDefaults, PolicyFile, ProofNonce, ProxyFile,
    QuotaFile, RetentionFile, RoleFile, SourceConfig, SourceFile, SourceMode, SyslogAddress,
    SyslogAddressError, TlsFile, TlsVersion, TokenAlgorithm, TrustError, TrustFile, TrustKeyFile,
    TrustRootFile, TrustUpdate, WebhookFile,
};
pub use gc::{Collected, CollectedArtifact, Fate, GcMode, gc};
pub use import::{PackageImportError, PackageImported, import_package};
pub use key_file::KeyFileError;
pub use limits::Limits;
#[cfg(feature = "generate")]
pub use log::{GeneratedRelease, generate, time_proofs};
pub use log::{LogAction, Managed, WitnessFile};
pub use mirror::{
    FetchList, Released, SourceName, SourceNameError, SourceStatus, SourceStatuses, TakenDown,
    fetches, release_claim, source_statuses, sync, take_down,
};
pub use net::TlsError;
pub use official::{FollowError, FollowReport, NamedRegistry, RefusedEntry, StorageFailure};
pub use policy::{
    Answer, Checked, PolicyError, Question, QuestionError, Role, ask, check_policies,
};
pub use server::{Running, backup, follow_official, manage, rebuild, restore, start};
pub use start_error::{AirgapFailure, MirrorFailure, SourceError, StartError, StorageError};
pub use store::Fetch;
pub use trust::TrustConfig;
pub use webhook::{
    Retried, Undelivered, UndeliveredMessage, make_webhook_key, retry_webhooks, undelivered,
};
