//! The log on disk: static files, which any file server could serve.
//!
//! ```text
//! <data>/log/checkpoint                 the newest one
//! <data>/log/tile/<L>/<N>[.p/<W>]       hashes
//! <data>/log/tile/entries/<N>[.p/<W>]   entries
//! <data>/log/checkpoints/<N>            the first checkpoint of each size, for receipts:
//!                                       those of sizes 256 N + 1 to 256 N + 256
//! <data>/log/successions                how the log came to its key
//! ```
//!
//! A tile that is full never changes. One that is not is there in the width that
//! it has in the newest checkpoint; narrower ones are its beginning, and are cut
//! from it when somebody asks.
//!
//! Source: C2SP tlog-tiles. `checkpoints` and `successions` are ours: notes, each
//! after its length as entries are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcpkg_core::log::{Hash, Level, TILE_WIDTH, TilePath, read_bundle, write_bundle};

use super::edge::Tile;
use super::error::{LogError, failed_to};
use crate::durable;
use crate::failpoint;

/// The files of a log. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LogFiles {
    root: PathBuf,
    staging: PathBuf,
}

impl LogFiles {
    /// The log in the data folder `data`.
    pub(crate) fn at(data: &Path) -> Self {
        Self { root: data.join("log"), staging: data.join("staging") }
    }

    /// The copy of a log in `folder`, which is written by way of `staging`.
    pub(crate) fn at_folder(folder: &Path, staging: &Path) -> Self {
        Self { root: folder.join("log"), staging: staging.to_owned() }
    }

