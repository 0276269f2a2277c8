//! What a domain says about who publishes in its namespace.
//!
//! `com.example.team/*` belongs to `team.example.com`. Whoever runs that domain
//! lists the identities that may publish, either in TXT records at
//! `_mcpkg.team.example.com`, one identity each:
//!
//! ```text
//! v=mcpkg1; issuer=https://accounts.example.com; subject=release@example.com
//! v=mcpkg1; issuer=https://token.actions.githubusercontent.com; repository=https://github.com/acme/tools; repository-id=1001
//! ```
//!
//! or in a document at `https://team.example.com/.well-known/mcpkg.json`:
//!
//! ```json
//! {
//!   "version": 1,
//!   "identities": [
//!     { "issuer": "https://accounts.example.com", "subject": "release@example.com" },
//!     { "issuer": "https://token.actions.githubusercontent.com", "ownerId": "2001" }
//!   ]
//! }
//! ```
//!
//! Reading is strict: what a record says beyond what we know might narrow what
//! it grants, so a record with anything unknown in it grants nothing.

use serde::{Deserialize, Serialize};

use crate::PackageName;
use crate::namespace::{AllowedIdentity, AllowedRepository, Forge, IdentityError};
use crate::publisher::Publisher;

/// The longest TXT record, in bytes: several of the strings that one consists of.
pub const MAX_TXT_BYTES: usize = 2048;
/// The longest `mcpkg.json`, in bytes.
pub const MAX_WELL_KNOWN_BYTES: usize = 64 * 1024;
/// The most identities that a domain may list.
pub const MAX_IDENTITIES: usize = 64;
/// What is put before a domain to ask for its TXT records.
pub const TXT_LABEL: &str = "_mcpkg";
/// Where a domain's document is.
pub const WELL_KNOWN_PATH: &str = "/.well-known/mcpkg.json";

const TXT_VERSION: &str = "v=mcpkg1";
/// The longest name of a domain, in bytes (RFC 1035, section 2.3.4), with room
/// for our label.
const MAX_DOMAIN_LEN: usize = 253 - TXT_LABEL.len() - 1;
const MAX_LABEL_LEN: usize = 63;
/// Top-level domains that nobody can register: they mean this machine, this
/// network, or nothing (RFC 6761, RFC 6762, RFC 7686, ICANN's `internal`).
const RESERVED: [&str; 6] = ["arpa", "internal", "invalid", "local", "localhost", "onion"];

/// The domain that a namespace belongs to: its labels in reverse.
///
/// A forge's namespaces have none, for the forge's accounts own them; nor has
/// anything that is no name of a registered domain, a single label above all.
pub fn domain_of(namespace: &str) -> Option<String> {
    let namespace = namespace.to_ascii_lowercase();
    // With the dot, `io.github` is as little a domain as what is below it.
    if Forge::of_namespace(&format!("{namespace}.")).is_some() {
        return None;
    }
    let labels: Vec<&str> = namespace.split('.').rev().collect();
    let (top_level, rest) = labels.split_last()?;
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL_LEN
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A number at the end makes an address of it, and not a name.
    let is_name = top_level.starts_with(|c: char| c.is_ascii_alphabetic())
        && !RESERVED.contains(top_level)
        && !rest.is_empty()
        && labels.iter().all(is_label)
        && namespace.len() <= MAX_DOMAIN_LEN;
    is_name.then(|| labels.join("."))
}

/// Where a domain says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DomainMethod {
    /// A TXT record at `_mcpkg.<domain>`.
    Dns,
    /// The document at `https://<domain>/.well-known/mcpkg.json`.
    WellKnown,
}

/// What a registry found at a domain when it bound a name.
///
/// It is the registry's word that it was there, and stays in the log, so that
/// the domain's owner can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainProof {
    /// The domain.
    pub domain: String,
    /// Where it says it.
    pub method: DomainMethod,
    /// What it says: the whole TXT record, or the one identity of the document,
    /// as JSON.
    pub record: String,
}

impl DomainProof {
    /// Who is listed. Nobody, if the record is malformed.
    pub fn identities(&self) -> Vec<AllowedIdentity> {
        match self.method {
            DomainMethod::Dns => parse_txt(&self.record).ok().flatten().into_iter().collect(),
            DomainMethod::WellKnown => serde_json::from_str::<DocumentIdentity>(&self.record)
                .ok()
                .and_then(|identity| AllowedIdentity::try_from(identity).ok())
                .into_iter()
                .collect(),
        }
    }

