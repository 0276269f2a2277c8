//! Unpacking an export, to where nothing of it is used yet.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Write};
use std::path::Path;

use mcpkg_core::Digest;
use mcpkg_core::archive::Limits;
use mcpkg_core::tar::{Reader, TarPath};
use sha2::{Digest as _, Sha256};

use super::hashing::Hashing;
use super::manifest::{MAX_BYTES, PATH};
use super::unsigned::FOLDER;
use super::{AirgapError, Manifest};

/// What the path of a blob begins with.
const BLOBS: &str = "v1/blobs/";

/// What was unpacked.
pub(super) struct Unpacked {
    /// What the export says of itself.
    pub(super) manifest: Manifest,
    /// The digest of the whole file.
    pub(super) digest: Digest,
}

/// Unpacks `archive` into `folder`, which is there and empty, and reads what it says of
/// itself. Every blob is hashed, and so is what no log has signed. Blocks.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Unpacked, AirgapError> {
    let input = File::open(archive).map_err(AirgapError::file("read", archive))?;
    let mut input = Hashing::new(input);
    // No member is longer than the longest artifact.
    let limit_bytes = Limits::default().archive_bytes;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, &mut input), limit_bytes);
    let mut unsigned = BTreeMap::new();
    while let Some((path, member)) = reader.next(|path, _| Member::create(folder, path))? {
        if let Some(found) = member.check(&path)? {
            unsigned.insert(path.to_string(), found);
        }
    }
    let (_, digest, _) = input.end();
    let manifest = manifest(folder)?;
    let found =
        unsigned.iter().find(|(path, digest)| manifest.unsigned.get(*path) != Some(*digest));
    let missing = manifest.unsigned.keys().find(|path| !unsigned.contains_key(*path));
    let malformed = |path: &String, reason: &str| {
        Err(AirgapError::Malformed { path: path.clone(), reason: reason.to_owned() })
    };
    match (found, missing) {
        (Some((path, _)), _) => malformed(path, "is not what the export says of it"),
        (None, Some(path)) => malformed(path, "is missing"),
        (None, None) => Ok(Unpacked { manifest, digest }),
    }
}

/// What an export that was unpacked into `folder` says of itself.
fn manifest(folder: &Path) -> Result<Manifest, AirgapError> {
    let path = folder.join(PATH);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Manifest::read(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(AirgapError::Malformed { path: PATH.to_owned(), reason: "is missing".to_owned() })
        }
        Err(error) => Err(AirgapError::file("read", path)(error)),
    }
}

/// A member that is being unpacked.
struct Member {
    file: File,
    hasher: Option<Sha256>,
}

impl Member {
    fn create(folder: &Path, path: &TarPath) -> io::Result<Self> {
        let place = folder.join(path.as_str());
        fs::create_dir_all(place.parent().unwrap_or(folder))?;
        let file = File::options().write(true).create_new(true).open(place)?;
        let is_hashed = [BLOBS, FOLDER].iter().any(|it| path.as_str().starts_with(it));
        let hasher = is_hashed.then(Sha256::new);
        Ok(Self { file, hasher })
    }

    /// Checks that a blob is the one that its path says. Gives the digest of what no log
    /// has signed.
    fn check(self, path: &TarPath) -> Result<Option<Digest>, AirgapError> {
        let Some(hasher) = self.hasher else { return Ok(None) };
        let found = Digest::from_bytes(hasher.finalize().into());
        let Some(named) = path.as_str().strip_prefix(BLOBS) else { return Ok(Some(found)) };
        let expected: Digest = named.parse().map_err(|_| AirgapError::Malformed {
            path: path.to_string(),
            reason: "is not at the address of a blob".to_owned(),
        })?;
        if found == expected { Ok(None) } else { Err(AirgapError::Digest { expected, found }) }
    }
}

impl Write for Member {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes[..count]);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
