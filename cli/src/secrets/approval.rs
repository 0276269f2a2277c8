//! Which servers of which projects the user approved.
//!
//! A project's `mcpkg.lock` comes with the project, from whoever can commit to it.
//! Nobody signed what it says of a server's settings, of its grants, and of where its
//! secrets are found: `cmd:` in it would run a program, and `env:` or `store:` would
//! hand one of the user's secrets to a server of the project's choice. So nothing that
//! a project's lock says is done for a user who has not seen it: the block of a server
//! has to be, to the byte, the one that this user approved for this project.
//!
//! What is remembered is the SHA-256 of the block without the agents it is linked
//! into, by the project's lock and the server, in the user's own state. Reviewing
//! the lock is a matter for whoever commits it; this is for everybody else.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::lock::{Lock, LockedServer};
use mcpkg_core::{Digest, PackageName};
use serde::{Deserialize, Serialize};

use super::SecretError;
use crate::agents::Scope;
use crate::atomic;
use crate::error::{Error, Result};
use crate::lock_file::{Exclusive, LockFile};
use crate::places::Places;

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Approvals {
    /// By the path of a project's lock.
    projects: BTreeMap<PathBuf, BTreeMap<PackageName, Digest>>,
}

/// Refuses a server that the user did not approve as the project's lock has it.
///
/// # Errors
///
/// [`SecretError::NotApproved`].
pub fn check(server: &LockedServer, lock: &Path, places: &Places) -> Result<()> {
    let lock = identity(lock)?;
    let approvals = Approvals::read(places)?;
    let approved = approvals.projects.get(&lock).and_then(|project| project.get(&server.name));
    if approved == Some(&block(server)?) {
        return Ok(());
    }
    let project = lock.parent().unwrap_or(&lock).to_owned();
    Err(SecretError::NotApproved { server: server.name.clone(), project }.into())
}

/// Refuses to take over from a project's lock what the user did not approve: values of
/// settings, and where secrets are found.
pub fn check_taken_over(
    locked: Option<&LockedServer>,
    scope: Scope,
    lock: &Path,
    places: &Places,
) -> Result<()> {
    let says_more =
        |locked: &&LockedServer| !locked.config.is_empty() || !locked.secrets.is_empty();
    match locked.filter(says_more) {
        Some(locked) if scope == Scope::Project => check(locked, lock, places),
        _ => Ok(()),
    }
}

/// Remembers that the user approved a server as the project's lock, which was written,
/// has it.
pub fn remember(server: &LockedServer, lock: &Path, places: &Places) -> Result<()> {
    let _turn = Exclusive::named("approved", places)?;
    let mut approvals = Approvals::read(places)?;
    let project = approvals.projects.entry(identity(lock)?).or_default();
    project.insert(server.name.clone(), block(server)?);
    let mut text = serde_json::to_string_pretty(&approvals).map_err(Error::Json)?;
    text.push('\n');
    atomic::write_private(&places.approvals(), text.as_bytes())
}

/// Lets `change` change what a project's `lock` says of `server`, which the user has to
/// have approved as it was. They have then approved it as it is, but for settings and
/// secrets, which are theirs to approve alone.
pub fn carry<T>(
    server: &LockedServer,
    lock: &mut LockFile,
    places: &Places,
    change: impl FnOnce(&mut LockFile) -> Result<T>,
) -> Result<T> {
    check(server, lock.path(), places)?;
    let value = change(lock)?;
    let is_as_before = |it: &&LockedServer| {
        it.config == server.config && it.secrets == server.secrets && *it != server
    };
    if let Some(changed) = lock.lock.get(&server.name).filter(is_as_before) {
        remember(changed, lock.path(), places)?;
    }
    Ok(value)
}

impl Approvals {
    fn read(places: &Places) -> Result<Self> {
        let path = places.approvals();
        let failed = |source| Error::Read { path: path.clone(), source };
        match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            other => serde_json::from_slice(&other.map_err(failed)?)
                .map_err(|error| failed(error.into())),
        }
    }
}

/// The path of a lock as it is when every link is followed: one project, one name.
fn identity(lock: &Path) -> Result<PathBuf> {
    lock.canonicalize().map_err(|source| Error::Read { path: lock.to_owned(), source })
}

/// What a lock says of a server, but for the agents that it is linked into.
fn block(server: &LockedServer) -> Result<Digest> {
    let mut lock = Lock::default();
    lock.insert(LockedServer { agents: Vec::new(), ..server.clone() });
    let text = lock.to_toml().map_err(Error::wrap("the lock cannot be compared"))?;
    Ok(Digest::of(text.as_bytes()))
}
