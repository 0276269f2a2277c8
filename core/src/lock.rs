//! `mcpkg.lock`: what was installed, to the byte.
//!
//! A lock is TOML that a person can review and merge: one `[[server]]` block per
//! package, in the order of their names. The same lock is always written as the
//! same bytes. It is committed to a project, so it holds no secret, only names of
//! places where secrets are found.

mod upstream;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::upstream::LockedUpstream;
use crate::api::Artifact;
use crate::domain::DomainProof;
use crate::elsewhere::Pinned;
use crate::log::{Entry, Publish};
use crate::permissions::{HostPort, Permissions};
use crate::publisher::Publisher;
pub use crate::secret::{SecretReference, SecretReferenceError};
use crate::surface::{Surface, ToolRules};
use crate::{Code, Coded, Digest, PackageName, Platform, Version};

/// The longest lock that is read, in bytes: a thousand servers and more.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The format that this program writes, and the only one it reads.
const FORMAT: u32 = 1;

const HEADER: &str = "\
# Written by mcpkg. It pins what was verified: commit it, and review changes to it.
# Edit nothing but to solve a merge conflict: keep whole [[server]] blocks.
";

/// The servers that are installed in one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    // Invariant: the key is the value's name.
    servers: BTreeMap<PackageName, LockedServer>,
}

/// One installed server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedServer {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// The address of the registry it came from.
    pub registry: String,
    /// The digest of the signed `server.json`.
    pub metadata: Digest,
    /// When it was signed.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub signed_at: Timestamp,
    /// The source commit it was built from, in hex, as the certificate says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How it is confined, where the user chose other than as well as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<LockedConfinement>,
    /// The digests of its Sigstore bundles.
    pub evidence: Vec<Digest>,
    /// The publisher that is pinned: releases by another are refused.
    pub publisher: Publisher,
    /// Where the registry's log has it. Another ecosystem's registry has no log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LockedLog>,
    /// Which release of another ecosystem it was made of, here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<LockedUpstream>,
    /// What a release without an artifact starts, or connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Pinned>,
    /// Every artifact of the release, so that a mixed team shares one lock.
    #[serde(default, rename = "artifact", skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<LockedArtifact>,
    /// What the user approved.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub granted: Permissions,
    /// Values for the server's settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigText>,
    /// Where the server's secrets are found at launch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretReference>,
    /// The secrets that the server never has: it gets a placeholder, and the host here
    /// gets the secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub brokered: BTreeMap<String, HostPort>,
    /// Which of its tools may be called.
    #[serde(default, skip_serializing_if = "ToolRules::is_empty")]
    pub tools: ToolRules,
    /// What it shows to a model, as the user saw it: one reading for each of the
    /// protocol's versions that differ in it. None is pinned if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surface: Vec<Surface>,
    /// The agents it is linked into.
    #[serde(default, rename = "agent", skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentLink>,
}

/// A release's place in its registry's log, and the proof of it.
///
/// With the rest of the lock it gives the log's entry again, see
/// [`LockedServer::entry`], so that the receipt is checked without the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedLog {
    /// The index of the entry that published it.
    pub entry: u64,
    /// The index of the package's entry before that one, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub time: Timestamp,
    /// The proof, a [`crate::log::Receipt`].
    pub receipt: String,
    /// What the domain of the namespace said of the publisher, as logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<DomainProof>,
}

/// One artifact, as [`Artifact`] in the API, in the lock's spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LockedArtifact {
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The digest of the files in it, checked again at every launch.
    pub tree: crate::TreeDigest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// A choice of the user's about how a server is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LockedConfinement {
    /// Not at all: it may do what the user can, asked for by name.
    None,
}

/// A value for a server's setting: one text, or several where it takes several.
///
/// Numbers and booleans are texts here; the manifest says what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ConfigText {
    /// One value.
    One(String),
    /// Several values.
    Many(Vec<String>),
}

