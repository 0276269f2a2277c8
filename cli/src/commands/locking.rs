//! Bringing a lock up to what is asked for, which `lock` and `sync` have in common.

use mcpkg_core::lock::LockedServer;
use mcpkg_core::project::{Servers, WantedServer};
use mcpkg_core::{PackageName, Platform};

use super::intake::Intake;
use super::origin::Origin;
use super::{judged, upstream};
use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::upstream::source;
use crate::ops::wanted::{self, Due};
use crate::ops::{content, pin};
use crate::request::{PackageRequest, Wanted};
use crate::show;

/// Locks what is wanted and is not locked, and lets go of what is not wanted. The lock is
/// written once, when all of it is decided.
pub(super) fn bring_up(lock: &mut LockFile, servers: &Servers, intake: &Intake<'_>) -> Result<()> {
    for (name, wanted) in servers.iter() {
        source::package(name, wanted, lock.lock.get(name))?;
    }
    for due in wanted::due(servers, &lock.lock) {
        let (mut server, wanted) = match due {
            Due::Unlock(name) => {
                intake.ui.status("Unlocked", &name);
                lock.lock.remove(&name);
                continue;
            }
            Due::Renew(server, wanted) => (*server, wanted),
            Due::Choose(name, wanted) => {
                let locked = lock.lock.get(name);
                let server = match source::package(name, wanted, locked)? {
                    Some(it) => upstream::lock((name, &it), wanted, locked, intake)?,
                    None => resolve(name, wanted, locked, intake)?,
                };
                (server, wanted)
            }
        };
        upstream::grant(wanted, &mut server, intake)?;
        wanted::apply(wanted, &mut server);
        intake.ui.status("Locked", format!("{}@{}", server.name, server.version));
        lock.lock.insert(server);
    }
    lock.write()
}

/// Chooses a release, verifies it, and has it approved.
fn resolve(
    name: &PackageName,
    wanted: &WantedServer,
    locked: Option<&LockedServer>,
    intake: &Intake<'_>,
) -> Result<LockedServer> {
    let Intake { config, store, ui, context, .. } = intake;
    let origin = Origin::serving(name, config, context)?;
    let policy = judged::policy(origin.source, intake.accept)?;
    let mut contact = origin.contact(name, context)?;
    pin::comes_from(locked, origin.source.url.as_str(), contact.known())?;
    let (range, installed) = (&wanted.version, locked.map(|locked| &locked.version));
    let standing = judged::standing(&contact, installed, Some(range), &policy, context);
    let version = if let Some(version) = standing.allowed {
        version
    } else {
        // One that is judged, and so refused with what speaks against it.
        let request = PackageRequest { name: name.clone(), wanted: Wanted::from(range) };
        request.choose(&contact.index, Platform::current())?.version.clone()
    };
    let release = intake.judge((&origin, &mut contact), &version, &policy, locked)?;

    show::release(ui, &release, None, context.now);
    let renewal = pin::renewal(release.server_json.permissions(), locked, store);
    let registry = origin.source.url.as_str();
    let mut server = pin::server(&release, registry, locked, renewal.approved())?;
    wanted::apply(wanted, &mut server);
    if let Some(locked) = locked {
        // Only what mcpkg.toml does not hold back is there to be approved.
        let mut added = renewal.added.intersect(&server.granted);
        added.network.allow.extend(content::other_host(locked, &server));
        intake.approved.widening((name, &version), &added, *ui)?;
    }
    if !ui.confirm("Lock it?")? {
        return Err(Error::Declined);
    }
    // For what it asks for, and its receipt.
    store.keep_release(&release.document)?;
    Ok(server)
}
