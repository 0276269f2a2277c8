//! The JSON of the registry's own HTTP API, `/v1/…`.
//!
//! Server and command share these types, so that they cannot disagree. Field
//! names are camel case, as in `server.json`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::log::{Hash, VerifierKey};
use crate::namespace::NamePattern;
use crate::publisher::Publisher;
use crate::statement::RebuildResult;
use crate::{Code, Digest, PackageName, Platform, TreeDigest, Version};

/// Whether a release may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It may.
    #[default]
    Active,
    /// Its publisher advises against it: it may be chosen, with a warning.
    Deprecated,
    /// Its publisher withdrew it: never chosen, and warned of where it is locked.
    Yanked,
}

impl Status {
    const ALL: [Self; 3] = [Self::Active, Self::Deprecated, Self::Yanked];

    /// The status as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Yanked => "yanked",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no status, expected `active`, `deprecated` or `yanked`")]
pub struct StatusError;

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(StatusError)
    }
}

/// `GET /v1/packages/{namespace}/{name}`: all releases of a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PackageIndex {
    /// The package, in the case that its first release used.
    pub name: PackageName,
    /// Whom the name is bound to.
    pub publisher: Publisher,
    /// Who publishes it from some time on, where that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<AnnouncedPublisher>,
    /// One short line each, newest version first.
    pub releases: Vec<IndexLine>,
    /// Every statement that announced another publisher, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<LoggedStatement>,
    /// Which of the releases this server does not give out. They stay in what the log
    /// has signed, and are not to be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<WithheldRelease>,
    /// What the log says of it.
    pub log: IndexLog,
}

/// A release that a server does not give out, though its log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WithheldRelease {
    /// Which release.
    pub version: Version,
    /// The stable code of why.
    pub code: Code,
    /// The policy that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Why, in a sentence without a full stop.
    pub reason: String,
}

/// A publisher that a name is going to be bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedPublisher {
    /// Who.
    pub publisher: Publisher,
    /// From when on, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub effective: Timestamp,
    /// The index of the log's entry that announced it.
    pub entry: u64,
}

/// What shows that a [`PackageIndex`] leaves nothing out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IndexLog {
    /// Which entries are about the package, signed: a [`crate::log::IndexNote`].
    pub index: String,
    /// The log's checkpoint of the same tree.
    pub checkpoint: String,
    /// The proof that the tree of the size that was passed as `seen` is the start of
    /// the checkpoint's; absent if there is no such tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Vec<Hash>>,
}

/// `POST /v1/log/indexes`: of which packages to send the signed index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IndexesRequest {
    /// At most [`MAX_INDEXES`].
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1000)))]
    pub names: Vec<PackageName>,
}

/// How many packages an [`IndexesRequest`] may name.
pub const MAX_INDEXES: usize = 1000;

/// The answer to an [`IndexesRequest`]: all of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIndexes {
    /// The log's checkpoint.
    pub checkpoint: String,
    /// The [`crate::log::IndexNote`] of each package that is in its tree.
    pub indexes: Vec<String>,
}

/// `GET /v1/removals`: what an operator has taken down, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Removals {
    /// Everything that is not given out any more.
    pub removals: Vec<Removal>,
}

/// A release that an operator has taken down. That is an operator's word beside the
/// log, in which the release stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Removal {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// Why, for people.
    pub reason: String,
    /// When, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub removed_at: Timestamp,
}

/// `GET /v1/sources`: which other registries this one mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SourceList {
    /// Each of them, by its name.
    pub sources: Vec<SourceDocument>,
}

/// One source of a mirror, served again below `/source/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SourceDocument {
    /// What it is called here.
    pub name: String,
    /// The key of its log, which clients verify with.
    pub log_key: VerifierKey,
    /// `online`, `fallback` or `offline`.
    pub mode: String,
    /// The names that come from it.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub namespaces: Vec<NamePattern>,
    /// How many entries of its log are served.
    pub tree_size: u64,
    /// When it was last asked with success, in UTC to the whole second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub followed_at: Option<Timestamp>,
    /// How many entries are kept and not given out.
    pub withheld: u64,
    /// The code of why it is not followed any further, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Code>,
}

/// One release in a [`PackageIndex`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct IndexLine {
    /// The version.
    pub version: Version,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub published_at: Timestamp,
    /// Whether it may be chosen.
    #[serde(default)]
    pub status: Status,
    /// What it runs on; empty for a release of remotes only.
    pub platforms: Vec<Platform>,
    /// The index of the log's entry that published it.
    pub entry: u64,
    /// Who built it again, and what came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebuilds: Vec<RebuildLine>,
}

