//! What its author took back.
//!
//! PEP 592: a yanked file is for those who name its version exactly, with `==`. pip therefore
//! takes one that a user or another package names so, and says it in a warning at most. Here
//! nobody takes what was taken back without knowing: it is refused, the release itself and
//! what it needs alike, unless it is accepted by its name. Whoever has locked it keeps it.
//!
//! npm has no such thing. What is unpublished is gone, and a deprecation is an advice.
//!
//! Tested by `tests/e2e/upstream/withdrawn.rs`.

use std::collections::BTreeSet;

use mcpkg_core::api::Status;

use super::Importer;
use crate::closure::Closure;
use crate::error::{Result, UpstreamError};
use crate::{Ecosystem, Reference, Release, pypi};

impl Importer {
    /// The same closure, with nothing in it that was yanked but what is accepted. pip says
    /// since its version 23.3 what was; before, and for the reason, the index is asked.
    pub(super) fn without_yanked(
        &self,
        mut closure: Closure,
        accepted: &BTreeSet<Release>,
    ) -> Result<Closure> {
        for member in &mut closure.members {
            if member.is_yanked == Some(false) {
                continue;
            }
            let said = pypi::listing::yanked(member, &self.sources.pypi, &self.client)?;
            let is_yanked = member.is_yanked == Some(true) || said.is_some();
            if is_yanked && !accepted.contains(&member.release) {
                let reason = said.filter(|reason| !reason.is_empty());
                return Err(UpstreamError::Yanked { release: member.release.clone(), reason });
            }
            member.is_yanked = Some(is_yanked);
        }
        Ok(closure)
    }

    /// Why nothing could be chosen: `error`, unless it is because nothing is left.
    pub(super) fn nothing_chosen(
        &self,
        reference: &Reference,
        error: UpstreamError,
    ) -> UpstreamError {
        let package = &reference.package;
        let is_of_any = reference.wanted.is_none() && package.ecosystem() == Ecosystem::PyPi;
        if !is_of_any || !matches!(error, UpstreamError::Resolve { .. }) {
            return error;
        }
        // Whatever goes wrong here, it is less than what went wrong there.
        let Ok(listing) = self.listing(package) else { return error };
        let is_all = listing.releases.iter().all(|listed| listed.status == Status::Yanked);
        if listing.releases.is_empty() || !is_all {
            return error;
        }
        let versions = listing.releases.into_iter().map(|listed| listed.version).collect();
        UpstreamError::AllYanked { package: package.clone(), versions }
    }
}
