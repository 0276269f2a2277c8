//! What people sign about a package that is published: its status, whom its name is
//! bound to, and what came of building a release again.
//!
//! Each is an in-toto statement in a Sigstore bundle of its own, and becomes an entry
//! of the log. Its subject is the entry that it builds upon, the newest about the
//! package when it was signed: a statement that is presented a second time, or after
//! something else has happened, or to another registry, is about another entry.

mod entry;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::api::Status;
use crate::provenance::STATEMENT_V1;
use crate::publisher::Publisher;
use crate::text::first_hidden;
use crate::{Code, Coded, Digest, PackageName, Platform, TreeDigest, Version};

pub use entry::difference;

/// The predicate type of a [`StatusStatement`].
pub const STATUS_V1: &str = "https://mcpkg.dev/statements/status/v1";
/// The predicate type of a [`BindingStatement`].
pub const BINDING_V1: &str = "https://mcpkg.dev/statements/binding/v1";
/// The predicate type of a [`RebuildStatement`].
pub const REBUILD_V1: &str = "https://mcpkg.dev/statements/rebuild/v1";

/// The name of the subject that is the entry which a statement builds upon. Its digest
/// is the SHA-256 of the entry's bytes.
pub const ENTRY_SUBJECT: &str = "log-entry";

/// The longest reason of a [`StatusStatement`], in bytes.
pub const MAX_REASON_LEN: usize = 1024;

/// A statement about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageStatement {
    /// A release is yanked, deprecated or restored.
    Status(StatusStatement),
    /// The name is to be bound to another publisher.
    Binding(BindingStatement),
    /// A release was built again.
    Rebuild(RebuildStatement),
}

/// The entry that a statement builds upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildsOn {
    /// The origin of the log.
    pub log: String,
    /// The index of the package's newest entry.
    pub entry: u64,
}

/// The predicate of type [`STATUS_V1`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusStatement {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What it shall be.
    pub status: Status,
    /// Why, for people: one line, at most [`MAX_REASON_LEN`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The package's newest entry.
    pub builds_on: BuildsOn,
}

/// The predicate of type [`BINDING_V1`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingStatement {
    /// The package.
    pub name: PackageName,
    /// Whom the name shall be bound to.
    pub publisher: Publisher,
    /// The package's newest entry.
    pub builds_on: BuildsOn,
}

/// The predicate of type [`REBUILD_V1`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RebuildStatement {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// What came of it.
    pub result: RebuildResult,
    /// The artifacts that were built again; empty where none could be.
    pub artifacts: Vec<RebuiltArtifact>,
    /// The commit that it was built from, in hex.
    pub commit: String,
    /// The package's newest entry.
    pub builds_on: BuildsOn,
}

/// One artifact that was built again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RebuiltArtifact {
    /// What it runs on.
    pub platform: Platform,
    /// The tree in the release.
    pub published: TreeDigest,
    /// The tree that was built.
    pub built: TreeDigest,
}

/// What came of building a release again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, DeserializeFromStr, SerializeDisplay)]
pub enum RebuildResult {
    /// The same files came out.
    Identical,
    /// Other files came out: a reason to look, not an accusation.
    Different,
    /// Nothing came out.
    Failed,
}

/// Why a statement about a package is none.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It is of another kind.
    #[error("the predicate type is `{0}`, expected a statement about a package")]
    Kind(String),
    /// Its predicate is malformed.
    #[error("the statement is malformed: {0}")]
    Malformed(String),
}

