//! The writer: its bytes never change, and the reader accepts them.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use super::super::{ArchiveError, Layout, Limits, Writer, ZipFlaw};
use super::{Tree, noise, pack, path, tree_digest, unpack};
use crate::{Code, Coded as _, Digest};

/// The archive of [`golden_tree`], as a file that other tools can be tried on.
const GOLDEN: &[u8] = include_bytes!("../../../../tests/vectors/archive/golden.mcpb");
const GOLDEN_DIGEST: &str =
    "sha256:d426cb3b40b4467a66725d77d8d10ae25a2bd5f39755be73c84da48dd1ffe315";
const GOLDEN_TREE: &str =
    "tree-sha256:1a1d56814aee5d58f7aa2d59378d2b518df3e7185c82f8581a12f702615b15e7";

/// A tree with text over several blocks of the compressor, noise that is
/// stored, an empty file, a sparse one, an executable and names beyond ASCII.
fn golden_tree() -> Tree {
    let words = ["fn ", "self", ".", "(", ")", "; ", "\n", "weather", "forecast", " = ", "42"];
    let text = |seed, count| {
        noise(seed).map(|x| words[x as usize % words.len()]).take(count).collect::<String>()
    };
    let random = |seed, count| noise(seed).map(|x| x.to_be_bytes()[1]).take(count).collect();
    let manifest = br#"{"manifest_version":"0.3","name":"golden","version":"1.0.0"}"#;
    [
        ("bin/server", random(1, 70_000), true),
        ("data/empty", vec![], false),
        ("data/sparse", vec![0; 20_000], false),
        ("manifest.json", manifest.to_vec(), false),
        ("server/größe/天気.js", text(2, 1_000).into_bytes(), false),
        ("server/index.js", text(3, 60_000).into_bytes(), false),
        ("server/run.sh", b"#!/bin/sh\nexec node index.js\n".to_vec(), true),
    ]
    .map(|(name, content, is_executable)| (name.to_owned(), (content, is_executable)))
    .into()
}

#[test]
fn the_golden_tree_packs_to_the_golden_bytes() {
    let packed = pack(&golden_tree());
    assert_eq!(Digest::of(&packed.output).to_string(), GOLDEN_DIGEST);
    assert_eq!(packed.tree.to_string(), GOLDEN_TREE);
    assert_eq!(packed.size_bytes, packed.output.len() as u64);
    assert!(packed.output == GOLDEN, "tests/vectors/archive/golden.mcpb is another archive");
}

#[test]
fn the_golden_archive_unpacks_to_the_golden_tree() {
    assert!(unpack(GOLDEN).unwrap() == golden_tree());
    assert_eq!(tree_digest(GOLDEN).unwrap().to_string(), GOLDEN_TREE);
}

#[test]
fn the_bytes_do_not_depend_on_how_files_are_read() {
    /// Gives one to seven bytes at a time.
    struct Slow<'a>(Cursor<&'a [u8]>);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = usize::try_from(self.0.position() % 7).unwrap() + 1;
            self.0.by_ref().take(count as u64).read(buffer)
        }
    }

    impl Seek for Slow<'_> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    let mut writer = Writer::new(Vec::new(), &Limits::default());
    for (name, (content, is_executable)) in golden_tree() {
        let mut slow = Slow(Cursor::new(&content));
        writer.add(&path(&name), is_executable, &mut slow).unwrap();
    }
    assert!(writer.finish().unwrap().output == GOLDEN);
}

#[test]
fn a_file_too_large_to_keep_is_deflated_twice() {
    // Noise of six bits a byte: 12 MiB deflate to 9 MiB, more than is kept.
    let content: Vec<u8> = noise(7).map(|x| x.to_be_bytes()[1] & 63).take(12 << 20).collect();
    let tree = Tree::from([("large".to_owned(), (content, false))]);
    let packed = pack(&tree);
    assert!((8 << 20..11 << 20).contains(&packed.size_bytes), "{}", packed.size_bytes);
    assert!(unpack(&packed.output).unwrap() == tree);
}

