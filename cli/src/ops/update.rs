//! A release that is to take the place of the one that is installed.

use std::path::PathBuf;

use mcpkg_core::Platform;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::project::WantedServer;

use crate::error::Result;
use crate::lock_file::LockFile;
use crate::ops::change::{Change, OnDisk};
use crate::ops::content::{self, Content};
use crate::ops::fetch::{MANIFEST, Unpacked};
use crate::ops::release::TrustedRelease;
use crate::ops::{pin, wanted};
use crate::places::Places;
use crate::store::Store;

/// What is approved as a whole, and then done as a whole.
pub struct Update {
    /// What it changes.
    pub change: Change,
    /// What it asks for beyond what was approved, and `mcpkg.toml` does not hold back.
    pub added: Permissions,
    release: TrustedRelease,
    brought: Content,
    next: LockedServer,
}

impl Update {
    /// What `release` of `registry`, which was judged and of which the files are in
    /// staging if it has some, would make of `server`. `wanted` is what `mcpkg.toml` says of it.
    pub fn prepare(
        server: &LockedServer,
        wanted: Option<&WantedServer>,
        registry: &str,
        (release, brought): (TrustedRelease, Content),
        store: &Store,
    ) -> Result<Self> {
        let asked = release.server_json.permissions();
        let renewal = pin::renewal(asked, Some(server), store);
        let mut next = pin::server(&release, registry, Some(server), renewal.approved())?;
        if let Some(wanted) = wanted {
            wanted::apply(wanted, &mut next);
        }
        // What mcpkg.toml holds back is not there to be approved.
        let mut added = renewal.added.intersect(&next.granted);
        // Another host would be told what this one is.
        added.network.allow.extend(content::other_host(server, &next));
        let old = on_disk(server, store);
        let old = old.as_ref().map(|(manifest, folder)| OnDisk { manifest, folder });
        let folder = brought.files().map(Unpacked::folder).unwrap_or_default();
        let new = brought.manifest().map(|manifest| OnDisk { manifest, folder: &folder });
        let change = Change::between((server, old), (&next, new), added.clone())?;
        Ok(Self { change, added, release, brought, next })
    }

    /// The release.
    pub fn release(&self) -> &TrustedRelease {
        &self.release
    }

    /// Refuses what could not be started here, before it is pinned.
    pub fn check(&self, places: &Places) -> Result<()> {
        self.brought.check_installed(&self.next, places)
    }

    /// Does it. The server's entries in settings hold its name alone, so they stay.
    pub fn commit(self, store: &Store, lock: &mut LockFile) -> Result<()> {
        pin::commit(self.brought, store, &self.release, lock, self.next, Vec::new())
    }
}

/// The installed release, if its files are there and are the pinned ones.
pub fn on_disk(server: &LockedServer, store: &Store) -> Option<(Manifest, PathBuf)> {
    let artifact = server.artifact_for(Platform::current())?;
    let folder = store.check(artifact.tree).ok()?;
    let manifest = Manifest::read(&std::fs::read(folder.join(MANIFEST)).ok()?).ok()?;
    Some((manifest, folder))
}
