//! Unpacking an export, to where nothing of it is used yet.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Write};
use std::path::Path;

use mcpkg_core::Digest;
use mcpkg_core::archive::Limits;
use mcpkg_core::tar::{Reader, TarPath};
use sha2::{Digest as _, Sha256};

use super::manifest::{MAX_BYTES, PATH};
use super::{AirgapError, Manifest};

/// What the path of a blob begins with.
const BLOBS: &str = "v1/blobs/";

/// Unpacks `archive` into `folder`, which is there and empty, and reads what it says of
/// itself. Every blob is hashed. Blocks.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Manifest, AirgapError> {
    let input = File::open(archive).map_err(AirgapError::file("read", archive))?;
    // No member is longer than the longest artifact.
    let limit_bytes = Limits::default().archive_bytes;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, input), limit_bytes);
    while let Some((path, member)) = reader.next(|path, _| Member::create(folder, path))? {
        member.check(&path)?;
    }
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
        let hasher = path.as_str().starts_with(BLOBS).then(Sha256::new);
        Ok(Self { file, hasher })
    }

    /// Checks that a blob is the one that its path says.
    fn check(self, path: &TarPath) -> Result<(), AirgapError> {
        let Some(hasher) = self.hasher else { return Ok(()) };
        let found = Digest::from_bytes(hasher.finalize().into());
        let named = path.as_str().strip_prefix(BLOBS).unwrap_or_default();
        let expected: Digest = named.parse().map_err(|_| AirgapError::Malformed {
            path: path.to_string(),
            reason: "is not at the address of a blob".to_owned(),
        })?;
        if found == expected { Ok(()) } else { Err(AirgapError::Digest { expected, found }) }
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