/// An agent that a server is linked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentLink {
    /// Which agent, such as `claude-code`.
    pub id: String,
    /// The server's name in the agent's settings.
    pub key: String,
    /// The project that it is linked for, where that is one project of one user: its
    /// absolute path. Such a link is in a part of the user's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What linking added besides the entry, so that removing it gives back the
    /// bytes from before. A word of the editor of settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<String>,
}

/// Why a lock cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file is longer than a lock can be.
    #[error("the lock is {0} bytes long, expected at most {MAX_BYTES}")]
    Length(usize),
    /// The file holds the marks of an unsolved merge.
    #[error("the lock holds an unsolved merge conflict, at line {line}")]
    Conflict {
        /// The line of the first mark, from one.
        line: usize,
    },
    /// The text is not a lock. Nothing of it is repeated: it may hold a secret,
    /// where somebody wrote one in place of a reference.
    #[error("the lock is malformed at line {line}: {reason}")]
    Malformed {
        /// The line, from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock was written by a newer program.
    #[error("the lock has format {0}, and this program reads format {FORMAT}")]
    Format(u32),
    /// A block says neither where a registry logged it nor what else it was made of, or both.
    #[error("the lock says of `{0}` not once where it comes from: in `log` or in `upstream`")]
    Origin(PackageName),
    /// A block says that what runs is in an artifact, and that it is not.
    #[error("the lock says of `{0}` twice what runs: in `elsewhere` and in `artifact`")]
    Elsewhere(PackageName),
    /// Two blocks have the same name.
    #[error("the lock has two blocks for `{0}`")]
    Duplicate(PackageName),
    /// Two artifacts of a release are for the same platform.
    #[error("the lock has two artifacts of `{0}` for one platform")]
    DuplicatePlatform(PackageName),
    /// A value cannot be written as TOML.
    #[error("the lock cannot be written")]
    Write(#[source] Box<toml::ser::Error>),
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(title = "Lockfile"))]
#[serde(deny_unknown_fields)]
pub(crate) struct WireLock {
    /// The format, which is 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = 1)))]
    format: u32,
    /// The servers, in the order of their names.
    #[serde(default, rename = "server", skip_serializing_if = "Vec::is_empty")]
    servers: Vec<LockedServer>,
}

/// The format alone, to tell a newer lock from a broken one.
#[derive(Deserialize)]
struct WireFormat {
    format: u32,
}

impl Lock {
    /// Reads a lock.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        if text.len() > MAX_BYTES {
            return Err(LockError::Length(text.len()));
        }
        // Only where it is no TOML, which the marks between lines never are: a
        // setting of several lines may hold such a line, `=======` above all.
        let malformed = |error| match line_of_conflict(text) {
            Some(line) => LockError::Conflict { line },
            None => malformed(text, &error),
        };
        let WireFormat { format } = toml::from_str(text).map_err(malformed)?;
        if format != FORMAT {
            return Err(LockError::Format(format));
        }
        let wire: WireLock = toml::from_str(text).map_err(malformed)?;
        let mut lock = Self::default();
        for server in wire.servers {
            let platforms: BTreeSet<_> =
                server.artifacts.iter().map(|artifact| artifact.platform).collect();
            if platforms.len() != server.artifacts.len() {
                return Err(LockError::DuplicatePlatform(server.name));
            }
            if server.log.is_some() == server.upstream.is_some() {
                return Err(LockError::Origin(server.name));
            }
            if server.elsewhere.is_some() && !server.artifacts.is_empty() {
                return Err(LockError::Elsewhere(server.name));
            }
            if let Some(duplicate) = lock.insert(server) {
                return Err(LockError::Duplicate(duplicate.name));
            }
        }
        Ok(lock)
    }

    /// Writes the lock. Equal locks give equal bytes.
    pub fn to_toml(&self) -> Result<String, LockError> {
        let wire = WireLock { format: FORMAT, servers: self.servers.values().cloned().collect() };
        let body = toml::to_string(&wire).map_err(|error| LockError::Write(Box::new(error)))?;
        Ok(format!("{HEADER}{body}"))
    }

    /// The server of this name.
    pub fn get(&self, name: &PackageName) -> Option<&LockedServer> {
        self.servers.get(name)
    }

    /// All servers, by name.
    pub fn servers(&self) -> impl Iterator<Item = &LockedServer> {
        self.servers.values()
    }

    /// The servers that a user means by `text`: the one of that name, or all
    /// with that short name.
    pub fn find(&self, text: &str) -> Vec<&LockedServer> {
        if let Ok(name) = text.parse::<PackageName>() {
            return self.get(&name).into_iter().collect();
        }
        self.servers().filter(|server| server.name.short().eq_ignore_ascii_case(text)).collect()
    }

    /// Adds a server, or replaces the one of its name, which is returned.
    pub fn insert(&mut self, server: LockedServer) -> Option<LockedServer> {
        // The key keeps the case of the first; the value's is the newest.
        let old = self.servers.remove(&server.name);
        self.servers.insert(server.name.clone(), server);
        old
    }

    /// Removes a server.
    pub fn remove(&mut self, name: &PackageName) -> Option<LockedServer> {
        self.servers.remove(name)
    }
}

