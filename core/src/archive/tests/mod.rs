//! The archive reader and writer, against each other and against a builder of
//! malformed archives.

mod entries;
mod kinds;
mod limits;
mod pack;
mod properties;
mod raw;
mod read;
mod structure;

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use raw::Raw;

use super::{Archive, ArchiveError, ArchivePath, Limits, Packed, Writer};
use crate::{Coded as _, TreeDigest};

/// Reads an archive as the programs do: the structure, then every file.
fn tree_digest(bytes: &[u8]) -> Result<TreeDigest, ArchiveError> {
    Archive::read(Cursor::new(bytes), &Limits::default())?.tree_digest()
}

/// The code and the message that the archive is refused with, or "accepted".
fn refusal(bytes: &[u8]) -> String {
    match tree_digest(bytes) {
        Ok(_) => "accepted".to_owned(),
        Err(err) => format!("{}: {err}", err.code()),
    }
}

/// Breaks one rule.
type Change = fn(&mut Raw);

/// Each row: what is changed, the change, and the refusal.
fn check(rows: &[(&str, Change, &str)]) {
    assert_eq!(refusal(&Raw::sample().bytes()), "accepted");
    for (what, change, expected) in rows {
        let mut raw = Raw::sample();
        change(&mut raw);
        assert_eq!(&refusal(&raw.bytes()), expected, "{what}");
    }
}

/// What an archive holds: by path, the content and whether it is executable.
type Tree = BTreeMap<String, (Vec<u8>, bool)>;

fn path(path: &str) -> ArchivePath {
    path.parse().unwrap()
}

fn pack(tree: &Tree) -> Packed<Vec<u8>> {
    let mut writer = Writer::new(Vec::new(), &Limits::default());
    for (name, (content, is_executable)) in tree {
        writer.add(&path(name), *is_executable, &mut Cursor::new(content)).unwrap();
    }
    writer.finish().unwrap()
}

/// What the whole of an archive is, without its bytes.
fn unpack(bytes: &[u8]) -> Result<Tree, ArchiveError> {
    let mut tree = Tree::new();
    Archive::read(Cursor::new(bytes), &Limits::default())?.for_each_file(|entry, file| {
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(ArchiveError::from_read)?;
        tree.insert(entry.path().to_string(), (content, entry.is_executable()));
        Ok::<_, ArchiveError>(())
    })?;
    Ok(tree)
}

/// Numbers that look random and are the same for ever (xorshift32).
fn noise(seed: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(seed), |&x| {
        let x = x ^ x << 13;
        let x = x ^ x >> 17;
        Some(x ^ x << 5)
    })
}
