//! From a release that was judged to a server that is pinned.

use mcpkg_core::lock::{LockedArtifact, LockedLog, LockedServer};
use mcpkg_core::log::Receipt;
use mcpkg_core::permissions::{Permissions, Renewal};
use mcpkg_core::server_json::ServerJson;

use crate::error::{Error, Result};
use crate::lock_file::LockFile;
use crate::ops::content::{self, Content};
use crate::ops::link;
use crate::ops::log::KnownLog;
use crate::ops::release::TrustedRelease;
use crate::ops::upstream::source;
use crate::settings;
use crate::store::Store;

/// What the lock says of a release: what was verified, with what its user said of an
/// earlier one carried over.
///
/// # Errors
///
/// If it has no artifact, and names nothing else that could be used.
pub fn server(
    release: &TrustedRelease,
    registry: &str,
    previous: Option<&LockedServer>,
    granted: Permissions,
) -> Result<LockedServer> {
    let document = &release.document;
    let logged = &release.log.publish;
    let elsewhere = if logged.artifacts.is_empty() {
        Some(content::elsewhere(&release.server_json)?.pinned())
    } else {
        None
    };
    Ok(LockedServer {
        name: document.name.clone(),
        version: document.version.clone(),
        registry: registry.to_owned(),
        metadata: document.metadata,
        signed_at: release.signed_at,
        commit: release.commit().map(str::to_owned),
        confinement: previous.and_then(|locked| locked.confinement),
        // In the order of the log's entry, which is made again from the lock.
        evidence: logged.evidence.clone(),
        publisher: logged.publisher.clone(),
        log: Some(LockedLog {
            entry: release.log.index,
            previous: logged.previous,
            time: logged.time,
            receipt: release.log.receipt.clone(),
            authority: logged.authority.clone(),
        }),
        upstream: None,
        elsewhere,
        artifacts: logged.artifacts.iter().map(LockedArtifact::from).collect(),
        granted,
        config: previous.map(|locked| locked.config.clone()).unwrap_or_default(),
        secrets: previous.map(|locked| locked.secrets.clone()).unwrap_or_default(),
        brokered: previous.map(|locked| locked.brokered.clone()).unwrap_or_default(),
        tools: previous.map(|locked| locked.tools.clone()).unwrap_or_default(),
        // Also for another version: what that changes is withheld until it was seen.
        surface: previous.map(|locked| locked.surface.clone()).unwrap_or_default(),
        agents: previous.map(|locked| locked.agents.clone()).unwrap_or_default(),
    })
}

/// Refuses a package that came from another source before. The same log at another
/// address, such as that of a mirror, is the same source.
pub fn comes_from(
    locked: Option<&LockedServer>,
    registry: &str,
    known: &KnownLog<'_>,
) -> Result<()> {
    let Some(locked) = locked.filter(|locked| locked.registry != registry) else { return Ok(()) };
    let logged = locked.log.as_ref().zip(locked.entry());
    // What came from another ecosystem is in no log, and so the same as nothing in one.
    let is_the_same =
        logged.is_some_and(|(log, entry)| match (entry.leaf(), log.receipt.parse::<Receipt>()) {
            (Ok(leaf), Ok(receipt)) => receipt.verify(&leaf, &known.receipt_trust()).is_ok(),
            _ => false,
        });
    if is_the_same {
        return Ok(());
    }
    let (name, locked) = (locked.name.clone(), source::place(locked));
    Err(Error::SourceChanged { name, locked, found: registry.to_owned() })
}

/// What of an earlier approval holds for what is `asked` for now. Without an earlier
/// one all of it is still to be approved.
pub fn renewal(asked: &Permissions, previous: Option<&LockedServer>, store: &Store) -> Renewal {
    let none = Permissions::default();
    let Some(previous) = previous else { return asked.renewal(&none, &none) };
    // Where nobody can say what was asked for, it was what was granted.
    let before = asked_by(previous, store).unwrap_or_else(|_| previous.granted.clone());
    asked.renewal(&before, &previous.granted)
}

/// What an installed release asks for: from the signed metadata that was kept, held to
/// the digest that is pinned.
pub fn asked_by(server: &LockedServer, store: &Store) -> Result<Permissions> {
    // Nobody upstream says what it needs: what its user granted is all there is.
    if server.upstream.is_some() {
        return Ok(server.granted.clone());
    }
    let document = store.release(server.metadata)?;
    let metadata = ServerJson::read_strict(document.server_json.get().as_bytes())
        .map_err(Error::wrap(format!("the server.json of {} cannot be used", server.name)))?;
    if metadata.digest() != server.metadata {
        let (expected, found) = (server.metadata, metadata.digest());
        return Err(Error::DigestMismatch { expected, found });
    }
    Ok(metadata.permissions().clone())
}

/// Whether nothing is left to approve: the same release with the same rights.
pub fn is_settled(locked: &LockedServer, server: &LockedServer) -> bool {
    locked.metadata == server.metadata
        && locked.granted == server.granted
        && (server.confinement.is_none() || locked.confinement == server.confinement)
}

/// The steps that change something, each atomic, in an order in which a stop
/// after any of them leaves nothing that would not work: the files, then the
/// lock that names them, then the settings that name the lock's entry.
///
/// The files of an earlier release stay where they are: its lock names them until
/// this one is written.
pub fn commit(
    content: Content,
    store: &Store,
    release: &TrustedRelease,
    lock: &mut LockFile,
    server: LockedServer,
    plans: Vec<settings::Plan>,
) -> Result<()> {
    store.keep_release(&release.document)?;
    commit_files(content, store, lock, server, plans)
}

/// The same, for what has no release document.
pub fn commit_files(
    content: impl Into<Content>,
    store: &Store,
    lock: &mut LockFile,
    mut server: LockedServer,
    plans: Vec<settings::Plan>,
) -> Result<()> {
    content.into().keep(store)?;
    for plan in &plans {
        link::put(&mut server.agents, &plan.link);
    }
    lock.lock.insert(server);
    lock.write()?;
    for plan in plans {
        plan.write()?;
    }
    Ok(())
}
