//! What a registry knows that no log says, in a backup.
//!
//! ```text
//! <backup>/beside.sqlite3   a database with that alone, and none of the log
//! <backup>/beside.digest    its SHA-256, written after it
//! ```
//!
//! Restored, it is the database that the next start applies the log to. So there is no
//! second format to keep, and an older backup is brought up to date like any database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::Digest;

use crate::blobs::blocking;
use crate::config::Config;
use crate::durable;
use crate::log::{LogError, failed_to};
use crate::server::DATABASE;
use crate::start_error::StorageError;
use crate::store::Store;

const FILE: &str = "beside.sqlite3";
const DIGEST: &str = "beside.digest";

/// A database that is whole, and not yet in its place.
#[derive(Debug)]
pub(super) struct Staged {
    from: PathBuf,
    to: PathBuf,
}

/// Writes what the registry of `config` knows beside its log into the folder `to`. Says how
/// many entries of it nobody has signed.
pub(super) async fn save(config: &Config, to: &Path) -> Result<u64, StorageError> {
    let (database, wait) = (config.data.join(DATABASE), config.limits.database());
    if !database.is_file() {
        return Ok(0);
    }
    let staging = to.join("staging");
    fs::create_dir_all(&staging).map_err(failed_to("make", &staging))?;
    let new = staging.join(FILE);
    remove(&new)?;
    let store = Store::open(&new, wait).await?;
    store.carry_into_backup(&database).await?;
    let count = store.count_unsigned().await?;
    // All of it is in the file then, and nothing beside it.
    store.close().await;
    let to = to.to_owned();
    blocking(move || put(&new, &to)).await?;
    Ok(count)
}

fn put(new: &Path, to: &Path) -> Result<(), LogError> {
    let bytes = fs::read(new).map_err(failed_to("read", new))?;
    let staging = to.join("staging");
    let write = |name: &str, bytes: &[u8]| {
        let path = to.join(name);
        durable::replace(&staging, &path, bytes).map_err(failed_to("write", &path))
    };
    write(FILE, &bytes)?;
    write(DIGEST, format!("{}\n", Digest::of(&bytes)).as_bytes())?;
    remove(new)
}

/// Copies it from the backup `from` to where it can be put into its place, if there is any:
/// older backups have none. Says how many entries of it nobody has signed.
pub(super) async fn stage(
    config: &Config,
    from: &Path,
) -> Result<(Option<Staged>, u64), StorageError> {
    let (path, data) = (from.join(FILE), config.data.clone());
    let digest = from.join(DIGEST);
    if !path.exists() && !digest.exists() {
        return Ok((None, 0));
    }
    let staged = blocking(move || {
        let bytes = fs::read(&path).map_err(failed_to("read", &path))?;
        let expected = fs::read_to_string(&digest).map_err(failed_to("read", &digest))?;
        if expected.trim_end() != Digest::of(&bytes).to_string() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "it is not what was copied");
            return Err(failed_to("use", &path)(error));
        }
        let staging = data.join("staging");
        // Not in there, which is emptied when the rest is copied.
        let from = data.join(format!("{DATABASE}.restored"));
        let staged = Staged { from, to: data.join(DATABASE) };
        fs::create_dir_all(&staging).map_err(failed_to("make", &staging))?;
        let written = durable::replace(&staging, &staged.from, &bytes);
        written.map_err(failed_to("write", &staged.from))?;
        Ok(staged)
    })
    .await?;
    // What is no database is found out before anything is in its place.
    let store = Store::open(&staged.from, config.limits.database()).await?;
    let count = store.count_unsigned().await?;
    store.close().await;
    Ok((Some(staged), count))
}

impl Staged {
    /// Puts it into its place. Blocks.
    pub(super) fn place(self) -> Result<(), LogError> {
        let Self { from, to } = self;
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::rename(&from, &to).map_err(failed_to("move", &from))?;
        durable::sync_folder(folder).map_err(failed_to("sync", folder))
    }
}

fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to("remove", path)(error))
        }
        _ => Ok(()),
    }
}
