//! Containers that nobody was left to end: whoever would have was killed as well.
//!
//! A container is noted before it is started, in a file that its `mcpkg run` has locked.
//! The kernel lets go of the lock, whatever that dies of, so a note without a lock is of a
//! container that should be gone: the next start sees to it. It costs the reading of a
//! folder, and no question to an engine as long as there is none.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::NamedTempFile;

use super::container::{self, Engine};
use crate::atomic;
use crate::error::{Error, Result};
use crate::places::Places;

/// What the name of each container begins with.
pub(super) const PREFIX: &str = "mcpkg-";

/// The word that a container may be there.
pub(super) struct Note {
    path: PathBuf,
    _locked: File,
}

impl Note {
    /// Notes a container before it is started.
    pub(super) fn leave(name: &str, engine: &Engine, places: &Places) -> Result<Self> {
        let folder = places.containers();
        atomic::create_folder(&folder)?;
        let path = folder.join(name);
        let failed = |source| Error::Write { path: path.clone(), source };
        // By another name until it is locked: nobody takes it for one that was left.
        let file = NamedTempFile::new_in(&folder).map_err(failed)?;
        fs::write(file.path(), engine.name()).map_err(failed)?;
        file.as_file().lock().map_err(failed)?;
        let locked = file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(Self { path, _locked: locked })
    }

    /// Takes it back: the container is gone.
    pub(super) fn take_back(self) {
        // One that stays costs the next start a question to the engine.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the containers of those who are gone. What cannot be done now is left to the
/// next start: that of another server does not depend on it.
pub(super) fn clear(places: &Places) {
    let Ok(entries) = fs::read_dir(places.containers()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        // Somebody still waits for it.
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        if is_gone(name, &entry.path(), places) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether there is no such container any more, of the engine that the note names.
fn is_gone(name: &str, note: &Path, places: &Places) -> bool {
    let Ok(kind) = fs::read_to_string(note) else { return false };
    let Some(engine) = container::engines(places).find(|it| it.name() == kind) else {
        return false;
    };
    let ask = |words: &[&str]| {
        let mut command = container::asking(&engine);
        command.args(words.iter().map(OsStr::new)).stdin(Stdio::null()).stderr(Stdio::null());
        command.output().ok().filter(|output| output.status.success())
    };
    // Podman reads it as an expression, and docker by its parts: so all of it is said.
    let filter = format!("name=^{name}$");
    match ask(&["ps", "--all", "--quiet", "--filter", &filter]) {
        Some(output) if output.stdout.is_empty() => true,
        Some(_) => ask(&["rm", "--force", name]).is_some(),
        None => false,
    }
}
