//! What was taken down: an operator's word beside the log.
//!
//! The log keeps a release for ever, and its publisher can only yank it. An operator who
//! has to stop giving out bytes says so here: with a reason, in a file of the data folder
//! that `mcpkg-registry takedown` writes and a running server reads again. A mirror keeps
//! the list of its source in the same way, in the source's folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use jiff::Timestamp;
use mcpkg_core::api::{Removal, Removals, WithheldRelease};
use mcpkg_core::{Code, PackageName, Version};

use crate::durable;

/// The file of a list, in the data folder or in that of a source.
const FILE: &str = "removals.json";

/// A list of what was taken down. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct RemovalList {
    path: PathBuf,
    staging: PathBuf,
    current: Arc<RwLock<Read>>,
}

/// A list as it was read.
#[derive(Clone, Debug, Default)]
struct Read {
    list: Arc<Removals>,
    modified: Option<SystemTime>,
}

impl RemovalList {
    /// The list in `folder`, which is read now. `staging` is on the same file system.
    pub(crate) fn open(folder: &Path, staging: &Path) -> io::Result<Self> {
        let (path, staging) = (folder.join(FILE), staging.to_owned());
        let list = Self { path, staging, current: Arc::default() };
        list.reload()?;
        Ok(list)
    }

    /// Everything on it.
    pub(crate) fn all(&self) -> Arc<Removals> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).list)
    }

    /// What it says of the releases of a package.
    pub(crate) fn of_package(&self, name: &PackageName) -> Vec<WithheldRelease> {
        self.all().removals.iter().filter(|it| it.name == *name).map(withheld).collect()
    }

    /// Reads the file again, if it was written since. Gives the releases of which it says
    /// something else now. Blocks.
    pub(crate) fn reload(&self) -> io::Result<Vec<(PackageName, Version)>> {
        let modified = match fs::metadata(&self.path).and_then(|it| it.modified()) {
            Ok(modified) => Some(modified),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let before = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if before.modified == modified {
            return Ok(Vec::new());
        }
        let list = match modified {
            None => Removals::default(),
            Some(_) => serde_json::from_slice(&fs::read(&self.path)?)?,
        };
        let list = Arc::new(list);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Read { list: Arc::clone(&list), modified };
        Ok(difference(&before.list, &list))
    }

    /// Writes the list. Gives the releases of which it says something else now. Blocks.
    pub(crate) fn replace(&self, list: &Removals) -> io::Result<Vec<(PackageName, Version)>> {
        if *self.all() != *list {
            durable::replace(&self.staging, &self.path, &serde_json::to_vec_pretty(list)?)?;
        }
        self.reload()
    }

    /// Adds a release that an operator takes down. Says whether it was not on it. Blocks.
    pub(crate) fn add(&self, removal: Removal) -> io::Result<bool> {
        let mut list = (*self.all()).clone();
        let is_it = |it: &&Removal| it.name == removal.name && it.version == removal.version;
        if list.removals.iter().any(|it| is_it(&it)) {
            return Ok(false);
        }
        list.removals.push(removal);
        self.replace(&list)?;
        Ok(true)
    }
}

fn withheld(removal: &Removal) -> WithheldRelease {
    let at: Timestamp = removal.removed_at;
    WithheldRelease {
        version: removal.version.clone(),
        code: Code::TakenDown,
        policy: None,
        reason: format!("it was taken down at {at}: {}", removal.reason),
    }
}

/// The releases that only one of two lists has.
fn difference(one: &Removals, other: &Removals) -> Vec<(PackageName, Version)> {
    let is_on = |list: &Removals, removal: &Removal| list.removals.contains(removal);
    let gone = one.removals.iter().filter(|it| !is_on(other, it));
    let new = other.removals.iter().filter(|it| !is_on(one, it));
    gone.chain(new).map(|it| (it.name.clone(), it.version.clone())).collect()
}
