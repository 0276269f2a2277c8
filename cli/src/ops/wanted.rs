//! Whether a lock is what its `mcpkg.toml` asks for.

use std::fmt;

use mcpkg_core::lock::{Lock, LockedServer};
use mcpkg_core::permissions::Permissions;
use mcpkg_core::project::{Servers, WantedServer};
use mcpkg_core::{PackageName, Version};
use serde::Serialize;

/// One thing in which a lock is not what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Mismatch {
    /// It is wanted and not locked.
    Missing {
        /// The package.
        name: PackageName,
    },
    /// It is locked and not wanted.
    Unwanted {
        /// The package.
        name: PackageName,
    },
    /// A release is locked that is not wanted.
    Version {
        /// The package.
        name: PackageName,
        /// The release that is locked.
        locked: Version,
        /// Those that are wanted.
        wanted: String,
    },
    /// More is granted than is wanted.
    Granted {
        /// The package.
        name: PackageName,
        /// What is too much, one line each.
        excess: Vec<String>,
    },
    /// A secret is to be found elsewhere than the lock says.
    Secret {
        /// The package.
        name: PackageName,
        /// The secret.
        key: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "{name} is wanted and not locked"),
            Self::Unwanted { name } => write!(f, "{name} is locked and not wanted"),
            Self::Version { name, locked, wanted } => {
                write!(f, "{name}@{locked} is locked, and {wanted} is wanted")
            }
            Self::Granted { name, excess } => {
                write!(f, "{name} is granted more than is wanted: {}", excess.join(", "))
            }
            Self::Secret { name, key } => {
                write!(f, "the secret `{key}` of {name} is wanted from elsewhere")
            }
        }
    }
}

/// Everything in which `lock` is not what `servers` asks for.
pub fn mismatches(servers: &Servers, lock: &Lock) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for (name, wanted) in servers.iter() {
        match lock.get(name) {
            None => found.push(Mismatch::Missing { name: name.clone() }),
            Some(locked) => found.extend(of_server(wanted, locked)),
        }
    }
    let unwanted = lock.servers().filter(|locked| servers.get(&locked.name).is_none());
    found.extend(unwanted.map(|locked| Mismatch::Unwanted { name: locked.name.clone() }));
    found
}

fn of_server(wanted: &WantedServer, locked: &LockedServer) -> Vec<Mismatch> {
    let name = &locked.name;
    let mut found = Vec::new();
    if !wanted.version.matches(&locked.version) {
        found.push(Mismatch::Version {
            name: name.clone(),
            locked: locked.version.clone(),
            wanted: wanted.version.to_string(),
        });
    }
    if let Some(limit) = &wanted.permissions {
        let excess = locked.granted.beyond(limit);
        if !excess.is_empty() {
            found.push(Mismatch::Granted { name: name.clone(), excess: excess.describe() });
        }
    }
    let others = wanted.secrets.iter().filter(|(key, it)| locked.secrets.get(*key) != Some(it));
    found.extend(others.map(|(key, _)| Mismatch::Secret { name: name.clone(), key: key.clone() }));
    found
}

/// One thing to do so that a lock is what its `mcpkg.toml` asks for.
pub enum Due<'a> {
    /// A release is to be chosen for this one.
    Choose(&'a PackageName, &'a WantedServer),
    /// The release stays, and something beside it changes: this is how it is to be.
    Renew(Box<LockedServer>, &'a WantedServer),
    /// Nobody wants this one.
    Unlock(PackageName),
}

/// Everything to do so that `lock` is what `servers` asks for, in the order of it.
pub fn due<'a>(servers: &'a Servers, lock: &Lock) -> Vec<Due<'a>> {
    let mut due = Vec::new();
    for (name, wanted) in servers.iter() {
        match lock.get(name).filter(|locked| wanted.version.matches(&locked.version)) {
            None => due.push(Due::Choose(name, wanted)),
            Some(locked) => {
                let mut server = locked.clone();
                apply(wanted, &mut server);
                if server != *locked || !asked_by_nobody_else(wanted, locked).is_empty() {
                    due.push(Due::Renew(Box::new(server), wanted));
                }
            }
        }
    }
    let unwanted = lock.servers().filter(|locked| servers.get(&locked.name).is_none());
    due.extend(unwanted.map(|locked| Due::Unlock(locked.name.clone())));
    due
}

/// What a server of npm or PyPI is to have beyond what it was granted: nobody but
/// `mcpkg.toml` can say what it needs.
pub fn asked_by_nobody_else(wanted: &WantedServer, server: &LockedServer) -> Permissions {
    let asked = wanted.permissions.as_ref().filter(|_| server.upstream.is_some());
    asked.map(|asked| asked.beyond(&server.granted)).unwrap_or_default()
}

/// Puts what is wanted beside its version into a server: where its secrets are found,
/// and no more than it is to be granted.
pub fn apply(wanted: &WantedServer, server: &mut LockedServer) {
    server.secrets.extend(wanted.secrets.clone());
    if let Some(limit) = &wanted.permissions
        && !server.granted.is_subset_of(limit)
    {
        server.granted = server.granted.intersect(limit);
    }
}