    /// Whether this lets `publisher` publish `name`.
    pub fn covers(&self, name: &PackageName, publisher: &Publisher) -> bool {
        domain_of(name.namespace()).is_some_and(|domain| domain == self.domain)
            && self.identities().iter().any(|identity| identity.is(publisher))
    }
}

/// Why what a domain says cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// It is longer than we read.
    #[error("it is {found} bytes long, expected at most {limit}")]
    Length {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A part of a TXT record is no `key=value` that is known, or comes twice.
    #[error("`{}` has no place in a record", .0.escape_debug())]
    Part(String),
    /// It is no JSON of the expected shape.
    #[error("it is not a document of version 1")]
    Document(#[source] serde_json::Error),
    /// The document is of another version.
    #[error("it is of version {0}, expected 1")]
    Version(u64),
    /// It lists too many.
    #[error("it lists {0} identities, expected at most {MAX_IDENTITIES}")]
    TooMany(usize),
    /// An identity cannot be listed.
    #[error("an identity in it is none")]
    Identity(#[source] IdentityError),
}

/// Reads one TXT record. `None` is a record about something else.
///
/// # Errors
///
/// [`DomainError`] if it is meant for us, and wrong.
pub fn parse_txt(record: &str) -> Result<Option<AllowedIdentity>, DomainError> {
    let mut parts = record.split(';').map(str::trim);
    if parts.next() != Some(TXT_VERSION) {
        return Ok(None);
    }
    check_length(record.len(), MAX_TXT_BYTES)?;
    let mut issuer = None;
    let mut subject = None;
    let mut repository = AllowedRepository::default();
    for part in parts.filter(|part| !part.is_empty()) {
        let unknown = || DomainError::Part(part.chars().take(80).collect());
        let (key, value) = part.split_once('=').ok_or_else(unknown)?;
        let place = match key.trim() {
            "issuer" => &mut issuer,
            "subject" => &mut subject,
            "repository" => &mut repository.url,
            "repository-id" => &mut repository.repository_id,
            "owner-id" => &mut repository.owner_id,
            _ => return Err(unknown()),
        };
        if place.replace(value.trim().to_owned()).is_some() {
            return Err(unknown());
        }
    }
    identity(issuer.unwrap_or_default(), subject, repository).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    identities: Vec<DocumentIdentity>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DocumentIdentity {
    issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner_id: Option<String>,
}

impl TryFrom<DocumentIdentity> for AllowedIdentity {
    type Error = DomainError;

    fn try_from(listed: DocumentIdentity) -> Result<Self, DomainError> {
        let DocumentIdentity { issuer, subject, repository: url, repository_id, owner_id } = listed;
        identity(issuer, subject, AllowedRepository { url, repository_id, owner_id })
    }
}

/// Reads a `mcpkg.json`: each identity with its own JSON, which is what a
/// [`DomainProof`] records.
///
/// # Errors
///
/// [`DomainError`] if any part of it is wrong: half a list is no list.
pub fn parse_well_known(json: &[u8]) -> Result<Vec<(AllowedIdentity, String)>, DomainError> {
    check_length(json.len(), MAX_WELL_KNOWN_BYTES)?;
    let document: Document = serde_json::from_slice(json).map_err(DomainError::Document)?;
    if document.version != 1 {
        return Err(DomainError::Version(document.version));
    }
    if document.identities.len() > MAX_IDENTITIES {
        return Err(DomainError::TooMany(document.identities.len()));
    }
    let with_json = |listed: DocumentIdentity| {
        let json = serde_json::to_string(&listed).map_err(DomainError::Document)?;
        Ok((AllowedIdentity::try_from(listed)?, json))
    };
    document.identities.into_iter().map(with_json).collect()
}

fn identity(
    issuer: String,
    subject: Option<String>,
    repository: AllowedRepository,
) -> Result<AllowedIdentity, DomainError> {
    let identity = match subject {
        None => AllowedIdentity::repository(issuer, repository),
        Some(subject) if repository == AllowedRepository::default() => {
            AllowedIdentity::subject(issuer, subject)
        }
        Some(_) => Err(IdentityError::Ambiguous(issuer)),
    };
    identity.map_err(DomainError::Identity)
}

const fn check_length(found: usize, limit: usize) -> Result<(), DomainError> {
    if found > limit { Err(DomainError::Length { found, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
