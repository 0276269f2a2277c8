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
use super::seal::{self, Seal};
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
/// itself. Everything is hashed, and has to be what was written. Blocks.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Unpacked, AirgapError> {
    let input = File::open(archive).map_err(AirgapError::file("read", archive))?;
    let mut input = Hashing::new(input);
    // No member is longer than the longest artifact.
    let limit_bytes = Limits::default().archive_bytes;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 20, &mut input), limit_bytes);
    let (mut unsigned, mut seal) = (BTreeMap::new(), Seal::default());
    let mut sealed = None;
    while let Some((path, member)) = reader.next(|path, _| Member::create(folder, path))? {
        if sealed.is_some() {
            return Err(malformed(path.as_str(), "comes after the end of the export"));
        }
        let found = member.check(&path)?;
        if path.as_str() == seal::PATH {
            sealed = Some(found);
            continue;
        }
        seal.add(&path, found);
        if path.as_str().starts_with(FOLDER) {
            unsigned.insert(path.to_string(), found);
        }
    }
    let (_, digest, _) = input.end();
    match sealed {
        None => return Err(malformed(seal::PATH, "is missing")),
        Some(found) if found != Digest::of(seal.to_text().as_bytes()) => {
            return Err(malformed(seal::PATH, "is of other bytes: the file is damaged"));
        }
        Some(_) => (),
    }
    let manifest = manifest(folder)?;
    let found =
        unsigned.iter().find(|(path, digest)| manifest.unsigned.get(*path) != Some(*digest));
    let missing = manifest.unsigned.keys().find(|path| !unsigned.contains_key(*path));
    match (found, missing) {
        (Some((path, _)), _) => Err(malformed(path, "is not what the export says of it")),
        (None, Some(path)) => Err(malformed(path, "is missing")),
        (None, None) => Ok(Unpacked { manifest, digest }),
    }
}

fn malformed(path: &str, reason: &str) -> AirgapError {
    AirgapError::Malformed { path: path.to_owned(), reason: reason.to_owned() }
}

/// What an export that was unpacked into `folder` says of itself.
fn manifest(folder: &Path) -> Result<Manifest, AirgapError> {
    let path = folder.join(PATH);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Manifest::read(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(malformed(PATH, "is missing")),
        Err(error) => Err(AirgapError::file("read", path)(error)),
    }
}

/// A member that is being unpacked.
struct Member {
    file: File,
    hasher: Sha256,
}

impl Member {
    fn create(folder: &Path, path: &TarPath) -> io::Result<Self> {
        let place = folder.join(path.as_str());
        fs::create_dir_all(place.parent().unwrap_or(folder))?;
        let file = File::options().write(true).create_new(true).open(place)?;
        Ok(Self { file, hasher: Sha256::new() })
    }

    /// Gives its digest. That of a blob has to be the one that its path says.
    fn check(self, path: &TarPath) -> Result<Digest, AirgapError> {
        let found = Digest::from_bytes(self.hasher.finalize().into());
        let Some(named) = path.as_str().strip_prefix(BLOBS) else { return Ok(found) };
        let expected: Digest = named
            .parse()
            .map_err(|_| malformed(path.as_str(), "is not at the address of a blob"))?;
        if found == expected { Ok(found) } else { Err(AirgapError::Digest { expected, found }) }
    }
}

impl Write for Member {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use mcpkg_core::log::{Hash, Tree};
    use mcpkg_core::tar::Writer;
    use mcpkg_core::{Code, Coded as _};

    use super::*;

    /// A small export, with a path that takes a record of its own.
    fn export() -> Vec<u8> {
        let tree = Tree { size: 1, root: Hash::leaf(b"entry") };
        let unsigned = BTreeMap::from([("unsigned/vex.json".to_owned(), Digest::of(b"[]"))]);
        let manifest = Manifest::new("acme.example/log", tree, 0, [0].into(), unsigned);
        let blob = b"an artifact".to_vec();
        let long = format!("v1/packages/io.github.acme/{}/1.0.0", "x".repeat(90));
        let members = [
            (PATH.to_owned(), manifest.to_bytes().unwrap()),
            ("unsigned/vex.json".to_owned(), b"[]".to_vec()),
            (format!("v1/blobs/{}", Digest::of(&blob)), blob),
            (long, br#"{"evidence":[],"unused":"by anybody"}"#.to_vec()),
            ("v1/removals".to_owned(), Vec::new()),
        ];
        let (mut writer, mut seal) = (Writer::new(Vec::new()), Seal::default());
        for (path, bytes) in members {
            let path: TarPath = path.parse().unwrap();
            writer.add(&path, bytes.len() as u64, &mut &bytes[..]).unwrap();
            seal.add(&path, Digest::of(&bytes));
        }
        let text = seal.to_text();
        writer.add(&seal::PATH.parse().unwrap(), text.len() as u64, &mut text.as_bytes()).unwrap();
        writer.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> Result<Unpacked, AirgapError> {
        let folder = tempfile::tempdir().unwrap();
        let (archive, to) = (folder.path().join("export.tar"), folder.path().join("to"));
        fs::write(&archive, bytes).unwrap();
        fs::create_dir(&to).unwrap();
        unpack(&archive, &to)
    }

    #[test]
    fn an_export_with_a_flipped_bit_anywhere_is_refused() {
        let mut bytes = export();
        assert!(unpacked(&bytes).is_ok());
        // A step that has nothing in common with a block comes to each part of a header.
        for at in (0..bytes.len()).step_by(13) {
            let bit = 1 << (at % 8);
            bytes[at] ^= bit;
            let code = unpacked(&bytes).map(drop).map_err(|error| error.code());
            // In a header, a path may be none any more, or a size too large.
            let refused = [Code::Export, Code::Digest, Code::Path, Code::Limit];
            assert!(code.is_err_and(|code| refused.contains(&code)), "byte {at}: {code:?}");
            bytes[at] ^= bit;
        }
    }

    #[test]
    fn an_export_that_ends_early_or_goes_on_is_refused() {
        let bytes = export();
        for len in (0..bytes.len()).step_by(97) {
            assert!(unpacked(&bytes[..len]).is_err(), "{len} bytes");
        }
        assert!(unpacked(&[&bytes[..], b"\0"].concat()).is_err());
    }
}