/// What is wrong with `text`, without the text: TOML's own message quotes the line,
/// and serde's the value that it found in place of what was expected.
fn malformed(text: &str, error: &toml::de::Error) -> LockError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    let reason = match error.message().rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => format!("expected {expected}"),
        _ => error.message().to_owned(),
    };
    LockError::Malformed { line, reason }
}

/// The line of the first mark that git leaves in a conflict, from one.
fn line_of_conflict(text: &str) -> Option<usize> {
    let is_mark = |line: &str| {
        ["<<<<<<< ", "======= ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark))
            || line == "======="
    };
    Some(text.lines().position(is_mark)? + 1)
}

impl LockedServer {
    /// The artifact that runs on `host`, see [`Platform::choose`].
    pub fn artifact_for(&self, host: Option<Platform>) -> Option<&LockedArtifact> {
        Platform::choose(&self.artifacts, |artifact| artifact.platform, host)
    }

    /// The entry of the registry's log that published it, made of what is pinned
    /// here. If the lock was changed in any of that, it is not the logged one. `None` for
    /// what comes from no registry of ours.
    pub fn entry(&self) -> Option<Entry> {
        let log = self.log.as_ref()?;
        Some(Entry::Publish(Publish {
            name: self.name.clone(),
            version: self.version.clone(),
            metadata: self.metadata,
            artifacts: self.artifacts.iter().map(Artifact::from).collect(),
            evidence: self.evidence.clone(),
            publisher: self.publisher.clone(),
            authority: log.authority.clone(),
            previous: log.previous,
            time: log.time,
        }))
    }
}

impl From<&LockedArtifact> for Artifact {
    fn from(artifact: &LockedArtifact) -> Self {
        let LockedArtifact { platform, digest, tree, size_bytes } = *artifact;
        Self { platform, digest, tree, size_bytes }
    }
}

impl From<&Artifact> for LockedArtifact {
    fn from(artifact: &Artifact) -> Self {
        let Artifact { platform, digest, tree, size_bytes } = *artifact;
        Self { platform, digest, tree, size_bytes }
    }
}

impl Coded for LockError {
    fn code(&self) -> Code {
        match self {
            Self::Length(_) => Code::Limit,
            _ => Code::Lock,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Conflict { .. } => {
                "keep one of the [[server]] blocks whole, and remove the marks"
            }
            Self::Format(_) => "use a newer mcpkg",
            _ => "restore it from version control; mcpkg has not changed it",
        })
    }
}

#[cfg(test)]
mod tests;