#[test]
fn files_come_in_the_order_of_their_bytes() {
    for (first, second) in [("b", "a"), ("a", "a"), ("a", "B"), ("a/b", "a.b"), ("é", "z")] {
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        writer.add(&path(first), false, &mut io::empty()).unwrap();
        let err = writer.add(&path(second), false, &mut io::empty()).unwrap_err();
        assert!(matches!(err, ArchiveError::OutOfOrder { .. }), "{err}");
    }
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    for (first, second, code) in [
        ("A", "a", Code::PathCollision),
        ("a", "a/b", Code::PathCollision),
        ("MANIFEST.json", "manifest.json", Code::Manifest),
    ] {
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        writer.add(&path(first), false, &mut io::empty()).unwrap();
        let err = writer.add(&path(second), false, &mut io::empty()).unwrap_err();
        assert_eq!(err.code(), code, "{err}");
    }

    let limits = Limits {
        archive_bytes: 1_000,
        inflated_bytes: 900,
        file_bytes: 800,
        entries: 2,
        ratio: 200,
    };
    let refused = |files: &[&[u8]]| {
        let mut writer = Writer::new(Vec::new(), &limits);
        for (at, content) in files.iter().enumerate() {
            writer.add(&path(&format!("{at}")), false, &mut Cursor::new(content))?;
        }
        let packed = writer.finish()?;
        Layout::read(&mut Cursor::new(&packed.output), &limits).unwrap();
        Ok(packed.size_bytes)
    };
    let noise: Vec<u8> = noise(1).map(|x| x.to_be_bytes()[1]).take(900).collect();
    assert_eq!(refused(&[&noise[..800]]).unwrap(), 800 + 30 + 46 + 22 + 2);
    for (files, expected) in [
        (&[&noise[..801]][..], "`0` inflates to 801 bytes, expected at most 800"),
        (
            &[&[0; 700], &[0; 201]],
            "the archive inflates to 901 bytes or more, expected at most 900",
        ),
        (&[b"", b"", b""], "the archive has 3 entries, expected at most 2"),
        (&[&noise[..750], &noise[..150]], "the archive is 1078 bytes long, expected at most 1000"),
    ] {
        let err: ArchiveError = refused(files).unwrap_err();
        assert_eq!(err.code(), Code::Limit);
        assert_eq!(err.to_string(), expected);
    }
}

#[test]
fn a_file_that_looks_like_the_end_of_its_archive_is_refused() {
    // An end record whose comment is what follows it: the headers of one file
    // with a name of one byte, and the true end record.
    let rest = u8::try_from(46 + 1 + 22).unwrap();
    let trap = [&b"PK\x05\x06"[..], b"0123456789abcdef", &[rest, 0]].concat();
    for (before, is_refused) in [(0, true), (1_000, true), (100_000, true), (0, false)] {
        let mut content: Vec<u8> =
            noise(1).map(|x| x.to_be_bytes()[1]).take(before).chain(trap.clone()).collect();
        if !is_refused {
            content[before] ^= 1;
        }
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        writer.add(&path("a"), false, &mut Cursor::new(content)).unwrap();
        let err = writer.finish().err();
        let hidden = 31 + before as u64;
        match err {
            None => assert!(!is_refused, "{before}"),
            Some(ArchiveError::Zip(flaw)) => assert_eq!(flaw, ZipFlaw::SecondEndRecord(hidden)),
            Some(err) => panic!("{err}"),
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_packed_is_refused() {
    /// Noise that is another once it is read again, and as long as told.
    struct Changing(Vec<Vec<u8>>, u64);

    impl Read for Changing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let content = &self.0[0][usize::try_from(self.1).unwrap()..];
            let count = content.len().min(buffer.len());
            buffer[..count].copy_from_slice(&content[..count]);
            self.1 += count as u64;
            Ok(count)
        }
    }

    impl Seek for Changing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            if let SeekFrom::Start(position) = to {
                self.0.remove(0);
                self.1 = position;
            }
            Ok(self.1)
        }
    }

    let content: Vec<u8> = noise(1).map(|x| x.to_be_bytes()[1]).take(1_000).collect();
    let mut other = content.clone();
    other[500] ^= 1;
    for (again, is_same) in [
        (content.clone(), true),
        (other, false),
        (content[..999].to_vec(), false),
        ([&content[..], b"more"].concat(), false),
    ] {
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        let result = writer.add(&path("a"), false, &mut Changing(vec![content.clone(), again], 0));
        match result {
            Ok(()) => assert!(is_same),
            Err(err) => {
                assert!(!is_same);
                assert!(matches!(err, ArchiveError::Changed { .. }), "{err}");
            }
        }
    }
}
