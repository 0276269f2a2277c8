//! Why a release was not published.

use std::sync::Arc;
use std::time::Duration;

use mcpkg_core::archive::ArchiveError;
use mcpkg_core::manifest::ManifestError;
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJsonError;
use mcpkg_core::{Code, Coded, Digest, PackageName, Platform, TreeDigest, Version};
use mcpkg_verify::VerifyError;

use crate::access::Denial;
use crate::authority::AuthorityError;
use crate::blobs::BlobError;
use crate::log::LogError;
use crate::store::{OverQuota, Release, StoreError};

/// Why a release was not published. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The body is not of the type it has to be.
    #[error("the body is not `multipart/form-data` with a boundary")]
    MediaType,
    /// The parts of the body are not the ones, or not in the order, they have to be.
    #[error("the body is malformed: {0}")]
    Parts(String),
    /// The body ended before its end.
    #[error("the body was cut short")]
    Cut(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body, or a part of it, is too long.
    #[error("{what} is longer than {limit} bytes")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// How long it may be, in bytes.
        limit: u64,
    },
    /// There are too many of something.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The namespace has as much as it may have.
    #[error("the namespace `{namespace}` may have {limit} {what}, and this would be more")]
    Quota {
        /// Which one.
        namespace: String,
        /// Of what: `releases`, `bytes`.
        what: &'static str,
        /// How much.
        limit: u64,
    },
    /// The body comes too slowly.
    #[error("the body did not arrive in time; we waited for {} s of it", .0.as_secs())]
    TooSlow(Duration),
    /// Too many publish at once.
    #[error("too many releases are being published")]
    Busy,
    /// The `server.json` is malformed.
    #[error("the server.json is not one that can be published")]
    ServerJson(#[from] ServerJsonError),
    /// The `server.json` is not in the form that is signed.
    #[error("the server.json is not in its canonical form")]
    NotCanonical,
    /// There is nothing to install and nothing to connect to.
    #[error("the release has no artifact, and its server.json neither remotes nor an image")]
    Nothing,
    /// An artifact is not an archive we accept.
    #[error("the artifact {artifact} is not one that can be published")]
    Archive {
        /// Which one.
        artifact: Digest,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// There is no manifest in an artifact.
    #[error("the artifact {0} has no manifest.json")]
    NoManifest(Digest),
    /// The manifest in an artifact is malformed or of another release.
    #[error("the manifest of the artifact {artifact} is not one that can be published")]
    Manifest {
        /// In which artifact.
        artifact: Digest,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Two artifacts would run on one machine.
    #[error("there are two artifacts for {one}, counting the one for {other}")]
    SamePlatform {
        /// The platform of one.
        one: Platform,
        /// The platform of the other: the same, or `any`.
        other: Platform,
    },
    /// A bundle proves nothing.
    #[error("the evidence cannot be accepted")]
    Verify(#[from] VerifyError),
    /// What the bundles prove is not enough.
    #[error("{}", summary(.0))]
    Refused(Vec<Refusal>),
    /// The version exists, and is something else.
    #[error("{name}@{version} is published already, with other content")]
    OtherContent {
        /// The package.
        name: PackageName,
        /// Which release of it.
        version: Version,
    },
    /// A package exists whose name is too like this one.
    #[error("`{name}` is too like `{existing}`, which exists")]
    Lookalike {
        /// The name that was to be published.
        name: PackageName,
        /// The package that exists.
        existing: PackageName,
    },
    /// The package comes from a registry that is mirrored here.
    #[error("`{name}` comes from the source `{source_name}`, and from nowhere else")]
    FromSource {
        /// The package.
        name: PackageName,
        /// Which registry.
        source_name: String,
        /// Whether the configuration says so, or what was served before.
        code: Code,
    },
    /// There is nothing that could be stated about.
    #[error("there is no `{0}` here")]
    Unknown(String),
    /// A statement is about another log.
    #[error("the statement builds upon an entry of the log `{}`, and this is `{expected}`", .found.escape_debug())]
    OtherLog {
        /// This log.
        expected: String,
        /// The one that the statement names.
        found: String,
    },
    /// A statement builds upon an entry after which there was another.
    #[error("the statement about `{name}` builds upon entry {found}, and the last is {last}")]
    Conflict {
        /// Of which package.
        name: PackageName,
        /// The package's last entry.
        last: u64,
        /// The one that the statement names.
        found: u64,
    },
    /// The name was bound to another publisher in the meantime.
    #[error("`{name}` is bound to {bound} now")]
    Rebound {
        /// Which package.
        name: PackageName,
        /// To whom.
        bound: Box<Publisher>,
    },
    /// A statement that would change nothing.
    #[error("what is stated about `{0}` is so already")]
    Already(PackageName),
    /// A rebuild by somebody who is not listed.
    #[error("rebuilds by {0} are not taken here")]
    Rebuilder(Box<Publisher>),
    /// A rebuild of something else.
    #[error("the rebuild was compared with {tree} for {platform}, which is not in {release}")]
    OtherTree {
        /// Of which release.
        release: String,
        /// On what it runs.
        platform: Platform,
        /// What it was compared with.
        tree: TreeDigest,
    },
    /// It is refused, and why would tell of a package that the caller may not read.
    #[error("the signer may not do this with `{0}`, whether it exists or not")]
    Hidden(PackageName),
    /// Policy does not let the signer.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The domain of the namespace does not let the signer publish.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be written or read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The release could not be logged.
    #[error(transparent)]
    Log(#[from] Arc<LogError>),
}

impl PublishError {
    /// That `release` exists, and is something else.
    pub(super) fn other_content(release: &Release) -> Self {
        Self::OtherContent { name: release.name.clone(), version: release.version.clone() }
    }

    /// That the namespace of `name` would have too much.
    pub(super) fn over_quota(name: &PackageName, over: OverQuota) -> Self {
        let (what, limit) = match over {
            OverQuota::Releases(limit) => ("releases", limit),
            OverQuota::Bytes(limit) => ("bytes", limit),
        };
        Self::Quota { namespace: name.namespace().to_owned(), what, limit }
    }
}

/// The one reason there is, or how many there are.
fn summary(refusals: &[Refusal]) -> String {
    match refusals {
        [refusal] => refusal.to_string(),
        _ => format!("the release breaks {} rules", refusals.len()),
    }
}

impl Coded for PublishError {
    fn code(&self) -> Code {
        match self {
            Self::MediaType | Self::Parts(_) | Self::Cut(_) => Code::Request,
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::TooSlow(_) => Code::Limit,
            Self::Quota { .. } => Code::Quota,
            Self::Busy => Code::Unavailable,
            Self::ServerJson(error) => error.code(),
            Self::NotCanonical | Self::Nothing => Code::Metadata,
            Self::Archive { source, .. } => source.code(),
            Self::Manifest { source, .. } => source.code(),
            Self::NoManifest(_) | Self::SamePlatform { .. } => Code::Manifest,
            Self::Verify(error) => error.code(),
            Self::Refused(refusals) => refusals.first().map_or(Code::Internal, Coded::code),
            Self::OtherContent { .. } => Code::Immutable,
            Self::Lookalike { .. } => Code::Name,
            Self::FromSource { code, .. } => *code,
            Self::Unknown(_) => Code::NotFound,
            Self::OtherLog { .. } | Self::OtherTree { .. } => Code::Attestation,
            Self::Conflict { .. } | Self::Already(_) => Code::Conflict,
            Self::Rebound { .. } | Self::Rebuilder(_) => Code::Publisher,
            Self::Hidden(_) | Self::Denied(Denial::Policy(_)) => Code::Denied,
            Self::Authority(error) => error.code(),
            Self::Store(error) | Self::Denied(Denial::Audit(error)) => error.code(),
            Self::Blob(error) => error.code(),
            Self::Log(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MediaType | Self::Parts(_) => {
                Some("publish with `mcpkg publish`, which sends what is expected")
            }
            Self::Quota { .. } => Some("ask the operator of the registry for a larger `[[quota]]`"),
            Self::Busy => Some("try again in a minute"),
            Self::TooSlow(_) => Some("try again over a faster connection"),
            Self::ServerJson(error) => error.hint(),
            Self::NotCanonical => {
                Some("send the file that `mcpkg pack` wrote, and that was signed")
            }
            Self::Archive { source, .. } => source.hint(),
            Self::NoManifest(_) => Some("pack the server with `mcpkg pack`"),
            Self::Manifest { source, .. } => source.hint(),
            Self::SamePlatform { .. } => {
                Some("publish one artifact for any platform, or one for each")
            }
            Self::Verify(error) => error.hint(),
            Self::Refused(refusals) => refusals.first().and_then(Coded::hint),
            Self::OtherContent { .. } => Some("a release never changes; publish a new version"),
            Self::Lookalike { .. } => Some("choose a name that cannot be taken for another"),
            Self::FromSource { .. } => Some("publish under a name of your own"),
            Self::Conflict { .. } => {
                Some("look at what has happened to the package, and state it anew")
            }
            Self::OtherLog { .. } => Some("a statement is made for one registry alone"),
            Self::OtherTree { .. } => Some("build the release again that is published here"),
            Self::Hidden(_) => Some("send a token that may read the package, to be told why"),
            Self::Denied(Denial::Policy(_)) => {
                Some("ask whoever runs the registry, and name the policy")
            }
            Self::Authority(error) => error.hint(),
            Self::Store(error) | Self::Denied(Denial::Audit(error)) => error.hint(),
            Self::Blob(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Cut(_)
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Nothing
            | Self::Unknown(_)
            | Self::Already(_)
            | Self::Rebound { .. }
            | Self::Rebuilder(_) => None,
        }
    }
}