    /// The folder of the log.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The newest checkpoint. Blocks, as everything here.
    pub(crate) fn checkpoint(&self) -> Result<Option<String>, LogError> {
        let path = self.root.join("checkpoint");
        let Some(bytes) = read(&path)? else { return Ok(None) };
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| LogError::Damaged { path, reason: "it is not text" })
    }

    /// Publishes a checkpoint.
    pub(crate) fn put_checkpoint(&self, note: &str) -> Result<(), LogError> {
        self.replace("checkpoint", &self.root.join("checkpoint"), note.as_bytes())
    }

    /// The bytes of a tile of a tree of `size`, at most as wide as it is there.
    pub(crate) fn tile(&self, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, LogError> {
        let Some(known) = TilePath::of_tree(path.level, path.index, size) else { return Ok(None) };
        if path.width > known.width {
            return Ok(None);
        }
        let file = self.tile_path(&known);
        // The widest there is may be wider still: a tree that has grown since.
        let bytes = match read(&file)? {
            Some(bytes) => bytes,
            None => match read(&self.tile_path(&known.full()))? {
                Some(bytes) => bytes,
                None => return Err(LogError::Damaged { path: file, reason: "it is missing" }),
            },
        };
        narrow(path, bytes)
            .map(Some)
            .ok_or(LogError::Damaged { path: file, reason: "it is not as wide as it has to be" })
    }

    /// Writes a tile.
    pub(crate) fn put_tile(&self, path: &TilePath, bytes: &[u8]) -> Result<(), LogError> {
        self.replace(place_of(path), &self.tile_path(path), bytes)
    }

    /// Writes tiles, and the part of the journal that is about the sizes `256 bundle + 1 ..`
    /// if there are any; all of them wait for the disk together.
    pub(crate) fn put_together(
        &self,
        tiles: &[Tile],
        bundle: u64,
        notes: &[String],
    ) -> Result<(), LogError> {
        let journal = self.journal_path(bundle);
        let notes = bytes_of(notes, &journal)?;
        let mut files: Vec<(&'static str, PathBuf, &[u8])> = Vec::with_capacity(tiles.len() + 1);
        if !notes.is_empty() {
            files.push(("journal", journal, &notes));
        }
        files.extend(
            tiles.iter().map(|(path, bytes)| (place_of(path), self.tile_path(path), &bytes[..])),
        );
        durable::together(&files, |(place, path, bytes)| self.replace(place, path, bytes))
    }

    /// Removes every tile that is not one of the tree of `size`: narrower ones, and
    /// what an attempt that failed has left.
    pub(crate) fn trim(&self, level: Level, size: u64) -> Result<(), LogError> {
        let hashes = match level {
            Level::Entries => size,
            Level::Hashes(level) => size.checked_shr(u32::from(level) * 8).unwrap_or(0),
        };
        let index = hashes / TILE_WIDTH;
        let full = TilePath { level, index, width: 256 };
        let keep = TilePath::of_tree(level, index, size).map(|path| self.tile_path(&path));
        let file = self.tile_path(&full);
        remove(&file)?;
        let mut folder = file.into_os_string();
        folder.push(".p");
        for path in list(Path::new(&folder))? {
            if Some(&path) != keep.as_ref() {
                remove(&path)?;
            }
        }
        // The tile before is full, and what it was before that is over.
        if let Some(index) = index.checked_sub(1) {
            let mut folder = self.tile_path(&TilePath { index, ..full }).into_os_string();
            folder.push(".p");
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed_to("remove", Path::new(&folder))(error));
                }
                _ => (),
            }
        }
        Ok(())
    }

    /// The first checkpoint that covers the entry at `index`.
    pub(crate) fn checkpoint_covering(&self, index: u64) -> Result<Option<String>, LogError> {
        // A checkpoint covers at most a bundle more than the one before it.
        for bundle in [index / TILE_WIDTH, index / TILE_WIDTH + 1] {
            let notes = Self::notes(&self.journal_path(bundle))?;
            if let Some(note) = notes.into_iter().find(|note| size_of(note) > index) {
                return Ok(Some(note));
            }
        }
        Ok(None)
    }

    /// Every checkpoint of the journal of sizes `256 bundle + 1 ..`, oldest first.
    pub(crate) fn checkpoints(&self, bundle: u64) -> Result<Vec<String>, LogError> {
        Self::notes(&self.journal_path(bundle))
    }

    /// Adds the first checkpoint of a size to the journal; does nothing if there is
    /// one of that size.
    pub(crate) fn journal(&self, size: u64, note: &str) -> Result<(), LogError> {
        let Some(last) = size.checked_sub(1) else { return Ok(()) };
        let path = self.journal_path(last / TILE_WIDTH);
        let mut notes = Self::notes(&path)?;
        if notes.last().is_some_and(|last| size_of(last) >= size) {
            return Ok(());
        }
        notes.push(note.to_owned());
        self.replace_notes("journal", &path, &notes)
    }

    /// Writes the part of the journal that is about the sizes `256 bundle + 1 ..`.
    pub(crate) fn put_checkpoints(&self, bundle: u64, notes: &[String]) -> Result<(), LogError> {
        self.replace_notes("journal", &self.journal_path(bundle), notes)
    }

    /// Whether a full tile is there.
    pub(crate) fn has_tile(&self, path: &TilePath) -> bool {
        self.tile_path(path).is_file()
    }

    /// How the log came to its key, oldest first.
    pub(crate) fn successions(&self) -> Result<Vec<String>, LogError> {
        Self::notes(&self.root.join("successions"))
    }

    /// Adds a succession.
    pub(crate) fn add_succession(&self, note: &str) -> Result<(), LogError> {
        let mut notes = self.successions()?;
        notes.push(note.to_owned());
        self.put_successions(&notes)
    }

    /// Writes all successions.
    pub(crate) fn put_successions(&self, notes: &[String]) -> Result<(), LogError> {
        self.replace_notes("successions", &self.root.join("successions"), notes)
    }

    /// Where a tile is.
    pub(crate) fn tile_path(&self, path: &TilePath) -> PathBuf {
        self.root.join("tile").join(path.to_string())
    }

    /// Where the checkpoints of sizes `256 bundle + 1 ..` are.
    pub(super) fn journal_path(&self, bundle: u64) -> PathBuf {
        let path = TilePath { level: Level::Entries, index: bundle, width: 256 }.to_string();
        let path = path.strip_prefix("entries/").unwrap_or(&path).to_owned();
        self.root.join("checkpoints").join(path)
    }

    fn notes(path: &Path) -> Result<Vec<String>, LogError> {
        let damaged =
            || LogError::Damaged { path: path.to_owned(), reason: "it is no list of notes" };
        let Some(bytes) = read(path)? else { return Ok(Vec::new()) };
        let notes = read_bundle(&bytes).map_err(|_| damaged())?;
        notes
            .into_iter()
            .map(|note| String::from_utf8(note.to_vec()).map_err(|_| damaged()))
            .collect()
    }

    fn replace_notes(
        &self,
        place: &'static str,
        path: &Path,
        notes: &[String],
    ) -> Result<(), LogError> {
        self.replace(place, path, &bytes_of(notes, path)?)
    }

    fn replace(&self, place: &'static str, path: &Path, bytes: &[u8]) -> Result<(), LogError> {
        failpoint::around(place, || durable::replace(&self.staging, path, bytes))
            .map_err(failed_to("write", path))
    }
}

/// What a write of a tile is called where a test makes it fail.
fn place_of(path: &TilePath) -> &'static str {
    if path.level == Level::Entries { "entries" } else { "tile" }
}

/// The bytes of the list of `notes` that is to be at `path`.
fn bytes_of(notes: &[String], path: &Path) -> Result<Vec<u8>, LogError> {
    let too_long = || failed_to("write", path)(io::ErrorKind::InvalidData.into());
    write_bundle(notes).ok_or_else(too_long)
}

/// The first `path.width` of what is in a tile that is at least so wide.
fn narrow(path: TilePath, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let width = usize::from(path.width);
    let len = match path.level {
        Level::Hashes(_) => width * Hash::LEN,
        Level::Entries => {
            let entries = read_bundle(&bytes).ok()?;
            entries.get(..width)?.iter().map(|entry| entry.len() + 2).sum()
        }
    };
    if bytes.len() < len {
        return None;
    }
    bytes.truncate(len);
    Some(bytes)
}

/// The size that a checkpoint of our own says.
pub(crate) fn size_of(note: &str) -> u64 {
    note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, LogError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(failed_to("read", path)(error)),
    }
}

fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(failed_to("remove", path)(error)),
        _ => Ok(()),
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, LogError> {
    match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        other => other
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(failed_to("read", folder)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
