//! Archives that two readers see differently. Each row changes one thing.

use super::raw::{Raw, RawFile};
use super::{check, refusal};

#[test]
fn an_archive_ends_in_one_end_record() {
    check(&[
        (
            "trailing bytes",
            |raw| raw.after = b"more".to_vec(),
            "E_ZIP: the archive has 4 bytes after its end record",
        ),
        (
            "a comment",
            |raw| {
                raw.after = b"hello".to_vec();
                raw.end.comment_len = 5;
            },
            "E_ZIP: the archive has a comment of 5 bytes",
        ),
        (
            "a comment that is not there",
            |raw| raw.end.comment_len = 5,
            "E_ZIP: the archive has a comment of 5 bytes",
        ),
        (
            "a second end record after the first",
            |raw| {
                let mut end = Vec::new();
                raw.end.write(&mut end);
                raw.after = end;
            },
            "E_ZIP: the central directory is not where the end record says",
        ),
        (
            "a second end record as the comment of the first",
            |raw| {
                let mut end = Vec::new();
                raw.end.write(&mut end);
                raw.end.comment_len = 22;
                raw.after = end;
            },
            "E_ZIP: the archive has a second end record at byte 275",
        ),
        (
            "a second end record in a stored file, whose comment is the rest",
            |raw| {
                raw.files.push(RawFile::stored("nested.zip", &[0; 22]));
                raw.settle();
                let rest =
                    raw.bytes().len() - usize::try_from(raw.files[2].central.offset).unwrap();
                let comment_len = (rest - 30 - "nested.zip".len() - 22).try_into().unwrap();
                let mut end = Vec::new();
                super::super::record::EndRecord { comment_len, ..raw.end }.write(&mut end);
                raw.files[2].both(|member| member.crc32 = crc32fast::hash(&end));
                raw.files[2].data = end;
            },
            "E_ZIP: the archive has a second end record at byte 195",
        ),
        ("two disks", |raw| raw.end.disk = 1, "E_ZIP: the archive is part of a multi-disk archive"),
        (
            "a directory on another disk",
            |raw| raw.end.directory_disk = 1,
            "E_ZIP: the archive is part of a multi-disk archive",
        ),
        (
            "entries on another disk",
            |raw| raw.end.entries_on_disk = 1,
            "E_ZIP: the archive is part of a multi-disk archive",
        ),
    ]);
    let sample = Raw::sample().bytes();
    let cut_off = &sample[..sample.len() - 1];
    for bytes in [&b""[..], b"PK\x05\x06", b"hello, this is no archive at all", cut_off] {
        assert_eq!(refusal(bytes), "E_ZIP: the file is not a ZIP archive, or is cut off");
    }
}

#[test]
fn every_byte_belongs_to_one_record() {
    check(&[
        (
            "a prefix, with offsets that count it",
            |raw| {
                raw.files[0].before = b"#!/bin/sh\n".to_vec();
                raw.settle();
            },
            "E_ZIP: `manifest.json` starts at byte 10, expected 0",
        ),
        (
            "a prefix, with offsets that do not count it",
            |raw| raw.files[0].before = b"#!/bin/sh\n".to_vec(),
            "E_ZIP: the central directory is not where the end record says",
        ),
        (
            "a gap between files",
            |raw| {
                raw.files[1].before = vec![0; 7];
                raw.settle();
            },
            "E_ZIP: `server/index.js` starts at byte 78, expected 71",
        ),
        (
            "a gap before the directory",
            |raw| {
                raw.gap = vec![0; 7];
                raw.settle();
            },
            "E_ZIP: the files end at byte 155, expected 162",
        ),
        (
            "a file that is not in the directory",
            |raw| {
                let hidden = RawFile::new("hidden", b"hidden");
                raw.files[1].before = { hidden }.local_bytes();
                raw.settle();
            },
            "E_ZIP: `server/index.js` starts at byte 115, expected 71",
        ),
    ]);
}

#[test]
fn files_do_not_reach_into_one_another() {
    check(&[
        (
            "two entries for one local header",
            |raw| {
                raw.files[1].rename("manifest2.jso");
                raw.settle();
                raw.files[1].central.offset = 0;
            },
            "E_ZIP: `manifest2.jso` starts at byte 0, expected 71",
        ),
        (
            "entries in another order than the files",
            |raw| {
                let (one, two) = raw.files.split_at_mut(1);
                std::mem::swap(&mut one[0].central, &mut two[0].central);
                std::mem::swap(&mut one[0].central_name, &mut two[0].central_name);
            },
            "E_ZIP: `server/index.js` starts at byte 71, expected 0",
        ),
        (
            "a file within a file",
            |raw| {
                let nested = RawFile::new("nested", b"nested");
                let outer = RawFile::stored("outer", &nested.local_bytes());
                raw.files = vec![outer, nested];
                raw.settle();
                raw.files[1].central.offset = 35;
            },
            "E_ZIP: `nested` starts at byte 35, expected 79",
        ),
        (
            "a file that reaches into the directory",
            |raw| {
                raw.files[1].both(|member| member.compressed_size += 1);
            },
            "E_ZIP: `server/index.js` reaches into the central directory",
        ),
        (
            "a local header that starts in the directory",
            |raw| {
                raw.files[0].both(|member| member.compressed_size += 70);
                raw.files[1].central.offset += 70;
            },
            "E_ZIP: `server/index.js` reaches into the central directory",
        ),
    ]);
}

#[test]
fn the_directory_is_as_long_as_stated() {
    check(&[
        (
            "a directory that is shorter than its entries",
            |raw| {
                raw.end.directory_size -= 1;
                raw.end.directory_offset += 1;
            },
            "E_ZIP: the central directory does not hold exactly the 2 entries stated",
        ),
        (
            "one entry more than stated",
            |raw| {
                raw.end.entries = 1;
                raw.end.entries_on_disk = 1;
            },
            "E_ZIP: the central directory does not hold exactly the 1 entries stated",
        ),
        (
            "one entry less than stated",
            |raw| {
                raw.end.entries = 3;
                raw.end.entries_on_disk = 3;
            },
            "E_ZIP: the central directory does not hold exactly the 3 entries stated",
        ),
    ]);
    let mut bytes = Raw::sample().bytes();
    bytes[3] = 0;
    assert_eq!(refusal(&bytes), "E_ZIP: `manifest.json` has no local header");
}

#[test]
fn both_headers_say_the_same() {
    const LOCAL: &str = "in its local header";
    for (change, what) in [
        ((|file| file.local_name[0] = b'M') as fn(&mut RawFile), "is called `Manifest.json`"),
        (|file| file.local.crc32 ^= 1, "has another CRC-32"),
        (|file| file.local.size += 1, "has another size"),
        (|file| file.local.compressed_size += 1, "has another compressed size"),
        (|file| file.local.method = 0, "has another compression method"),
        (|file| file.local.flags = 0, "has another set of flags"),
        (|file| file.local.time += 1, "has another time"),
        (|file| file.local.date += 1, "has another time"),
        (|file| file.local.version_needed = 10, "has another version"),
        (|file| file.local.name_len -= 1, "has another length of its name"),
    ] {
        let mut raw = Raw::sample();
        change(&mut raw.files[0]);
        assert_eq!(refusal(&raw.bytes()), format!("E_ZIP: `manifest.json` {what} {LOCAL}"));
    }
}
