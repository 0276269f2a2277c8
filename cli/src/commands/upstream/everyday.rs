//! `update`, `outdated`, `lock` and `sync`, for a server that was made of a package of npm or
//! PyPI on this machine.
//!
//! The order of things is that of their own commands. What differs: the ecosystem's registry
//! says what there is, its own tool chooses the dependencies, nobody asks for permissions, and
//! the artifact is made here.

use jiff::SignedDuration;
use mcpkg_core::lock::{LockedServer, LockedUpstream};
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::policy::Policy;
use mcpkg_core::project::{VersionRange, WantedServer};
use mcpkg_core::{PackageName, Platform, Version};
use mcpkg_upstream::{Importer, Listed, Listing, Package, Reference, uploader};
use serde_json::{Value, json};

use super::{accepted, asking, say, warn, who};
use crate::agents::Scope;
use crate::args::{AcceptArgs, UnattestedArgs};
use crate::commands::Context;
use crate::commands::approval::Approved;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::change::{Change, OnDisk};
use crate::ops::fetch::MANIFEST;
use crate::ops::standing::Standing;
use crate::ops::upstream::{self, Accepted, Ask, Chosen, Wish, source};
use crate::ops::{pin, wanted};
use crate::secrets::approval;
use crate::show;
use crate::store::Store;
use crate::ui::Ui;

/// What an everyday command has at hand.
pub(in crate::commands) struct Everyday<'a> {
    pub(in crate::commands) config: &'a Config,
    pub(in crate::commands) store: &'a Store,
    pub(in crate::commands) accept: &'a AcceptArgs,
    pub(in crate::commands) unattested: &'a UnattestedArgs,
    pub(in crate::commands) approved: &'a Approved,
    pub(in crate::commands) ui: Ui,
    pub(in crate::commands) context: &'a Context,
}

/// What to do with what an update would change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Outcome {
    /// Show it, and do it if it is wanted.
    Done,
    /// Only show it.
    Shown,
}

/// A package, and where it stands among its releases.
pub(super) struct Standings {
    importer: Importer,
    pub(super) listing: Listing,
    pub(super) standing: Standing,
}

/// Where an installed server stands, for `outdated`.
pub(in crate::commands) fn standing(
    server: &LockedServer,
    upstream: &LockedUpstream,
    range: Option<&VersionRange>,
    config: &Config,
    context: &Context,
) -> Result<Standing> {
    let range = range.or(upstream.range.as_ref());
    let package = upstream::release(upstream)?.package().clone();
    let accepted = Accepted::default();
    let found =
        Standings::of((&server.name, &package), Some(server), range, &accepted, config, context)?;
    let here = found.listing.get(&server.version);
    if let Some(reason) = here.and_then(|listed| listed.reason.as_ref()) {
        context.ui.warn(format!(
            "what you have of {} is {}: {reason}",
            server.name, found.standing.status
        ));
    }
    Ok(found.standing)
}

impl Standings {
    /// Asks the ecosystem's registry what there is.
    pub(super) fn of(
        (name, package): (&PackageName, &Package),
        locked: Option<&LockedServer>,
        range: Option<&VersionRange>,
        accepted: &Accepted,
        config: &Config,
        context: &Context,
    ) -> Result<Self> {
        let importer = asking(config, context)?;
        source::check(locked, package, importer.registry(package.ecosystem()).as_str())?;
        let listing = importer.listing(package).map_err(upstream::failed)?;
        let (min_age, now) = (Policy::PUBLIC_MIN_AGE, context.now);
        let wish = Wish { name, range, min_age, accepted, now };
        let installed = locked.map(|locked| &locked.version);
        let standing = upstream::standing(&listing, installed, wish);
        Ok(Self { importer, listing, standing })
    }
}

