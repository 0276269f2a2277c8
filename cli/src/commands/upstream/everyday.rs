//! `update`, `outdated`, `lock` and `sync`, for a server that was made of a package of npm or
//! PyPI on this machine.
//!
//! The order of things is that of their own commands. What differs: the ecosystem's registry
//! says what there is, its own tool chooses the dependencies, nobody asks for permissions, and
//! the artifact is made here.

use jiff::SignedDuration;
use mcpkg_core::lock::{LockedServer, LockedUpstream};
use mcpkg_core::permissions::Permissions;
use mcpkg_core::policy::Policy;
use mcpkg_core::project::{VersionRange, WantedServer};
use mcpkg_core::{PackageName, Version};
use mcpkg_upstream::{Importer, Listed, Listing, Package, Reference, uploader};
use serde_json::{Value, json};

use super::asking;
use crate::agents::Scope;
use crate::commands::Context;
use crate::commands::intake::Intake;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::change::{Change, OnDisk};
use crate::ops::standing::Standing;
use crate::ops::update::on_disk;
use crate::ops::upstream::{self, Accepted, Ask, Chosen, Wish, source};
use crate::ops::{faults, pin, wanted};
use crate::secrets::approval;
use crate::show;

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
        if let Some(locked) = locked {
            faults::learn_upstream(locked, &listing, &context.places)?;
        }
        let (min_age, now) = (Policy::PUBLIC_MIN_AGE, context.now);
        let wish = Wish { name, range, min_age, accepted, now };
        let installed = locked.map(|locked| &locked.version);
        let standing = upstream::standing(&listing, installed, wish);
        Ok(Self { importer, listing, standing })
    }
}

/// Updates a server, or finds that there is nothing to do.
pub(in crate::commands) fn update(
    (server, upstream): (&LockedServer, &LockedUpstream),
    wanted: Option<&WantedServer>,
    outcome: Outcome,
    lock: &mut LockFile,
    intake: &Intake<'_>,
) -> Result<Value> {
    let (name, context) = (&server.name, intake.context);
    let range = wanted.map(|wanted| &wanted.version).or(upstream.range.as_ref());
    let package = upstream::release(upstream)?.package().clone();
    let accepted = Accepted::parse(intake.accept, intake.unattested)?;
    let found =
        Standings::of((name, &package), Some(server), range, &accepted, &intake.config, context)?;
    let Some(version) = found.standing.next(&server.version, range) else {
        let passed = &found.standing.passed;
        show::up_to_date(&intake.ui, server, &found.standing);
        let installed = &server.version;
        return Ok(json!({ "name": name, "installed": installed, "passedOver": passed }));
    };

    // What it needs, who attests it, and is that enough?
    let chosen = choose(&found, version, (name, Some(server)), &accepted, intake)?;

    // The bytes that were pinned, into staging.
    let (made, unpacked) = upstream::make(&chosen, &found.importer, &intake.store, intake.ui)?;
    let made = (&chosen, &made);
    let range = upstream.range.clone();
    let mut next = upstream::pin::server(name, made, &found.importer, range, Some(server))?;
    if let Some(wanted) = wanted {
        wanted::apply(wanted, &mut next);
    }

    // What it would change, and is that wanted?
    let old = on_disk(server, &intake.store);
    let old = old.as_ref().map(|(manifest, folder)| OnDisk { manifest, folder });
    let folder = unpacked.folder();
    let new = Some(OnDisk { manifest: &unpacked.manifest, folder: &folder });
    let change = Change::between((server, old), (&next, new), Permissions::default())?;
    let dependencies = upstream::pin::dependencies(server, &chosen.closure);
    let change = Change { dependencies, ..change };
    show::change_by(&intake.ui, name, show::upstream_publisher(&chosen), &change);
    show::upstream_warnings(&intake.ui, &chosen);
    let is_done = outcome == Outcome::Done;
    let data = json!({ "name": name, "change": change, "updated": is_done });
    let moves = format!("{name} {} -> {version}", server.version);
    if !is_done {
        intake.ui.status("Would update", moves);
        return Ok(data);
    }
    if !intake.ui.confirm("Update it?")? {
        return Err(Error::Declined);
    }
    pin::commit_files(unpacked, &intake.store, lock, next, Vec::new())?;
    intake.ui.status("Updated", moves);
    Ok(data)
}