impl PackageStatement {
    /// Reads a predicate.
    ///
    /// # Errors
    ///
    /// A type that is none of ours, and a predicate that says more or less than its
    /// type allows, or contradicts itself.
    pub fn read(predicate_type: &str, predicate: &Value) -> Result<Self, StatementError> {
        fn read<T: serde::de::DeserializeOwned>(predicate: &Value) -> Result<T, StatementError> {
            T::deserialize(predicate).map_err(|error| StatementError::Malformed(error.to_string()))
        }
        let statement = match predicate_type {
            STATUS_V1 => Self::Status(read(predicate)?),
            BINDING_V1 => Self::Binding(read(predicate)?),
            REBUILD_V1 => Self::Rebuild(read(predicate)?),
            other => {
                let other = other.chars().take(120).collect::<String>();
                return Err(StatementError::Kind(other.escape_debug().to_string()));
            }
        };
        statement
            .contradiction()
            .map_or(Ok(statement), |what| Err(StatementError::Malformed(what.to_owned())))
    }

    /// What in it cannot be, if anything.
    fn contradiction(&self) -> Option<&'static str> {
        match self {
            Self::Status(status) => {
                let reason = status.reason.as_deref()?;
                let is_plain = first_hidden(reason).is_none() && !reason.trim().is_empty();
                (reason.len() > MAX_REASON_LEN || !is_plain)
                    .then_some("the reason is not one line of plain text, or is too long")
            }
            Self::Binding(_) => None,
            Self::Rebuild(rebuild) => {
                let mut pairs = rebuild.artifacts.iter().map(|it| it.built == it.published);
                let is_so = match rebuild.result {
                    RebuildResult::Identical => {
                        !rebuild.artifacts.is_empty() && pairs.all(|is_same| is_same)
                    }
                    RebuildResult::Different => pairs.any(|is_same| !is_same),
                    RebuildResult::Failed => rebuild.artifacts.is_empty(),
                };
                (!is_so).then_some("the result is not what the trees say")
            }
        }
    }

    /// The statement to sign, if the entry that it builds upon has the bytes whose
    /// SHA-256 is `entry`.
    pub fn to_in_toto(&self, entry: Digest) -> Value {
        let predicate = match self {
            Self::Status(status) => json!(status),
            Self::Binding(binding) => json!(binding),
            Self::Rebuild(rebuild) => json!(rebuild),
        };
        json!({
            "_type": STATEMENT_V1,
            "subject": [{ "name": ENTRY_SUBJECT, "digest": { "sha256": entry.to_hex() } }],
            "predicateType": self.predicate_type(),
            "predicate": predicate,
        })
    }

    /// Its predicate type.
    pub fn predicate_type(&self) -> &'static str {
        match self {
            Self::Status(_) => STATUS_V1,
            Self::Binding(_) => BINDING_V1,
            Self::Rebuild(_) => REBUILD_V1,
        }
    }

    /// The package that it is about.
    pub fn name(&self) -> &PackageName {
        match self {
            Self::Status(status) => &status.name,
            Self::Binding(binding) => &binding.name,
            Self::Rebuild(rebuild) => &rebuild.name,
        }
    }

    /// The release that it is about, if it is about one.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Status(status) => Some(&status.version),
            Self::Binding(_) => None,
            Self::Rebuild(rebuild) => Some(&rebuild.version),
        }
    }

    /// The entry that it builds upon.
    pub fn builds_on(&self) -> &BuildsOn {
        match self {
            Self::Status(status) => &status.builds_on,
            Self::Binding(binding) => &binding.builds_on,
            Self::Rebuild(rebuild) => &rebuild.builds_on,
        }
    }
}

impl RebuildResult {
    const fn word(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Different => "different",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for RebuildResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no [`RebuildResult`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the result of a rebuild, expected `identical`, `different` or `failed`")]
pub struct ResultError;

impl std::str::FromStr for RebuildResult {
    type Err = ResultError;

    fn from_str(text: &str) -> Result<Self, ResultError> {
        [Self::Identical, Self::Different, Self::Failed]
            .into_iter()
            .find(|result| result.word() == text)
            .ok_or(ResultError)
    }
}

impl Coded for StatementError {
    fn code(&self) -> Code {
        Code::Attestation
    }

    fn hint(&self) -> Option<&'static str> {
        Some("sign it with `mcpkg yank`, `deprecate`, `restore`, `publisher` or `rebuild --attest`")
    }
}
