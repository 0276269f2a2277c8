//! What was taken down: an operator's word beside the log.
//!
//! The log keeps a release for ever, and its publisher can only yank it. An operator who
//! has to stop giving out bytes says so here: with a reason, in a file of the data folder
//! that `mcpkg-registry takedown` writes and a running server reads again. A mirror keeps
//! the list of its source in the same way, in the source's folder, and beside it what its
//! own operator has taken down of that source. Both are passed on together, so that no copy
//! of this copy gives out what this one does not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use jiff::Timestamp;
use mcpkg_core::api::{Removal, Removals, WithheldRelease};
use mcpkg_core::{Code, PackageName, Version};

use crate::durable;
use crate::store::{Store, StoreError};

/// The list in the data folder, and in the folder of a source the list of that source.
const FILE: &str = "removals.json";

/// What an operator here has taken down of a source, in the folder of the source: what
/// that says itself is read anew at every turn, and this has to stay.
const FILE_HERE: &str = "taken-down.json";

/// A list of what was taken down. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct RemovalList {
    /// The list that an operator here adds to.
    here: PathBuf,
    /// That of the source, where there is one.
    there: Option<PathBuf>,
    staging: PathBuf,
    current: Arc<RwLock<Read>>,
}

/// The lists as they were read.
#[derive(Clone, Debug, Default)]
struct Read {
    here: File,
    there: File,
    all: Arc<Removals>,
}

/// A list as it was read.
#[derive(Clone, Debug, Default)]
struct File {
    list: Arc<Removals>,
    modified: Option<SystemTime>,
}

impl RemovalList {
    /// The list in `folder`, which is read now. `staging` is on the same file system.
    pub(crate) fn open(folder: &Path, staging: &Path) -> io::Result<Self> {
        Self::read(folder.join(FILE), None, staging)
    }

    /// The lists in the folder of a source: what that has taken down, and what was taken
    /// down of it here.
    pub(crate) fn open_source(folder: &Path, staging: &Path) -> io::Result<Self> {
        Self::read(folder.join(FILE_HERE), Some(folder.join(FILE)), staging)
    }

    fn read(here: PathBuf, there: Option<PathBuf>, staging: &Path) -> io::Result<Self> {
        let list = Self { here, there, staging: staging.to_owned(), current: Arc::default() };
        list.reload()?;
        Ok(list)
    }

    /// Everything on it.
    pub(crate) fn all(&self) -> Arc<Removals> {
        self.current().all
    }

    /// Tells the lists of `store` what is on it.
    pub(crate) async fn tell(&self, store: &Store) -> Result<(), StoreError> {
        let all = self.all();
        let releases = all.removals.iter().map(|it| (&it.name, &it.version));
        store.set_taken_down(releases, Timestamp::now()).await
    }

    /// What it says of the releases of a package.
    pub(crate) fn of_package(&self, name: &PackageName) -> Vec<WithheldRelease> {
        self.all().removals.iter().filter(|it| it.name == *name).map(withheld).collect()
    }

    /// Reads what was written since. Gives the releases of which it says something else
    /// now. Blocks.
    pub(crate) fn reload(&self) -> io::Result<Vec<(PackageName, Version)>> {
        let before = self.current();
        let here = before.here.again(&self.here)?;
        let there = match &self.there {
            None => File::default(),
            Some(path) => before.there.again(path)?,
        };
        if (here.modified, there.modified) == (before.here.modified, before.there.modified) {
            return Ok(Vec::new());
        }
        let mut all = (*here.list).clone();
        let is_new = |it: &&Removal| position(&here.list, it).is_none();
        all.removals.extend(there.list.removals.iter().filter(is_new).cloned());
        let all = Arc::new(all);
        let changed = difference(&before.all, &all);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Read { here, there, all };
        Ok(changed)
    }

    /// Writes the list of the source, or the one there is. Gives the releases of which it
    /// says something else now. Blocks.
    pub(crate) fn replace(&self, list: &Removals) -> io::Result<Vec<(PackageName, Version)>> {
        let current = self.current();
        let (path, before) = match &self.there {
            None => (&self.here, current.here),
            Some(path) => (path, current.there),
        };
        if *before.list != *list {
            durable::replace(&self.staging, path, &serde_json::to_vec_pretty(list)?)?;
        }
        self.reload()
    }

    /// Adds a release that an operator here takes down. Says whether it was not on it.
    /// Blocks.
    pub(crate) fn add(&self, removal: Removal) -> io::Result<bool> {
        let mut list = (*self.current().here.list).clone();
        if position(&list, &removal).is_some() {
            return Ok(false);
        }
        list.removals.push(removal);
        durable::replace(&self.staging, &self.here, &serde_json::to_vec_pretty(&list)?)?;
        self.reload()?;
        Ok(true)
    }

    fn current(&self) -> Read {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl File {
    /// The list at `path`: this one, unless it was written since.
    fn again(&self, path: &Path) -> io::Result<Self> {
        let modified = match fs::metadata(path).and_then(|it| it.modified()) {
            Ok(modified) => Some(modified),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if modified == self.modified {
            return Ok(self.clone());
        }
        let list = match modified {
            None => Removals::default(),
            Some(_) => serde_json::from_slice(&fs::read(path)?)?,
        };
        Ok(Self { list: Arc::new(list), modified })
    }
}

/// Where a list says something of the release of `removal`.
fn position(list: &Removals, removal: &Removal) -> Option<usize> {
    list.removals.iter().position(|it| it.name == removal.name && it.version == removal.version)
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