/// One rebuild in an [`IndexLine`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RebuildLine {
    /// What came of it.
    pub result: RebuildResult,
    /// Who built it again.
    pub rebuilder: Publisher,
    /// The index of the log's entry that says so.
    pub entry: u64,
}

/// A statement about a package, and the proof that it is in the log. Also the answer
/// to `POST /v1/statements`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoggedStatement {
    /// The entry, byte for byte: a [`crate::log::Entry`].
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::object"))]
    pub entry: Box<RawValue>,
    /// The proof that the entry is in the log: a [`crate::log::Receipt`].
    pub receipt: String,
    /// The Sigstore bundle of the statement: a [`crate::statement::PackageStatement`].
    pub bundle: BundleDocument,
}

/// `GET /v1/packages/{namespace}/{name}/{version}`: everything about one release,
/// its evidence included, so that a client needs no further request to judge it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseDocument {
    /// The package.
    pub name: PackageName,
    /// Which release of it.
    pub version: Version,
    /// The digest of [`Self::server_json`], which is signed.
    pub metadata: Digest,
    /// The signed `server.json`, byte for byte in its canonical form (RFC 8785).
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::object"))]
    pub server_json: Box<RawValue>,
    /// What can be downloaded; empty for a release of remotes only.
    pub artifacts: Vec<Artifact>,
    /// The Sigstore bundles.
    pub evidence: Vec<BundleDocument>,
    /// Whom the registry says it is from. Never relied on: the evidence decides.
    pub publisher: Publisher,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub published_at: Timestamp,
    /// Whether it may be chosen.
    #[serde(default)]
    pub status: Status,
    /// What was stated about it since: changes of its status and rebuilds, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<LoggedStatement>,
    /// The proof that all of it is in the log.
    pub log: ReleaseLog,
}

/// What shows that a [`ReleaseDocument`] is in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseLog {
    /// The entry that published it, byte for byte: a [`crate::log::Publish`].
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::object"))]
    pub entry: Box<RawValue>,
    /// The proof that the entry is in the log: a [`crate::log::Receipt`]. The same
    /// for ever.
    pub receipt: String,
    /// The proof that the receipt's tree is the start of the tree of the size that was
    /// passed as `at`; absent if there is no such tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Vec<Hash>>,
}

/// `GET /v1/log`: which log a registry has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogDocument {
    /// The log's name.
    pub origin: String,
    /// The key that signs it now.
    pub key: VerifierKey,
    /// How it came to that key, oldest first: [`crate::log::Succession`]s, signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<String>,
}

/// One artifact of a release, at `/v1/blobs/{digest}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// What it runs on.
    pub platform: Platform,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The digest of the files in it.
    pub tree: TreeDigest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// One Sigstore bundle of a release, at `/v1/blobs/{digest}` too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BundleDocument {
    /// The digest of [`Self::bundle`] as text without surrounding white space.
    pub digest: Digest,
    /// The bundle, byte for byte as its signer sent it.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::object"))]
    pub bundle: Box<RawValue>,
}

/// `GET /v1/search?q=…&limit=…&cursor=…`: a page of packages, best match first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The packages of this page.
    pub packages: Vec<SearchHit>,
    /// What to pass as `cursor` for the next page, or `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One package that matches a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The package.
    pub name: PackageName,
    /// Its newest release that is no pre-release, or the newest of those.
    pub version: Version,
    /// What it does, from its signed `server.json`.
    pub description: String,
    /// Whom the name is bound to.
    pub publisher: Publisher,
    /// When that release was accepted.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub published_at: Timestamp,
}

/// An error body, `application/problem+json`.
///
/// Source: RFC 9457, with the extension members `code` and `hint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the kind of problem: the code's own page.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short summary of the kind of problem.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What happened to this request, in a sentence.
    pub detail: String,
    /// The same sentence, where clients of the MCP registry's API look for it.
    #[serde(default)]
    pub error: String,
    /// The stable code.
    pub code: Code,
    /// What to do about it, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every rule that was broken, where a release was refused by several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// One of several reasons in a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The stable code.
    pub code: Code,
    /// The reason, in a sentence.
    pub detail: String,
}

/// The parts of `POST /v1/publish`, a `multipart/form-data` body, in this order:
/// one [`SERVER_JSON`](part::SERVER_JSON), one or more [`BUNDLE`](part::BUNDLE)s,
/// any number of [`ARTIFACT`](part::ARTIFACT)s. What is small and decides comes
/// first, so that a request that cannot succeed is refused before its bulk.
pub mod part {
    /// The canonical `server.json`, byte for byte as it was signed.
    pub const SERVER_JSON: &str = "server.json";
    /// A Sigstore bundle, as JSON.
    pub const BUNDLE: &str = "bundle";
    /// A `.mcpb` artifact.
    pub const ARTIFACT: &str = "artifact";
}
