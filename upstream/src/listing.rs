//! Which releases a package has, by its registry's word.
//!
//! It is for choosing, and nothing else: what is chosen is resolved, verified and judged
//! like any release, so a registry that lies here can hide a release and make up none.

use jiff::Timestamp;
use mcpkg_core::Version;
use mcpkg_core::api::Status;

use crate::server::plain;
use crate::{Release, version};

/// The most releases that are looked at. The longest lists have some ten thousand.
pub(crate) const MAX_RELEASES: usize = 100_000;
/// How much is repeated of why a release was withdrawn, in characters.
pub(crate) const MAX_REASON: usize = 200;

/// The releases of a package that have a version here. What semantic versioning has no
/// place for is left out: nobody can be moved to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The releases, oldest version first.
    // Invariant: no version twice.
    pub releases: Vec<Listed>,
    /// The one that its author gives to everybody who asks for none: npm's `latest`.
    pub latest: Option<Version>,
}

/// One release in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub release: Release,
    /// The version that it has here.
    pub version: Version,
    /// When it was uploaded, where the registry says so.
    pub published_at: Option<Timestamp>,
    /// Whether its author still stands by it.
    pub status: Status,
    /// Why not, in their own words.
    pub reason: Option<String>,
}

impl Listing {
    /// A list of these, in any order.
    pub(crate) fn of(mut releases: Vec<Listed>, latest: Option<Version>) -> Self {
        releases.sort_by(|a, b| a.version.cmp(&b.version));
        releases.dedup_by(|a, b| a.version == b.version);
        Self { releases, latest }
    }

    /// The release of this version.
    pub fn get(&self, version: &Version) -> Option<&Listed> {
        self.releases.iter().find(|listed| listed.version == *version)
    }
}

impl Listed {
    /// A release, unless it has no version here.
    pub(crate) fn new(release: Release, published_at: Option<Timestamp>) -> Option<Self> {
        let version = version(&release).ok()?;
        Some(Self { release, version, published_at, status: Status::Active, reason: None })
    }

    /// The same, which its author no longer stands by.
    #[must_use]
    pub(crate) fn with(self, status: Status, reason: &str) -> Self {
        let reason = Some(plain(reason, MAX_REASON)).filter(|reason| !reason.is_empty());
        Self { status, reason, ..self }
    }
}
