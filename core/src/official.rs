//! The MCP registry's own API, as others speak it.
//!
//! - [`ServerPage`] and [`ListedServer`] read what `GET /v0.1/servers` of another
//!   registry answers. Reading is lenient where [`crate::server_json`] is: the original
//!   bytes are kept, and what is off with them is said.
//! - [`ProofKey`] reads the record with which a domain says whose signature speaks for
//!   it when somebody publishes there.
//!
//! Source: the MCP registry's `openapi.yaml` of 2025-12-01, and its server of that API,
//! which differs from it in places.

mod page;
mod proof_key;

pub use page::{ListedServer, ListedServerError, ListedStatus, MAX_PAGE_LEN, ServerPage};
pub use proof_key::{ProofKey, ProofKeyError};

/// The key of `_meta` under which a registry says what it knows of an entry.
pub const REGISTRY_META: &str = "io.modelcontextprotocol.registry/official";

/// The key of `_meta` under which ours points to the evidence.
pub const EVIDENCE_META: &str = "dev.mcpkg/evidence";

/// Where a domain's host has the record that [`ProofKey`] reads.
pub const PROOF_PATH: &str = "/.well-known/mcp-registry-auth";

#[cfg(test)]
mod tests;
