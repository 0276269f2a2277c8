//! A grant, widened and narrowed: never beyond what was signed, and never seemingly.

use mcpkg_core::lock::LockedServer;
use mcpkg_core::permissions::Permissions;

use crate::error::{Error, Result};

/// Which way a grant changes.
#[derive(Clone, Copy)]
pub enum Direction {
    /// More is granted.
    Grant,
    /// Less is.
    Revoke,
}

/// What `server`, which asks for `asked`, is granted with `named` in it or without.
///
/// # Errors
///
/// [`Error::NotAsked`] if that is more than it asks for, and a setting error if what is
/// revoked is a part of something that is granted.
pub fn changed(
    server: &LockedServer,
    asked: &Permissions,
    named: &Permissions,
    direction: Direction,
) -> Result<Permissions> {
    match direction {
        Direction::Grant => granted(server, asked, named),
        Direction::Revoke => revoked(server, named),
    }
}

fn granted(server: &LockedServer, asked: &Permissions, named: &Permissions) -> Result<Permissions> {
    let excess = named.beyond(asked);
    if excess.is_empty() {
        // Cut to what is asked for, whatever the lock said.
        return Ok(server.granted.union(named).intersect(asked));
    }
    Err(Error::NotAsked { name: server.name.clone(), excess: excess.describe() })
}

fn revoked(server: &LockedServer, named: &Permissions) -> Result<Permissions> {
    let rest = server.granted.beyond(named);
    // Something narrower than what is granted takes nothing away, and the user who
    // named it should not believe that it did.
    let common = rest.intersect(named);
    if common.is_empty() {
        return Ok(rest);
    }
    Err(Error::Setting {
        message: format!(
            "{} is part of more that is granted: {}",
            in_words(&common),
            in_words(&rest)
        ),
        hint: "revoke what is granted as `mcpkg permissions show` has it, then grant a part of it",
    })
}

/// Permissions in one line.
pub fn in_words(permissions: &Permissions) -> String {
    let lines = permissions.describe();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") }
}
