//! Data that is not what its headers say, and what other tools write.

use std::io::{self, Cursor, Read as _};

use super::super::{Archive, ArchiveError, EntryFlaw, Layout, Limits};
use super::raw::{Raw, RawFile};
use super::{refusal, tree_digest};
use crate::{Code, Coded as _};

/// Breaks one rule.
type ChangeFile = fn(&mut RawFile);

#[test]
fn what_inflates_is_what_was_stated() {
    let content = b"all work and no play makes jack a dull boy\n".repeat(5_000);
    let stored: fn(&str, &[u8]) -> RawFile = RawFile::stored;
    let deflated = RawFile::new;
    for (make, what, change, expected) in [
        (
            stored,
            "a CRC",
            (|file| file.both(|m| m.crc32 ^= 1)) as ChangeFile,
            "does not have the CRC-32 stated",
        ),
        (stored, "a byte", |file| file.data[100] ^= 1, "does not have the CRC-32 stated"),
        (stored, "a size", |file| file.both(|m| m.size -= 1), "is stored, but has two sizes"),
        (deflated, "a CRC", |file| file.both(|m| m.crc32 ^= 1), "does not have the CRC-32 stated"),
        (
            deflated,
            "a larger size",
            |file| file.both(|m| m.size += 1),
            "does not inflate to the 215001 bytes stated",
        ),
        (
            deflated,
            "a smaller size",
            |file| file.both(|m| m.size -= 1),
            "does not inflate to the 214999 bytes stated",
        ),
        (
            deflated,
            "no size",
            |file| file.both(|m| m.size = 0),
            "does not inflate to the 0 bytes stated",
        ),
        (
            deflated,
            "bytes after the stream",
            |file| {
                file.data.push(0);
                file.both(|m| m.compressed_size += 1);
            },
            "has bytes after its deflate stream",
        ),
        (
            deflated,
            "a second stream",
            |file| {
                file.data.extend([3, 0]);
                file.both(|m| m.compressed_size += 2);
            },
            "has bytes after its deflate stream",
        ),
        (
            deflated,
            "a stream that is cut off",
            |file| {
                file.data.pop();
                file.both(|m| m.compressed_size -= 1);
            },
            "is not a valid deflate stream",
        ),
        (deflated, "no stream", |file| file.data[0] |= 0b111, "is not a valid deflate stream"),
    ] {
        assert_eq!(refusal(&Raw::of([make("a", &content)]).bytes()), "accepted");
        let mut file = make("a", &content);
        change(&mut file);
        let refused = refusal(&Raw::of([file]).bytes());
        assert_eq!(refused, format!("E_ZIP: `a` {expected}"), "{what}");
    }
}

#[test]
fn a_match_may_not_reach_before_the_file() {
    // One fixed block: a literal `a`, a match of length 3 at distance 2, and
    // the end. Distance 2 is one byte before the first.
    let bits = "1 10 10010001 0000001 00001 0000000";
    let bits: Vec<bool> = bits.bytes().filter(|b| *b != b' ').map(|b| b == b'1').collect();
    let stream: Vec<u8> = bits
        .chunks(8)
        .map(|byte| byte.iter().enumerate().map(|(at, bit)| u8::from(*bit) << at).sum())
        .collect();
    // A first file fills the window with bytes that a match could reach.
    let mut far = RawFile::new("far", b"aaaa");
    far.data = stream;
    let len = far.data.len().try_into().unwrap();
    far.both(|member| member.compressed_size = len);
    let raw = Raw::of([RawFile::new("before", &vec![b'a'; 200_000]), far]);
    assert_eq!(refusal(&raw.bytes()), "E_ZIP: `far` is not a valid deflate stream");
}