impl Everyday<'_> {
    /// Updates a server, or finds that there is nothing to do.
    pub(in crate::commands) fn update(
        &self,
        (server, upstream): (&LockedServer, &LockedUpstream),
        wanted: Option<&WantedServer>,
        outcome: Outcome,
        lock: &mut LockFile,
    ) -> Result<Value> {
        let (name, context) = (&server.name, self.context);
        let range = wanted.map(|wanted| &wanted.version).or(upstream.range.as_ref());
        let package = upstream::release(upstream)?.package().clone();
        let accepted = accepted(self.accept, self.unattested)?;
        let found =
            Standings::of((name, &package), Some(server), range, &accepted, self.config, context)?;
        let Some(version) = found.standing.next(&server.version, range) else {
            let passed = &found.standing.passed;
            show::stays(&self.ui, server, &found.standing);
            let installed = &server.version;
            return Ok(json!({ "name": name, "installed": installed, "passedOver": passed }));
        };

        // What it needs, who attests it, and is that enough?
        let chosen = self.choose(&found, version, (name, Some(server)), &accepted)?;

        // The bytes that were pinned, into staging.
        let (made, unpacked) = upstream::make(&chosen, &found.importer, self.store, self.ui)?;
        let made = (&chosen, &made);
        let range = upstream.range.clone();
        let mut next = upstream::pin::server(name, made, &found.importer, range, Some(server))?;
        if let Some(wanted) = wanted {
            wanted::apply(wanted, &mut next);
        }

        // What it would change, and is that wanted?
        let old = self.on_disk(server);
        let old = old.as_ref().map(|(manifest, folder)| OnDisk { manifest, folder });
        let new = OnDisk { manifest: &unpacked.manifest, folder: &unpacked.folder() };
        let change = Change::between((server, old), (&next, new), Permissions::default())?;
        let dependencies = upstream::pin::dependencies(server, &chosen.closure);
        let change = Change { dependencies, ..change };
        show::change_by(&self.ui, name, who(&chosen), &change);
        warn(&chosen, self.ui);
        let is_done = outcome == Outcome::Done;
        let data = json!({ "name": name, "change": change, "updated": is_done });
        let moves = format!("{name} {} -> {version}", server.version);
        if !is_done {
            self.ui.status("Would update", moves);
            return Ok(data);
        }
        if !self.ui.confirm("Update it?")? {
            return Err(Error::Declined);
        }
        pin::commit_files(unpacked, self.store, lock, next, Vec::new())?;
        self.ui.status("Updated", moves);
        Ok(data)
    }

    /// Locks a server that `mcpkg.toml` wants made of `package`.
    pub(in crate::commands) fn lock(
        &self,
        (name, package): (&PackageName, &Package),
        wanted: &WantedServer,
        locked: Option<&LockedServer>,
    ) -> Result<LockedServer> {
        let accepted = accepted(self.accept, self.unattested)?;
        let range = Some(&wanted.version);
        let found =
            Standings::of((name, package), locked, range, &accepted, self.config, self.context)?;
        let version = if let Some(version) = &found.standing.allowed {
            version
        } else {
            let (min_age, now) = (Policy::PUBLIC_MIN_AGE, self.context.now);
            let wish = Wish { name, range, min_age, accepted: &accepted, now };
            upstream::wanted(&found.listing, &wanted.version, wish)?
        };
        let chosen = self.choose(&found, version, (name, locked), &accepted)?;
        let (made, unpacked) = upstream::make(&chosen, &found.importer, self.store, self.ui)?;
        let made = (&chosen, &made);
        let mut server = upstream::pin::server(name, made, &found.importer, None, locked)?;
        if locked.is_none() {
            server.granted = wanted.permissions.clone().unwrap_or_default();
        }
        say(made, &server, self.ui);
        if !self.ui.confirm("Lock it?")? {
            return Err(Error::Declined);
        }
        // All of it was fetched, so `sync` need not do that again.
        unpacked.keep(self.store)?;
        Ok(server)
    }

    /// Lets a server have what `mcpkg.toml` says: nobody else can say what it needs. More
    /// than it has is asked about, whatever `--yes` says.
    pub(in crate::commands) fn grant(
        &self,
        wanted: &WantedServer,
        server: &mut LockedServer,
    ) -> Result<()> {
        let Some(permissions) = wanted.permissions.as_ref().filter(|_| server.upstream.is_some())
        else {
            return Ok(());
        };
        let added = permissions.beyond(&server.granted);
        self.approved.widening((&server.name, &server.version), &added, self.ui)?;
        server.granted = permissions.clone();
        Ok(())
    }

    /// Makes the very artifact again that a lock pins.
    pub(in crate::commands) fn sync(
        &self,
        (server, upstream): (&LockedServer, &LockedUpstream),
        scope: Scope,
        lock: &LockFile,
    ) -> Result<()> {
        let release = upstream::release(upstream)?;
        let importer = asking(self.config, self.context)?;
        let registry = importer.registry(release.package().ecosystem());
        source::check(Some(server), release.package(), registry.as_str())?;
        // What nobody attests was accepted by whoever locked it: the user, or somebody else
        // whose word counts once the user has approved it.
        let mut accepted = accepted(self.accept, self.unattested)?;
        let is_own = scope != Scope::Project
            || approval::check(server, lock.path(), &self.context.places).is_ok();
        let is_uploaders = server.publisher == uploader(release.package(), registry);
        if is_own && is_uploaders {
            accepted.unattested.insert(release.clone());
        }
        // It was old enough when it was locked, or whoever locked it said it need not be.
        let ask = Ask {
            name: &server.name,
            locked: Some(server),
            accepted: &accepted,
            min_age: SignedDuration::ZERO,
            now: self.context.now,
        };
        let artifact = upstream::artifact(server)?;
        let chosen = upstream::again((server, upstream), artifact.platform, &importer, ask)?;
        if let Some(lack) = chosen.lack {
            self.ui.warn(format!("{release}: {lack}; it was accepted by its name"));
        }
        upstream::make_again(&chosen, artifact, &importer, self.store, self.ui)?
            .keep(self.store)?;
        self.ui.status("Fetched", format!("{}@{}", server.name, server.version));
        Ok(())
    }

    fn choose(
        &self,
        found: &Standings,
        version: &Version,
        (name, locked): (&PackageName, Option<&LockedServer>),
        accepted: &Accepted,
    ) -> Result<Chosen> {
        let listed = found.listing.get(version);
        let Listed { release, .. } = listed
            .ok_or_else(|| Error::NoRelease { name: name.clone(), wanted: version.to_string() })?;
        self.ui.status("Choosing", format!("what {release} needs"));
        let (min_age, now) = (Policy::PUBLIC_MIN_AGE, self.context.now);
        let ask = Ask { name, locked, accepted, min_age, now };
        let chosen = upstream::choose(&Reference::exactly(release), &found.importer, ask)?;
        self.ui.status(if chosen.lack.is_none() { "Verified" } else { "Accepted" }, release);
        Ok(chosen)
    }

    /// The installed release, if its files are there and are the pinned ones.
    fn on_disk(&self, server: &LockedServer) -> Option<(Manifest, std::path::PathBuf)> {
        let artifact = server.artifact_for(Platform::current())?;
        let folder = self.store.check(artifact.tree).ok()?;
        let manifest = Manifest::read(&std::fs::read(folder.join(MANIFEST)).ok()?).ok()?;
        Some((manifest, folder))
    }
}
