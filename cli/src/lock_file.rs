//! The lock on disk, and who may change it when.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::Digest;
use mcpkg_core::lock::Lock;

use crate::agents::Scope;
use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// The lock of one scope: the file, and what it says.
pub struct LockFile {
    path: PathBuf,
    /// What it says.
    pub lock: Lock,
}

/// The right to change a lock and what hangs on it. Waits for whoever has it.
///
/// Two `mcpkg` at once would otherwise each read the lock, and the second
/// would write what the first had read.
pub struct Exclusive {
    _file: File,
}

impl Exclusive {
    /// Waits until nobody else changes the lock of `scope`.
    pub fn of(scope: Scope, places: &Places) -> Result<Self> {
        let path = lock_path(scope, places);
        // The name of the lock file must not be in the project: it would be
        // committed. One name per path serves.
        let name = Digest::of(path.as_os_str().as_encoded_bytes()).to_hex();
        Self::named(&name[..32], places)
    }

    /// Waits until nobody else changes what goes by `name`, a file's name.
    pub fn named(name: &str, places: &Places) -> Result<Self> {
        let folder = places.locks();
        atomic::create_folder(&folder)?;
        let path = folder.join(name);
        let failed = |source| Error::Write { path: path.clone(), source };
        let file =
            File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

impl LockFile {
    /// Reads the lock of `scope`. None yet is an empty one.
    pub fn read(scope: Scope, places: &Places) -> Result<Self> {
        Self::read_at(lock_path(scope, places))
    }

    /// Reads the lock of the project that `folder` is in: the nearest one at or
    /// above it, or an empty one.
    pub fn read_project(folder: &Path) -> Result<Self> {
        let found = folder
            .ancestors()
            .map(Places::project_lock)
            .find(|path| path.is_file())
            .unwrap_or_else(|| Places::project_lock(folder));
        Self::read_at(found)
    }

    fn read_at(path: PathBuf) -> Result<Self> {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other.map_err(|source| Error::Read { path: path.clone(), source })?,
        };
        let lock = if text.is_empty() {
            Lock::default()
        } else {
            Lock::parse(&text)
                .map_err(Error::wrap(format!("`{}` cannot be used", path.display())))?
        };
        Ok(Self { path, lock })
    }

    /// The folder that it is in: for a project's lock, the project.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Writes the lock, if that changes anything.
    pub fn write(&self) -> Result<()> {
        let text = self.to_toml()?;
        match fs::read(&self.path) {
            Ok(old) if old == text.as_bytes() => Ok(()),
            _ => atomic::write(&self.path, text.as_bytes()),
        }
    }

    /// The text that [`Self::write`] writes.
    pub fn to_toml(&self) -> Result<String> {
        self.lock
            .to_toml()
            .map_err(Error::wrap(format!("`{}` cannot be written", self.path.display())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn lock_path(scope: Scope, places: &Places) -> PathBuf {
    match scope {
        Scope::User | Scope::Local => places.user_lock(),
        Scope::Project => Places::project_lock(&places.project),
    }
}
