//! Limits hold before anything is read or inflated.

use std::io::{Cursor, Read, Seek, SeekFrom};

use super::super::{Archive, Limits};
use super::raw::{Raw, RawFile};
use crate::Coded as _;

const SMALL: Limits = Limits {
    archive_bytes: 2_000,
    inflated_bytes: 5_000,
    file_bytes: 3_000,
    entries: 4,
    ratio: 200,
};

fn refusal(raw: &Raw, limits: &Limits) -> String {
    match Archive::read(Cursor::new(raw.bytes()), limits) {
        Ok(_) => "accepted".to_owned(),
        Err(err) => format!("{}: {err}", err.code()),
    }
}

#[test]
fn each_limit_is_exact_and_comes_before_inflating() {
    let file = |name: &str, size: usize| RawFile::new(name, &vec![b'a'; size]);
    let at_limit = || Raw::of([file("a", 3_000), file("b", 2_000), file("c", 0), file("d", 0)]);
    assert_eq!(refusal(&at_limit(), &SMALL), "accepted");
    for (what, raw, expected) in [
        (
            "a file",
            Raw::of([file("a", 3_001)]),
            "E_LIMIT: `a` inflates to 3001 bytes, expected at most 3000",
        ),
        (
            "all files",
            Raw::of([file("a", 3_000), file("b", 2_001)]),
            "E_LIMIT: the archive inflates to 5001 bytes or more, expected at most 5000",
        ),
        (
            "entries",
            Raw::of(["a", "b", "c", "d", "e"].map(|name| file(name, 0))),
            "E_LIMIT: the archive has 5 entries, expected at most 4",
        ),
        (
            "the archive",
            Raw::of([RawFile::stored("a", &[0; 2_001 - 30 - 46 - 22 - 2])]),
            "E_LIMIT: the archive is 2001 bytes long, expected at most 2000",
        ),
    ] {
        assert_eq!(refusal(&raw, &SMALL), expected, "{what}");
    }
}

#[test]
fn a_bomb_is_refused_by_what_its_headers_say() {
    let zeros = |name: &str, size: usize| RawFile::new(name, &vec![0; size]);
    let limits = Limits::default();
    // A thousand to one, but not worth calling a bomb.
    assert_eq!(refusal(&Raw::of([zeros("a", 1 << 20)]), &limits), "accepted");
    assert_eq!(
        refusal(&Raw::of([zeros("a", (1 << 20) + 1)]), &limits),
        "E_LIMIT: `a` inflates to more than 200 times its size"
    );
    let many = Raw::of(["a", "b", "c"].map(|name| zeros(name, 1 << 20)));
    assert_eq!(
        refusal(&many, &limits),
        "E_LIMIT: the archive inflates to more than 200 times its size"
    );
    // Headers that promise 4 GiB for 2 bytes.
    let mut raw = Raw::of([RawFile::new("a", b"")]);
    raw.files[0].both(|member| member.size = u32::MAX - 1);
    assert_eq!(
        refusal(&raw, &limits),
        "E_LIMIT: `a` inflates to 4294967294 bytes, expected at most 536870912"
    );
}

/// A reader that says it is long, and counts what is read of it.
struct Endless {
    position: u64,
    len: u64,
    read_bytes: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.len - self.position).unwrap());
        buffer[..count].fill(0);
        self.position += count as u64;
        self.read_bytes += count as u64;
        Ok(count)
    }
}

impl Seek for Endless {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(distance) => self.len.checked_add_signed(distance).unwrap(),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance).unwrap(),
        };
        Ok(self.position)
    }
}

#[test]
fn little_is_read_of_what_is_no_archive() {
    for (len, expected_bytes) in [(u64::MAX, 0), (512 << 20, 65_557)] {
        let mut endless = Endless { position: 0, len, read_bytes: 0 };
        assert!(Archive::read(&mut endless, &Limits::default()).is_err());
        assert_eq!(endless.read_bytes, expected_bytes);
    }
}
