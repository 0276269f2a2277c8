//! What is locked, verified again as if it were installed.

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::Platform;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::policy::Policy;
use mcpkg_verify::TrustStore;

use crate::error::{Error, Result};
use crate::ops::log::{Anchor, KnownLog, receipt};
use crate::ops::release::{self, Terms, TrustedRelease};
use crate::store::Store;

/// The policy for what is locked already: whoever locked it found it old enough, or said
/// that it need not be.
pub fn policy(policy: Policy) -> Policy {
    Policy { min_age: SignedDuration::ZERO, ..policy }
}

/// The terms for a release that stays where it is. What was yanked since is warned of
/// and stays as well (DESIGN section 7).
pub fn terms<'a>(server: &'a LockedServer, policy: &'a Policy, now: Timestamp) -> Terms<'a> {
    Terms { policy, locked: Some(server), accepts_yanked: true, now }
}

/// Checks all of a locked release's evidence again, and its receipt, and asks nobody.
pub fn check(
    document: ReleaseDocument,
    server: &LockedServer,
    trust: &TrustStore,
    known: &KnownLog<'_>,
    terms: Terms<'_>,
) -> Result<TrustedRelease> {
    let asked = (&server.name, &server.version);
    let release = release::check(document, asked, trust, Anchor::Known(known), terms)?;
    receipt::check_locked(server, known)?;
    Ok(release)
}

/// Refuses a lock that grants what the signed metadata does not ask for.
pub fn grants_no_more(server: &LockedServer, release: &TrustedRelease) -> Result<()> {
    let excess = server.granted.beyond(release.server_json.permissions());
    if excess.is_empty() {
        return Ok(());
    }
    Err(Error::NotAsked { name: server.name.clone(), excess: excess.describe() })
}

/// Whether the files of a server for this machine are here, and are the pinned ones. Of a
/// server without any there is nothing to bring, and what was signed is verified in any case.
pub fn has_files(server: &LockedServer, store: &Store) -> bool {
    let artifact = server.artifact_for(Platform::current());
    let is_here = artifact.is_some_and(|artifact| store.check(artifact.tree).is_ok());
    is_here || server.elsewhere.is_some()
}
