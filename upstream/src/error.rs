//! Why a package of another ecosystem does not become an artifact.

use std::io;
use std::path::PathBuf;

use mcpkg_core::archive::ArchiveError;
use mcpkg_core::manifest::ManifestError;
use mcpkg_core::{Code, Coded, NameError, Platform, Version, VersionError};
use mcpkg_verify::VerifyError;

use crate::pypi::record::WheelError;
use crate::tar::TarError;
use crate::{Package, ReferenceError, Release};

/// Why a package of another ecosystem does not become an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// It names no package.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It can have no name here.
    #[error("`{package}` cannot be named here")]
    Name {
        /// The package.
        package: Package,
        /// Why not.
        source: NameError,
    },
    /// Its version has no place in semantic versioning.
    #[error("`{release}` cannot be numbered here")]
    Version {
        /// The release.
        release: Release,
        /// Why not.
        source: VersionError,
    },
    /// A program of the ecosystem is not on this machine.
    #[error("`{0}` could not be started")]
    Tool(&'static str, #[source] io::Error),
    /// The ecosystem's own tool chose nothing.
    #[error("`{tool}` could not choose what `{wanted}` needs: {said}")]
    Resolve {
        /// Which program.
        tool: &'static str,
        /// What was asked for.
        wanted: String,
        /// The last that it said.
        said: String,
    },
    /// What the tool wrote cannot be used.
    #[error("what `{tool}` chose for `{wanted}` cannot be used: {reason}")]
    Choice {
        /// Which program.
        tool: &'static str,
        /// What was asked for.
        wanted: String,
        /// Why not.
        reason: String,
    },
    /// The registry does not have it.
    #[error("the registry has no `{0}`")]
    Unknown(Package),
    /// Its author took it back, and it was chosen because it is named exactly.
    #[error("`{release}` was yanked by its author{}", reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    Yanked {
        /// Which.
        release: Release,
        /// Why, in the author's words.
        reason: Option<String>,
    },
    /// Its author took back all there is.
    #[error(
        "every release of `{package}` was yanked by its author: {}",
        versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    AllYanked {
        /// The package.
        package: Package,
        /// What there was.
        versions: Vec<Version>,
    },
    /// What a lock says that an artifact was made of could not have been chosen.
    #[error("what `{release}` is locked as made of cannot be used: {reason}")]
    Pinned {
        /// Which.
        release: Release,
        /// Why not.
        reason: String,
    },
    /// The registry shows no longer what it showed of a release.
    #[error("the registry no longer shows the statements about `{0}` that the lock pins")]
    Gone(Release),
    /// A file is not pinned by a digest that is good enough.
    #[error("`{0}` is pinned by no SHA-512 or SHA-256")]
    Unpinned(Release),
    /// Bytes that are not the ones that were pinned.
    #[error("`{0}` is not the file that was chosen: its digest is another")]
    Digest(Release),
    /// An address that is not asked.
    #[error("`{url}` is {what}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A server could not be asked, or answered what it should not.
    #[error("`{url}` {what}")]
    Transport {
        /// The address.
        url: String,
        /// What went wrong.
        what: &'static str,
        /// Why, where there is more to say.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A server sends us elsewhere, and nobody is followed.
    #[error("`{url}` redirects to `{to}`")]
    Redirect {
        /// The address.
        url: String,
        /// Where it sends us, cut to a readable length.
        to: String,
    },
    /// An answer is longer than it should be.
    #[error("`{url}` sent more than {allowed} bytes")]
    TooLong {
        /// The address.
        url: String,
        /// How many there may be.
        allowed: u64,
    },
    /// An answer is not what it should be.
    #[error("`{url}` answered something else than {expected}")]
    Nonsense {
        /// The address.
        url: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A tarball cannot be read.
    #[error("the tarball of `{release}` cannot be used")]
    Tarball {
        /// Whose.
        release: Release,
        /// Why not.
        source: TarError,
    },
    /// A wheel, or the artifact that is made, breaks the rules of archives.
    #[error("the files of `{release}` cannot be used")]
    Archive {
        /// Whose.
        release: Release,
        /// Why not.
        source: Box<ArchiveError>,
    },
    /// A wheel is not what it says that it is.
    #[error("the wheel of `{release}` cannot be used")]
    Wheel {
        /// Whose.
        release: Release,
        /// Why not.
        source: WheelError,
    },
    /// The package does not say how to start a server, or says it in a way we do not.
    #[error("`{release}` cannot be started: {reason}")]
    NoServer {
        /// Which.
        release: Release,
        /// What is missing.
        reason: String,
    },
    /// What was made of it is no artifact that may be published.
    #[error("what was made of `{release}` is no artifact")]
    Manifest {
        /// Which.
        release: Release,
        /// Why not.
        source: Box<ManifestError>,
    },
    /// Nothing of it runs here.
    #[error("`{release}` does not run on {platform}")]
    Platform {
        /// Which.
        release: Release,
        /// Where.
        platform: Platform,
    },
    /// A statement about it does not hold.
    #[error("a statement about `{release}` cannot be trusted")]
    Evidence {
        /// Which.
        release: Release,
        /// Why not.
        source: Box<VerifyError>,
    },
    /// A statement is signed by somebody else than the registry says.
    #[error("`{release}` is attested by `{found}`, and the registry says `{stated}`")]
    OtherPublisher {
        /// Which.
        release: Release,
        /// Who signed.
        found: String,
        /// Who did by the registry's word.
        stated: String,
    },
    /// What an artifact carries does not belong together.
    #[error("the artifact is not what it says it was made of: {0}")]
    Carried(String),
    /// A file of ours could not be written or read.
    #[error("could not use `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system has no HTTPS.
    #[error("the system has no HTTPS")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The result of what can fail so.
pub type Result<T, E = UpstreamError> = std::result::Result<T, E>;

impl Coded for UpstreamError {
    fn code(&self) -> Code {
        match self {
            Self::Reference(error) => error.code(),
            Self::Name { .. } => Code::Name,
            Self::Version { .. } => Code::Version,
            Self::Tool(..) => Code::Config,
            Self::Resolve { .. } | Self::Choice { .. } => Code::Resolve,
            Self::Unknown(_) => Code::NotFound,
            Self::Yanked { .. } | Self::AllYanked { .. } => Code::Yanked,
            Self::Pinned { .. } => Code::Lock,
            Self::Gone(_) => Code::ProvenanceLost,
            Self::Unpinned(_) | Self::Digest(_) => Code::Digest,
            Self::Address { .. }
            | Self::Transport { .. }
            | Self::Redirect { .. }
            | Self::Client(_) => Code::Transport,
            Self::TooLong { .. } => Code::Limit,
            Self::Nonsense { .. } => Code::Registry,
            Self::Tarball { source, .. } => source.code(),
            Self::Archive { source, .. } => source.code(),
            Self::Wheel { source, .. } => source.code(),
            Self::NoServer { .. } => Code::Manifest,
            Self::Manifest { source, .. } => source.code(),
            Self::Platform { .. } => Code::Platform,
            Self::Evidence { source, .. } => source.code(),
            Self::OtherPublisher { .. } => Code::Publisher,
            Self::Carried(_) => Code::Attestation,
            Self::File { .. } => Code::Storage,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Reference(error) => error.hint(),
            Self::Version { .. } => {
                Some("choose a release whose version is three numbers, or a pre-release of such")
            }
            Self::Tool(..) => Some("install it where your PATH finds it; it only chooses versions"),
            Self::Resolve { .. } => Some("see whether there is such a release, for this platform"),
            Self::Choice { .. } => {
                Some("only what the registry itself has is fetched: no git, no folders, no links")
            }
            Self::Yanked { .. } => Some("choose a release that its author stands by"),
            Self::AllYanked { .. } => Some("ask its author what takes its place"),
            Self::Pinned { .. } => Some(
                "restore the lock from version control; mcpkg writes these lines, and nobody else",
            ),
            Self::Gone(_) => {
                Some("ask who locked it for their copy, or `mcpkg install` it again, judged anew")
            }
            Self::Unpinned(_) => Some("ask its author for a release that is newer than 2017"),
            Self::Digest(_) | Self::OtherPublisher { .. } | Self::Carried(_) => {
                Some("do not use it; somebody changed it on the way")
            }
            Self::Tarball { source, .. } => source.hint(),
            Self::Wheel { source, .. } => source.hint(),
            Self::Evidence { .. } => Some("do not use it; report it to the package's author"),
            _ => None,
        }
    }
}