#[test]
fn files_of_every_size_around_the_buffers_are_read() {
    for size in [0, 1, 30, 65_535, 65_536, 65_537, 98_304, 131_072, 131_073, 1_000_000] {
        // Does not repeat within 32 KiB, so matches reach far and literals abound.
        let content: Vec<u8> =
            (0..size).map(|at: u32| at.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        for make in [RawFile::new, RawFile::stored] as [fn(&str, &[u8]) -> RawFile; 2] {
            let bytes = Raw::of([make("b", &content), make("a", b"after")]).bytes();
            let mut archive = Archive::read(Cursor::new(bytes), &Limits::default()).unwrap();
            assert_eq!(archive.read_file("a", 5).unwrap().unwrap(), b"after");
            let mut read = Vec::new();
            archive.open(0).unwrap().read_to_end(&mut read).unwrap();
            assert!(read == content, "{size}");
        }
    }
}

#[test]
fn what_a_visitor_leaves_unread_is_checked_all_the_same() {
    let mut raw = Raw::sample();
    raw.files[1].both(|member| member.crc32 ^= 1);
    let mut archive = Archive::read(Cursor::new(raw.bytes()), &Limits::default()).unwrap();
    let mut visited = Vec::new();
    let err = archive
        .for_each_file(|entry, _| {
            visited.push(entry.path().to_string());
            Ok::<_, ArchiveError>(())
        })
        .unwrap_err();
    assert_eq!(err.code(), Code::Zip);
    assert_eq!(visited, ["manifest.json", "server/index.js"]);
}

#[test]
fn the_reason_survives_a_copy() {
    let mut raw = Raw::sample();
    raw.files[1].both(|member| member.crc32 ^= 1);
    let mut archive = Archive::read(Cursor::new(raw.bytes()), &Limits::default()).unwrap();
    let mut copied = Vec::new();
    let err = io::copy(&mut archive.open(1).unwrap(), &mut copied).unwrap_err();
    let err = ArchiveError::from_read(err);
    assert!(matches!(err, ArchiveError::ZipEntry { flaw: EntryFlaw::Crc, .. }), "{err}");
    assert!(copied.is_empty(), "the last bytes are not handed out");
}

#[test]
fn one_layout_serves_two_readers() {
    let bytes = Raw::sample().bytes();
    let mut one = Archive::read(Cursor::new(&bytes), &Limits::default()).unwrap();
    let mut two = Archive::with_layout(Cursor::new(&bytes), one.layout().clone()).unwrap();
    assert_eq!(two.layout().size_bytes(), bytes.len() as u64);
    assert_eq!(two.layout().inflated_bytes(), 26 + 420);
    assert_eq!(one.tree_digest().unwrap(), two.tree_digest().unwrap());

    // A reader of a shorter file fails to read, and does not panic.
    let layout = one.layout().clone();
    let mut cut = Archive::with_layout(Cursor::new(&bytes[..60]), layout).unwrap();
    assert_eq!(cut.tree_digest().unwrap_err().code(), Code::Storage);
}

#[test]
fn quirks_of_other_tools_that_mean_nothing_are_accepted() {
    let expected = tree_digest(&Raw::sample().bytes()).unwrap();
    for (what, change) in [
        (
            "fflate: how hard it compressed",
            (|file| file.both(|member| member.flags |= 0b110)) as fn(&mut RawFile),
        ),
        ("fflate: permissions without a type", |file| {
            file.central.external_attributes = 0o644 << 16;
        }),
        ("fflate on Windows: nothing", |file| {
            file.central.made_by = 20;
            file.central.external_attributes = 0;
        }),
        ("Info-ZIP: times and owners", |file| {
            file.local_extra = b"UT\x09\0\x03aaaabbbbux\x0b\0\x01\x04aaaa\x04bbbb".to_vec();
            file.central_extra = b"UT\x05\0\x03aaaaux\x0b\0\x01\x04aaaa\x04bbbb".to_vec();
        }),
        ("Info-ZIP: a text file", |file| file.central.internal_attributes = 1),
        ("Info-ZIP: DOS attributes beside the mode", |file| {
            file.central.external_attributes |= 0x21;
        }),
        ("Python: a name that is ASCII", |file| file.both(|member| member.flags = 0)),
        ("yazl: a descriptor", RawFile::stream),
        ("any: a time", |file| file.both(|member| member.date = 0x5d21)),
        ("any: a careful umask", |file| {
            file.central.external_attributes = 0o100_600 << 16;
        }),
    ] {
        let mut raw = Raw::sample();
        raw.files.iter_mut().for_each(change);
        raw.settle();
        assert_eq!(tree_digest(&raw.bytes()).unwrap(), expected, "{what}");
    }
}

#[test]
fn what_other_tools_pack_is_the_same_tree() {
    macro_rules! vector {
        ($name:literal) => {
            (
                $name,
                &include_bytes!(concat!("../../../../tests/vectors/archive/", $name, ".mcpb"))[..],
            )
        };
    }
    let (_, packed) = vector!("mcpb-pack");
    let expected = tree_digest(packed).unwrap();
    let layout = Layout::read(&mut Cursor::new(packed), &Limits::default()).unwrap();
    let executable = layout.entries().iter().filter(|entry| entry.is_executable());
    assert_eq!(executable.map(|entry| entry.path().as_str()).collect::<Vec<_>>(), ["server/run"]);
    for (name, bytes) in [
        vector!("info-zip"),
        vector!("info-zip-stream"),
        vector!("python"),
        vector!("python-stream"),
    ] {
        assert_eq!(tree_digest(bytes).unwrap(), expected, "{name}");
    }
    let (_, with_folders) = vector!("info-zip-folders");
    let expected = "E_ENTRY_TYPE: `server/` is a folder, expected a regular file";
    assert_eq!(refusal(with_folders), expected);
    let (_, signed) = vector!("mcpb-sign");
    let expected = "E_MANIFEST: the archive ends in a signature block (MCPB_SIG_V1)";
    assert_eq!(refusal(signed), expected);
}

#[test]
fn any_of_the_three_x_bits_makes_an_executable() {
    for (mode, is_executable) in
        [(0o644, false), (0o755, true), (0o744, true), (0o645, true), (0o654, true), (0o000, false)]
    {
        let mut raw = Raw::sample();
        raw.files[1].central.external_attributes = (0o100_000 | mode) << 16;
        let layout = Layout::read(&mut Cursor::new(raw.bytes()), &Limits::default()).unwrap();
        assert_eq!(layout.entries()[1].is_executable(), is_executable, "{mode:o}");
    }
}
