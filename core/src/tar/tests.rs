use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::{Code, Coded as _};

const LIMIT: u64 = 1 << 20;

type Members = Vec<(String, Vec<u8>)>;

fn write(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (path, bytes) in members {
        writer.add(&path.parse().unwrap(), bytes.len() as u64, &mut &bytes[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Members, TarError> {
    let mut reader = Reader::new(bytes, LIMIT);
    let mut members = Vec::new();
    while let Some((path, bytes)) = reader.next(|_, _| Ok(Vec::new()))? {
        members.push((path.to_string(), bytes));
    }
    Ok(members)
}

fn code(bytes: &[u8]) -> Code {
    read(bytes).expect_err("it is no export").code()
}

#[test]
fn an_export_is_read_as_it_was_written() {
    let long = format!("v1/packages/{}/{}", "a".repeat(200), "b".repeat(300));
    for members in [
        &[][..],
        &[("EXPORT.json", b"{}".as_slice())],
        &[("a", b""), ("a-b", &[1; 511]), ("a/b", &[2; 512]), (&long, &[3; 513])],
        &[(&long[..100], b"x"), (&long[..101], b"y")],
    ] {
        let bytes = write(members);
        let found = read(&bytes).unwrap();
        let found: Vec<_> = found.iter().map(|(path, it)| (path.as_str(), &it[..])).collect();
        assert_eq!(found, members);
    }
}

#[test]
fn an_export_is_the_same_bytes_everywhere() {
    let digest =
        crate::Digest::of(&write(&[("EXPORT.json", b"{}"), ("v1/log/checkpoint", b"note\n")]));
    // GNU tar makes the same with `--format=ustar --owner=0 --group=0 --numeric-owner
    // --mode=0644 --mtime=@0 --blocking-factor=1`.
    insta::assert_snapshot!(digest, @"sha256:38333f10817f5b1e1f778565defafbdeea77541e83e83a1c5782f386e0622278");
}

#[test]
fn other_tools_can_look_into_one() {
    let long = format!("v1/{}", "a".repeat(200));
    let bytes = write(&[("EXPORT.json", b"{}"), (&long, b"long")]);
    let tar = Command::new("tar").arg("-t").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut tar) = tar else {
        eprintln!("skipped: there is no `tar`");
        return;
    };
    tar.stdin.take().unwrap().write_all(&bytes).unwrap();
    let listed = tar.wait_with_output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["EXPORT.json", &long]);
}

#[test]
fn a_path_stays_in_its_folder() {
    for text in
        ["a", "v1/log/tile/entries/x001/067.p/8", "v1/blobs/sha256:0a", "..a/b..", "a+b_c-d"]
    {
        assert_eq!(text.parse::<TarPath>().unwrap().as_str(), text);
    }
    let long = "a".repeat(MAX_PATH_LEN + 1);
    for text in
        ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\\b", "a b", "a\0", "ä", &long]
    {
        assert_eq!(text.parse::<TarPath>().unwrap_err().code(), Code::Path, "{text:?}");
    }
}

#[test]
fn members_come_once_and_in_order() {
    for (first, second) in [("a", "a"), ("b", "a"), ("a/b", "a")] {
        let both = [write(&[(first, b"")]), write(&[(second, b"")])];
        let joined = [&both[0][..BLOCK], &both[1]].concat();
        assert_eq!(code(&joined), Code::PathCollision, "{first} {second}");
        let mut writer = Writer::new(Vec::new());
        writer.add(&first.parse().unwrap(), 0, &mut &b""[..]).unwrap();
        let error = writer.add(&second.parse().unwrap(), 0, &mut &b""[..]).unwrap_err();
        assert_eq!(error.code(), Code::PathCollision, "{first} {second}");
    }
}

/// A changed bit is refused, or in the bytes of a member or the end of a long path: then
/// the archive says something else, in its one spelling.
#[test]
fn there_is_no_second_spelling() {
    let long = "a".repeat(120);
    let bytes = write(&[("EXPORT.json", b"{}"), (&long, b"long")]);
    let members = read(&bytes).unwrap();
    let mut accepted = 0;
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(found) = read(&changed) else { continue };
        accepted += 1;
        assert_ne!(found, members, "bit {bit}");
        let found: Vec<_> = found.iter().map(|(path, it)| (path.as_str(), &it[..])).collect();
        assert_eq!(write(&found), changed, "bit {bit}");
    }
    // Of 6 bytes any bit, and of 20 letters those that make another letter or digit.
    assert!((8 * 6..=8 * 26).contains(&accepted), "{accepted}");
}

#[test]
fn an_export_is_whole_or_refused() {
    let bytes = write(&[("a", b"one"), ("b", b"two")]);
    for len in 0..bytes.len() {
        assert_eq!(code(&bytes[..len]), Code::Export, "{len} bytes");
    }
    assert_eq!(code(&[&bytes[..], b"\0"].concat()), Code::Export);
}

#[test]
fn a_member_is_as_long_as_it_may_be_and_as_it_says() {
    let path: TarPath = "a".parse().unwrap();
    let at_limit = [header(&path, LIMIT), vec![7; 1 << 20], vec![0; 2 * BLOCK]].concat();
    assert_eq!(read(&at_limit).unwrap()[0].1.len() as u64, LIMIT);
    // Before anything of it is read.
    assert_eq!(code(&header(&path, LIMIT + 1)), Code::Limit);
    for bytes in [&b"ab"[..], b"abcd"] {
        let error = Writer::new(Vec::new()).add(&path, 3, &mut &bytes[..]).unwrap_err();
        assert!(matches!(error, TarError::Changed(_)), "{error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_is_what_would_be_written(
        bytes in prop::collection::vec(any::<u8>(), 0..4 * BLOCK),
    ) {
        if let Ok(members) = read(&bytes) {
            let members: Vec<_> = members.iter().map(|(path, it)| (path.as_str(), &it[..])).collect();
            prop_assert_eq!(write(&members), bytes);
        }
    }
}