/// Locks a server that `mcpkg.toml` wants made of `package`.
pub(in crate::commands) fn lock(
    (name, package): (&PackageName, &Package),
    wanted: &WantedServer,
    locked: Option<&LockedServer>,
    intake: &Intake<'_>,
) -> Result<LockedServer> {
    let accepted = Accepted::parse(intake.accept, intake.unattested)?;
    let range = Some(&wanted.version);
    let found =
        Standings::of((name, package), locked, range, &accepted, &intake.config, intake.context)?;
    let version = if let Some(version) = &found.standing.allowed {
        version
    } else {
        let (min_age, now) = (Policy::PUBLIC_MIN_AGE, intake.context.now);
        let wish = Wish { name, range, min_age, accepted: &accepted, now };
        upstream::wanted(&found.listing, &wanted.version, wish)?
    };
    let chosen = choose(&found, version, (name, locked), &accepted, intake)?;
    let (made, unpacked) = upstream::make(&chosen, &found.importer, &intake.store, intake.ui)?;
    let made = (&chosen, &made);
    let mut server = upstream::pin::server(name, made, &found.importer, None, locked)?;
    if locked.is_none() {
        server.granted = wanted.permissions.clone().unwrap_or_default();
    }
    show::upstream(&intake.ui, made, &server);
    if !intake.ui.confirm("Lock it?")? {
        return Err(Error::Declined);
    }
    // All of it was fetched, so `sync` need not do that again.
    unpacked.keep(&intake.store)?;
    Ok(server)
}

/// Lets a server have what `mcpkg.toml` says: nobody else can say what it needs. More
/// than it has is asked about, whatever `--yes` says.
pub(in crate::commands) fn grant(
    wanted: &WantedServer,
    server: &mut LockedServer,
    intake: &Intake<'_>,
) -> Result<()> {
    let added = wanted::asked_by_nobody_else(wanted, server);
    if added.is_empty() {
        return Ok(());
    }
    intake.approved.widening((&server.name, &server.version), &added, intake.ui)?;
    server.granted = wanted.permissions.clone().unwrap_or_default();
    Ok(())
}

/// Makes the very artifact again that a lock pins.
pub(in crate::commands) fn sync(
    (server, upstream): (&LockedServer, &LockedUpstream),
    scope: Scope,
    lock: &LockFile,
    intake: &Intake<'_>,
) -> Result<()> {
    let release = upstream::release(upstream)?;
    let importer = asking(&intake.config, intake.context)?;
    let registry = importer.registry(release.package().ecosystem());
    source::check(Some(server), release.package(), registry.as_str())?;
    // What nobody attests was accepted by whoever locked it: the user, or somebody else
    // whose word counts once the user has approved it.
    let mut accepted = Accepted::parse(intake.accept, intake.unattested)?;
    let is_own = scope != Scope::Project
        || approval::check(server, lock.path(), &intake.context.places).is_ok();
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
        now: intake.context.now,
    };
    let artifact = upstream::artifact(server)?;
    let chosen = upstream::again((server, upstream), artifact.platform, &importer, ask)?;
    if let Some(lack) = chosen.lack {
        intake.ui.warn(format!("{release}: {lack}; it was accepted by its name"));
    }
    upstream::make_again(&chosen, artifact, &importer, &intake.store, intake.ui)?
        .keep(&intake.store)?;
    intake.ui.status("Fetched", format!("{}@{}", server.name, server.version));
    Ok(())
}

fn choose(
    found: &Standings,
    version: &Version,
    (name, locked): (&PackageName, Option<&LockedServer>),
    accepted: &Accepted,
    intake: &Intake<'_>,
) -> Result<Chosen> {
    let listed = found.listing.get(version);
    let Listed { release, .. } = listed
        .ok_or_else(|| Error::NoRelease { name: name.clone(), wanted: version.to_string() })?;
    intake.ui.status("Choosing", format!("what {release} needs"));
    let (min_age, now) = (Policy::PUBLIC_MIN_AGE, intake.context.now);
    let ask = Ask { name, locked, accepted, min_age, now };
    let chosen = upstream::choose(&Reference::exactly(release), &found.importer, ask)?;
    intake.ui.status(if chosen.lack.is_none() { "Verified" } else { "Accepted" }, release);
    Ok(chosen)
}
