//! Which of what is installed a user means.

use mcpkg_core::lock::{Lock, LockedServer};

use crate::error::{Error, Result};

/// The one server that `text` names.
pub fn one<'a>(lock: &'a Lock, text: &str) -> Result<&'a LockedServer> {
    match lock.find(text).as_slice() {
        [server] => Ok(server),
        [] => Err(Error::NoSuchServer(text.to_owned())),
        several => {
            let names: Vec<_> = several.iter().map(|server| server.name.to_string()).collect();
            Err(Error::Ambiguous(text.to_owned(), names.join(", ")))
        }
    }
}

/// Several names, each of which may be in one lock or in another.
pub struct Named<'a> {
    names: &'a [String],
    /// Which of them were found so far.
    found: Vec<bool>,
}

impl<'a> Named<'a> {
    /// The servers of these names; all that are installed, without any.
    pub fn new(names: &'a [String]) -> Self {
        Self { names, found: vec![false; names.len()] }
    }

    /// Those that are in this lock, each once.
    pub fn within(&mut self, lock: &Lock) -> Result<Vec<LockedServer>> {
        if self.names.is_empty() {
            return Ok(lock.servers().cloned().collect());
        }
        let mut servers: Vec<LockedServer> = Vec::new();
        for (name, is_found) in self.names.iter().zip(&mut self.found) {
            if lock.find(name).is_empty() {
                continue;
            }
            *is_found = true;
            let server = one(lock, name)?;
            if servers.iter().all(|other| other.name != server.name) {
                servers.push(server.clone());
            }
        }
        Ok(servers)
    }

    /// Refuses a name that was in none of the locks.
    pub fn all_found(&self) -> Result<()> {
        match self.names.iter().zip(&self.found).find(|(_, is_found)| !**is_found) {
            Some((name, _)) => Err(Error::NoSuchServer(name.clone())),
            None => Ok(()),
        }
    }
}
