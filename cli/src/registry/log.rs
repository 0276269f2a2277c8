//! Asking for a log: the static files that any file server could serve.

use mcpkg_core::api::LogDocument;
use mcpkg_core::log::{
    Hash, Level, MAX_ENTRY_LEN, MAX_NOTE_LEN, TilePath, read_bundle, write_bundle,
};
use mcpkg_core::{Code, Coded as _};
use tokio::time::Instant;
use url::Url;

use super::{BASE_DEADLINE, Registry, read_bytes};
use crate::error::{Error, Result};

impl Registry {
    /// The log's key, and those it had before, as the registry tells them.
    pub fn log(&self) -> Result<LogDocument> {
        self.json(&["v1", "log"], &[])
    }

    /// The log's newest checkpoint: a signed note that nobody has looked at.
    pub fn checkpoint(&self) -> Result<String> {
        let url = self.url(&["v1", "log", "checkpoint"]);
        let bytes = self.log_file(&url, MAX_NOTE_LEN as u64)?;
        String::from_utf8(bytes).map_err(|_| Error::Nonsense {
            url: url.to_string(),
            reason: "a checkpoint is UTF-8".to_owned(),
        })
    }

    /// A tile of hashes or a bundle of entries, which nobody has looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if there is nothing in it: a file server whose disk is
    /// gone answers so, and no tile is empty.
    pub fn tile(&self, path: &TilePath) -> Result<Vec<u8>> {
        match self.tile_file(path) {
            // A log may remove one that was not full once it is.
            // Source: C2SP tlog-tiles, "Partial tiles".
            Err(error) if error.code() == Code::NotFound && path.is_partial() => {
                self.tile_file(&path.full()).map(|bytes| start_of(path, bytes))
            }
            other => other,
        }
    }

    fn tile_file(&self, path: &TilePath) -> Result<Vec<u8>> {
        let one = match path.level {
            // Each entry comes after two bytes that say how long it is.
            Level::Entries => MAX_ENTRY_LEN + 2,
            Level::Hashes(_) => Hash::LEN,
        };
        let relative = path.to_string();
        let segments: Vec<&str> =
            ["v1", "log", "tile"].into_iter().chain(relative.split('/')).collect();
        self.log_file(&self.url(&segments), one as u64 * u64::from(path.width))
    }

    fn log_file(&self, url: &Url, limit_bytes: u64) -> Result<Vec<u8>> {
        let bytes = self.runtime.block_on(async {
            let deadline = Instant::now() + BASE_DEADLINE;
            let response = self.send(self.http.get(url.clone()), url, deadline).await?;
            read_bytes(response, url, limit_bytes, deadline).await
        })?;
        if bytes.is_empty() { Err(Error::Empty { url: url.to_string() }) } else { Ok(bytes) }
    }
}

/// The part of a full tile that `path` asked for. What is no tile stays as it is:
/// whoever verifies it will find out.
fn start_of(path: &TilePath, mut bytes: Vec<u8>) -> Vec<u8> {
    let width = usize::from(path.width);
    match path.level {
        Level::Hashes(_) => bytes.truncate(width * Hash::LEN),
        Level::Entries => {
            let entries = read_bundle(&bytes).ok();
            let start = entries.and_then(|entries| write_bundle(entries.into_iter().take(width)));
            bytes = start.unwrap_or(bytes);
        }
    }
    bytes
}
