//! Any bytes, as an archive.
//!
//! - Reading does not panic, and takes no more memory than the limits allow.
//! - What is accepted can be packed again, and is then the same tree.

#![no_main]

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use libfuzzer_sys::fuzz_target;
use mcpkg_core::archive::{Archive, ArchiveError, Limits, Writer};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        archive_bytes: 1 << 20,
        inflated_bytes: 4 << 20,
        file_bytes: 2 << 20,
        entries: 1_000,
        ratio: 200,
    };
    let Ok(mut archive) = Archive::read(Cursor::new(bytes), &limits) else { return };
    let Ok(tree) = archive.tree_digest() else { return };

    let mut files = BTreeMap::new();
    archive
        .for_each_file(|entry, file| {
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(ArchiveError::from_read)?;
            assert_eq!(content.len() as u64, entry.size_bytes());
            files.insert(entry.path().clone(), (content, entry.is_executable()));
            Ok::<_, ArchiveError>(())
        })
        .expect("what could be read once can be read twice");

    let mut writer = Writer::new(Vec::new(), &Limits::default());
    for (path, (content, is_executable)) in &files {
        writer.add(path, *is_executable, &mut Cursor::new(content)).expect("the tree is sound");
    }
    let packed = writer.finish().expect("the tree is sound");
    assert_eq!(packed.tree, tree);

    let mut again = Archive::read(Cursor::new(packed.output), &Limits::default())
        .expect("the reader accepts what the writer wrote");
    assert_eq!(again.tree_digest().expect("every file holds"), tree);
});
