//! What a package needs, each file pinned.

use mcpkg_core::Platform;
use url::Url;

use crate::{Integrity, Release};

/// A release with everything that it needs, as the ecosystem's own tool chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// What it was chosen for: [`Platform::Any`] if nothing in it depends on that.
    pub platform: Platform,
    /// The version of the interpreter that it was chosen for, where that matters, as
    /// MCPB writes it: `>=3.11,<3.12`.
    pub runtime: Option<String>,
    /// The files. The first is the release itself.
    // Invariant: never empty, no place twice.
    pub members: Vec<Member>,
}

/// One file of a closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub release: Release,
    /// Where it goes in the artifact: `node_modules/weather`; for a wheel, its file name.
    pub place: String,
    /// The digest of the tarball or wheel.
    pub integrity: Integrity,
    /// Where it is fetched from.
    pub url: Url,
    /// Its licence, in its own words.
    pub license: Option<String>,
    /// The members that it needs, by their index.
    pub needs: Vec<usize>,
    /// Whether it wants to run a script when it is installed, which never happens.
    pub has_script: bool,
    /// Whether its author took it back, where somebody said so when it was chosen.
    pub is_yanked: Option<bool>,
    /// Why its author advises against it, where that was said when it was chosen; an empty
    /// text is no reason, and still an advice.
    pub deprecated: Option<String>,
}

impl Closure {
    /// The release itself.
    pub fn root(&self) -> &Member {
        &self.members[0]
    }
}
